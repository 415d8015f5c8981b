/* The verdict on a response: a list of refusals, in the order in which they are worth telling, then freshness, then what is
 * kept. */
#include "policy/storable.h"

#include "http/date.h"
#include "policy/cc.h"
#include "policy/freshness.h"
#include "policy/private.h"
#include "policy/targeted.h"
#include "policy/vary.h"

#define S_MS 1000

/* Statuses whose rules of caching are obeyed here, for must-understand (RFC 9111 5.2.2.3): those of RFC 9110 15 that are in
 * use. Not 428, 429, 431 and 511, which RFC 6585 wants never to be stored, and which are, when they say for how long. */
static bool is_understood(int status)
{
	if (status >= 400 && status < 500)
		return (status != 402 && status <= 417) || status == 421 || status == 422 || status == 426;
	return (status >= 200 && status <= 206) || (status >= 300 && status <= 303) || status == 307 || status == 308 ||
	       (status >= 500 && status <= 505);
}

static bool has(const struct headers *h, struct str name)
{
	return headers_find(h, name) != NULL;
}

int64_t policy_ttl(const struct route *route, int status, const char **option)
{
	for (unsigned i = 0; i < route->n_ttl_status; i++) {
		if (route->ttl_status[i].status == status) {
			*option = "ttl_status";
			return route->ttl_status[i].ttl_ms;
		}
	}
	int64_t ttl_ms = status == 200 ? route->ttl_ms : -1;
	*option = ttl_ms >= 0 ? "ttl" : NULL;
	return ttl_ms;
}

/* True when the route lifts what forbids to store; that is noted in *by. */
static bool is_lifted(const struct storable_in *in, unsigned flag, enum stored_by bit, uint8_t *by)
{
	if (!(in->route->override & flag))
		return false;
	*by |= (uint8_t)bit;
	return true;
}

/* RFC 9111 3, the request's side: its method is understood and brings content, and neither it (5.2.1.5) nor its
 * Authorization (3.5) forbid. */
static enum reason refuse_for_request(const struct storable_in *in, const struct cc_response *cc, uint8_t *by)
{
	struct cc_request request_cc;
	if (in->request->method == METHOD_HEAD)
		return REASON_NOT_HEAD;
	if (in->request->method != METHOD_GET)
		return REASON_NOT_RESPONSE;
	cc_read_client(in->route, &in->request->headers, &request_cc);
	if (request_cc.no_store && !is_lifted(in, OVERRIDE_NO_STORE, STORED_BY_NO_STORE, by))
		return REASON_NOT_REQUEST_NO_STORE;
	/* 3.5: these three say that an answer to Authorization may be shared. */
	bool may_share = cc->public || cc->must_revalidate || cc->s_maxage_s != CC_ABSENT;
	if (has(&in->request->headers, STR("Authorization")) && !may_share &&
	    !is_lifted(in, OVERRIDE_AUTHORIZATION, STORED_BY_AUTHORIZATION, by))
		return REASON_NOT_AUTHORIZATION;
	return REASON_NONE;
}

static bool sets_cookie(const struct header *field)
{
	return str_eq_nocase(field->name, STR("Set-Cookie")) || str_eq_nocase(field->name, STR("Set-Cookie2"));
}

/* Cookies that are set, but for the route's tokens. A page with a framework's token in it is no better without its cookie: the forms
 * of all but the first visitor would fail, so a route that does not know the token has to say more than set_cookie. */
static enum reason refuse_for_cookies(const struct route *route, const struct headers *h, uint8_t *by)
{
	bool any = false, strange = false;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!sets_cookie(&h->v[i]) || policy_is_token_cookie(route, h->v[i].value))
			continue;
		any = true;
		strange |= policy__is_strange_token(route, h->v[i].value);
	}
	if (!any)
		return REASON_NONE;
	*by |= STORED_BY_COOKIE;
	if (strange && (route->leak_guard || route->set_cookie == SET_COOKIE_REFUSE))
		return REASON_NOT_CSRF_TOKEN;
	return route->set_cookie == SET_COOKIE_REFUSE ? REASON_NOT_SET_COOKIE : REASON_NONE;
}

/* RFC 9111 3, the response's side. */
static enum reason refuse_for_response(const struct storable_in *in, const struct cc_response *cc, uint8_t *by)
{
	const struct http_response *r = in->response;
	if (r->status < 200 || r->status == 304) /* not final, or no response of its own */
		return REASON_NOT_RESPONSE;
	if (r->status == 206)
		return REASON_NOT_PARTIAL;
	/* 5.2.2.3: must-understand lifts no-store for statuses that are understood, and forbids the others. */
	bool understood = is_understood(r->status);
	if (cc->no_store && !(cc->must_understand && understood) &&
	    !is_lifted(in, OVERRIDE_NO_STORE, STORED_BY_NO_STORE, by))
		return REASON_NOT_NO_STORE;
	if (cc->must_understand && !understood)
		return REASON_NOT_MUST_UNDERSTAND;
	if (cc->private && !is_lifted(in, OVERRIDE_PRIVATE, STORED_BY_PRIVATE, by))
		return REASON_NOT_PRIVATE;
	return refuse_for_cookies(in->route, &r->headers, by);
}

/* A 304 confirms what would have been a 200 (RFC 9110 15.4.5), so the validators of others are of no use. */
static bool has_validator(const struct stored *s)
{
	return s->status < 300 && (s->etag.n > 0 || s->last_modified_s >= 0);
}

/* Is it worth keeping (3, last condition, and 4): fresh now, or of use when it is stale? */
static enum reason refuse_for_freshness(
    const struct storable_in *in, const struct cc_response *cc, const struct freshness *f, const struct stored *s)
{
	int status = in->response->status;
	if (!f->is_explicit && !cc->public && !freshness_status_is_heuristic(status))
		return REASON_NOT_STATUS;
	if (has_validator(s))
		return REASON_NONE;
	if (s->no_cache)
		return REASON_NOT_NO_CACHE;
	int64_t usable_ms = f->lifetime_ms + (s->swr_ms > s->sie_ms ? s->swr_ms : s->sie_ms);
	if (usable_ms > f->initial_age_ms)
		return REASON_NONE;
	if (f->is_invalid)
		return REASON_NOT_INVALID;
	return f->is_explicit ? REASON_NOT_EXPIRED : REASON_NOT_FRESH;
}

static int64_t window_ms(int64_t said_s, int64_t default_ms, enum stored_by bit, uint8_t *by)
{
	if (said_s != CC_ABSENT)
		return said_s * S_MS;
	if (default_ms > 0)
		*by |= (uint8_t)bit;
	return default_ms;
}

/* How long it may be served stale: what the response allows (RFC 5861), else what the route does by default. The defaults
 * are for pages that were fresh once: else stale_while_revalidate would cache what the origin never said a word about. */
static void describe_stale(
    const struct storable_in *in, const struct cc_response *cc, const struct freshness *f, struct stored *s)
{
	if (s->must_revalidate || s->no_cache)
		return;
	bool was_fresh = f->lifetime_ms > f->initial_age_ms;
	s->swr_ms =
	    window_ms(cc->stale_while_revalidate_s, was_fresh ? in->route->swr_ms : 0, STORED_BY_SWR, &s->by_route);
	s->sie_ms = window_ms(
	    cc->stale_if_error_s, was_fresh || has_validator(s) ? in->route->sie_ms : 0, STORED_BY_SIE, &s->by_route);
	/* A stale-if-error of the response is the limit for all failures (RFC 5861 4). What came with a tag and no word of
	 * freshness may be made for one visitor: only the origin can tell, so nobody gets it without asking there. */
	s->unreachable_ms = window_ms(cc->stale_if_error_s, was_fresh || f->is_explicit ? in->route->unreachable_ms : 0,
	    STORED_BY_UNREACHABLE, &s->by_route);
}

static struct stored describe(
    const struct storable_in *in, const struct cc_response *cc, const struct freshness *f, bool by_ttl)
{
	const struct http_response *r = in->response;
	struct stored s = {
	    .status = r->status,
	    .response_ms = in->response_ms,
	    .initial_age_ms = f->initial_age_ms,
	    .lifetime_ms = f->lifetime_ms,
	    .lifetime_source = f->source,
	    .no_cache = cc->no_cache && !by_ttl,
	    .date_s = f->date_s >= 0 ? f->date_s : in->response_ms / S_MS,
	    .last_modified_s = freshness_date_s(&r->headers, STR("Last-Modified"), in->response_ms / S_MS),
	};
	/* 5.2.2.2, 5.2.2.8, 5.2.2.10: none of these is ever served stale. */
	s.must_revalidate = cc->must_revalidate || cc->proxy_revalidate || (cc->s_maxage_s != CC_ABSENT && !by_ttl);
	if (headers_count(&r->headers, STR("ETag")) == 1)
		s.etag = headers_get(&r->headers, STR("ETag"));
	describe_stale(in, cc, f, &s);
	return s;
}

static bool is_stored(const struct route *route, const struct header *field)
{
	if (str_eq_nocase(field->name, STR("Age"))) /* made anew for each answer (RFC 9111 4) */
		return false;
	return !sets_cookie(field) ||
	       (route->set_cookie != SET_COOKIE_STRIP && !policy_is_token_cookie(route, field->value));
}

/* RFC 9111 3.1: all fields but those of one connection and of the proxy's own hop. */
static struct headers stored_headers(const struct storable_in *in, struct arena *a)
{
	const struct headers *from = &in->response->headers;
	struct headers to = {.v = arena_alloc(a, (from->n + 1) * sizeof(struct header)), .cap = from->n + 1};
	for (uint32_t i = 0; i < from->n; i++) {
		if (is_stored(in->route, &from->v[i]))
			to.v[to.n++] = from->v[i];
	}
	headers_remove_hop_by_hop(&to);
	/* RFC 9110 6.6.1: who stores a response without Date adds the time of its arrival. */
	if (!has(&to, STR("Date"))) {
		char *text = arena_alloc(a, HTTP_DATE_SIZE);
		headers_add(&to, a, STR("Date"), http_date_write(in->response_ms / S_MS, text));
	}
	return to;
}

static enum reason judge(const struct storable_in *in, struct arena *a, struct storable_out *out)
{
	struct cc_response cc;
	uint8_t by = 0;
	const char *option;
	targeted_read(in->cache, &in->response->headers, a, &cc);
	enum reason why = refuse_for_response(in, &cc, &by);
	if (why == REASON_NONE)
		why = refuse_for_request(in, &cc, &by);
	if (why == REASON_NONE)
		why = vary_nominate(in->route, in->request, &in->response->headers, a, &out->stored.vary);
	if (why != REASON_NONE)
		return why;
	if (vary_is_lifted(in->route, &in->response->headers, a))
		by |= STORED_BY_VARY;
	int64_t ttl_ms = policy_ttl(in->route, in->response->status, &option);
	struct freshness_in freshness_in = {
	    .cache = in->cache,
	    .response = in->response,
	    .cc = &cc,
	    .ttl_ms = ttl_ms,
	    .request_ms = in->request_ms,
	    .response_ms = in->response_ms,
	};
	struct freshness f = freshness_of(&freshness_in);
	struct headers vary = out->stored.vary;
	out->stored = describe(in, &cc, &f, ttl_ms >= 0);
	out->stored.vary = vary;
	out->stored.by_route |= by;
	return refuse_for_freshness(in, &cc, &f, &out->stored);
}

/* The fields that go into the store, without what belongs to one visitor. */
static enum reason keep(
    const struct storable_in *in, const struct personal_in *personal, struct arena *a, struct storable_out *out)
{
	out->headers = stored_headers(in, a);
	enum reason why = policy_personal(personal, a, &out->headers, &out->personal);
	if (out->stored.etag.n > 0)
		out->stored.etag = headers_get(&out->headers, STR("ETag"));
	return why;
}

void policy_storable(const struct storable_in *in, struct arena *a, struct storable_out *out)
{
	struct personal_in personal = {
	    .route = in->route,
	    .request = in->request,
	    .response = in->response,
	    .response_ms = in->response_ms,
	};
	*out = (struct storable_out){0};
	enum reason why = judge(in, a, out);
	if (why == REASON_NONE)
		why = keep(in, &personal, a, out);
	else if (in->request->method == METHOD_GET)
		policy_personal_tokens(&personal, a, &out->personal);
	out->store = why == REASON_NONE;
	out->reason = out->store ? REASON_STORED : why;
}

/* ---- tags ---- */

static void add_tag(struct str_list *list, unsigned max, struct str tag)
{
	if (tag.n == 0 || tag.n > POLICY_TAG_MAX || list->n == max)
		return;
	for (unsigned i = 0; i < list->n; i++) {
		if (str_eq(list->v[i], tag))
			return;
	}
	list->v[list->n++] = tag;
}

static void add_tags(struct str_list *list, unsigned max, struct str value, char separator)
{
	struct str part;
	while (str_cut(&value, separator, &part))
		add_tag(list, max, str_trim(part));
}

struct str_list policy_tags(const struct headers *h, struct arena *a, unsigned max)
{
	struct str_list list = {0};
	for (uint32_t i = 0; i < h->n; i++) {
		bool by_comma = str_eq_nocase(h->v[i].name, STR("Cache-Tag"));
		if (!by_comma && !str_eq_nocase(h->v[i].name, STR("Surrogate-Key")))
			continue;
		if (!list.v)
			list.v = arena_alloc(a, max * sizeof(struct str));
		add_tags(&list, max, h->v[i].value, by_comma ? ',' : ' ');
	}
	return list;
}
