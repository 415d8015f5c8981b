/* Answers and the store (RFC 9111 3, 4.3). The fetch itself is fill.c's; what may be stored is policy's.
 *
 * A validation is about all variants of a URL: the request's own one, which is stale, and those that are stored for other
 * requests. The origin may confirm any of them for this request by its tag:
 *
 *	stored              request         asked with              304 says     then
 *	Foo: 1 "a"          Foo: 2          If-None-Match: "a"      "a"          Foo: 2 is stored too, sharing the body of "a"
 *	Foo: 1 "a", 2 "b"   Foo: 2, stale   If-None-Match: "b","a"  "a"          the same; the old Foo: 2 leaves
 *	Foo: 1 "a", 2 "a"   Foo: 2, stale   If-None-Match: "a"      "a"          both are freshened
 *	Foo: 1 "a"          Foo: 2          If-None-Match: "a"      "c"          asked once more, without conditions */
#include "req/update.h"

#include "base/log.h"
#include "base/mem.h"
#include "http/date.h"
#include "policy/reuse.h"
#include "policy/validate.h"
#include "policy/vary.h"
#include "req/remember.h"
#include "req/req.h"
#include "tier/purge_log.h"

_Static_assert((int)POLICY_TAG_MAX <= PURGE_LOG_ARG_MAX, "a purge of a tag that a page has would be one of everything");

enum { MAX_OFFERED = 16 };

/* For how long after a 304 went to a client whose condition it was, others are asked for the whole: who comes together is served
 * by one more fetch, and a page that is asked for more than now and then gets stored. */
enum { WHOLE_MS = 60 * 1000 };

int64_t update_now_ms(const struct flight *f)
{
	return f->env->port->wall_ms(f->env->worker);
}

void update_judge_as(struct flight *f, const struct route *route, const struct http_request *request,
    const struct http_response *r, struct storable_out *out)
{
	struct storable_in in = {
	    .cache = &f->conf->cache,
	    .route = route,
	    .request = request,
	    .response = r,
	    .request_ms = f->fetch.sent_ms,
	    .response_ms = update_now_ms(f),
	};
	policy_storable(&in, &f->arena, out);
}

void update_judge(struct flight *f, const struct http_response *r, struct storable_out *out)
{
	update_judge_as(f, f->route, &f->request, r, out);
}

/* A recipient with a clock adds the Date that is missing when it stores (RFC 9110 6.6.1). */
static void ensure_date(struct flight *f, struct headers *h)
{
	if (headers_find(h, STR("Date")))
		return;
	char *text = arena_alloc(&f->arena, HTTP_DATE_SIZE);
	headers_add(h, &f->arena, STR("Date"), http_date_write(update_now_ms(f) / 1000, text));
}

int update_new_entry(struct flight *f, const struct storable_out *kept, struct body **body_take)
{
	struct headers headers = kept->headers;
	ensure_date(f, &headers);
	if (kept->stored.status == 200 && !stored_has_holes(&kept->stored) &&
	    !headers_find(&headers, STR("Accept-Ranges"))) /* RFC 9110 14.3: we cut it */
		headers_add(&headers, &f->arena, STR("Accept-Ranges"), STR("bytes"));
	struct str_list tags = policy_tags(&f->response.headers, &f->arena, UPDATE_TAGS_MAX);
	struct entry_spec spec = {
	    .key = f->key,
	    .stored = &kept->stored,
	    .headers = &headers,
	    .tags = tags.v,
	    .n_tags = tags.n,
	    .route_id = f->route->metrics_id,
	    .epoch = f->epoch,
	};
	return entry_new(&spec, body_take, f->env->tier->budget, &f->entry);
}

int update_put_entry(struct flight *f, struct entry *e)
{
	struct tier_put op = {.entry = entry_settle(e)};
	int err = tier_put(f->env->tier, &op);
	entry_release(&op.entry);
	if (err != ERR_OK) {
		log_debug("store", "%.*s: not stored: %s", STR_ARG(f->key.text), err_text(err));
		f->dropped = err == ERR_STALE ? REASON_NOT_PURGED : REASON_NOT_FULL;
		remember_failed(f, f->dropped);
		return err;
	}
	f->dropped = REASON_NONE; /* of another try */
	metrics_inc(f->env->metrics, METRIC_STORED);
	/* What was validated is replaced also by an answer that varies by other fields (RFC 9111 4.3.3): the old one would
	 * else go on to match. Where it is of the same variant the put does so, in tiers that come to it later as well. */
	if (f->stale && !entry_replaces(e, f->stale))
		tier_remove(f->env->tier, f->stale);
	remember_stored(f);
	return ERR_OK;
}

void update_put(struct flight *f)
{
	(void)!update_put_entry(f, f->entry);
}

/* A verdict on one client's request (its no-store, its Authorization) is none on the page: else any client could take away
 * what the others share. */
void update_remove_stale(struct flight *f)
{
	if (!reason_is_of_request(f->reason))
		tier_remove(f->env->tier, f->stale);
}

/* ---- asking ---- */

static void offer(void *ctx, struct entry *e)
{
	struct flight *f = ctx;
	if (e == f->stale || f->n_offered == MAX_OFFERED || !policy_may_offer(ENTRY_STORED(e), &f->request.headers) ||
	    !policy_offer(&f->fetch_headers, &f->arena, ENTRY_STORED(e)))
		return;
	f->offered[f->n_offered++] = entry_ref(e);
}

static bool was_relayed_just_now(const struct flight *f)
{
	struct recall_note note;
	return recall_read(flights_recall(f->env->flights), &f->key, &note) && note.reason == REASON_NOT_MODIFIED &&
	       update_now_ms(f) - note.at_ms < WHOLE_MS;
}

static void forget_offered(struct flight *f)
{
	while (f->n_offered > 0)
		entry_release(&f->offered[--f->n_offered]);
}

void update_ask(struct flight *f)
{
	struct headers *h = &f->fetch_headers;
	struct headers clients = {.v = arena_alloc(&f->arena, (h->n + 1) * sizeof(struct header)), .cap = h->n + 1};
	for (uint32_t i = 0; i < h->n; i++)
		clients.v[clients.n++] = h->v[i];
	policy_fetch_conditions(h, &f->arena, f->stale ? ENTRY_STORED(f->stale) : NULL,
	    f->stale ? entry_headers(f->stale, &f->arena) : NULL);
	forget_offered(f); /* of the time before */
	f->relays = false;
	if (f->whole || f->part) /* the rest of a part is confirmed by its own validator */
		return;
	f->offered = arena_alloc(&f->arena, MAX_OFFERED * sizeof(struct entry *));
	tier_variants(f->env->tier, &f->key, offer, f);
	/* RFC 9111 4.3.2: conditions on what we have nothing of are meant for the origin. */
	f->relays = f->leader && !policy_has_tokens(f->route) && !f->stale && f->n_offered == 0 &&
		    policy_relay_conditions(&clients) && !was_relayed_just_now(f);
	if (f->relays)
		*h = clients;
}

void update_forget(struct flight *f)
{
	entry_release(&f->stale);
	forget_offered(f);
	f->whole = true;
}

/* ---- renewing ---- */

/* What is stored has no holes, was not looked through for these values and may be coded: fields with some are of another page. And
 * what is refused for a secret in its fields, or for a cookie, is not for those who wait either. */
static bool is_of_one_visitor(const struct storable_out *verdict, const struct headers *merged)
{
	const struct personal *p = &verdict->personal;
	for (unsigned i = 0; i < p->n_values; i++) {
		if (p->values[i].text.n > 0)
			return true;
	}
	if (!verdict->store)
		return verdict->reason == REASON_NOT_SET_COOKIE || reason_is_personal(verdict->reason);
	return personal_is_cut(p) && headers_find(merged, STR("Content-Encoding"));
}

/* The stored response with the fields of `fresh`, judged as an answer to that request. When it may not be stored, what is
 * known of the old one stays, for those who wait. False: they cannot be put together at all. */
static bool freshen(struct flight *f, const struct http_request *request, const struct entry *old,
    const struct headers *fresh, struct storable_out *out)
{
	struct http_response merged = {.status = old->status, .minor = 1};
	policy_merge_304(entry_headers(old, &f->arena), fresh, &f->arena, &merged.headers);
	update_judge_as(f, f->route, request, &merged, out);
	if (is_of_one_visitor(out, &merged.headers))
		return false;
	if (out->store)
		return true;
	out->stored = *ENTRY_STORED(old);
	out->headers = merged.headers;
	return true;
}

/* Tags go with the fields that name them. ERR_OK or ERR_FULL. */
static int make_renewed(
    struct flight *f, const struct entry *old, const struct storable_out *fresh, uint64_t epoch, struct entry **out)
{
	struct str_list tags = policy_tags(&fresh->headers, &f->arena, UPDATE_TAGS_MAX);
	struct entry_spec spec = {
	    .stored = &fresh->stored, .headers = &fresh->headers, .tags = tags.v, .n_tags = tags.n, .epoch = epoch};
	return entry_renew(old, &spec, out);
}

static bool is_entry(void *ctx, const struct entry *e)
{
	return e == ctx;
}

static bool has_same_names(const struct headers *a, const struct headers *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) { /* both in order of name (policy/vary.h) */
		if (!str_eq(a->v[i].name, b->v[i].name))
			return false;
	}
	return true;
}

/* Freshens what is stored for other requests, unless it left meanwhile, or varies by other fields from now on, of which
 * nobody knows what those requests had. */
static void renew_other(
    struct flight *f, const struct http_request *request, struct entry *old, const struct headers *fresh)
{
	struct tier_get still = {.key = f->key, .match = is_entry, .ctx = old};
	struct storable_out verdict;
	struct entry *renewed;
	if (!freshen(f, request, old, fresh, &verdict) || !verdict.store ||
	    !has_same_names(&verdict.stored.vary, entry_vary(old)))
		return;
	verdict.stored.vary = *entry_vary(old);
	if (make_renewed(f, old, &verdict, f->epoch, &renewed) != ERR_OK)
		return;
	struct tier_put op = {.entry = renewed};
	if (tier_get(f->env->tier, &still) == ERR_OK) {
		entry_release(&still.entry);
		if (tier_put(f->env->tier, &op) == ERR_OK)
			metrics_inc(f->env->metrics, METRIC_STORED);
	}
	entry_release(&renewed);
}

/* 4.3.4: the one with the same strong tag, or what else means the request's own. */
static struct entry *select_confirmed(const struct flight *f, const struct headers *fresh)
{
	if (f->stale && policy_304_selects(ENTRY_STORED(f->stale), fresh, f->n_offered == 0))
		return f->stale;
	for (unsigned i = 0; i < f->n_offered; i++) {
		if (policy_304_names(ENTRY_STORED(f->offered[i]), fresh))
			return f->offered[i];
	}
	/* Without the tag that RFC 9110 15.4.5 demands, it can mean the only one that was asked about. */
	bool is_told_by_one = !f->stale && f->n_offered == 1 && !headers_find(fresh, STR("ETag"));
	return is_told_by_one ? f->offered[0] : NULL;
}

bool update_renew(struct flight *f, const struct http_response *fresh)
{
	struct entry *old = select_confirmed(f, &fresh->headers);
	struct storable_out verdict;
	if (!old)
		return false;
	if (!freshen(f, &f->request, old, &fresh->headers, &verdict) ||
	    make_renewed(f, old, &verdict, old == f->stale ? f->stale_epoch : f->epoch, &f->entry) != ERR_OK)
		return false;
	f->revalidated = true;
	f->reason = verdict.reason;
	if (verdict.store) {
		update_put(f);
	} else {
		struct http_response refused = {.status = old->status, .minor = 1, .headers = verdict.headers};
		remember_refused(f, verdict.reason, &refused);
		if (f->stale)
			update_remove_stale(f);
	}
	/* Under their own variants, the one that was selected among them. */
	for (unsigned i = 0; i < f->n_offered; i++) {
		if (policy_304_names(ENTRY_STORED(f->offered[i]), &fresh->headers))
			renew_other(f, &f->request, f->offered[i], &fresh->headers);
	}
	flight_decide(f, FLIGHT_SHARED);
	return true;
}

/* ---- HEAD ---- */

struct head {
	struct flight *flight;
	struct http_request get; /* what the HEAD would have been */
};

static void compare_with_head(void *ctx, struct entry *e)
{
	struct head *h = ctx;
	struct flight *f = h->flight;
	const struct headers *fresh = &f->response.headers;
	struct storable_out verdict;
	enum head_verdict told = policy_head(ENTRY_STORED(e), entry_headers(e, &f->arena), body_size(e->body), fresh);
	if (told == HEAD_TELLS_NOTHING || !vary_matches(entry_vary(e), &h->get.headers))
		return;
	bool fits = freshen(f, &h->get, e, fresh, &verdict);
	if (!verdict.store && reason_is_of_request(verdict.reason)) /* made for that client, perhaps */
		return;
	bool purged = atomic_load_explicit(&e->purged, memory_order_relaxed);
	switch (told) {
	case HEAD_MAY_BE_SAME:
		if (purged) /* no proof against a purge */
			return;
		break;
	case HEAD_SAME:
	case HEAD_TELLS_NOTHING:
		break;
	case HEAD_DIFFERS:
		atomic_store_explicit(&e->purged, true, memory_order_relaxed);
		return;
	}
	if (!fits || entry_is_partial(e)) /* the next part that comes updates it (3.4) */
		return;
	if (verdict.store)
		renew_other(f, &h->get, e, fresh);
	else
		tier_remove(f->env->tier, e);
}

void update_by_head(struct flight *f)
{
	struct head h = {.flight = f, .get = f->request};
	if (f->response.status != 200)
		return;
	h.get.method = METHOD_GET;
	h.get.method_name = STR("GET");
	tier_variants(f->env->tier, &f->key, compare_with_head, &h);
}
