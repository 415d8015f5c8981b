/* Entity tags. Between the quotes all bytes stand for themselves, commas and backslashes too (RFC 9110 8.8.3), unlike in the
 * quoted strings of other lists: hence a list reader of their own. */
#include "http/etag.h"

#include "http/chars.h"

/* DQUOTE *etagc DQUOTE: visible characters or bytes above 127 between two quotes. */
static bool is_opaque_tag(struct str s)
{
	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	struct str inside = str_make(s.p + 1, s.n - 2);
	return str_index(inside, '"') == inside.n && http__all(inside, CHAR_VISIBLE);
}

struct etag etag_of(struct str value)
{
	/* In upper case only (8.8.3). */
	bool weak = str_starts(value, STR("W/\""));
	struct str opaque = weak ? str_skip(value, 2) : value;
	return (struct etag){opaque, weak, is_opaque_tag(opaque)};
}

bool etag_same_weakly(struct etag a, struct etag b)
{
	return a.opaque.n > 0 && str_eq(a.opaque, b.opaque);
}

bool etag_same_strongly(struct etag a, struct etag b)
{
	return a.valid && !a.weak && !b.weak && etag_same_weakly(a, b);
}

bool etag_next(struct str *rest, struct etag *out)
{
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t' || rest->p[0] == ','))
		*rest = str_skip(*rest, 1);
	if (rest->n == 0)
		return false;
	size_t quote = str_starts(*rest, STR("W/\"")) ? 2 : 0;
	size_t end = str_index(*rest, ',');
	if (rest->p[quote] == '"') {
		size_t close = quote + 1 + str_index(str_skip(*rest, quote + 1), '"');
		/* What follows the closing quote up to the comma makes it no tag of ours: it is kept, and equals nothing. */
		if (close < rest->n)
			end = close + str_index(str_skip(*rest, close), ',');
	}
	*out = etag_of(str_trim(str_take(*rest, end)));
	*rest = str_skip(*rest, end);
	return true;
}

bool etag_list_is_any(const struct headers *h, struct str name)
{
	return str_eq(headers_get(h, name), STR("*")) && headers_count(h, name) == 1;
}

bool etag_list_has(const struct headers *h, struct str name, struct etag tag)
{
	struct etag given;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			continue;
		struct str rest = h->v[i].value;
		while (etag_next(&rest, &given)) {
			if (etag_same_weakly(given, tag))
				return true;
		}
	}
	return false;
}
