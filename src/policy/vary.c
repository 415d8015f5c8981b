/* Nominated request fields and their normal forms.
 *
 * Two requests match when their fields differ only in what cannot matter (4.1): blanks around commas, several lines or one,
 * and, for two fields whose meaning is known, order and case:
 *
 *	Accept-Encoding: gzip;q=1.0, br      br,gzip            a set of codings with weights
 *	Accept-Language: de;q=0.50, EN       en,de;q=0.5        by weight, then by name
 *	Cookie, Authorization                                   byte by byte
 *
 * A form is sent through a sink that either writes it (when a response is stored) or compares it with what was written
 * (on each hit, without memory of its own): so both can never disagree. */
#include "policy/vary.h"

#include "base/mem.h"

#include <assert.h>

#define COOKIE_PREFIX STR("cookie:")

/* More list members than that are compared as they stand. */
enum { MAX_PREFERENCES = 32 };

struct sink {
	char *out;	   /* NULL: compare with `expect` */
	size_t n, cap;	   /* written */
	struct str expect; /* what is left of it */
	bool differs;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static void put(struct sink *s, struct str part)
{
	if (part.n == 0)
		return;
	if (s->out) {
		assert(part.n <= s->cap - s->n);
		memcpy(s->out + s->n, part.p, part.n);
		s->n += part.n;
		return;
	}
	s->differs = s->differs || !str_starts(s->expect, part);
	s->expect = str_skip(s->expect, part.n);
}

static void put_lower(struct sink *s, struct str part)
{
	char chunk[32];
	while (part.n > 0) {
		size_t n = part.n < sizeof(chunk) ? part.n : sizeof(chunk);
		for (size_t i = 0; i < n; i++)
			chunk[i] = lower(part.p[i]);
		put(s, str_make(chunk, n));
		part = str_skip(part, n);
	}
}

/* ---- fields of unknown meaning: a list, or one value with commas in it ---- */

/* The length of the part before the first comma that is not in a quoted string. */
static size_t list_part(struct str s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && s.p[i] == ',')
			return i;
	}
	return s.n;
}

/* Blanks around commas go, all else stays: empty members too, since the field may be no list. */
static void emit_folded(struct sink *s, const struct headers *h, struct str name)
{
	bool first_line = true;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			continue;
		if (!first_line)
			put(s, STR(","));
		first_line = false;
		struct str rest = h->v[i].value;
		for (;;) {
			size_t part = list_part(rest);
			put(s, str_trim(str_take(rest, part)));
			if (part >= rest.n)
				break;
			put(s, STR(","));
			rest = str_skip(rest, part + 1);
		}
	}
}

/* Byte by byte; several lines are joined as their syntax has it. */
static void emit_exact(struct sink *s, const struct headers *h, struct str name, struct str joint)
{
	bool first_line = true;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			continue;
		if (!first_line)
			put(s, joint);
		first_line = false;
		put(s, h->v[i].value);
	}
}

/* ---- Accept-Encoding, Accept-Language ---- */

struct preference {
	struct str name;
	unsigned weight; /* thousandths */
};

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

/* name [ OWS ";" OWS "q=" qvalue ] */
static bool read_preference(struct str element, struct preference *out)
{
	size_t semicolon = str_index(element, ';');
	out->name = str_trim(str_take(element, semicolon));
	out->weight = 1000;
	if (!is_token(out->name))
		return false;
	if (semicolon == element.n)
		return true;
	struct str weight = str_trim(str_skip(element, semicolon + 1));
	return str_starts_nocase(weight, STR("q=")) && read_weight(str_skip(weight, 2), &out->weight);
}

static int compare_nocase(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int difference = (unsigned char)lower(a.p[i]) - (unsigned char)lower(b.p[i]);
		if (difference != 0)
			return difference;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* In order of weight (when it matters first), then of name. */
static bool is_before(const struct preference *a, const struct preference *b, bool by_weight)
{
	if (by_weight && a->weight != b->weight)
		return a->weight > b->weight;
	return compare_nocase(a->name, b->name) < 0;
}

/* Adds one at its place; a repetition is dropped. False when the same name has two weights: which of them counts is then up
 * to the origin, and the order must stay. */
static bool insert(struct preference *v, unsigned *n, const struct preference *p, bool by_weight)
{
	for (unsigned i = 0; i < *n; i++) {
		if (str_eq_nocase(v[i].name, p->name))
			return v[i].weight == p->weight;
	}
	unsigned at = *n;
	while (at > 0 && is_before(p, &v[at - 1], by_weight)) {
		v[at] = v[at - 1];
		at--;
	}
	v[at] = *p;
	(*n)++;
	return true;
}

/* False when the field cannot be read as such a list. */
static bool read_preferences(
    const struct headers *h, struct str name, bool is_language, struct preference *v, unsigned *n)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, element;
	*n = 0;
	while (headers_list_next(h, name, &field, &rest, &element)) {
		struct preference p;
		if (*n == MAX_PREFERENCES || !read_preference(element, &p))
			return false;
		/* x-gzip and x-compress are the old names (RFC 9110 8.4.1). */
		if (!is_language && (str_eq_nocase(p.name, STR("x-gzip")) || str_eq_nocase(p.name, STR("x-compress"))))
			p.name = str_skip(p.name, 2);
		if (!insert(v, n, &p, is_language))
			return false;
	}
	return true;
}

static void put_weight(struct sink *s, unsigned weight)
{
	char text[] = ";q=0.000";
	size_t n = sizeof(text) - 1;
	if (weight == 1000)
		return;
	for (unsigned i = 0; i < 3; i++, weight /= 10)
		text[7 - i] = (char)('0' + weight % 10);
	while (text[n - 1] == '0' && n > 5)
		n--;
	put(s, str_make(text, n == 5 ? 4 : n));
}

static void emit_preferences(struct sink *s, const struct headers *h, struct str name, bool is_language)
{
	struct preference v[MAX_PREFERENCES];
	unsigned n;
	if (!read_preferences(h, name, is_language, v, &n)) {
		emit_folded(s, h, name);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			put(s, STR(","));
		put_lower(s, v[i].name);
		put_weight(s, v[i].weight);
	}
}

/* ---- cookies ---- */

/* The cookie's values in the order they came, a ';' between them: servers differ in which one they take. False when the
 * request has no such cookie. */
static bool emit_cookie(struct sink *s, const struct headers *h, struct str cookie)
{
	bool found = false;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, STR("Cookie")))
			continue;
		struct str rest = h->v[i].value, pair;
		while (str_cut(&rest, ';', &pair)) {
			size_t equals = str_index(pair, '=');
			if (equals == pair.n || !str_eq(str_trim(str_take(pair, equals)), cookie))
				continue;
			if (found)
				put(s, STR(";"));
			put(s, str_trim(str_skip(pair, equals + 1)));
			found = true;
		}
	}
	return found;
}

/* ---- all of them ---- */

/* The normal form of a nominated field. False when the request does not have it. */
static bool emit(struct sink *s, const struct headers *h, struct str name)
{
	if (str_starts(name, COOKIE_PREFIX))
		return emit_cookie(s, h, str_skip(name, COOKIE_PREFIX.n));
	if (!headers_find(h, name))
		return false;
	if (str_eq(name, STR("accept-encoding")))
		emit_preferences(s, h, name, false);
	else if (str_eq(name, STR("accept-language")))
		emit_preferences(s, h, name, true);
	else if (str_eq(name, STR("cookie")))
		emit_exact(s, h, name, STR("; "));
	else if (str_eq(name, STR("authorization")))
		emit_exact(s, h, name, STR(", "));
	else
		emit_folded(s, h, name);
	return true;
}

/* No form is longer than the lines it is made of and two bytes between any two. */
static struct str normal_form(const struct headers *h, struct str name, struct arena *a)
{
	bool is_cookie = str_starts(name, COOKIE_PREFIX);
	size_t bound = 1;
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq_nocase(h->v[i].name, is_cookie ? STR("Cookie") : name))
			bound += h->v[i].value.n + 2;
	}
	struct sink s = {.out = arena_alloc(a, bound), .cap = bound};
	return emit(&s, h, name) ? str_make(s.out, s.n) : STR_NONE;
}

void vary_values(const struct headers *nominated, const struct headers *request, struct arena *a, struct headers *out)
{
	*out = (struct headers){0};
	for (uint32_t i = 0; i < nominated->n; i++)
		headers_add(out, a, nominated->v[i].name, normal_form(request, nominated->v[i].name, a));
}

bool vary_matches(const struct headers *nominated, const struct headers *request)
{
	for (uint32_t i = 0; i < nominated->n; i++) {
		const struct header *f = &nominated->v[i];
		struct sink s = {.expect = f->value};
		bool present = emit(&s, request, f->name);
		/* 4.1: absent matches absent only. */
		if (present != (f->value.p != NULL))
			return false;
		if (present && (s.differs || s.expect.n > 0))
			return false;
	}
	return true;
}

/* Fields that the proxy writes for each request by itself (or by the client's address): what the client sent under
 * these names is not what the origin saw. X-Forwarded-Proto and -Host are in the key already. */
static bool is_written_by_proxy(struct str name)
{
	return str_eq(name, STR("x-forwarded-for")) || str_eq(name, STR("forwarded")) ||
	       str_eq(name, STR("x-request-id"));
}

static struct str lower_copy(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = lower(s.p[i]);
	return str_make(p, s.n);
}

static struct str cookie_field(struct str cookie, struct arena *a)
{
	char *p = arena_alloc(a, COOKIE_PREFIX.n + cookie.n + 1);
	memcpy(p, COOKIE_PREFIX.p, COOKIE_PREFIX.n);
	if (cookie.n > 0)
		memcpy(p + COOKIE_PREFIX.n, cookie.p, cookie.n);
	return str_make(p, COOKIE_PREFIX.n + cookie.n);
}

/* Adds a name at its place, once. */
static void nominate(struct headers *out, struct arena *a, struct str name)
{
	uint32_t at = 0;
	while (at < out->n && str_compare(out->v[at].name, name) < 0)
		at++;
	if (at < out->n && str_eq(out->v[at].name, name))
		return;
	headers_add(out, a, name, STR_NONE);
	memmove(&out->v[at + 1], &out->v[at], (out->n - 1 - at) * sizeof(out->v[0]));
	out->v[at] = (struct header){.name = name, .value = STR_NONE};
}

/* override = vary names all that Vary may say beyond comparable field names, so it lifts these three together. */
static enum reason nominate_vary(const struct headers *response, bool lifted, struct arena *a, struct headers *out)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, member;
	while (headers_list_next(response, STR("Vary"), &field, &rest, &member)) {
		enum reason why = REASON_NONE;
		struct str name = lower_copy(member, a);
		if (str_eq(name, STR("*"))) /* anywhere in the list (RFC 9110 12.5.5) */
			why = REASON_NOT_VARY_STAR;
		else if (!is_token(name))
			why = REASON_NOT_VARY_INVALID;
		else if (is_written_by_proxy(name))
			why = REASON_NOT_VARY_CLIENT;
		else
			nominate(out, a, name);
		if (why != REASON_NONE && !lifted)
			return why;
	}
	return REASON_NONE;
}

enum reason vary_nominate(const struct route *route, const struct http_request *request, const struct headers *response,
    struct arena *a, struct headers *out)
{
	*out = (struct headers){0};
	enum reason why = nominate_vary(response, route->override & OVERRIDE_VARY_STAR, a, out);
	if (why != REASON_NONE)
		return why;
	for (unsigned i = 0; i < route->vary.n; i++)
		nominate(out, a, lower_copy(route->vary.v[i], a));
	for (unsigned i = 0; i < route->vary_cookie.n; i++)
		nominate(out, a, cookie_field(route->vary_cookie.v[i], a));
	for (uint32_t i = 0; i < out->n; i++)
		out->v[i].value = normal_form(&request->headers, out->v[i].name, a);
	return REASON_NONE;
}
