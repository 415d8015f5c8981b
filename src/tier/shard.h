/* One shard of the memory tier: entries by key, tags, and the order of eviction, under one lock.
 *
 * An entry's place is in the entry itself (tier/entry.h); a shard has a reference of each. Variants of a key are of one chain, newest
 * first.
 *
 *   bucket -> entry -> entry        node.next, of the same bucket
 *
 * The read lock is for finding and evict__hit; everything else needs the write lock. Nothing here charges or frees
 * entries: what leaves is put on a list of the dead, which the tier buries without the lock. */
#ifndef LARDER_TIER_SHARD_H
#define LARDER_TIER_SHARD_H

#include <pthread.h>

#include "base/mem.h"
#include "tier/entry.h"
#include "tier/tier.h"

/* What left a shard, on its way out: buried by the tier without the lock. */
struct leaving {
	struct entry *dead; /* by node.next */
	size_t back;	    /* bytes to be given back besides those of the dead: tags, tables */
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

static inline struct entry *shard__entry_of(struct table_node *node)
{
	return node ? CONTAINER_OF(node, struct entry, node) : NULL;
}

/* What the tags of an entry take at most: to be charged before it is inserted. */
size_t shard__tags_cost(const struct entry *e);

/* The newest of a key, and the next older one. Borrowed, as all below. */
struct entry *shard__find(const struct shard *s, const struct cache_key *key);
struct entry *shard__find_older(const struct entry *e);
/* Of this one and the older ones: the newest that matches and varies, else the newest that matches. An answer without Vary is
 * often the default of an origin that forgot to say so there (RFC 9111 4.1). */
struct entry *shard__choose(struct entry *e, const struct tier_get *op);
/* One that the entry would replace: of its key, with the same nominated fields, and partial if the entry is. */
struct entry *shard__find_same(const struct shard *s, const struct entry *e);

/* Is one there that the entry is no newer than, and would replace? One that was found (tier_put) is not inserted then. */
bool shard__is_overtaken(const struct shard *s, const struct entry *e);
/* Adds it, with a reference of the caller's, in place of those it replaces, and drops the oldest variants beyond the bounds. One that was
 * found leaves the partial one that is as new. The entry is in no shard yet, and nobody else inserts it. */
void shard__insert(struct shard *s, struct entry *e, const struct shard_bounds *max, struct leaving *l);
/* Takes it out of everything; how often it was asked for is remembered for a while. */
void shard__remove(struct shard *s, struct entry *e, struct leaving *l);
/* The next to leave goes; false when the search found none. */
bool shard__evict(struct shard *s, struct evict_search *search, struct leaving *l);
/* Larger tables, as far as the spares are larger; what is in them afterwards is to be freed. */
void shard__grow(struct shard *s, struct table_spare *entries, struct table_spare *tags);
/* After some have left: gives table memory back. */
void shard__shrink(struct shard *s, struct leaving *l);

#endif
