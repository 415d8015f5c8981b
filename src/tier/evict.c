/* Greedy-dual by size and frequency (GDSF, Cherkasova 1998), in constant time and without a write lock on a hit.
 *
 * What an entry is worth is the times it was asked for over its bytes. When it is filed it is due at the clock and its worth
 * together; the one that is due first leaves, and the clock goes on to when that was due. So what is worth more stays longer,
 * and what nobody asks for any more leaves in the end, whatever it was worth once.
 *
 *   level 0    o - o - o                due = clock when filed + 2^level
 *   level 1    o
 *   ...                                 the first of a level is due before the others of it,
 *   level 23   o - o - o - o            so the victim is one of at most 24
 *
 * Rounding worth to powers of two makes the ordering cheap: within a level all have the same time to go, so that a queue is in order by itself.
 * Simulated (docs/eviction.md) it costs nothing against a heap.
 *
 * A hit counts in the node, up to 3, and moves nothing. When its turn comes one that was hit is filed anew, with what it is worth by
 * then. One that a reader holds is filed some levels higher: its memory would not come back, and it is in use.
 *
 * One-hit wonders. What was asked for once may never be asked for again: it counts a quarter. So it can be found for a while, and leaves
 * before what was asked for twice and is eight times as large. How often those that left were asked for is
 * remembered in ghosts, two bytes each (ten bits of the hash and the times, up to 63), four to a bucket, the last four of them: a page that
 * comes back is known. That is the filter, and it refuses nothing: the memory of a page that is fetched is taken from others before
 * its fate could be told anyway, and the simulated gain of refusing was nothing.
 *
 * Shards. With a few entries in each, the first due of one shard says little; the pool has when the first of each is due, and the
 * clock that they share makes them comparable. So the victim is the first of all, wherever it is: 256 numbers side by side are looked at for
 * it. Clock and numbers are exact under one thread; with more they may be a victim behind. */
#include "tier/evict.h"

#include <assert.h>

#define NEVER	   UINT64_MAX
#define ASKED_MAX  255
#define GHOST_WAYS 4
#define GHOST_BITS 6
#define GHOST_MAX  63
#define HELD_LIFT  4

/* 4 * log2, the two bits below the first one as the fraction. */
static unsigned log_quarters(uint64_t n)
{
	unsigned log = 63 - (unsigned)__builtin_clzll(n | 1);
	uint64_t fraction = log >= 2 ? n >> (log - 2) : n << (2 - log);
	return 4 * log + (unsigned)(fraction & 3);
}

/* One that was asked for once counts a quarter. 32K that were asked for twice are in the middle, at 12. */
static unsigned level_of(const struct evict_node *node)
{
	unsigned asked = node->asked > 1 ? log_quarters(node->asked) + 8 : 0;
	int quarters = 24 * 4 + (int)asked - node->size;
	int level = quarters < 0 ? 0 : quarters / 4;
	return level < EVICT_LEVELS ? (unsigned)level : EVICT_LEVELS - 1;
}

static uint64_t clock_of(const struct evict_pool *pool)
{
	return atomic_load_explicit(&pool->clock, memory_order_relaxed);
}

/* Nobody is due so late, or so long overdue, that half a word would not tell. */
static uint64_t due_of(const struct evict *e, const struct evict_node *node)
{
	uint64_t clock = clock_of(e->pool);
	return clock + (uint64_t)(int64_t)(int32_t)(node->due - (uint32_t)clock);
}

static struct evict_node *first_due(const struct evict *e)
{
	struct evict_node *first = NULL;
	for (uint32_t left = e->filled; left; left &= left - 1) {
		struct evict_node *node = e->first[__builtin_ctz(left)];
		if (!first || (int32_t)(node->due - first->due) < 0)
			first = node;
	}
	return first;
}

static void tell(struct evict *e)
{
	struct evict_node *first = first_due(e);
	uint64_t told = first ? due_of(e, first) * EVICT_SHARDS + e->shard : NEVER;
	atomic_store_explicit(&e->pool->first[e->shard], told, memory_order_relaxed);
}

static void file(struct evict *e, struct evict_node *node, unsigned level)
{
	struct evict_node *first = e->first[level];
	node->level = (unsigned char)level;
	node->due = (uint32_t)clock_of(e->pool) + (1U << level);
	node->newer = first ? first : node;
	node->older = first ? first->older : node;
	node->older->newer = node;
	node->newer->older = node;
	if (!first)
		e->first[level] = node;
	e->filled |= 1U << level;
}

static void take_out(struct evict *e, struct evict_node *node)
{
	node->newer->older = node->older;
	node->older->newer = node->newer;
	if (e->first[node->level] != node)
		return;
	e->first[node->level] = node->newer != node ? node->newer : NULL;
	if (node->newer == node)
		e->filled &= ~(1U << node->level);
}

static unsigned char asked_in_all(const struct evict_node *node)
{
	unsigned n = node->asked + (unsigned)atomic_load_explicit(&node->hits, memory_order_relaxed);
	return (unsigned char)(n < ASKED_MAX ? n : ASKED_MAX);
}

/* Ghosts: some bits of the hash above the times. Zero is none, since what left was asked for. */

static bool is_ghost_of(uint16_t ghost, uint64_t hash)
{
	return ghost >> GHOST_BITS == (hash & (UINT16_MAX >> GHOST_BITS));
}

static uint16_t *bucket_of(const struct evict *e, uint64_t hash)
{
	uint64_t buckets = e->n_ghosts / GHOST_WAYS;
	return e->ghosts + ((hash >> 32) * buckets >> 32) * GHOST_WAYS;
}

static unsigned recall(const struct evict *e, uint64_t hash)
{
	const uint16_t *bucket = e->n_ghosts > 0 ? bucket_of(e, hash) : NULL;
	for (unsigned i = 0; bucket && i < GHOST_WAYS; i++) {
		if (is_ghost_of(bucket[i], hash))
			return bucket[i] & GHOST_MAX;
	}
	return 0;
}

void evict__remember(struct evict *e, const struct evict_node *node, uint64_t hash)
{
	if (e->n_ghosts == 0)
		return;
	unsigned i = 0, asked = asked_in_all(node);
	uint16_t *bucket = bucket_of(e, hash);
	while (i < GHOST_WAYS - 1 && !is_ghost_of(bucket[i], hash))
		i++;
	for (; i > 0; i--)
		bucket[i] = bucket[i - 1];
	bucket[0] = (uint16_t)(hash << GHOST_BITS | (asked < GHOST_MAX ? asked : GHOST_MAX));
}

void evict__pool_init(struct evict_pool *pool)
{
	atomic_init(&pool->clock, 0);
	for (unsigned i = 0; i < EVICT_SHARDS; i++)
		atomic_init(&pool->first[i], NEVER);
}

bool evict__pool_pick(const struct evict_pool *pool, unsigned *shard, uint64_t *due)
{
	uint64_t first = NEVER;
	for (unsigned i = 0; i < EVICT_SHARDS; i++) {
		uint64_t told = atomic_load_explicit(&pool->first[i], memory_order_relaxed);
		first = told < first ? told : first;
	}
	*shard = (unsigned)(first % EVICT_SHARDS);
	*due = first / EVICT_SHARDS;
	return first != NEVER;
}

void evict__init(struct evict *e, struct evict_pool *pool, unsigned shard)
{
	assert(shard < EVICT_SHARDS);
	*e = (struct evict){.pool = pool, .shard = shard};
}

void evict__set_ghosts(struct evict *e, uint16_t *ghosts, size_t n)
{
	assert(n % GHOST_WAYS == 0);
	e->ghosts = ghosts;
	e->n_ghosts = n;
}

void evict__add(struct evict *e, struct evict_node *node, size_t size, uint64_t hash)
{
	atomic_init(&node->hits, 0);
	node->asked = (unsigned char)(recall(e, hash) + 1);
	node->size = (unsigned char)log_quarters(size);
	file(e, node, level_of(node));
	if (e->first[node->level] == node)
		tell(e);
}

void evict__remove(struct evict *e, struct evict_node *node)
{
	bool was_first = e->first[node->level] == node;
	take_out(e, node);
	if (was_first)
		tell(e);
}

void evict__inherit(struct evict *e, struct evict_node *node, const struct evict_node *old)
{
	unsigned char asked = asked_in_all(old);
	if (asked <= node->asked)
		return;
	node->asked = asked;
	take_out(e, node);
	file(e, node, level_of(node));
	tell(e);
}

/* What becomes of one whose turn has come: true when it leaves. */
static bool judge(struct evict *e, struct evict_node *node, const struct evict_search *s)
{
	bool may = s->may(node);
	bool hit = !s->any && atomic_load_explicit(&node->hits, memory_order_relaxed) > 0;
	if (may && !hit)
		return true;
	unsigned level = node->level + HELD_LIFT < EVICT_LEVELS ? node->level + HELD_LIFT : EVICT_LEVELS - 1;
	if (may) {
		node->asked = asked_in_all(node);
		atomic_store_explicit(&node->hits, 0, memory_order_relaxed);
		level = level_of(node);
	}
	take_out(e, node);
	file(e, node, level);
	return false;
}

struct evict_node *evict__victim(struct evict *e, struct evict_search *s)
{
	for (struct evict_node *node; s->steps > 0 && (node = first_due(e)); s->steps--) {
		uint64_t due = due_of(e, node);
		if (due > s->until)
			break;
		if (due > clock_of(e->pool))
			atomic_store_explicit(&e->pool->clock, due, memory_order_relaxed);
		if (judge(e, node, s)) {
			s->steps--;
			return node; /* it is removed by the caller, which tells */
		}
	}
	tell(e);
	return NULL;
}
