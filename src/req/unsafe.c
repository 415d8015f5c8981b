/* Answers to unsafe methods.
 *
 * Invalidation (RFC 9111 4.4). A successful answer to PUT, POST, DELETE, PATCH or a method that nobody here knows takes the
 * pages of its target and, on the same origin, of its Location and Content-Location out of the store: by their keys, as
 * the routes make them for a GET, with all variants. It also refuses what was asked of the origin before and comes
 * only now; see tier_invalidate. A route with cache = off stores nothing, so nothing is taken out.
 *
 * POST (RFC 9110 9.3.3). The answer to a POST is a page of its own, unless the origin says in so many words that it is
 * what a GET would bring: a 200 with explicit freshness and a Content-Location that is the very target. Then it is stored
 * under that URL, after the invalidation that it causes, by the same rules as the answer to a GET; but what a route
 * overrides or sets (ttl, override) is meant for pages, and does not count for a POST. */
#include "req/unsafe.h"

#include <assert.h>

#include "base/log.h"
#include "conf/route.h"
#include "http/uri.h"
#include "http/url.h"
#include "policy/key.h"
#include "req/recall.h"
#include "req/request.h"
#include "req/update.h"

/* The key of a GET for it; false when its route caches nothing. */
static bool key_of(struct flight *f, const struct uri *u, struct cache_key *out)
{
	const struct req *r = f->leader;
	const struct route *route = route_find(f->conf, r->host, u->path);
	if (!route->cache)
		return false;
	key_make(route, r->message.scheme, r->host, u->path, u->query, f->env->key_seed, &f->arena, out);
	return true;
}

/* Returns the epoch from which on answers are new. */
static uint64_t invalidate(struct flight *f, const struct cache_key *key)
{
	struct tier_invalidate op = {.key = *key};
	int err = tier_invalidate(f->env->tier, &op);
	assert(err == ERR_OK); /* as get and put: the tier never waits */
	(void)err;
	recall_forget_pass(flights_recall(f->env->flights), key);
	metrics_inc(f->env->metrics, METRIC_INVALIDATIONS);
	log_debug("store", "%.*s: invalidated by %.*s, %llu variants dropped (request %.*s)", STR_ARG(key->text),
	    STR_ARG(f->request.method_name), (unsigned long long)op.count, STR_ARG(f->id));
	return op.epoch;
}

/* What the first field of that name refers to, when it is on the origin of the target: a stranger's pages are not to be
 * touched (RFC 9111 4.4). */
static bool resolve(struct flight *f, const struct uri *target, struct str name, struct uri *out)
{
	const struct header *field = headers_find(&f->response.headers, name);
	if (!field)
		return false;
	*out = uri_resolve(target, field->value, &f->arena);
	return uri_has_origin(out, target->scheme, target->authority, &f->arena);
}

static void invalidate_named(
    struct flight *f, const struct uri *target, struct str name, const struct cache_key *done_already)
{
	struct uri u;
	struct cache_key key;
	if (!resolve(f, target, name, &u) || !key_of(f, &u, &key) || str_eq(key.text, done_already->text))
		return;
	invalidate(f, &key);
}

/* ---- POST ---- */

static bool is_same(struct str a, struct str b)
{
	return (a.p != NULL) == (b.p != NULL) && str_eq(a, b);
}

/* RFC 9110 8.7, 9.3.3: the content is that of the target itself. Only a 200: a GET that was answered 201 by a page of long ago
 * would be told that it created something. */
static bool speaks_of_target(struct flight *f, const struct uri *target)
{
	struct uri u;
	/* It went out with the visitor's own token, and nobody knows what is to be cut. */
	if (policy_has_tokens(f->route))
		return false;
	if (f->request.method != METHOD_POST || f->response.status != 200 ||
	    headers_count(&f->response.headers, STR("Content-Location")) != 1 ||
	    !resolve(f, target, STR("Content-Location"), &u))
		return false;
	return !u.fragment.p && str_eq(u.path, target->path) && is_same(u.query, target->query);
}

/* RFC 9110 9.3.3: explicit freshness, in the answer itself. */
static bool is_explicit(const struct stored *s)
{
	struct str source = str_of(s->lifetime_source);
	return !str_eq(source, STR(LIFETIME_HEURISTIC)) && !str_eq(source, STR(LIFETIME_NONE));
}

/* As if a GET had brought it, on a route that sets nothing of its own. */
static bool judge_as_get(struct flight *f, struct storable_out *out)
{
	struct http_request asked = f->request;
	struct route plain = *f->route;
	asked.method = METHOD_GET;
	asked.method_name = STR("GET");
	plain.ttl_ms = -1;
	plain.n_ttl_status = 0;
	plain.override = 0;
	update_judge_as(f, &plain, &asked, &f->response, out);
	/* What belongs to one visitor would have to be looked for in the body. */
	return out->store && personal_is_empty(&out->personal) && is_explicit(&out->stored);
}

/* Nothing covered the page since the POST went out: what it shows may else be older than another change. `now` is the
 * tier's epoch at this look. */
static bool is_current(struct flight *f, const struct cache_key *key, uint64_t now)
{
	struct str_list tags = policy_tags(&f->response.headers, &f->arena, UPDATE_TAGS_MAX);
	return now == f->epoch || !tier_purged_since(f->env->tier, f->epoch, key, tags.v, tags.n);
}

void unsafe_answered(struct flight *f, struct storable_out *verdict)
{
	const struct req *r = f->leader;
	int status = f->response.status;
	if (http_method_is_safe(f->request.method) || status < 200 || status > 399)
		return;
	if (!r || r->path.n == 0 || r->path.p[0] != '/') /* OPTIONS * and the like have no page */
		return;
	struct uri target = {.scheme = r->message.scheme, .authority = r->host, .path = r->path, .query = r->query};
	struct cache_key key = {.text = STR_NONE};
	struct storable_out as_get = {.store = false};
	if (key_of(f, &target, &key)) {
		uint64_t before = tier_epoch(f->env->tier);
		bool keep = speaks_of_target(f, &target) && is_current(f, &key, before) && judge_as_get(f, &as_get);
		uint64_t epoch = invalidate(f, &key);
		/* What came in between may have covered this very page. It is rare, and a store lost does no harm. */
		if (keep && epoch == before + 1) {
			f->key = key;
			f->epoch = epoch;
			*verdict = as_get;
		}
	}
	invalidate_named(f, &target, STR("Location"), &key);
	invalidate_named(f, &target, STR("Content-Location"), &key);
}
