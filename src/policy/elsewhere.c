/* All texts in all forms are one search. Between two pieces of the body as many bytes are carried over as a text may begin with:
 *
 *	piece piece pie|ce pie|ce          joint: the end of what came before, and the beginning of the next piece */
#include "policy/elsewhere.h"

#include "base/mem.h"
#include "base/search.h"
#include "policy/private.h"

static struct search *search_for(const struct str *texts, unsigned n, struct arena *a)
{
	struct str *all = arena_alloc(a, ((size_t)n * HOLE_FORMS + 1) * sizeof *all);
	struct policy__form forms[HOLE_FORMS];
	unsigned n_all = 0;
	for (unsigned i = 0; i < n; i++) {
		bool is_again =
		    i > 0 && str_eq(texts[i], texts[i - 1]); /* most pages have one token in all their forms */
		unsigned n_forms = texts[i].n >= HOLE_MIN && !is_again ? policy__forms(texts[i], a, forms) : 0;
		for (unsigned k = 0; k < n_forms; k++)
			all[n_all++] = forms[k].text;
	}
	return search_new(all, n_all);
}

static bool has(const struct search *s, struct str text)
{
	struct search_hit hit;
	size_t safe;
	return search_next(s, text, 0, true, &hit, &safe);
}

static bool is_in_fields(const struct search *s, const struct headers *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (has(s, h->v[i].value))
			return true;
	}
	return false;
}

static bool is_in_pieces(const struct search *s, const struct str *pieces, unsigned n_pieces, struct arena *a)
{
	size_t most = search_longest(s) - 1, n = 0;
	char *joint = arena_alloc(a, 2 * most);
	for (unsigned i = 0; i < n_pieces; i++) {
		struct str begin = str_take(pieces[i], most);
		if (begin.n > 0)
			memcpy(joint + n, begin.p, begin.n);
		n += begin.n;
		if (has(s, str_make(joint, n)) || has(s, pieces[i]))
			return true;
		if (begin.n < pieces[i].n) /* all that is carried over is of this piece */
			memcpy(joint, pieces[i].p + pieces[i].n - most, n = most);
		size_t drop = n > most ? n - most : 0;
		memmove(joint, joint + drop, n -= drop);
	}
	return false;
}

bool policy_stands_elsewhere(const struct str *texts, unsigned n, const struct headers *kept, const struct str *pieces,
    unsigned n_pieces, struct arena *a)
{
	struct search *s = search_for(texts, n, a);
	bool found = search_longest(s) > 0 && (is_in_fields(s, kept) || is_in_pieces(s, pieces, n_pieces, a));
	search_free(&s);
	return found;
}
