/* Nominated request fields and their normal forms.
 *
 * Two requests match when their fields differ only in what cannot matter (4.1): blanks around commas, several lines or one,
 * and, for two fields whose meaning is known, order and case:
 *
 *	Accept-Encoding: gzip;q=1.0, br      br,gzip            a set of codings with weights
 *	Accept-Language: de;q=0.50, EN       en,de;q=0.5        by weight, then by name
 *	Cookie, Authorization                                   byte by byte; Cookie without the route's token cookies
 *
 * A form is sent through a sink that either writes it (when a response is stored) or compares it with what was written
 * (on each hit, without memory of its own): so both can never disagree. */
#include "policy/vary.h"

#include "base/mem.h"
#include "http/cookie.h"
#include "policy/accept.h"
#include "policy/token.h"

#include <assert.h>

#define COOKIE_PREFIX STR("cookie:")
#define OTHERS_PREFIX STR("cookie-without:")

struct sink {
	char *out;	   /* NULL: compare with `expect` */
	size_t n, cap;	   /* written */
	struct str expect; /* what is left of it */
	bool differs;
};

static inline void put_byte(struct sink *s, char c)
{
	if (s->out) {
		assert(s->n < s->cap);
		s->out[s->n++] = c;
	} else if (s->expect.n > 0 && *s->expect.p == c) {
		s->expect = str_skip(s->expect, 1);
	} else {
		s->differs = true;
	}
}

static inline void put(struct sink *s, struct str part)
{
	if (part.n == 0)
		return;
	if (s->out) {
		assert(part.n <= s->cap - s->n);
		memcpy(s->out + s->n, part.p, part.n);
		s->n += part.n;
	} else if (part.n <= s->expect.n && memcmp(s->expect.p, part.p, part.n) == 0) {
		s->expect = str_skip(s->expect, part.n);
	} else {
		s->differs = true;
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

static void put_folded(struct sink *s, struct str value)
{
	for (;;) {
		size_t part = list_part(value);
		put(s, str_trim(str_take(value, part)));
		if (part >= value.n)
			return;
		put_byte(s, ',');
		value = str_skip(value, part + 1);
	}
}

/* Blanks around commas go, all else stays: empty members too, since the field may be no list. */
static bool emit_folded(struct sink *s, const struct headers *h, struct str name)
{
	bool found = false;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			continue;
		if (found)
			put_byte(s, ',');
		found = true;
		put_folded(s, h->v[i].value);
	}
	return found;
}

/* Byte by byte; several lines are joined as their syntax has it. */
static bool emit_exact(struct sink *s, const struct headers *h, struct str name, struct str joint)
{
	bool found = false;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(h->v[i].name, name))
			continue;
		if (found)
			put(s, joint);
		found = true;
		put(s, h->v[i].value);
	}
	return found;
}

/* ---- Accept-Encoding, Accept-Language ---- */

static void put_weight(struct sink *s, unsigned weight)
{
	if (weight == 1000)
		return;
	put(s, STR(";q=0"));
	if (weight > 0)
		put_byte(s, '.');
	for (unsigned unit = 100; weight > 0; weight %= unit, unit /= 10)
		put_byte(s, (char)('0' + weight / unit));
}

/* What is no such list, or too long a one, stays as it stands. */
static bool emit_accept(struct sink *s, const struct headers *h, struct str name, enum accept_kind kind)
{
	struct accept list;
	if (!headers_find(h, name))
		return false;
	if (!accept_read(h, name, kind, &list))
		return emit_folded(s, h, name);
	for (unsigned i = 0; i < list.n; i++) {
		struct str member = list.v[i].name;
		if (i > 0)
			put_byte(s, ',');
		for (size_t c = 0; c < member.n; c++)
			put_byte(s, char_lower(member.p[c]));
		put_weight(s, list.v[i].weight);
	}
	return true;
}

/* ---- cookies ---- */

/* The cookie's values in the order they came, a ';' between them: servers differ in which one they take. False when the
 * request has no such cookie. */
static bool emit_cookie(struct sink *s, const struct headers *h, struct str cookie)
{
	bool found = false;
	uint32_t field = 0;
	struct str rest = STR_NONE, name, value;
	while (cookie_next(h, &field, &rest, &name, &value)) {
		if (!str_eq(name, cookie))
			continue;
		if (found)
			put_byte(s, ';');
		put(s, value);
		found = true;
	}
	return found;
}

static bool is_listed(struct str list, struct str cookie)
{
	struct str name;
	while (str_cut(&list, ',', &name)) {
		if (str_eq(name, cookie))
			return true;
	}
	return false;
}

/* All cookies but those of the list ("asok_csrf,theme"), as they stand. False when there are no others. */
static bool emit_other_cookies(struct sink *s, const struct headers *h, struct str list)
{
	bool found = false;
	uint32_t field = 0;
	struct str rest = STR_NONE, part, name, value;
	while (cookie_next_part(h, &field, &rest, &part)) {
		if (cookie_read(part, &name, &value) && is_listed(list, name))
			continue;
		if (found)
			put_byte(s, ';');
		put(s, part);
		found = true;
	}
	return found;
}

/* ---- all of them ---- */

/* The normal form of a nominated field. False when the request does not have it. */
static bool emit(struct sink *s, const struct headers *h, struct str name)
{
	if (str_starts(name, COOKIE_PREFIX))
		return emit_cookie(s, h, str_skip(name, COOKIE_PREFIX.n));
	if (str_starts(name, OTHERS_PREFIX))
		return emit_other_cookies(s, h, str_skip(name, OTHERS_PREFIX.n));
	if (str_eq(name, STR("accept-encoding")))
		return emit_accept(s, h, name, ACCEPT_ENCODING);
	if (str_eq(name, STR("accept-language")))
		return emit_accept(s, h, name, ACCEPT_LANGUAGE);
	if (str_eq(name, STR("cookie")))
		return emit_exact(s, h, name, STR("; "));
	if (str_eq(name, STR("authorization")))
		return emit_exact(s, h, name, STR(", "));
	return emit_folded(s, h, name);
}

bool vary_is_cookie(struct str name)
{
	return str_eq(name, STR("cookie")) || str_starts(name, COOKIE_PREFIX) || str_starts(name, OTHERS_PREFIX);
}

bool vary_is_one_cookie(struct str name)
{
	return str_starts(name, COOKIE_PREFIX);
}

/* No form is longer than the lines it is made of and two bytes between any two. */
static struct str normal_form(const struct headers *h, struct str name, struct arena *a)
{
	size_t bound = 1;
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq_nocase(h->v[i].name, vary_is_cookie(name) ? STR("Cookie") : name))
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

static bool field_matches(const struct header *nominated, const struct headers *request)
{
	struct sink s = {.expect = nominated->value};
	bool present = emit(&s, request, nominated->name);
	/* 4.1: absent matches absent only. */
	if (present != (nominated->value.p != NULL))
		return false;
	return !present || (!s.differs && s.expect.n == 0);
}

bool vary_matches(const struct headers *nominated, const struct headers *request)
{
	for (uint32_t i = 0; i < nominated->n; i++) {
		if (!field_matches(&nominated->v[i], request))
			return false;
	}
	return true;
}

/* The only language of the content; STR_NONE when there are several, or none is said. */
static struct str only_language(const struct headers *response)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, language, other;
	if (!headers_list_next(response, STR("Content-Language"), &field, &rest, &language))
		return STR_NONE;
	return headers_list_next(response, STR("Content-Language"), &field, &rest, &other) ? STR_NONE : language;
}

bool vary_prefers_language(
    const struct headers *nominated, const struct headers *request, const struct headers *response)
{
	bool by_language = false;
	for (uint32_t i = 0; i < nominated->n; i++) {
		if (str_eq(nominated->v[i].name, STR("accept-language")))
			by_language = true;
		else if (!field_matches(&nominated->v[i], request))
			return false;
	}
	if (!by_language)
		return false;
	struct str wanted = accept_first_language(request), have = only_language(response);
	return wanted.n > 0 && str_eq_nocase(wanted, have);
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
		p[i] = char_lower(s.p[i]);
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

/* The token cookies are filled in for each visitor and hidden from the origin: a page varies by the others at most. */
static struct str other_cookies_field(const struct route *route, struct arena *a)
{
	struct str name = OTHERS_PREFIX;
	for (unsigned i = 0; i < route->token_cookie.n; i++)
		name =
		    arena_printf(a, "%.*s%s%.*s", STR_ARG(name), i > 0 ? "," : "", STR_ARG(route->token_cookie.v[i]));
	return name;
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

static void nominate_field(const struct route *route, struct headers *out, struct arena *a, struct str name)
{
	if (route->token_cookie.n > 0 && str_eq(name, STR("cookie")))
		name = other_cookies_field(route, a);
	nominate(out, a, name);
}

/* override = vary names all that Vary may say beyond comparable field names, so it lifts these three together. Pages with tokens are
 * always asked for without Accept-Encoding, so that they can be read: what a client sent there chose nothing. */
static enum reason nominate_vary(
    const struct route *route, const struct headers *response, bool lifted, struct arena *a, struct headers *out)
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
		else if (!policy_has_tokens(route) || !str_eq(name, STR("accept-encoding")))
			nominate_field(route, out, a, name);
		if (why != REASON_NONE && !lifted)
			return why;
	}
	return REASON_NONE;
}

/* A trusted proxy tells another host than the request's own. The told one is in the key; the origin gets both, and may answer by
 * either: a stranger who can choose one of them behind that proxy must not choose what others get. */
static bool has_two_hosts(const struct http_request *request)
{
	const struct header *told = headers_find(&request->headers, STR("X-Forwarded-Host"));
	return told && !str_eq_nocase(told->value, request->host);
}

bool vary_is_lifted(const struct route *route, const struct headers *response, struct arena *a)
{
	struct headers ignored = {0};
	return (route->override & OVERRIDE_VARY_STAR) &&
	       nominate_vary(route, response, false, a, &ignored) != REASON_NONE;
}

enum reason vary_nominate(const struct route *route, const struct http_request *request, const struct headers *response,
    struct arena *a, struct headers *out)
{
	*out = (struct headers){0};
	enum reason why = nominate_vary(route, response, route->override & OVERRIDE_VARY_STAR, a, out);
	if (why != REASON_NONE)
		return why;
	for (unsigned i = 0; i < route->vary.n; i++)
		nominate_field(route, out, a, lower_copy(route->vary.v[i], a));
	for (unsigned i = 0; i < route->vary_cookie.n; i++)
		nominate(out, a, cookie_field(route->vary_cookie.v[i], a));
	if (has_two_hosts(request)) {
		nominate(out, a, STR("host"));
		nominate(out, a, STR("x-forwarded-host"));
	}
	for (uint32_t i = 0; i < out->n; i++)
		out->v[i].value = normal_form(&request->headers, out->v[i].name, a);
	return REASON_NONE;
}
