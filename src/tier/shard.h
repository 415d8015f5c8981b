/* One shard of the memory tier: entries by key, tags, and the order of eviction, under one lock.
 *
 * The read lock is for finding and evict__hit; everything else needs the write lock. Nothing here charges or frees
 * entries: what leaves is put on a list of the dead, which the tier buries without the lock. */
#ifndef LARDER_TIER_SHARD_H
#define LARDER_TIER_SHARD_H

#include <pthread.h>

#include "tier/evict.h"
#include "tier/table.h"
#include "tier/tags.h"
#include "tier/tier.h"

/* An entry's place in the table; variants of a key are slots of one chain, newest first. */
struct slot {
	struct table_node node; /* hash: key.lo; among the dead: the next of them */
	struct evict_node evict;
	struct entry *entry; /* one reference */
	size_t charged;	     /* this slot, and its tags until they are linked */
	struct tag_ref tags[];
};

/* What left a shard, on its way out: buried by the tier without the lock. */
struct leaving {
	struct slot *dead;
	size_t back; /* bytes to be given back besides those of the dead: tags, tables */
};

struct shard {
	pthread_rwlock_t lock;
	struct table entries;
	struct tags tags;
	struct evict evict;
	unsigned generation; /* moves when buckets do: walks in pieces begin anew */
	uint64_t stores, replaced, evicted, wonders, expired, purged, invalidated;
};

/* Of one key. The newest variant stays whatever its size. */
struct shard_bounds {
	unsigned variants;
	size_t bytes;
	bool found; /* what is inserted is: as in tier_put */
};

/* `n`: which of the pool's shards it is. */
void shard__init(struct shard *s, uint64_t seed, struct evict_pool *pool, unsigned n);
void shard__destroy(struct shard *s); /* empty by now */

/* What a slot for the entry takes, with all its tags. */
size_t shard__slot_cost(const struct entry *e);
/* Takes a reference of the entry. Not yet in a shard. */
struct slot *shard__slot_new(struct entry *e, size_t charged);

/* The newest slot of a key, and the next older one. */
struct slot *shard__find(const struct shard *s, const struct cache_key *key);
struct slot *shard__find_older(const struct slot *slot);
/* Of this slot and the older ones: the newest that matches and varies, else the newest that matches. An answer without Vary is
 * often the default of an origin that forgot to say so there (RFC 9111 4.1). */
struct slot *shard__choose(struct slot *slot, const struct tier_get *op);
/* One that the entry would replace: of its key, with the same nominated fields, and partial if the entry is. */
struct slot *shard__find_same(const struct shard *s, const struct entry *e);

/* Is one there that the entry is no newer than, and would replace? One that was found (tier_put) is not inserted then. */
bool shard__is_overtaken(const struct shard *s, const struct entry *e);
/* Adds it, in place of those it replaces, and drops the oldest variants beyond the bounds. One that was found leaves the partial one
 * that is as new. */
void shard__insert(struct shard *s, struct slot *slot, const struct shard_bounds *max, struct leaving *l);
/* Takes it out of everything; how often it was asked for is remembered for a while. */
void shard__remove(struct shard *s, struct slot *slot, struct leaving *l);
/* The next to leave goes; false when the search found none. */
bool shard__evict(struct shard *s, struct evict_search *search, struct leaving *l);
/* Larger tables, as far as the spares are larger; what is in them afterwards is to be freed. */
void shard__grow(struct shard *s, struct table_spare *entries, struct table_spare *tags);
/* After some have left: gives table memory back. */
void shard__shrink(struct shard *s, struct leaving *l);

#endif
