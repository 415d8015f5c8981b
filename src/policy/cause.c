/* Reasons and the fields that they come from. What is told here is kept (req/recall.h), shown to operators and pasted into
 * tickets, so no secret of a visitor may be in it: the names of cookies, never their values; no credentials. */
#include "policy/cause.h"

#include "http/stored.h"
#include "policy/private.h"
#include "policy/storable.h"
#include "policy/targeted.h"

/* So that the words before it fit a note too (req/recall.h). */
enum { NAME_SHOWN = 40 };

static struct str field(const struct headers *h, struct str name, struct arena *a)
{
	struct str value = headers_joined(h, a, name);
	return value.p ? arena_cat(a, name, STR(": "), value) : STR("");
}

/* The field that the directives of a response are read from (RFC 9213 2.2). They were read before; here they are again where one of
 * several fields may be meant. */
static struct str control(const struct conf_cache *cache, const struct headers *h, struct arena *a)
{
	struct str name = STR_NONE;
	for (unsigned i = 0; i < cache->targeted_control.n; i++) {
		struct cc_response cc;
		if (!headers_find(h, cache->targeted_control.v[i]))
			continue;
		targeted_read(cache, h, a, &cc);
		name = cc.targeted;
		break;
	}
	return field(h, name.n > 0 ? name : STR("Cache-Control"), a);
}

/* What said how long it is fresh, or tried to: the order is that of policy/freshness.c. */
static struct str freshness(const struct conf_cache *cache, const struct headers *h, struct arena *a)
{
	struct cc_response cc;
	struct str expires = field(h, STR("Expires"), a);
	if (expires.n == 0)
		return control(cache, h, a);
	targeted_read(cache, h, a, &cc);
	bool has_age = cc.s_maxage_s != CC_ABSENT || cc.max_age_s != CC_ABSENT;
	return has_age || cc.targeted.n > 0 ? control(cache, h, a) : expires;
}

static bool any_cookie(const struct route *route, struct str field)
{
	return true;
}

/* "Set-Cookie: session, lang", without their values, of those that are meant. */
static struct str cookies(const struct headers *h, const struct route *route,
    bool (*is_meant)(const struct route *route, struct str field), struct arena *a)
{
	struct str out = STR("");
	for (uint32_t i = 0; i < h->n; i++) {
		struct str value = h->v[i].value;
		bool old = str_eq_nocase(h->v[i].name, STR("Set-Cookie2"));
		if ((!old && !str_eq_nocase(h->v[i].name, STR("Set-Cookie"))) || !is_meant(route, value))
			continue;
		size_t equals = str_index(value, '=');
		/* Without '=' servers differ in whether it is a name or a value: it may be a secret. */
		struct str name = equals < value.n ? str_trim(str_take(value, equals)) : STR("(unnamed)");
		out = arena_printf(a, "%.*s%s%.*s", STR_ARG(out),
		    out.n > 0 ? ", "
		    : old     ? "Set-Cookie2: "
			      : "Set-Cookie: ",
		    STR_ARG(name));
	}
	return out;
}

struct str cause_of_refusal(const struct conf_cache *cache, const struct route *route, enum reason why,
    const struct http_response *response, struct arena *a)
{
	const struct headers *h = &response->headers;
	const char *option;
	switch (why) {
	case REASON_NOT_NO_STORE:
	case REASON_NOT_PRIVATE:
	case REASON_NOT_MUST_UNDERSTAND:
	case REASON_NOT_NO_CACHE:
		return control(cache, h, a);
	case REASON_NOT_STATUS:
	case REASON_NOT_FRESH:
	case REASON_NOT_INVALID:
		return freshness(cache, h, a);
	case REASON_NOT_EXPIRED:
		if (policy_ttl(route, response->status, &option) < 0)
			return freshness(cache, h, a);
		return arena_printf(a, "%s of the route", option);
	case REASON_NOT_SET_COOKIE:
		return cookies(h, route, any_cookie, a);
	case REASON_NOT_CSRF_TOKEN:
		return cookies(h, route, policy__is_strange_token, a);
	case REASON_NOT_TOKEN_SHAPE:
	case REASON_NOT_TOKEN_TWICE:
		return cookies(h, route, policy_is_token_cookie, a);
	case REASON_NOT_CODING:
		return field(h, STR("Content-Encoding"), a);
	case REASON_NOT_VARY_STAR:
	case REASON_NOT_VARY_CLIENT:
	case REASON_NOT_VARY_INVALID:
		return field(h, STR("Vary"), a);
	case REASON_NOT_PARTIAL:
		return field(h, STR("Content-Range"), a);
	case REASON_NOT_TOO_LARGE:
		return field(h, STR("Content-Length"), a);
	case REASON_NOT_AUTHORIZATION:
		return STR("Authorization in the request");
	case REASON_NOT_REQUEST_NO_STORE:
		return STR("Cache-Control: no-store in the request");
	case REASON_NOT_HEAD:
		return STR("the method of the request");
	default:
		return STR("");
	}
}

struct str cause_of_leak(enum reason why, struct str name, struct arena *a)
{
	const char *where = "the value of";
	if (why == REASON_NOT_LEAK_COOKIE)
		where = "the value of the request's cookie";
	else if (why == REASON_NOT_LEAK_SET_COOKIE)
		where = "the value of Set-Cookie:";
	else if (why == REASON_NOT_LEAK_FIELD)
		where = "the value of the request's field";
	else if (why == REASON_NOT_LEAK_AUTHORIZATION)
		where = "the credential of the request's";
	return arena_printf(a, "%s %.*s", where, STR_ARG(str_take(name, NAME_SHOWN)));
}

struct str cause_of_lifetime(
    const struct conf_cache *cache, const struct stored *s, const struct headers *headers, struct arena *a)
{
	struct str source = str_of(s->lifetime_source);
	if (str_eq(source, STR(LIFETIME_TTL)))
		return STR("ttl of the route");
	if (str_eq(source, STR(LIFETIME_HEURISTIC)))
		return STR("Last-Modified (heuristic)");
	return str_eq(source, STR(LIFETIME_NONE)) ? STR("") : freshness(cache, headers, a);
}
