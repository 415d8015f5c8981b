/* The purges and invalidations of late, so that a fetch that began before one of them cannot store after it.
 *
 * Every tier has one (tiers that are stacked share one); tier_purge and tier_invalidate add to it before the tier itself is
 * walked. */
#ifndef LARDER_TIER_PURGE_LOG_H
#define LARDER_TIER_PURGE_LOG_H

#include "tier/tier.h"

/* How many purges are remembered. What began before more than these is refused, whatever it is. */
#define PURGE_LOG_MAX 1024
/* Invalidations are remembered for good, by the hash of their keys: two of other keys may refuse a store, in one of so many slots. */
#define PURGE_LOG_SLOTS 16384
/* Longer arguments are remembered as if they covered everything: that refuses a few stores and bounds the memory. */
#define PURGE_LOG_ARG_MAX 1024

struct purge_log *purge_log__new(void);
void purge_log__free(struct purge_log *log);

/* Moves the epoch and remembers the purge (copied). Returns its epoch, which is its id. Any thread. */
uint64_t purge_log__add(struct purge_log *log, const struct tier_purge *op);
/* Moves the epoch and remembers that the key was invalidated. Returns the epoch. Any thread, no lock. */
uint64_t purge_log__invalidate(struct purge_log *log, const struct cache_key *key);
/* Moves the epoch for nothing: what begins from now on is told apart from what began before. Any thread, no lock. */
void purge_log__bump(struct purge_log *log);
/* The number of purges, invalidations and bumps so far. Any thread, no lock. */
uint64_t purge_log__epoch(const struct purge_log *log);
/* Was the key (or two others with its slot) invalidated after `epoch`? Any thread, no lock. */
bool purge_log__invalidated(const struct purge_log *log, uint64_t epoch, const struct cache_key *key);
/* Did a purge or an invalidation after `epoch` cover this? Any thread. */
bool purge_log__covers(
    struct purge_log *log, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags);
/* Does it cover everything from before `epoch`, since nobody knows any more what was purged after it? Any thread. */
bool purge_log__forgot(struct purge_log *log, uint64_t epoch);

/* Does this purge concern an entry of that key and those tags? */
bool purge__covers(const struct tier_purge *op, const struct cache_key *key, const struct str *tags, unsigned n_tags);

#endif
