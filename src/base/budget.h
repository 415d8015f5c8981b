/* A byte budget shared by threads: what is charged stays charged until its owner gives it back. When it is
 * full the reclaim function (the tier's eviction) is asked to make room; it may fail, when all is in use. */
#ifndef LARDER_BASE_BUDGET_H
#define LARDER_BASE_BUDGET_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"

struct budget {
	atomic_size_t used;
	atomic_size_t limit;
	/* Frees at least `need` bytes if it can. Called without any lock of the caller. May be NULL. */
	void (*reclaim)(void *ctx, size_t need);
	void *ctx;
};

/* Charges n bytes: 0, or ERR_FULL with nothing charged. Any thread; runs reclaim on the caller's thread. */
int budget_charge(struct budget *b, size_t n) MUST_CHECK;
void budget_give_back(struct budget *b, size_t n);

#endif
