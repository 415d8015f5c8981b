/* May a request be looked up, and may what was found answer it (RFC 9111 4)? Runs on every hit: the request's Cache-Control is
 * read once, nothing is allocated. */
#include "policy/reuse.h"

#include "policy/cc.h"
#include "policy/freshness.h"
#include "policy/token.h"
#include "policy/vary.h"

#define S_MS 1000

/* "h2c" asks for HTTP/2 on the same connection, for which HTTP/1.1 is always an answer (RFC 9113 3.1). */
static bool asks_for_other_protocol(const struct http_request *request, bool upgrade, bool connection)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, protocol;
	/* RFC 9110 7.8: from HTTP/1.0 the field is ignored, as it is when Connection does not name it. */
	if (!upgrade || !connection || request->minor < 1 ||
	    !headers_has_token(&request->headers, STR("Connection"), STR("upgrade")))
		return false;
	while (headers_list_next(&request->headers, STR("Upgrade"), &field, &rest, &protocol)) {
		if (!str_eq_nocase(protocol, STR("h2c")))
			return true;
	}
	return false;
}

/* What the fields of a GET say against looking it up; one pass over them. */
static enum reason pass_for_fields(const struct http_request *request)
{
	bool upgrade = false, connection = false;
	for (uint32_t i = 0; i < request->headers.n; i++) {
		struct str name = request->headers.v[i].name;
		upgrade = upgrade || str_eq_nocase(name, STR("Upgrade"));
		connection = connection || str_eq_nocase(name, STR("Connection"));
		if (str_eq_nocase(name, STR("If-Match")) || str_eq_nocase(name, STR("If-Unmodified-Since")))
			return REASON_PASS_CONDITION;
	}
	return asks_for_other_protocol(request, upgrade, connection) ? REASON_PASS_UPGRADE : REASON_NONE;
}

static bool is_path(struct str target)
{
	return (target.n > 0 && target.p[0] == '/') || str_starts_nocase(target, STR("http://")) ||
	       str_starts_nocase(target, STR("https://"));
}

enum lookup policy_lookup(const struct route *route, const struct http_request *request, enum reason *reason)
{
	if (!route->cache)
		*reason = REASON_PASS_ROUTE;
	else if (request->method != METHOD_GET && request->method != METHOD_HEAD)
		*reason = REASON_PASS_METHOD;
	else if (request->has_body)
		*reason = REASON_PASS_BODY;
	else if (!is_path(request->target))
		*reason = REASON_PASS_TARGET;
	else if (policy_tokens_are_ambiguous(route, &request->headers))
		*reason = REASON_PASS_TOKENS;
	else
		*reason = pass_for_fields(request);
	return *reason == REASON_NONE ? LOOKUP_YES : LOOKUP_PASS;
}

/* A stored response as one request meets it. */
struct state {
	const struct stored *s;
	struct cc_request cc;
	bool purged;
	int64_t age_ms;
	int64_t ttl_ms;
	int64_t stale_ms; /* how long it is stale already; -1: fresh */
};

static bool is_fresh(const struct state *e)
{
	return e->stale_ms < 0;
}

/* 4.2.4: nothing in the response forbids a stale answer. */
static bool may_be_stale(const struct state *e)
{
	return !e->s->must_revalidate && !e->s->no_cache;
}

/* Why the client wants a fresher one (5.2.1.1, 5.2.1.3, 5.2.1.4), NONE: it does not. With max-age=0 it always wants a new
 * one. */
static enum reason too_old_for_client(const struct state *e)
{
	const struct cc_request *cc = &e->cc;
	if (cc->no_cache)
		return REASON_MISS_REQUEST;
	if (cc->max_age_s != CC_ABSENT && (cc->max_age_s == 0 || e->age_ms > cc->max_age_s * S_MS))
		return REASON_MISS_REQUEST_MAX_AGE;
	if (cc->min_fresh_s != CC_ABSENT && e->ttl_ms < cc->min_fresh_s * S_MS)
		return REASON_MISS_REQUEST_MIN_FRESH;
	return REASON_NONE;
}

/* RFC 5861 3. A client that sets limits of its own does not wish a stale answer, unless it says so (5.2.1.1). */
static bool may_serve_while_revalidating(const struct state *e)
{
	bool sets_limits = e->cc.max_age_s != CC_ABSENT || e->cc.min_fresh_s != CC_ABSENT;
	return may_be_stale(e) && e->stale_ms < e->s->swr_ms && !(sets_limits && e->cc.max_stale_s == CC_ABSENT);
}

/* 5.2.1.2 */
static bool does_client_take_stale(const struct state *e)
{
	return e->cc.max_stale_s != CC_ABSENT && may_be_stale(e) && !e->purged &&
	       (e->cc.max_stale_s == CC_FOREVER_S || e->stale_ms <= e->cc.max_stale_s * S_MS);
}

/* RFC 5861 4: the response's window, or the request's. */
static bool may_serve_on_error(const struct state *e)
{
	int64_t window_ms = e->s->sie_ms;
	if (e->s->no_cache)
		return false;
	if (is_fresh(e))
		return true;
	if (e->cc.stale_if_error_s * S_MS > window_ms)
		window_ms = e->cc.stale_if_error_s * S_MS;
	return may_be_stale(e) && e->stale_ms < window_ms;
}

/* RFC 9111 4.2.4: a cache that is disconnected may go on where nothing forbids, and does so for a bounded time. */
static bool may_serve_when_unreachable(const struct state *e)
{
	return may_serve_on_error(e) || (may_be_stale(e) && e->stale_ms < e->s->unreachable_ms);
}

static void judge(const struct state *e, struct reuse_verdict *v)
{
	enum reason wish = too_old_for_client(e);
	bool too_old = wish != REASON_NONE;
	v->reuse = REUSE_REVALIDATE;
	if (e->s->no_cache) {
		v->reason = REASON_MISS_NO_CACHE;
	} else if (is_fresh(e)) {
		v->reuse = too_old ? REUSE_REVALIDATE : REUSE_FRESH;
		v->reason = too_old ? wish : REASON_HIT;
	} else if (!too_old && may_serve_while_revalidating(e)) {
		v->reuse = REUSE_STALE;
		v->reason = REASON_HIT_STALE;
	} else if (!too_old && does_client_take_stale(e)) {
		v->reuse = REUSE_FRESH;
		v->reason = REASON_HIT_MAX_STALE;
	} else {
		v->reason = e->purged ? REASON_MISS_PURGED : REASON_MISS_STALE;
	}
}

struct reuse_verdict policy_reuse(
    const struct route *route, const struct http_request *request, const struct stored *s, bool purged, int64_t now_ms)
{
	struct state e = {.s = s, .purged = purged, .age_ms = freshness_age_ms(s, now_ms)};
	cc_read_client(route, &request->headers, &e.cc);
	/* 4.2: fresh while the lifetime is greater than the age. A purge makes it stale from now on. */
	e.ttl_ms = s->lifetime_ms - e.age_ms;
	if (purged && e.ttl_ms > 0)
		e.ttl_ms = 0;
	e.stale_ms = e.ttl_ms > 0 ? -1 : -e.ttl_ms;

	struct reuse_verdict v = {.age_ms = e.age_ms, .ttl_ms = e.ttl_ms};
	judge(&e, &v);
	v.stale_if_error = may_serve_on_error(&e);
	v.stale_if_unreachable = may_serve_when_unreachable(&e);
	if (v.reuse == REUSE_REVALIDATE && e.cc.only_if_cached) { /* 5.2.1.7 */
		v.reuse = REUSE_UNSATISFIABLE;
		v.reason = REASON_ERROR_ONLY_IF_CACHED;
	}
	return v;
}

enum reuse policy_miss(const struct route *route, const struct http_request *request)
{
	struct cc_request cc;
	cc_read_client(route, &request->headers, &cc);
	return cc.only_if_cached ? REUSE_UNSATISFIABLE : REUSE_REVALIDATE;
}

bool policy_may_collapse(const struct stored *s)
{
	/* 5.2.2.4: a no-cache response answers no other request that was not validated itself. */
	return !s->no_cache && (s->lifetime_ms > 0 || (s->swr_ms > 0 && !s->must_revalidate));
}
