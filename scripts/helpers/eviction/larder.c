/* The policy of src/tier/evict.c itself, as the memory tier uses it (src/tier/memory.c); and with one of its parts left out. */
#include <stdlib.h>

#include "sim.h"
#include "tier/evict.h"

enum { GHOST_BUDGET = 1024, STEPS = 64 };

struct larder {
	const struct trace *t;
	size_t bytes, used;
	bool in_turn;
	unsigned turn;
	struct evict_node *nodes;
	bool *held;
	uint16_t *ghosts;
	struct evict_pool pool;
	struct evict shards[EVICT_SHARDS];
};

static struct larder *open_with(const struct trace *t, size_t bytes, bool ghosts, bool in_turn)
{
	struct larder *l = sim_alloc(1, sizeof(*l));
	size_t n = ghosts ? bytes / GHOST_BUDGET / sizeof(uint16_t) / EVICT_SHARDS / 4 * 4 : 0;
	l->t = t;
	l->bytes = bytes;
	l->in_turn = in_turn;
	l->nodes = sim_alloc(t->n_ids, sizeof(struct evict_node));
	l->held = sim_alloc(t->n_ids, sizeof(bool));
	l->ghosts = sim_alloc(n * EVICT_SHARDS + 1, sizeof(uint16_t));
	evict__pool_init(&l->pool);
	for (unsigned i = 0; i < EVICT_SHARDS; i++) {
		evict__init(&l->shards[i], &l->pool, i);
		evict__set_ghosts(&l->shards[i], l->ghosts + i * n, n);
	}
	return l;
}

static void *open_larder(const struct trace *t, size_t bytes)
{
	return open_with(t, bytes, true, false);
}

static void *open_no_ghosts(const struct trace *t, size_t bytes)
{
	return open_with(t, bytes, false, false);
}

static void *open_in_turn(const struct trace *t, size_t bytes)
{
	return open_with(t, bytes, true, true);
}

static void close_larder(void *cache)
{
	struct larder *l = cache;
	free(l->nodes);
	free(l->held);
	free(l->ghosts);
	free(l);
}

static struct evict *shard_of(struct larder *l, uint32_t id)
{
	return &l->shards[sim_mix(id) % EVICT_SHARDS];
}

static uint64_t hash_of(uint32_t id)
{
	return sim_mix(id + (1ull << 40));
}

static bool may_leave(struct evict_node *node)
{
	return true;
}

static void drop_one(struct larder *l)
{
	struct evict_search search = {.may = may_leave, .until = UINT64_MAX};
	unsigned at = l->turn++ % EVICT_SHARDS;
	if (!l->in_turn)
		(void)evict__pool_pick(&l->pool, &at, &search.until);
	search.steps = STEPS;
	struct evict_node *node = evict__victim(&l->shards[at], &search);
	if (!node)
		return;
	uint32_t id = (uint32_t)(node - l->nodes);
	evict__remember(&l->shards[at], node, hash_of(id));
	evict__remove(&l->shards[at], node);
	l->held[id] = false;
	l->used -= l->t->sizes[id];
}

static bool ask_larder(void *cache, uint32_t id)
{
	struct larder *l = cache;
	if (l->held[id]) {
		evict__hit(&l->nodes[id]);
		return true;
	}
	while (l->used + l->t->sizes[id] > l->bytes)
		drop_one(l);
	evict__add(shard_of(l, id), &l->nodes[id], l->t->sizes[id], hash_of(id));
	l->held[id] = true;
	l->used += l->t->sizes[id];
	return false;
}

#define BYTES  "24, ghosts"
#define AT_HIT "writes a byte, if it changes (at most 3 times until its turn comes)"

const struct policy policy_larder = {"Larder", open_larder, ask_larder, close_larder, BYTES, AT_HIT};
const struct policy policy_no_ghosts = {"without ghosts", open_no_ghosts, ask_larder, close_larder, "24", AT_HIT};
const struct policy policy_in_turn = {"shards in turn", open_in_turn, ask_larder, close_larder, BYTES, AT_HIT};
