/* Finds many byte strings at once, in one pass. Immutable once made. Pure. */
#ifndef LARDER_BASE_SEARCH_H
#define LARDER_BASE_SEARCH_H

#include "base/str.h"

struct search;

/* Patterns are copied; none may be shorter than SEARCH_MIN bytes. */
enum { SEARCH_MIN = 2 };
struct search *search_new(const struct str *patterns, unsigned n);
void search_free(struct search **s);
size_t search_longest(const struct search *s);

struct search_hit {
	unsigned pattern; /* of several that begin at one place the longest, of equal ones the first */
	size_t at;
};

/* The first hit that begins at `from` or behind. False when there is none: *safe is then where the next search begins, before it
 * no hit can begin whatever follows. `last`: nothing follows, *safe is text.n. When a longer pattern could begin at the place of a
 * hit, if more bytes came, that counts as none as well. */
bool search_next(const struct search *s, struct str text, size_t from, bool last, struct search_hit *hit, size_t *safe);

#endif
