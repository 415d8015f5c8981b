/* The memory tier: 256 shards by hash, each with a lock of its own, over one byte budget.
 *
 * Budget. Everything is charged before it exists: bodies by their chunks, entries by their block, here the tags, tables and ghosts.
 * When there is no room the charge asks `reclaim`, which takes the entry that is worth least (tier/evict.c), in whatever shard it
 * is, until that much has come back. It passes by what readers hold, since that memory would not come back. A charge is never made with a
 * shard's lock held, so a thread holds one shard's lock at most, and calls nothing that takes another lock but the purge log's.
 *   order: shard -> purge log.     Bodies lock on their own, under neither: entries die after the lock was let go.
 *
 * Purges, and invalidations likewise. Why no stale store slips through: a purge first moves the epoch (purge_log__add), then
 * walks, taking each shard's lock.
 * A store checks the log and inserts under one hold of its shard's lock. If that hold comes before the walk's first hold of
 * this shard, the walk finds the entry. If it comes after, the new epoch was written before it (the lock orders them), so
 * the check sees the purge. An entry whose fetch began after the purge is let alone by the walk. A walk in pieces that lets go
 * of the lock between them begins the shard anew when its buckets moved meanwhile.
 *
 * Time under a lock. A growing shard moves all its entries: with 1,000,000 entries in all that are 4,096, in about a
 * millisecond (the longest store of a million took 1.2 ms), one shard at a time. Walks look at 512 buckets a hold, a purge
 * of a tag at its entries in the shard. */
#include "tier/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "tier/private.h"
#include "tier/purge_log.h"
#include "tier/resident.h"
#include "tier/shard.h"

#define SHARDS	     EVICT_SHARDS
#define EVICT_STEPS  64	  /* nodes looked at in one hold of a lock */
#define EVICT_LOOKS  4096 /* for one victim; and again for one that was hit */
#define EVICT_MAX    4096 /* victims of one reclaim: bounds the time of a store after the limit was lowered */
#define WALK_BUCKETS 512
#define SWEEP_LOOKS  128
#define GHOST_BUDGET 1024 /* of the memory for what left lately: one part of so many */

struct memory {
	struct tier tier;
	struct budget budget;
	struct resident resident;
	size_t fixed; /* charged from the start */
	atomic_uint max_entries, max_variants;
	atomic_size_t entries; /* that are placed: being stored, found, or on their way out */
	_Atomic uint64_t refused_full, refused_stale;
	pthread_mutex_t sweeping; /* guards the place below; one sweeps, others have nothing to do */
	unsigned sweep_shard, sweep_skip;
	size_t sweep_bucket;
	uint16_t *ghosts;
	size_t n_ghosts, ghosts_cost; /* of each shard; of all */
	struct evict_pool pool;
	struct shard shards[SHARDS];
};

static struct memory *memory_of(struct tier *t)
{
	return CONTAINER_OF(t, struct memory, tier);
}

static struct shard *shard_of(struct memory *m, const struct cache_key *key)
{
	return &m->shards[key->hi >> 56];
}

/* Without any lock. Returns how many bytes went back to the budget. */
static size_t bury(struct memory *m, struct leaving *l)
{
	size_t freed = l->back, by_entries = 0;
	for (struct entry *e = l->dead, *next; e; e = next) {
		next = shard__entry_of(e->node.next);
		atomic_store_explicit(&e->placed, false, memory_order_release);
		by_entries += entry__release(&e);
		atomic_fetch_sub_explicit(&m->entries, 1, memory_order_relaxed);
	}
	if (freed > 0)
		budget_give_back(&m->budget, freed);
	*l = (struct leaving){0};
	return freed + by_entries;
}

/* Eviction */

static bool is_unread(struct evict_node *node)
{
	return !entry__shared(CONTAINER_OF(node, struct entry, evict));
}

static bool is_any(struct evict_node *node)
{
	return true;
}

static bool evict_one(struct shard *s, struct evict_search *search, struct leaving *l)
{
	pthread_rwlock_wrlock(&s->lock);
	bool found = shard__evict(s, search, l);
	if (found)
		shard__shrink(s, l);
	pthread_rwlock_unlock(&s->lock);
	return found;
}

/* Evicts until `need` bytes came back, at most `max` entries, each time in the shard that has what is worth least. It gives up when so
 * many were looked at without a victim, and as many again with those that were hit. */
static unsigned evict(struct memory *m, size_t need, unsigned max, bool (*may)(struct evict_node *node))
{
	struct evict_search search = {.may = may};
	size_t freed = 0;
	unsigned victims = 0, looks = 0, at;
	while (freed < need && victims < max && looks < 2 * EVICT_LOOKS &&
	       evict__pool_pick(&m->pool, &at, &search.until)) {
		struct leaving l = {0};
		search.any = looks >= EVICT_LOOKS;
		search.steps = EVICT_STEPS;
		bool found = evict_one(&m->shards[at], &search, &l);
		freed += bury(m, &l);
		victims += found;
		looks = found ? 0 : looks + 1 + EVICT_STEPS - search.steps;
	}
	return victims;
}

static void reclaim(void *ctx, size_t need)
{
	evict(ctx, need, EVICT_MAX, is_unread);
}

/* What is above the bounds after they were lowered, up to max entries. */
static unsigned evict_excess(struct memory *m, unsigned max)
{
	unsigned victims = 0, max_entries = atomic_load_explicit(&m->max_entries, memory_order_relaxed);
	size_t used = atomic_load_explicit(&m->budget.used, memory_order_relaxed);
	size_t limit = atomic_load_explicit(&m->budget.limit, memory_order_relaxed);
	size_t entries = atomic_load_explicit(&m->entries, memory_order_relaxed);
	if (used > limit)
		victims += evict(m, used - limit, max, is_unread);
	if (max_entries > 0 && entries > max_entries && victims < max) {
		size_t over = entries - max_entries;
		unsigned left = max - victims;
		victims += evict(m, SIZE_MAX, over < left ? (unsigned)over : left, is_any);
	}
	return victims;
}

/* Storing and finding */

static int get(struct tier *t, struct tier_get *op)
{
	struct shard *s = shard_of(memory_of(t), &op->key);
	pthread_rwlock_rdlock(&s->lock);
	struct entry *e = shard__find(s, &op->key);
	op->other_variant = e != NULL;
	e = shard__choose(e, op);
	if (e) {
		evict__hit(&e->evict);
		op->entry = entry_ref(e);
		op->other_variant = false;
	}
	pthread_rwlock_unlock(&s->lock);
	return e ? ERR_OK : ERR_MISSING;
}

/* Memory for a table that should grow: charged, or none when there is no room (the chains get longer then). */
static struct table_spare spare_for(struct memory *m, const struct table *table)
{
	size_t n = table__wants(table);
	if (n == 0 || budget_charge(&m->budget, table__cost(n)))
		return (struct table_spare){0};
	return (struct table_spare){mem_zalloc(n * sizeof(struct table_node *)), n};
}

static void spare_free(struct memory *m, struct table_spare *spare)
{
	if (!spare->buckets)
		return;
	budget_give_back(&m->budget, table__cost(spare->n_buckets));
	free(spare->buckets);
}

/* Counts one entry more; when they are too many one leaves, unless the new one takes another's place. */
static void count_in(struct memory *m, struct shard *s, const struct entry *e)
{
	size_t n = atomic_fetch_add_explicit(&m->entries, 1, memory_order_relaxed) + 1;
	unsigned max = atomic_load_explicit(&m->max_entries, memory_order_relaxed);
	if (max == 0 || n <= max)
		return;
	pthread_rwlock_rdlock(&s->lock);
	bool replaces = shard__find_same(s, e) != NULL;
	pthread_rwlock_unlock(&s->lock);
	if (!replaces || n > max + 1U)
		evict_excess(m, 64);
}

/* Is it a sensible share of the memory, and is there room for its tags? */
static int charge_tags(struct memory *m, const struct entry *e, size_t charge)
{
	size_t size =
	    atomic_load_explicit(&m->resident.size, memory_order_relaxed); /* the limit may be lower for a while */
	if (e->charged + body__charged(e->body) + charge > size / 2)
		return ERR_FULL;
	return charge > 0 ? budget_charge(&m->budget, charge) : ERR_OK;
}

/* A client that sends ever other values of what a URL varies by must not push all other pages out. */
static struct shard_bounds bounds_of(struct memory *m)
{
	return (struct shard_bounds){
	    .variants = atomic_load_explicit(&m->max_variants, memory_order_relaxed),
	    .bytes = atomic_load_explicit(&m->resident.size, memory_order_relaxed) / 4,
	};
}

static int refuse(_Atomic uint64_t *counter, int err)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	return err;
}

/* Into its shard, unless it was purged since `seen`, with the room for its tags charged. */
static int insert(struct memory *m, const struct tier_put *op, uint64_t seen, size_t charged)
{
	struct entry *e = entry_ref(op->entry);
	struct shard *s = shard_of(m, ENTRY_KEY(e));
	struct purge_log *purges = m->tier.purges;
	struct table_spare entries = spare_for(m, &s->entries), tags = spare_for(m, &s->tags.table);
	struct shard_bounds max = bounds_of(m);
	max.found = op->found;
	struct leaving l = {0};

	pthread_rwlock_wrlock(&s->lock);
	bool stale = purge_log__covers(purges, seen, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)) ||
		     purge_log__invalidated(purges, e->epoch, ENTRY_KEY(e));
	if (stale || (op->found && shard__is_overtaken(s, e))) {
		e->node.next = NULL;
		l = (struct leaving){.dead = e, .back = charged};
	} else {
		shard__grow(s, &entries, &tags);
		shard__insert(s, e, &max, &l);
	}
	pthread_rwlock_unlock(&s->lock);

	spare_free(m, &entries);
	spare_free(m, &tags);
	bury(m, &l);
	return stale ? refuse(&m->refused_stale, ERR_STALE) : ERR_OK;
}

static int put(struct tier *t, struct tier_put *op)
{
	struct memory *m = memory_of(t);
	struct entry *e = op->entry;
	assert(e->budget == t->budget && body_complete(e->body));

	/* Most of the ring is compared here, so that under the lock only what came after `seen` is left. A slot of the table of
	 * invalidations may be written a moment after its epoch was seen, and costs nothing to look at again. */
	uint64_t seen = purge_log__epoch(t->purges);
	if (purge_log__covers(t->purges, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)))
		return refuse(&m->refused_stale, ERR_STALE);
	/* One that is there stays as it is. One on its way out may miss this put, as if it had been evicted right after. */
	if (atomic_exchange_explicit(&e->placed, true, memory_order_acquire))
		return ERR_OK;
	size_t charge = shard__tags_cost(e);
	if (charge_tags(m, e, charge)) {
		atomic_store_explicit(&e->placed, false, memory_order_release);
		return refuse(&m->refused_full, ERR_FULL);
	}
	count_in(m, shard_of(m, ENTRY_KEY(e)), e);
	int err = insert(m, op, seen, charge);
	resident__stored(&m->resident, e->charged + body__charged(e->body));
	return err;
}

static void remove_entry(struct tier *t, struct entry *e)
{
	struct memory *m = memory_of(t);
	struct shard *s = shard_of(m, ENTRY_KEY(e));
	struct leaving l = {0};
	pthread_rwlock_wrlock(&s->lock);
	struct entry *there = shard__find(s, ENTRY_KEY(e));
	while (there && there != e)
		there = shard__find_older(there);
	if (there) {
		shard__remove(s, there, &l);
		shard__shrink(s, &l);
	}
	pthread_rwlock_unlock(&s->lock);
	bury(m, &l);
}

static void variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	struct shard *s = shard_of(memory_of(t), key);
	unsigned n = 0;
	pthread_rwlock_rdlock(&s->lock);
	for (struct entry *e = shard__find(s, key); e; e = shard__find_older(e))
		n++;
	struct entry **found = mem_alloc((n > 0 ? n : 1) * sizeof(struct entry *));
	n = 0;
	for (struct entry *e = shard__find(s, key); e; e = shard__find_older(e))
		found[n++] = entry_ref(e);
	pthread_rwlock_unlock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		fn(ctx, found[i]);
		entry_release(&found[i]);
	}
	free(found);
}

/* Purging */

/* The walk has found one that the purge covers. */
static void purge_entry(struct shard *s, struct entry *e, struct tier_purge *op, struct leaving *l)
{
	if (e->epoch >= op->epoch)
		return;
	if (!op->soft)
		shard__remove(s, e, l);
	else if (atomic_exchange_explicit(&e->purged, true, memory_order_relaxed))
		return;
	op->count++;
	s->purged++;
}

static void purge_key(struct memory *m, struct tier_purge *op)
{
	struct shard *s = shard_of(m, &op->key);
	struct leaving l = {0};
	pthread_rwlock_wrlock(&s->lock);
	for (struct entry *e = shard__find(s, &op->key), *older; e; e = older) {
		older = shard__find_older(e);
		purge_entry(s, e, op, &l);
	}
	shard__shrink(s, &l);
	pthread_rwlock_unlock(&s->lock);
	bury(m, &l);
}

static void purge_tag(struct memory *m, struct shard *s, struct tier_purge *op)
{
	struct leaving l = {0};
	pthread_rwlock_wrlock(&s->lock);
	for (struct tag_ref *ref = tags__find(&s->tags, op->arg), *next; ref; ref = next) {
		next = ref->next; /* the last removal frees the list's head, which is not looked at again */
		purge_entry(s, ref->owner, op, &l);
	}
	shard__shrink(s, &l);
	pthread_rwlock_unlock(&s->lock);
	bury(m, &l);
}

static void purge_bucket(struct shard *s, size_t bucket, struct tier_purge *op, struct leaving *l)
{
	for (struct table_node *node = table__bucket(&s->entries, bucket), *next; node; node = next) {
		next = node->next;
		struct entry *e = shard__entry_of(node);
		if (purge__covers(op, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e)))
			purge_entry(s, e, op, l);
	}
}

static void purge_walk(struct memory *m, struct shard *s, struct tier_purge *op)
{
	size_t bucket = 0;
	unsigned generation = 0;
	for (bool whole = false; !whole;) {
		struct leaving l = {0};
		pthread_rwlock_wrlock(&s->lock);
		if (generation != s->generation)
			bucket = 0;
		generation = s->generation;
		size_t n = table__n_buckets(&s->entries), end = bucket + WALK_BUCKETS < n ? bucket + WALK_BUCKETS : n;
		while (bucket < end)
			purge_bucket(s, bucket++, op, &l);
		whole = end == n;
		if (whole)
			shard__shrink(s, &l);
		pthread_rwlock_unlock(&s->lock);
		bury(m, &l);
	}
}

static int purge(struct tier *t, struct tier_purge *op)
{
	struct memory *m = memory_of(t);
	if (op->kind == PURGE_URL) {
		purge_key(m, op);
		return ERR_OK;
	}
	for (unsigned i = 0; i < SHARDS; i++) {
		if (op->kind == PURGE_TAG)
			purge_tag(m, &m->shards[i], op);
		else
			purge_walk(m, &m->shards[i], op);
	}
	return ERR_OK;
}

static int invalidate(struct tier *t, struct tier_invalidate *op)
{
	struct memory *m = memory_of(t);
	struct shard *s = shard_of(m, &op->key);
	struct leaving l = {0};
	pthread_rwlock_wrlock(&s->lock);
	for (struct entry *e = shard__find(s, &op->key), *older; e; e = older) {
		older = shard__find_older(e);
		if (e->epoch >= op->epoch)
			continue;
		shard__remove(s, e, &l);
		s->invalidated++;
		op->count++;
	}
	shard__shrink(s, &l);
	pthread_rwlock_unlock(&s->lock);
	bury(m, &l);
	return ERR_OK;
}

/* Sweeping */

/* Looks at the entries of one bucket from the place on; returns how many, at most max. */
static unsigned sweep_bucket(struct memory *m, struct shard *s, int64_t now_ms, unsigned max, struct leaving *l)
{
	unsigned looked = 0, kept = 0;
	struct table_node *node = table__bucket(&s->entries, m->sweep_bucket), *next;
	for (; node && looked < max; node = next) {
		next = node->next;
		if (kept < m->sweep_skip) {
			kept++;
			continue;
		}
		looked++;
		struct entry *e = shard__entry_of(node);
		if (entry__useless_from(ENTRY_STORED(e)) <= now_ms) {
			shard__remove(s, e, l);
			s->expired++;
		} else {
			kept++;
		}
	}
	m->sweep_skip = node ? kept : 0;
	m->sweep_bucket += node ? 0 : 1;
	return looked;
}

/* One hold of the current shard's lock, moving the place. Returns how many entries were looked at. */
static unsigned sweep_piece(struct memory *m, int64_t now_ms, unsigned max, uint64_t *dropped)
{
	struct shard *s = &m->shards[m->sweep_shard];
	struct leaving l = {0};
	unsigned looked = 0;
	pthread_rwlock_wrlock(&s->lock);
	uint64_t before = s->expired;
	size_t n = table__n_buckets(&s->entries);
	for (unsigned i = 0; i < WALK_BUCKETS && looked < max && m->sweep_bucket < n; i++)
		looked += sweep_bucket(m, s, now_ms, max - looked, &l);
	*dropped += s->expired - before;
	if (m->sweep_bucket >= n) {
		m->sweep_bucket = m->sweep_skip = 0;
		m->sweep_shard = (m->sweep_shard + 1) % SHARDS;
		shard__shrink(s, &l);
	}
	pthread_rwlock_unlock(&s->lock);
	bury(m, &l);
	return looked;
}

static unsigned sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	struct memory *m = memory_of(t);
	if (pthread_mutex_trylock(&m->sweeping))
		return 0;
	resident__look(&m->resident);
	uint64_t dropped = evict_excess(m, max);
	unsigned looked = 0, shards = 0;
	while (looked < max && shards < SHARDS) {
		unsigned at = m->sweep_shard, left = max - looked;
		looked += sweep_piece(m, now_ms, left < SWEEP_LOOKS ? left : SWEEP_LOOKS, &dropped);
		shards += m->sweep_shard != at;
	}
	pthread_mutex_unlock(&m->sweeping);
	return (unsigned)dropped;
}

/* The rest */

static void stats(struct tier *t, struct tier_stats *out)
{
	struct memory *m = memory_of(t);
	out->entries = atomic_load_explicit(&m->entries, memory_order_relaxed);
	out->bytes = atomic_load_explicit(&m->budget.used, memory_order_relaxed);
	out->limit = atomic_load_explicit(&m->resident.size, memory_order_relaxed);
	out->max_entries = atomic_load_explicit(&m->max_entries, memory_order_relaxed);
	out->refused_full = atomic_load_explicit(&m->refused_full, memory_order_relaxed);
	out->refused_stale = atomic_load_explicit(&m->refused_stale, memory_order_relaxed);
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &m->shards[i];
		pthread_rwlock_rdlock(&s->lock);
		out->stores += s->stores;
		out->replaced += s->replaced;
		out->evicted += s->evicted;
		out->evicted_wonders += s->wonders;
		out->expired += s->expired;
		out->purged += s->purged;
		out->invalidated += s->invalidated;
		pthread_rwlock_unlock(&s->lock);
	}
}

static void empty(struct memory *m, struct shard *s)
{
	struct leaving l = {0};
	for (size_t i = 0; i < table__n_buckets(&s->entries); i++) {
		for (struct table_node *node; (node = table__bucket(&s->entries, i));)
			shard__remove(s, shard__entry_of(node), &l);
	}
	shard__shrink(s, &l);
	bury(m, &l);
}

static void close_tier(struct tier *t)
{
	struct memory *m = memory_of(t);
	for (unsigned i = 0; i < SHARDS; i++) {
		empty(m, &m->shards[i]);
		shard__destroy(&m->shards[i]);
	}
	/* Who still holds an entry or a body would give back to a budget that is gone. */
	assert(atomic_load_explicit(&m->budget.used, memory_order_relaxed) == m->fixed);
	pthread_mutex_destroy(&m->sweeping);
	resident__destroy(&m->resident);
	purge_log__free(t->purges);
	free(m->ghosts);
	free(m);
}

static const struct tier_ops memory_ops = {
    .name = "memory",
    .get = get,
    .put = put,
    .purge = purge,
    .invalidate = invalidate,
    .remove = remove_entry,
    .variants = variants,
    .sweep = sweep,
    .stats = stats,
    .close = close_tier,
};

struct tier *memory_tier_new(const struct memory_options *o)
{
	struct memory *m = mem_zalloc(sizeof(*m));
	uint64_t seed = 0;
	int err = random_u64(&seed);
	assert(err == ERR_OK); /* the server got bits before */
	(void)err;
	m->tier = (struct tier){.ops = &memory_ops, .budget = &m->budget, .purges = purge_log__new()};
	m->fixed = tier__cost(sizeof(*m));
	m->budget.reclaim = reclaim;
	m->budget.ctx = m;
	resident__init(&m->resident, &m->budget);
	atomic_init(&m->budget.used, m->fixed);
	pthread_mutex_init(&m->sweeping, NULL);
	evict__pool_init(&m->pool);
	for (unsigned i = 0; i < SHARDS; i++)
		shard__init(&m->shards[i], seed, &m->pool, i);
	memory_tier_resize(&m->tier, o);
	return &m->tier;
}

/* Ghosts in proportion to the memory, and counted in it. When their number changes the new ones know nothing; when there is no room for
 * them the old ones stay. */
static void make_ghosts(struct memory *m, size_t memory_size)
{
	size_t n = memory_size / GHOST_BUDGET / sizeof(uint16_t) / SHARDS / 4 * 4;
	size_t cost = n > 0 ? tier__cost(n * SHARDS * sizeof(uint16_t)) : 0;
	if (n == m->n_ghosts || (cost > m->ghosts_cost && budget_charge(&m->budget, cost - m->ghosts_cost)))
		return;
	uint16_t *old = m->ghosts;
	m->ghosts = n > 0 ? mem_zalloc(n * SHARDS * sizeof(uint16_t)) : NULL;
	m->n_ghosts = n;
	for (unsigned i = 0; i < SHARDS; i++) {
		struct shard *s = &m->shards[i];
		pthread_rwlock_wrlock(&s->lock);
		evict__set_ghosts(&s->evict, n > 0 ? m->ghosts + i * n : NULL, n);
		pthread_rwlock_unlock(&s->lock);
	}
	free(old);
	if (cost < m->ghosts_cost)
		budget_give_back(&m->budget, m->ghosts_cost - cost);
	m->fixed += cost - m->ghosts_cost;
	m->ghosts_cost = cost;
}

void memory_tier_resize(struct tier *t, const struct memory_options *o)
{
	struct memory *m = memory_of(t);
	resident__set(&m->resident, o->memory_size);
	atomic_store_explicit(&m->max_entries, o->max_entries, memory_order_relaxed);
	atomic_store_explicit(&m->max_variants, o->max_variants > 0 ? o->max_variants : 1, memory_order_relaxed);
	make_ghosts(m, o->memory_size);
}
