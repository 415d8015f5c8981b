/* Check's own assertions write to a file each time they hold; in loops of millions and in threads this one is silent. */
#ifndef LARDER_TESTS_MUST_H
#define LARDER_TESTS_MUST_H

#include "suite.h"

#define must(condition, ...)                                                                                           \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			ck_abort_msg(__VA_ARGS__);                                                                     \
	} while (0)

#endif
