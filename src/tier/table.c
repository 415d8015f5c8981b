/* Chained hashing; nodes of one hash keep their order through every change of size, newest first. */
#include "tier/table.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tier/private.h"

static size_t load(const atomic_size_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void store(atomic_size_t *n, size_t value)
{
	atomic_store_explicit(n, value, memory_order_relaxed);
}

static struct table_node **bucket_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[hash & (load(&t->n_buckets) - 1)];
}

void table__init(struct table *t)
{
	*t = (struct table){.n_buckets = TABLE_INLINE, .load = 16};
	t->buckets = t->first;
}

void table__stagger(struct table *t, unsigned i)
{
	t->load = 12 + (i + 4) % 12;
}

void table__free(struct table *t)
{
	if (t->buckets != t->first)
		free(t->buckets);
	unsigned load = t->load;
	table__init(t);
	t->load = load;
}

size_t table__n_buckets(const struct table *t)
{
	return load(&t->n_buckets);
}

size_t table__count(const struct table *t)
{
	return load(&t->n);
}

struct table_node *table__chain(const struct table *t, uint64_t hash)
{
	return *bucket_of(t, hash);
}

struct table_node *table__bucket(const struct table *t, size_t bucket)
{
	return t->buckets[bucket];
}

void table__add(struct table *t, struct table_node *node)
{
	struct table_node **at = bucket_of(t, node->hash);
	node->next = *at;
	*at = node;
	store(&t->n, load(&t->n) + 1);
}

void table__remove(struct table *t, struct table_node *node)
{
	struct table_node **at = bucket_of(t, node->hash);
	while (*at != node) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = node->next;
	store(&t->n, load(&t->n) - 1);
}

size_t table__wants(const struct table *t)
{
	size_t n = load(&t->n) + 1, buckets = load(&t->n_buckets);
	size_t wanted = buckets;
	while (wanted / 16 * t->load + wanted % 16 < n)
		wanted *= 2;
	return wanted > buckets ? wanted : 0;
}

size_t table__cost(size_t n_buckets)
{
	return n_buckets <= TABLE_INLINE ? 0 : tier__cost(n_buckets * sizeof(struct table_node *));
}

bool table__grow(struct table *t, struct table_spare *spare)
{
	size_t n_old = load(&t->n_buckets);
	if (spare->n_buckets <= n_old)
		return false;
	struct table_node **old = t->buckets;
	t->buckets = spare->buckets;
	store(&t->n_buckets, spare->n_buckets);
	for (size_t i = 0; i < n_old; i++) {
		/* Turned round first, so that adding to the front restores the order. */
		struct table_node *turned = NULL, *node = old[i], *next;
		for (; node; node = next) {
			next = node->next;
			node->next = turned;
			turned = node;
		}
		for (node = turned; node; node = next) {
			struct table_node **at = bucket_of(t, node->hash);
			next = node->next;
			node->next = *at;
			*at = node;
		}
	}
	spare->buckets = old == t->first ? NULL : old;
	spare->n_buckets = old == t->first ? 0 : n_old;
	return true;
}

/* Hangs the upper half's chains behind those of the lower half: one hash is in one of them only. */
static void fold(struct table *t, size_t half)
{
	for (size_t i = 0; i < half; i++) {
		struct table_node **end = &t->buckets[i];
		while (*end)
			end = &(*end)->next;
		*end = t->buckets[i + half];
	}
}

size_t table__shrink(struct table *t)
{
	size_t before = load(&t->n_buckets), buckets = before;
	while (buckets > TABLE_INLINE && load(&t->n) < buckets / 8) {
		buckets /= 2;
		fold(t, buckets);
	}
	if (buckets == before)
		return 0;
	store(&t->n_buckets, buckets);
	if (buckets > TABLE_INLINE) {
		t->buckets = mem_realloc(t->buckets, buckets * sizeof(struct table_node *));
	} else {
		memcpy(t->first, t->buckets, sizeof(t->first));
		free(t->buckets);
		t->buckets = t->first;
	}
	return table__cost(before) - table__cost(buckets);
}
