/* What every unit test starts with: Check, and a main for one suite. Tests run in this process (CK_NOFORK), so that
 * sanitizers and leak checks see them. A table row that fails prints its first column. */
#ifndef LARDER_TESTS_SUITE_H
#define LARDER_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"

static inline int suite_run(Suite *s)
{
	SRunner *runner = srunner_create(s);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
