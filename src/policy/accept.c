/* A list is read member by member into its place: sorted as it comes, bounded, without memory of its own. What cannot be read is
 * left to who asks: two such lists are compared as they stand (vary.c). */
#include "policy/accept.h"

/* qvalue = "0" [ "." *3DIGIT ] / "1" [ "." *3"0" ] (RFC 9110 12.4.2) */
static bool read_weight(struct str s, unsigned *out)
{
	if (s.n < 1 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return false;
	unsigned v = s.p[0] == '1' ? 1000 : 0, unit = 100;
	for (size_t i = 2; i < s.n; i++, unit /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v += (unsigned)(s.p[i] - '0') * unit;
	}
	*out = v;
	return v <= 1000;
}

static struct str skip_blanks(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	return s;
}

/* The bytes up to a blank, a comma or a semicolon. */
static struct str word_of(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != ',' && s.p[n] != ';' && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	return str_take(s, n);
}

/* name [ OWS ";" OWS "q=" qvalue ], cut off *rest with its comma. False for anything else. */
static bool cut_member(struct str *rest, struct accept_member *out)
{
	out->name = word_of(*rest);
	out->weight = 1000;
	*rest = skip_blanks(str_skip(*rest, out->name.n));
	if (rest->n > 0 && rest->p[0] == ';') {
		struct str weight = word_of(skip_blanks(str_skip(*rest, 1)));
		if (!str_starts_nocase(weight, STR("q=")) || !read_weight(str_skip(weight, 2), &out->weight))
			return false;
		*rest = skip_blanks(str_skip(*rest, (size_t)(weight.p + weight.n - rest->p)));
	}
	bool ends = rest->n == 0 || rest->p[0] == ',';
	*rest = str_skip(*rest, 1);
	return ends && is_token(out->name);
}

static int compare_nocase(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int difference = (unsigned char)char_lower(a.p[i]) - (unsigned char)char_lower(b.p[i]);
		if (difference != 0)
			return difference;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static bool is_before(const struct accept *list, const struct accept_member *a, const struct accept_member *b)
{
	if (list->by_weight && a->weight != b->weight)
		return a->weight > b->weight;
	return compare_nocase(a->name, b->name) < 0;
}

/* Adds one at its place; a repetition is dropped. False when there is no room, or when the same name has two weights: which of
 * them counts is then up to the origin, and the order must stay. */
static bool insert(struct accept *list, const struct accept_member *p)
{
	for (unsigned i = 0; i < list->n; i++) {
		if (str_eq_nocase(list->v[i].name, p->name))
			return list->v[i].weight == p->weight;
	}
	if (list->n == ACCEPT_MEMBERS)
		return false;
	unsigned at = list->n++;
	for (; at > 0 && is_before(list, p, &list->v[at - 1]); at--)
		list->v[at] = list->v[at - 1];
	list->v[at] = *p;
	return true;
}

/* x-gzip and x-compress are old names of codings (RFC 9110 8.4.1). */
static struct str without_alias(struct str coding)
{
	bool is_alias = str_eq_nocase(coding, STR("x-gzip")) || str_eq_nocase(coding, STR("x-compress"));
	return is_alias ? str_skip(coding, 2) : coding;
}

static bool add_members(struct accept *list, struct str value)
{
	struct accept_member p;
	for (;;) {
		value = skip_blanks(value);
		if (value.n == 0)
			return true;
		if (value.p[0] == ',') { /* an empty member (RFC 9110 5.6.1.2) */
			value = str_skip(value, 1);
			continue;
		}
		if (!cut_member(&value, &p))
			return false;
		if (!list->by_weight)
			p.name = without_alias(p.name);
		if (!insert(list, &p))
			return false;
	}
}

/* A coding that is not listed is as unacceptable as one with q=0, unless "*" speaks for it; plain content is acceptable until
 * it is refused by name (RFC 9110 12.5.3). */
static void drop_refused_codings(struct accept *list)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < list->n; i++) {
		if (str_eq(list->v[i].name, STR("*")))
			return;
	}
	for (unsigned i = 0; i < list->n; i++) {
		if (list->v[i].weight > 0 || str_eq_nocase(list->v[i].name, STR("identity")))
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

bool accept_read(const struct headers *h, struct str name, enum accept_kind kind, struct accept *out)
{
	out->n = 0;
	out->by_weight = kind == ACCEPT_LANGUAGE;
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq_nocase(h->v[i].name, name) && !add_members(out, h->v[i].value))
			return false;
	}
	if (kind == ACCEPT_ENCODING)
		drop_refused_codings(out);
	return true;
}

struct str accept_first_language(const struct headers *request)
{
	struct accept list;
	if (!accept_read(request, STR("Accept-Language"), ACCEPT_LANGUAGE, &list) || list.n == 0 ||
	    list.v[0].weight == 0 || str_eq(list.v[0].name, STR("*")))
		return STR_NONE;
	bool is_alone = list.n == 1 || list.v[1].weight < list.v[0].weight;
	return is_alone ? list.v[0].name : STR_NONE;
}
