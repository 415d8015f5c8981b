/* Finds many byte strings at once, in one pass. Immutable once made, so any number of threads may search. Pure.
 * The time of a call grows with the bytes it looks at alone, whatever stands there and in the patterns: both may be an attacker's.
 * It looks behind a hit while something longer may begin there, at most search_longest bytes. */
#ifndef LARDER_BASE_SEARCH_H
#define LARDER_BASE_SEARCH_H

#include "base/str.h"

struct search;

/* None may be shorter than SEARCH_MIN bytes. */
enum { SEARCH_MIN = 2 };
/* Patterns are copied; 17 bytes of memory for each of theirs, up to 64 KB besides. Any number, 0 too: nothing is found then.
 * Never NULL. */
struct search *search_new(const struct str *patterns, unsigned n);
void search_free(struct search **s);
/* The length of the longest pattern, 0 when there is none. */
size_t search_longest(const struct search *s);

struct search_hit {
	unsigned pattern; /* of several that begin at one place the longest, of equal ones the first */
	size_t at;
};

/* The first hit that begins at `from` (at most text.n) or behind. False when there is none: *safe is then where the next search
 * begins, before it no hit can begin whatever follows. `last`: nothing follows, *safe is text.n. When a longer pattern could begin
 * at the place of a hit or before it, if more bytes came, that counts as none as well. *hit is left alone when there is none,
 * *safe when there is one. */
bool search_next(const struct search *s, struct str text, size_t from, bool last, struct search_hit *hit, size_t *safe);

#endif
