/* The tags of a shard's entries: tag -> entries that carry it, so that a purge of a tag looks at these only. One index a shard,
 * under the shard's lock: no second lock, and a purge of a tag sees a shard whole. */
#ifndef LARDER_TIER_TAGS_H
#define LARDER_TIER_TAGS_H

#include "base/str.h"
#include "tier/table.h"

struct tag;

/* One entry's place in the list of one of its tags. Lies in the entry. Not one of base/list.h: each tag would be charged for a head
 * of two pointers. */
struct tag_ref {
	struct tag *tag; /* NULL: a repeated tag, not linked */
	struct tag_ref *next, *prev;
	void *owner;
};

struct tags {
	struct table table;
	uint64_t seed;
};

void tags__init(struct tags *t, uint64_t seed);
void tags__free(struct tags *t); /* no refs may be left */

/* What a tag takes at most: to be charged before tags__add, for each. */
size_t tags__cost(struct str tag);
/* Links refs[i], whose owner is set, to tags[i]. Returns how many bytes of the charge were not needed. Write lock. */
size_t tags__add(struct tags *t, struct tag_ref *refs, const struct str *tags, unsigned n);
/* Unlinks them; returns how many bytes go back. Write lock. */
size_t tags__remove(struct tags *t, struct tag_ref *refs, unsigned n);
/* The entries of a tag, newest first; NULL for none. */
struct tag_ref *tags__find(const struct tags *t, struct str tag);

#endif
