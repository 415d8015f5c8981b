/* A byte budget that threads share, without a lock.
 *
 * A charge is a compare-and-swap, so `used` never passes `limit` by way of a charge, not even for a moment. The limit
 * itself may be lowered under it (a reload); then charges fail until enough has been given back. When there is no room
 * the owner of the reclaim function is asked for it. What it frees may be taken by another thread first, so that is
 * tried a few times and then answered with ERR_FULL: a store that is refused costs less than a worker that spins. */
#include "base/budget.h"

#include <assert.h>
#include <stdbool.h>

#define RECLAIM_TRIES 4

/* True when n bytes were charged; else *need is what is missing. */
static bool try_charge(struct budget *b, size_t n, size_t *need)
{
	size_t limit = atomic_load_explicit(&b->limit, memory_order_relaxed);
	size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);
	while (used <= limit && n <= limit - used) {
		if (atomic_compare_exchange_weak_explicit(
			&b->used, &used, used + n, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	/* n <= limit was checked by the caller, for a limit that may have shrunk since: mind the overflow. */
	*need = used > limit ? used - limit + n : n - (limit - used);
	return false;
}

int budget_charge(struct budget *b, size_t n)
{
	if (n == 0)
		return ERR_OK;
	if (n > atomic_load_explicit(&b->limit, memory_order_relaxed))
		return ERR_FULL;

	for (int i = 0;; i++) {
		size_t need;
		if (try_charge(b, n, &need))
			return ERR_OK;
		if (!b->reclaim || i == RECLAIM_TRIES)
			return ERR_FULL;
		b->reclaim(b->ctx, need);
	}
}

void budget_give_back(struct budget *b, size_t n)
{
	size_t before = atomic_fetch_sub_explicit(&b->used, n, memory_order_relaxed);
	assert(before >= n);
	(void)before;
}
