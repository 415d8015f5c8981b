/* What every unit test starts with: Check, and a main for one suite. Tests run in this process (CK_NOFORK), so that
 * sanitizers and leak checks see them. A table row that fails prints its first column. */
#ifndef LARDER_TESTS_SUITE_H
#define LARDER_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/* 1 in a build with a sanitizer that makes everything several times slower and has a malloc of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SUITE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SUITE_SANITIZED 1
#endif
#endif
#ifndef SUITE_SANITIZED
#define SUITE_SANITIZED 0
#endif

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
