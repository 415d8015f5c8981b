/* Answers: from a stored entry, from the leader's own response, and the short pages for errors of ours. The fields that
 * change with each answer (Age, Cache-Status) are added here; everything else was decided when the response was stored. */
#include "req/request.h"

#include <assert.h>

#include "base/clock.h"
#include "policy/cache_status.h"
#include "policy/filled.h"
#include "policy/validate.h"
#include "req/fillin.h"
#include "req/forward.h"
#include "req/part.h"
#include "req/personal.h"

/* How many fields are added at most without another place for the list. */
enum { ADDED = 6 };
enum { PIECES = 8 }; /* of a body, as many as fill the window of one that is not kept */

/* A copy of the list (not of its strings) with room for what is added. */
static void take_headers(struct req *r, const struct headers *from)
{
	struct headers *h = &r->answer.headers;
	h->cap = from->n + ADDED;
	h->v = arena_alloc(&r->arena, h->cap * sizeof *h->v);
	h->n = from->n;
	if (from->n > 0)
		memcpy(h->v, from->v, from->n * sizeof *h->v);
}

static void add_cache_status(struct req *r, struct cache_status *s)
{
	if (r->conf->server.cache_status == CACHE_STATUS_OFF)
		return;
	s->cache = r->conf->server.via;
	/* A request that was not looked up has the key of nothing. */
	if (r->conf->server.cache_status == CACHE_STATUS_KEY && str_starts(r->key.text, STR("GET ")))
		s->key = r->key.text;
	struct str upstream = headers_joined(&r->answer.headers, &r->arena, STR("Cache-Status"));
	headers_set(&r->answer.headers, &r->arena, STR("Cache-Status"), cache_status_write(s, upstream, &r->arena));
}

static bool is_bodyless(const struct req *r, int status)
{
	return r->message.method == METHOD_HEAD || status == 204 || status == 304 || status < 200;
}

struct reuse_verdict answer_verdict(const struct req *r, const struct entry *e)
{
	return policy_reuse(r->route, &r->message, ENTRY_STORED(e),
	    atomic_load_explicit(&e->purged, memory_order_relaxed), r->env->port->wall_ms(r->env->worker));
}

bool answer_is_overtaken(const struct req *r)
{
	const struct entry *e = r->entry;
	return tier_purged_since(r->env->tier, r->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e));
}

static void conclude(struct req *r, enum outcome outcome, enum reason reason)
{
	r->answer.bodyless = is_bodyless(r, r->answer.status);
	if (r->answer.bodyless) /* a reader that never reads would hold up the others once the body is a window */
		body_reader_close(&r->waiter.reader);
	r->outcome = outcome;
	r->reason = reason;
	r->step = REQ_ANSWERED;
}

static void finish(struct req *r, enum outcome outcome, enum reason reason)
{
	conclude(r, outcome, reason);
	if (r->route)
		header_ops_apply(&r->route->response_headers, &r->arena, &r->answer.headers);
	if (r->answer.is_personal) /* whatever the settings put into them */
		policy_personal_headers(&r->conf->cache, r->answer.personal_tag, &r->arena, &r->answer.headers);
}

static void describe(struct req *r, const struct entry *e, enum outcome outcome, enum reason reason)
{
	struct cache_status s = {.has_ttl = true, .ttl_s = clock_floor_s(r->verdict.ttl_ms)};
	headers_set(&r->answer.headers, &r->arena, STR("Age"), arena_i64(&r->arena, r->age_ms / 1000));
	/* RFC 9211 2.1: what went forward and was answered is no hit, be the answer an error that nobody sees. */
	bool hides_error = outcome == OUTCOME_STALE && r->flight && r->flight->state == FLIGHT_STALE;
	if (hides_error) {
		s.fwd = cache_status_fwd(r->fwd);
		s.fwd_status = r->flight->response.status;
		s.detail = reason;
	} else if (outcome == OUTCOME_HIT || outcome == OUTCOME_STALE) {
		s.hit = true;
		s.detail = reason;
	} else {
		s.fwd = cache_status_fwd(r->fwd);
		s.fwd_status = r->flight && r->flight->revalidated ? 304 : e->status;
		s.collapsed = outcome == OUTCOME_COLLAPSED;
		s.stored = r->flight && r->flight->reason == REASON_STORED;
	}
	add_cache_status(r, &s);
}

/* The page as a tier gave it: whole, in memory, with nothing for this visitor alone. Nothing of it changes any more, so that
 * nobody takes the body's lock, which all workers share. */
static bool is_plain(const struct req *r, const struct entry *e, enum outcome outcome, enum reason reason)
{
	return outcome == OUTCOME_HIT && reason == REASON_HIT && r->found_in && !r->flight && body_file(e->body) < 0 &&
	       !entry_has_holes(e) && !r->asks_range && r->visitor.cookies.n == 0;
}

/* `fields`: those of the entry; NULL: they are unpacked where they count. */
static bool is_not_modified(struct req *r, const struct entry *e, const struct headers *fields)
{
	static const struct headers none;
	bool by_tag = headers_find(&r->message.headers, STR("If-None-Match")) != NULL;
	if (!by_tag && !headers_find(&r->message.headers, STR("If-Modified-Since")))
		return false;
	if (!fields) /* they count only where dates do (RFC 9110 13.2.2) */
		fields = by_tag ? &none : entry_headers(e, &r->arena);
	return policy_not_modified(&r->message, ENTRY_STORED(e), fields, r->env->port->wall_ms(r->env->worker) / 1000);
}

static void answer_plainly(struct req *r, const struct entry *e)
{
	struct answer *a = &r->answer;
	a->plain = (struct answer_plain){.is = true,
	    .conf = r->conf,
	    .route = r->route,
	    .age_s = r->age_ms / 1000,
	    .ttl_s = clock_floor_s(r->verdict.ttl_ms)};
	a->kind = ANSWER_WHOLE;
	a->length = (int64_t)body_settled_size(e->body);
	if (is_not_modified(r, e, NULL))
		a->status = 304;
	conclude(r, OUTCOME_HIT, REASON_HIT);
}

void answer_fields(struct req *r)
{
	struct answer *a = &r->answer;
	if (!a->plain.is || a->headers.v)
		return;
	entry_copy_headers(a->entry, &r->arena, ADDED, &a->headers);
	describe(r, a->entry, OUTCOME_HIT, REASON_HIT);
	if (a->status == 304)
		policy_304_headers(&a->headers);
	header_ops_apply(&r->route->response_headers, &r->arena, &a->headers);
}

/* What is the same for all: its bytes, or those of them that the request asks for. */
static void send_stored(struct req *r, const struct entry *e)
{
	struct answer *a = &r->answer;
	if (is_not_modified(r, e, &a->headers)) {
		a->status = 304;
		policy_304_headers(&a->headers);
	}
	if (body_file(e->body) >= 0) {
		a->kind = ANSWER_FILE;
		a->length = (int64_t)body_size(e->body);
	} else if (body_complete(e->body)) {
		a->kind = ANSWER_WHOLE;
		a->length = (int64_t)body_size(e->body);
	} else {
		a->kind = ANSWER_STREAM;
		a->length = r->flight->length;
	}
	/* 13.2.2: after the conditions. */
	if (r->asks_range && a->status != 304)
		part_cut(r, e);
}

enum req_step answer_from_entry(struct req *r, struct entry *e, enum outcome outcome, enum reason reason)
{
	struct answer *a = &r->answer;
	if (r->entry != e) {
		entry_release(&r->entry);
		r->entry = entry_ref(e);
	}
	if (visitor_wants_token(r, e)) {
		r->visitor.outcome = outcome;
		r->visitor.reason = reason;
		return REQ_TOKEN;
	}
	a->entry = e;
	a->status = e->status;
	r->age_ms = r->verdict.age_ms;
	if (is_plain(r, e, outcome, reason)) {
		answer_plainly(r, e);
		return REQ_ANSWERED;
	}
	entry_copy_headers(e, &r->arena, ADDED, &a->headers);
	bool has_holes = entry_has_holes(e);
	if (has_holes) /* before anything is added: holes name their fields by number */
		fillin_answer(r, e, r->visitor.token);
	describe(r, e, outcome, reason);
	if (!has_holes)
		send_stored(r, e);
	for (uint32_t i = 0; i < r->visitor.cookies.n; i++)
		headers_add(&a->headers, &r->arena, r->visitor.cookies.v[i].name, r->visitor.cookies.v[i].value);
	finish(r, outcome, reason);
	return REQ_ANSWERED;
}

/* For the leader: STORED, or why not. */
static enum reason fate_of(const struct flight *f)
{
	return f->dropped != REASON_NONE ? f->dropped : f->reason;
}

/* What is to be said of a response that went through: why it was not stored, `otherwise` when it was. */
static enum reason worth_telling(const struct req *r, enum reason otherwise)
{
	enum reason fate = fate_of(r->flight);
	if (!r->flight->may_store)
		return r->fwd;
	return fate == REASON_STORED ? otherwise : fate;
}

/* All that is to come is there already, as it is of most pages: no copy is made, and it leaves in one go with the head. */
static bool take_rest(struct req *r)
{
	struct answer *a = &r->answer;
	struct str *pieces = arena_alloc(&r->arena, PIECES * sizeof *pieces);
	if (r->is_filled || r->asks_range || !body_read_rest(&r->waiter.reader, pieces, PIECES, &a->n_slices))
		return false;
	a->kind = ANSWER_PARTS;
	a->slices = pieces;
	a->length = 0;
	for (unsigned i = 0; i < a->n_slices; i++)
		a->length += (int64_t)pieces[i].n;
	return true;
}

void answer_from_flight(struct req *r)
{
	struct flight *f = r->flight;
	struct answer *a = &r->answer;
	take_headers(r, &f->response.headers);
	a->status = f->response.status;
	a->length = f->length;
	personal_answer(r);
	struct cache_status s = {.fwd = cache_status_fwd(r->fwd),
	    .fwd_status = a->status,
	    /* Of what is still looked through nobody knows yet (RFC 9211 2.5). */
	    .stored = fate_of(f) == REASON_STORED && (!f->held || f->state == FLIGHT_SHARED),
	    .detail = worth_telling(r, REASON_NONE)};
	add_cache_status(r, &s);
	/* The client's own condition may hold for what was fetched without it (RFC 9111 4.3.2). */
	int64_t now_s = r->env->port->wall_ms(r->env->worker) / 1000;
	const struct entry *e = r->is_filled ? NULL : f->entry; /* what is stored is not what he gets */
	if (e && policy_not_modified(&r->message, ENTRY_STORED(e), &f->response.headers, now_s)) {
		a->status = 304;
		policy_304_headers(&a->headers);
	}
	if (e && body_complete(e->body)) {
		entry_release(&r->entry);
		r->entry = entry_ref(f->entry);
		a->entry = r->entry;
		a->kind = ANSWER_WHOLE;
		a->length = (int64_t)body_size(r->entry->body);
	} else if (is_bodyless(r, a->status) || !take_rest(r)) {
		a->kind = ANSWER_STREAM;
	}
	if (r->asks_range && e && a->status == 200)
		part_cut(r, e);
	finish(r, r->passes ? OUTCOME_PASS : OUTCOME_MISS, worth_telling(r, r->fwd));
}

/* ---- pages of ours ---- */

static const char *status_text(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 405:
		return "Method Not Allowed";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 508:
		return "Loop Detected";
	default:
		return "Error";
	}
}

static void text_headers(struct req *r, struct str type)
{
	struct headers *h = &r->answer.headers;
	*h = (struct headers){0};
	headers_add(h, &r->arena, STR("Content-Type"), type);
	headers_add(h, &r->arena, STR("Cache-Control"), STR("no-store"));
	headers_add(h, &r->arena, STR("X-Request-Id"), req__id(r));
}

static void answer_text(struct req *r, int status, struct str body)
{
	r->answer.kind = ANSWER_TEXT;
	r->answer.status = status;
	r->answer.text = body;
	r->answer.length = (int64_t)body.n;
}

void answer_error(struct req *r, int status, enum reason reason, const char *why)
{
	struct str accept = headers_joined(&r->message.headers, &r->arena, STR("Accept"));
	bool html = str_find_nocase(accept, STR("text/html")) < accept.n;
	const char *sentence = why ? why : reason_sentence(reason);
	struct str body;
	if (html)
		body = arena_printf(&r->arena,
		    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d %s</title></head>\n"
		    "<body><h1>%d %s</h1>\n<p>%s</p>\n<p>Request <code>%.*s</code></p></body></html>\n",
		    status, status_text(status), status, status_text(status), sentence, STR_ARG(req__id(r)));
	else
		body = arena_printf(
		    &r->arena, "%d %s\n%s\nRequest %.*s\n", status, status_text(status), sentence, STR_ARG(req__id(r)));
	text_headers(r, html ? STR("text/html; charset=utf-8") : STR("text/plain; charset=utf-8"));
	headers_add(&r->answer.headers, &r->arena, STR("X-Content-Type-Options"), STR("nosniff"));
	headers_add(&r->answer.headers, &r->arena, STR("Vary"), STR("Accept"));
	if (status == 503)
		headers_add(&r->answer.headers, &r->arena, STR("Retry-After"), STR("1"));
	answer_text(r, status, body);
	struct cache_status s = {.fwd = r->fwd ? cache_status_fwd(r->fwd) : NULL, .detail = reason};
	add_cache_status(r, &s);
	finish(r, OUTCOME_ERROR, reason);
}

static int status_of_failure(const struct req *r, int err)
{
	switch (err) {
	case ERR_TIMEOUT:
		return 504;
	case ERR_BUSY:
		return 503;
	case ERR_PROTOCOL: /* it was reached */
	case ERR_TOO_LARGE:
		return 502;
	default:
		/* RFC 9111 5.2.2.2: 504 where a stored page must be validated and the origin cannot be reached. */
		return r->entry && ENTRY_STORED(r->entry)->must_revalidate ? 504 : 502;
	}
}

void answer_failure(struct req *r, int err, enum reason reason)
{
	answer_error(r, status_of_failure(r, err), reason, NULL);
}

void answer_last_hop(struct req *r)
{
	if (r->message.method == METHOD_OPTIONS) {
		text_headers(r, STR("text/plain; charset=utf-8"));
		answer_text(r, 200, STR(""));
		finish(r, OUTCOME_PASS, REASON_LAST_HOP);
	} else { /* it would show the client's fields as we got them, and serve nobody else */
		answer_error(r, 405, REASON_LAST_HOP, NULL);
	}
	headers_set(&r->answer.headers, &r->arena, STR("Allow"), STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
}

void answer_json(struct req *r, int status, struct str body, enum reason reason)
{
	text_headers(r, STR("application/json"));
	answer_text(r, status, body);
	finish(r, OUTCOME_PASS, reason);
}
