/* Tags are counted by their list: a tag lives while an entry carries it. */
#include "tier/tags.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tier/private.h"

struct tag {
	struct table_node node;
	struct tag_ref *refs;
	size_t n;
	char text[];
};

/* Seeded: applications make tags of what their users type. */
static uint64_t hash_of(const struct tags *t, struct str tag)
{
	return hash_str(tag, t->seed);
}

static struct tag *find(const struct tags *t, struct str text, uint64_t hash)
{
	for (struct table_node *node = table__chain(&t->table, hash); node; node = node->next) {
		struct tag *tag = CONTAINER_OF(node, struct tag, node);
		if (node->hash == hash && str_eq(str_make(tag->text, tag->n), text))
			return tag;
	}
	return NULL;
}

static struct tag *tag_new(struct tags *t, struct str text, uint64_t hash)
{
	struct tag *tag = mem_alloc(sizeof(*tag) + text.n);
	*tag = (struct tag){.node.hash = hash, .n = text.n};
	if (text.n > 0)
		memcpy(tag->text, text.p, text.n);
	table__add(&t->table, &tag->node);
	return tag;
}

void tags__init(struct tags *t, uint64_t seed)
{
	table__init(&t->table);
	t->seed = seed;
}

void tags__free(struct tags *t)
{
	assert(table__count(&t->table) == 0);
	table__free(&t->table);
}

size_t tags__cost(struct str tag)
{
	return tier__cost(sizeof(struct tag) + tag.n);
}

size_t tags__add(struct tags *t, struct tag_ref *refs, const struct str *tags, unsigned n)
{
	size_t spared = 0;
	for (unsigned i = 0; i < n; i++) {
		struct tag_ref *ref = &refs[i];
		uint64_t hash = hash_of(t, tags[i]);
		struct tag *tag = find(t, tags[i], hash);
		if (tag)
			spared += tags__cost(tags[i]);
		else
			tag = tag_new(t, tags[i], hash);
		if (tag->refs && tag->refs->owner == ref->owner) {
			ref->tag = NULL;
			continue;
		}
		ref->tag = tag;
		ref->prev = NULL;
		ref->next = tag->refs;
		if (ref->next)
			ref->next->prev = ref;
		tag->refs = ref;
	}
	return spared;
}

size_t tags__remove(struct tags *t, struct tag_ref *refs, unsigned n)
{
	size_t freed = 0;
	for (unsigned i = 0; i < n; i++) {
		struct tag_ref *ref = &refs[i];
		struct tag *tag = ref->tag;
		if (!tag)
			continue;
		if (ref->next)
			ref->next->prev = ref->prev;
		if (ref->prev)
			ref->prev->next = ref->next;
		else
			tag->refs = ref->next;
		if (tag->refs)
			continue;
		table__remove(&t->table, &tag->node);
		freed += tags__cost(str_make(tag->text, tag->n));
		free(tag);
	}
	return freed;
}

struct tag_ref *tags__find(const struct tags *t, struct str text)
{
	struct tag *tag = find(t, text, hash_of(t, text));
	return tag ? tag->refs : NULL;
}
