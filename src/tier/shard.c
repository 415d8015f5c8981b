/* Keys are seeded 128-bit hashes (policy/key.h): the tier takes the shard from `hi`, the bucket comes from `lo`; the text is compared, so
 * that a collision finds nothing wrong. */
#include "tier/shard.h"

#include "tier/private.h"

static bool same_key(const struct cache_key *a, const struct cache_key *b)
{
	return a->lo == b->lo && a->hi == b->hi && str_eq(a->text, b->text);
}

static struct entry *find_from(struct table_node *node, const struct cache_key *key)
{
	for (; node; node = node->next) {
		struct entry *e = shard__entry_of(node);
		if (node->hash == key->lo && same_key(ENTRY_KEY(e), key))
			return e;
	}
	return NULL;
}

void shard__init(struct shard *s, uint64_t seed, struct evict_pool *pool, unsigned n)
{
	tier__lock_init(&s->lock);
	table__init(&s->entries);
	table__stagger(&s->entries, n);
	tags__init(&s->tags, seed);
	evict__init(&s->evict, pool, n);
}

void shard__destroy(struct shard *s)
{
	table__free(&s->entries);
	tags__free(&s->tags);
	pthread_rwlock_destroy(&s->lock);
}

size_t shard__tags_cost(const struct entry *e)
{
	size_t cost = 0;
	for (unsigned i = 0; i < entry_n_tags(e); i++)
		cost += tags__cost(entry_tags(e)[i]);
	return cost;
}

struct entry *shard__find(const struct shard *s, const struct cache_key *key)
{
	return find_from(table__chain(&s->entries, key->lo), key);
}

struct entry *shard__find_older(const struct entry *e)
{
	return find_from(e->node.next, ENTRY_KEY(e));
}

struct entry *shard__choose(struct entry *e, const struct tier_get *op)
{
	struct entry *chosen = NULL;
	for (; e; e = shard__find_older(e)) {
		if (op->match && !op->match(op->ctx, e))
			continue;
		if (!chosen || entry__is_better(ENTRY_STORED(e), ENTRY_STORED(chosen)))
			chosen = e;
	}
	return chosen;
}

struct entry *shard__find_same(const struct shard *s, const struct entry *e)
{
	for (struct entry *there = shard__find(s, ENTRY_KEY(e)); there; there = shard__find_older(there)) {
		if (entry_replaces(e, there))
			return there;
	}
	return NULL;
}

bool shard__is_overtaken(const struct shard *s, const struct entry *e)
{
	for (struct entry *there = shard__find(s, ENTRY_KEY(e)); there; there = shard__find_older(there)) {
		const struct stored *stored = ENTRY_STORED(there);
		bool same_kind = stored_is_partial(stored) == entry_is_partial(e);
		if (same_kind && entry_replaces(e, there) && !entry__is_newer(ENTRY_STORED(e), stored))
			return true;
	}
	return false;
}

/* The next that leaves for this one: of a whole one there may be two, the partial one as well. */
static struct entry *find_replaced(const struct shard *s, const struct entry *e, bool found)
{
	for (struct entry *there = shard__find(s, ENTRY_KEY(e)); there; there = shard__find_older(there)) {
		if (found && !entry__is_newer(ENTRY_STORED(e), ENTRY_STORED(there)))
			continue;
		if (entry_replaces(e, there))
			return there;
	}
	return NULL;
}

static void take_out(struct shard *s, struct entry *e, struct leaving *l)
{
	table__remove(&s->entries, &e->node);
	evict__remove(&s->evict, &e->evict);
	l->back += tags__remove(&s->tags, entry_refs(e), entry_n_tags(e));
	e->node.next = l->dead ? &l->dead->node : NULL;
	l->dead = e;
}

void shard__remove(struct shard *s, struct entry *e, struct leaving *l)
{
	evict__remember(&s->evict, &e->evict, e->node.hash);
	take_out(s, e, l);
}

/* Drops the oldest variants of a key, so that with the new one they keep within the bounds. Bodies that variants share are
 * counted for each: an estimate that errs upwards. */
static void bound_variants(struct shard *s, const struct entry *e, const struct shard_bounds *max, struct leaving *l)
{
	unsigned n = 1;
	size_t bytes = e->charged + body_size(e->body);
	struct entry *older;
	for (struct entry *there = shard__find(s, ENTRY_KEY(e)); there; there = older) {
		older = shard__find_older(there);
		bytes += there->charged + body_size(there->body);
		if (n++ < max->variants && bytes <= max->bytes)
			continue;
		shard__remove(s, there, l);
		s->evicted++;
	}
}

void shard__insert(struct shard *s, struct entry *e, const struct shard_bounds *max, struct leaving *l)
{
	evict__add(&s->evict, &e->evict, e->charged + body__charged(e->body), e->node.hash);
	for (struct entry *old; (old = find_replaced(s, e, max->found));) {
		evict__inherit(&s->evict, &e->evict, &old->evict);
		take_out(s, old, l);
		s->replaced++;
	}
	bound_variants(s, e, max, l);
	table__add(&s->entries, &e->node);
	l->back += tags__add(&s->tags, entry_refs(e), entry_tags(e), entry_n_tags(e));
	s->stores++;
}

bool shard__evict(struct shard *s, struct evict_search *search, struct leaving *l)
{
	struct evict_node *node = evict__victim(&s->evict, search);
	if (!node)
		return false;
	s->wonders += evict__is_wonder(node);
	shard__remove(s, CONTAINER_OF(node, struct entry, evict), l);
	s->evicted++;
	return true;
}

void shard__grow(struct shard *s, struct table_spare *entries, struct table_spare *tags)
{
	if (table__grow(&s->entries, entries))
		s->generation++;
	table__grow(&s->tags.table, tags);
}

void shard__shrink(struct shard *s, struct leaving *l)
{
	size_t back = table__shrink(&s->entries);
	if (back > 0)
		s->generation++;
	l->back += back + table__shrink(&s->tags.table);
}
