/* What the files of this folder share, and know of bodies and entries besides their doors. */
#ifndef LARDER_TIER_PRIVATE_H
#define LARDER_TIER_PRIVATE_H

#include <pthread.h>

#include "tier/entry.h"

/* Writers come first, or readers that overlap without end would keep them out. Read locks are never nested. */
static inline void tier__lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

/* What every body begins with. */
struct body {
	bool in_entry;
};

/* The body of an entry that has it in its own block: complete, of the entry's lifetime, without a lock. References to it are references
 * to the entry. */
struct small {
	struct body door;
	uint16_t size;
	uint32_t behind : 24; /* bytes from the beginning of the entry to here */
	char bytes[];
} __attribute__((packed)); /* it lies where the metadata ends */

#define SMALL_BEHIND_MAX ((1U << 24) - 1)

/* Larger ones cost so little beside their size that they are not copied. */
#define SMALL_MAX 4000

/* What a malloc of n bytes really takes, so that the budget counts the truth: the allocator's header and rounding (glibc:
 * 8 bytes, multiples of 16, whole pages above its mmap threshold). An estimate that errs upwards. */
static inline size_t tier__cost(size_t n)
{
	const size_t mmap_from = (size_t)128 * 1024, page = 4096;
	if (n >= mmap_from)
		return (n + 16 + page - 1) / page * page;
	size_t rounded = (n + 8 + 15) / 16 * 16;
	return rounded < 32 ? 32 : rounded;
}

/* The releases of the doors, telling how many bytes went back to the budget by them. */
size_t body__release(struct body **b);
size_t entry__release(struct entry **e);

/* Does anybody but the caller hold it (an entry: or its body)? When not, only the caller can make it so. */
bool body__shared(const struct body *b);
bool entry__shared(const struct entry *e);

/* Wall clock from when on it can answer nothing: stale beyond its windows (RFC 5861, RFC 9111 4.2.4), and for those that can
 * be validated (4.3) a grace after that. */
int64_t entry__useless_from(const struct stored *s);
/* Of two that fit a request, offered newest first: is x chosen before y? RFC 9111 4.1: one that varies before one that does not; 4: then
 * the most recent by its Date, of equal ones the last put. */
bool entry__is_better(const struct stored *x, const struct stored *y);
/* Was x sent by the origin after y? By the Date, of the same second by when the response came. */
bool entry__is_newer(const struct stored *x, const struct stored *y);

/* Is it complete, in memory, in one piece and small? Then these are its bytes, valid while it is. */
bool body__is_small(struct body *b, struct str *bytes);
/* The entry of one that is in_entry. */
struct entry *entry__of_small(const struct body *b);

/* What a body takes besides its chunks; it is charged with the entry that holds it. */
size_t body__cost(void);
/* Bytes its chunks have charged, while retaining. */
size_t body__charged(struct body *b);

#endif
