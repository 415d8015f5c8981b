/* The order in which entries leave the memory tier: by how often they are asked for, how large they are, and how long ago that was;
 * see evict.c. A shard has a struct evict, and all shards have one pool.
 *
 * All under the shard's write lock, but evict__hit (under its read lock, by many threads at once) and evict__pool_pick (no lock). */
#ifndef LARDER_TIER_EVICT_H
#define LARDER_TIER_EVICT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVICT_SHARDS   256
#define EVICT_LEVELS   24
#define EVICT_HITS_MAX 3

struct evict_node {
	struct evict_node *newer, *older; /* a ring */
	uint32_t due;			  /* by the pool's clock, its low half */
	atomic_uchar hits;		  /* since it was filed, up to EVICT_HITS_MAX */
	unsigned char asked;		  /* how often before, as far as is known; at least 1 */
	unsigned char size;		  /* 4 * log2 of its bytes */
	unsigned char level;
};

/* What the shards share: a clock that goes on as entries leave, and of each shard when its first is due, times EVICT_SHARDS, plus
 * its number: so that the least of them also tells where. */
struct evict_pool {
	_Atomic uint64_t clock;
	_Atomic uint64_t first[EVICT_SHARDS];
};

struct evict {
	struct evict_pool *pool;
	unsigned shard;
	uint32_t filled;			/* a bit for each level that is not empty */
	struct evict_node *first[EVICT_LEVELS]; /* of each level the first that is due */
	uint16_t *ghosts;			/* what left lately; borrowed */
	size_t n_ghosts;
};

void evict__pool_init(struct evict_pool *pool);
/* The shard whose first is due before all others, and when that is; false: all are empty. A hint. */
bool evict__pool_pick(const struct evict_pool *pool, unsigned *shard, uint64_t *due);

void evict__init(struct evict *e, struct evict_pool *pool, unsigned shard);
/* Where it remembers what left: n zeroes, a multiple of 4 or 0, n * 2 bytes. They stay the caller's, until the next call. */
void evict__set_ghosts(struct evict *e, uint16_t *ghosts, size_t n);

/* `size`: bytes that come back when it leaves. `hash`: of its key. */
void evict__add(struct evict *e, struct evict_node *node, size_t size, uint64_t hash);
void evict__remove(struct evict *e, struct evict_node *node);
/* When it leaves, but not for one that takes its place: how often it was asked for is remembered for a while. */
void evict__remember(struct evict *e, const struct evict_node *node, uint64_t hash);
/* The new node takes the place of an old one in the people's favour; both are there. */
void evict__inherit(struct evict *e, struct evict_node *node, const struct evict_node *old);

/* Written only when it changes, so that hits of many threads share the cache line. One that gets lost between two threads does no harm. */
static inline void evict__hit(struct evict_node *node)
{
	unsigned char hits = atomic_load_explicit(&node->hits, memory_order_relaxed);
	if (hits < EVICT_HITS_MAX)
		atomic_store_explicit(&node->hits, (unsigned char)(hits + 1), memory_order_relaxed);
}

/* Was it asked for once only? */
static inline bool evict__is_wonder(const struct evict_node *node)
{
	return node->asked == 1 && atomic_load_explicit(&node->hits, memory_order_relaxed) == 0;
}

struct evict_search {
	bool (*may)(struct evict_node *node); /* false: it cannot leave now */
	bool any;			      /* take also what was hit */
	uint64_t until;			      /* take none that is due later: another shard has it */
	unsigned steps;			      /* in: how many nodes may be looked at; out: what is left of that */
};

/* The next victim, still in its place, or NULL: none is due by then, or the steps are used up. */
struct evict_node *evict__victim(struct evict *e, struct evict_search *s);

#endif
