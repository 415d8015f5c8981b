/* Keys are seeded 128-bit hashes (policy/key.h): the tier takes the shard from `hi`, the bucket comes from `lo`; the text is compared, so
 * that a collision finds nothing wrong. */
#include "tier/shard.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tier/private.h"

static struct slot *slot_of_node(struct table_node *node)
{
	return CONTAINER_OF(node, struct slot, node);
}

static bool same_key(const struct cache_key *a, const struct cache_key *b)
{
	return a->lo == b->lo && a->hi == b->hi && str_eq(a->text, b->text);
}

static struct slot *find_from(struct table_node *node, const struct cache_key *key)
{
	for (; node; node = node->next) {
		struct slot *slot = slot_of_node(node);
		if (node->hash == key->lo && same_key(ENTRY_KEY(slot->entry), key))
			return slot;
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

static size_t slot_size(const struct entry *e)
{
	return sizeof(struct slot) + entry_n_tags(e) * sizeof(struct tag_ref);
}

size_t shard__slot_cost(const struct entry *e)
{
	size_t cost = tier__cost(slot_size(e));
	for (unsigned i = 0; i < entry_n_tags(e); i++)
		cost += tags__cost(entry_tags(e)[i]);
	return cost;
}

struct slot *shard__slot_new(struct entry *e, size_t charged)
{
	struct slot *slot = mem_zalloc(slot_size(e));
	slot->node.hash = e->lo;
	slot->entry = entry_ref(e);
	slot->charged = charged;
	for (unsigned i = 0; i < entry_n_tags(e); i++)
		slot->tags[i].owner = slot;
	return slot;
}

struct slot *shard__find(const struct shard *s, const struct cache_key *key)
{
	return find_from(table__chain(&s->entries, key->lo), key);
}

struct slot *shard__find_older(const struct slot *slot)
{
	return find_from(slot->node.next, ENTRY_KEY(slot->entry));
}

struct slot *shard__choose(struct slot *slot, const struct tier_get *op)
{
	struct slot *chosen = NULL;
	for (; slot; slot = shard__find_older(slot)) {
		if (op->match && !op->match(op->ctx, slot->entry))
			continue;
		if (!chosen || entry__is_better(ENTRY_STORED(slot->entry), ENTRY_STORED(chosen->entry)))
			chosen = slot;
	}
	return chosen;
}

struct slot *shard__find_same(const struct shard *s, const struct entry *e)
{
	for (struct slot *slot = shard__find(s, ENTRY_KEY(e)); slot; slot = shard__find_older(slot)) {
		if (entry_replaces(e, slot->entry))
			return slot;
	}
	return NULL;
}

bool shard__is_overtaken(const struct shard *s, const struct entry *e)
{
	for (struct slot *slot = shard__find(s, ENTRY_KEY(e)); slot; slot = shard__find_older(slot)) {
		const struct stored *there = ENTRY_STORED(slot->entry);
		bool same_kind = stored_is_partial(there) == entry_is_partial(e);
		if (same_kind && entry_replaces(e, slot->entry) && !entry__is_newer(ENTRY_STORED(e), there))
			return true;
	}
	return false;
}

/* The next that leaves for this one: of a whole one there may be two, the partial one as well. */
static struct slot *find_replaced(const struct shard *s, const struct entry *e, bool found)
{
	for (struct slot *slot = shard__find(s, ENTRY_KEY(e)); slot; slot = shard__find_older(slot)) {
		if (found && !entry__is_newer(ENTRY_STORED(e), ENTRY_STORED(slot->entry)))
			continue;
		if (entry_replaces(e, slot->entry))
			return slot;
	}
	return NULL;
}

static void take_out(struct shard *s, struct slot *slot, struct leaving *l)
{
	table__remove(&s->entries, &slot->node);
	evict__remove(&s->evict, &slot->evict);
	l->back += tags__remove(&s->tags, slot->tags, entry_n_tags(slot->entry));
	slot->node.next = l->dead ? &l->dead->node : NULL;
	l->dead = slot;
}

void shard__remove(struct shard *s, struct slot *slot, struct leaving *l)
{
	evict__remember(&s->evict, &slot->evict, slot->node.hash);
	take_out(s, slot, l);
}

/* Drops the oldest variants of a key, so that with the new one they keep within the bounds. Bodies that variants share are
 * counted for each: an estimate that errs upwards. */
static void bound_variants(struct shard *s, const struct entry *e, const struct shard_bounds *max, struct leaving *l)
{
	unsigned n = 1;
	size_t bytes = e->charged + body_size(e->body);
	struct slot *older;
	for (struct slot *slot = shard__find(s, ENTRY_KEY(e)); slot; slot = older) {
		older = shard__find_older(slot);
		bytes += slot->entry->charged + body_size(slot->entry->body);
		if (n++ < max->variants && bytes <= max->bytes)
			continue;
		shard__remove(s, slot, l);
		s->evicted++;
	}
}

void shard__insert(struct shard *s, struct slot *slot, const struct shard_bounds *max, struct leaving *l)
{
	struct entry *e = slot->entry;
	evict__add(&s->evict, &slot->evict, e->charged + body__charged(e->body) + slot->charged, slot->node.hash);
	for (struct slot *old; (old = find_replaced(s, e, max->found));) {
		evict__inherit(&s->evict, &slot->evict, &old->evict);
		take_out(s, old, l);
		s->replaced++;
	}
	bound_variants(s, e, max, l);
	table__add(&s->entries, &slot->node);
	l->back += tags__add(&s->tags, slot->tags, entry_tags(e), entry_n_tags(e));
	slot->charged = tier__cost(slot_size(e));
	s->stores++;
}

bool shard__evict(struct shard *s, struct evict_search *search, struct leaving *l)
{
	struct evict_node *node = evict__victim(&s->evict, search);
	if (!node)
		return false;
	s->wonders += evict__is_wonder(node);
	shard__remove(s, CONTAINER_OF(node, struct slot, evict), l);
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
