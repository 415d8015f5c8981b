/* Fetching for a flight.
 *
 *   start -> head -> 304: renew the stored entry, SHARED
 *                 -> 5xx, and a stale entry may stand in: STALE (stale.c)
 *                 -> storable: an entry over a growing body, SHARED   -> done: tier_put
 *                    held, if it may show what is one visitor's (personal.c): to the leader  -> done: tier_put, SHARED
 *                                                                     \-> it does: ALONE
 *                 -> not storable: the leader's ALONE, through a window of bounded size
 *         -> failed before the head: FAILED
 *
 * What turns out too large while it comes is a window from then on: its readers go on, nothing is stored. What an answer
 * changes in the store is update.c's. */
#include "req/fill.h"

#include <assert.h>

#include "base/mem.h"
#include "req/failure.h"
#include "req/forward.h"
#include "req/lease.h"
#include "req/partial.h"
#include "req/personal.h"
#include "req/remember.h"
#include "req/sample.h"
#include "req/stale.h"
#include "req/unsafe.h"
#include "req/update.h"

enum { WINDOW = 256 * 1024 };

/* The fetch is over, one way or the other: the reference of fill_start ends. */
static void finish(struct flight *f)
{
	f->fetching = false;
	f->env->active--;
	lease_end(f); /* what was stored is on its way to the tier: who gets the lease next finds it */
	f->env->port->unpost(f->env->worker, &f->wake);
	flight_close(f);
	flight_release(&f);
}

static void give_up(struct flight *f)
{
	if (!f->fetching)
		return;
	if (!lease_is_awaited(f))
		f->env->port->fetch_cancel(f->env->worker, &f->fetch);
	if (f->body)
		body_end(f->body, ERR_CANCELLED);
	if (f->state == FLIGHT_OPEN) {
		f->err = ERR_CANCELLED;
		f->reason = REASON_ERROR_CLIENT;
		flight_decide(f, FLIGHT_FAILED);
	}
	finish(f);
}

/* Nobody can use what still comes. */
static bool is_useless(const struct flight *f)
{
	return f->state != FLIGHT_OPEN && !f->storing && f->body && body_readers(f->body) == 0;
}

static void end(struct flight *f, int err, const char *why);

static void on_wake(struct mail *m)
{
	struct flight *f = CONTAINER_OF(m, struct flight, wake);
	if (is_useless(f))
		give_up(f);
	else if (personal_is_ending(f))
		end(f, ERR_OK, NULL);
	else
		f->env->port->fetch_resume(f->env->worker, &f->fetch);
}

static void body_wakes(void *ctx)
{
	struct flight *f = ctx;
	f->env->port->post(f->env->worker, &f->wake);
}

void fill_stop_storing(struct flight *f, enum reason why)
{
	f->storing = false;
	f->dropped = why;	       /* the reason that was decided is read by other threads */
	if (f->state == FLIGHT_OPEN) { /* held: who has waited shall not wait for the end of what is not for him */
		f->reason = why;
		flight_decide(f, FLIGHT_ALONE);
	}
	flight_close(f); /* before the front goes: nobody joins any more */
	body_stop_retaining(f->body, WINDOW);
	lease_end(f); /* others must not wait for the end of what they will not get */
}

/* ---- the head ---- */

/* A growing body, and an entry over it. False, with f->reason, when it cannot be kept. */
static bool begin_entry(struct flight *f, const struct storable_out *verdict, int64_t length)
{
	if (length > 0 && (uint64_t)length > f->max_object) {
		f->reason = REASON_NOT_TOO_LARGE;
		return false;
	}
	struct body *body = body_new(personal_expects(f, length), f->env->tier->budget, body_wakes, f);
	f->body = body_ref(body);
	if (personal_cuts(f)) { /* its fields and holes are known when it is whole */
		body_release(&body);
		return true;
	}
	if (update_new_entry(f, verdict, &body) != ERR_OK) {
		body_release(&f->body);
		body_release(&body);
		f->reason = REASON_NOT_FULL;
		return false;
	}
	return true;
}

static void begin_alone(struct flight *f, const struct personal_secret *found)
{
	personal_begin_alone(f);
	f->body = body_new(f->length, NULL, body_wakes, f);
	/* Before those who wait are told to go alone. */
	remember_leak(f, f->reason, found ? found->name : STR(""), &f->response);
	flight_decide(f, FLIGHT_ALONE);
	body_stop_retaining(f->body, WINDOW);
	lease_end(f);
}

static void start(struct flight *f);

/* Of no use: what comes is given up, and the request goes out anew. Before the flight is decided. */
static void ask_for_whole(struct flight *f)
{
	assert(f->state == FLIGHT_OPEN);
	f->env->port->fetch_cancel(f->env->worker, &f->fetch);
	if (f->part)
		tier_remove(f->env->tier, f->part);
	entry_release(&f->part);
	entry_release(&f->entry);
	body_release(&f->body);
	personal_free(&f->personal);
	f->promised = -1;
	start(f);
}

/* What is stored answers, by the origin's word or in place of its error. False: the response itself is to be dealt with. */
static bool is_answered_by_stored(struct flight *f, const struct http_response *r)
{
	if (r->status == 304 && (f->stale || f->n_offered > 0)) {
		/* Of another response than ours (RFC 9111 4.3.4), or no room for the renewed one: ask for the whole. */
		f->again = !update_renew(f, r);
		return true;
	}
	if (!f->stale_if_error || !stale_is_error(r->status))
		return false;
	f->response.status = r->status;
	f->reason = REASON_HIT_STALE_ERROR;
	flight_decide(f, FLIGHT_STALE);
	give_up(f); /* its page is of no use */
	return true;
}

static void take_head(struct flight *f, const struct http_response *r, int64_t length)
{
	f->response = *r;
	headers_copy(&r->headers, &f->arena, &f->response.headers);
	headers_remove_hop_by_hop(&f->response.headers);
	f->length = length;
}

/* The body grows for all, or for the leader until it is known that others may have it. */
static void begin_storing(struct flight *f)
{
	f->storing = true;
	f->held = f->held || f->personal || f->sample;
	if (f->held)
		flight_tell_leader(f, update_now_ms(f));
	else
		flight_decide(f, FLIGHT_SHARED);
}

static void on_head(struct fetch *fetch, const struct http_response *r, int64_t length)
{
	struct flight *f = fetch->ctx;
	struct http_response whole;
	atomic_store(&f->first_byte_us, fetch->first_byte_us - fetch->started_us);
	if (is_answered_by_stored(f, r))
		return;
	switch (partial_rest(f, r, &length, &whole)) {
	case PARTIAL_NO_REST:
		break;
	case PARTIAL_REST:
		r = &whole;
		break;
	case PARTIAL_USELESS:
		ask_for_whole(f);
		return;
	}
	take_head(f, r, length);
	struct storable_out verdict = {.store = false, .reason = f->reason};
	if (f->may_store)
		partial_judge(f, length, &verdict);
	unsafe_answered(f, &verdict);
	if (f->is_head)
		update_by_head(f);
	personal_begin(f, &verdict);
	sample_begin(f, &verdict);
	f->reason = f->relays && r->status == 304 ? REASON_NOT_MODIFIED : verdict.reason;
	/* What must be looked through is not joined with what is stored already: that was looked through for others. */
	bool is_rest = f->part && f->personal;
	bool is_kept = verdict.store && !is_rest && begin_entry(f, &verdict, length) && partial_begin(f) == ERR_OK;
	if (f->part || (verdict.store && !is_kept && f->entry)) { /* without the stored bytes it cannot be sent on */
		ask_for_whole(f);
		return;
	}
	if (is_kept) {
		begin_storing(f);
		return;
	}
	if (f->stale && f->may_store && r->status < 500)
		update_remove_stale(f);
	begin_alone(f, verdict.personal.found);
}

static void on_interim(struct fetch *fetch, int status, const struct headers *h)
{
	struct flight *f = fetch->ctx;
	struct headers own;
	if (!f->leader)
		return;
	headers_copy(h, &f->arena, &own);
	headers_remove_hop_by_hop(&own);
	f->env->port->interim(f->env->worker, f->leader, status, &own);
}

/* ---- the body ---- */

/* Where bytes go that nobody wants (the body of a 304 or of a failed answer): bounded by the connection's own limits. */
static int discard(char **p, size_t *n)
{
	static _Thread_local char sink[4096];
	*p = sink;
	*n = sizeof sink;
	return ERR_OK;
}

int fill_space(struct flight *f, char **p, size_t *n)
{
	int err = body_space(f->body, p, n);
	if (err == ERR_FULL) {
		remember_failed(f, REASON_NOT_FULL);
		fill_stop_storing(f, REASON_NOT_FULL);
		err = body_space(f->body, p, n);
	}
	return err;
}

void fill_grew(struct flight *f, size_t n)
{
	body_filled(f->body, n);
	if (f->storing && body_size(f->body) > f->max_object) {
		remember_refused(f, REASON_NOT_TOO_LARGE, &f->response); /* before those who wait are told */
		fill_stop_storing(f, REASON_NOT_TOO_LARGE);
	}
}

static int on_space(struct fetch *fetch, char **p, size_t *n)
{
	struct flight *f = fetch->ctx;
	if (!f->body)
		return discard(p, n);
	int err = personal_cuts(f) ? personal_space(f, p, n) : fill_space(f, p, n);
	if (err == ERR_OK)
		f->space = *p;
	return err;
}

static void on_data(struct fetch *fetch, size_t n)
{
	struct flight *f = fetch->ctx;
	if (!f->body)
		return;
	if (personal_cuts(f)) {
		personal_came(f, n);
	} else {
		personal_look(f, str_make(f->space, n));
		fill_grew(f, n);
	}
	flight_let_go(f, update_now_ms(f));
	if (is_useless(f))
		give_up(f);
}

/* ---- the end ---- */

static void fail(struct flight *f, int err, const char *why)
{
	assert(err != ERR_OK);
	f->err = err;
	f->why = why;
	f->reason = failure_reason(err);
	if (!f->body)
		stale_note_failure(f);
	flight_decide(f, FLIGHT_FAILED);
	remember_failed(f, failure_reason(err));
}

/* Put first, then close: who finds no flight any more finds the entry. */
static void put(struct flight *f)
{
	partial_put(f);
	if (f->state == FLIGHT_OPEN) /* held until now */
		flight_decide(f, FLIGHT_SHARED);
}

/* All of it has come, and nothing in it belongs to one visitor. */
static void keep(struct flight *f)
{
	if (personal_cuts(f) && !personal_is_cut_out(f))
		return;
	if (personal_cuts(f) && personal_make_entry(f) != ERR_OK) {
		remember_failed(f, REASON_NOT_FULL);
		fill_stop_storing(f, REASON_NOT_FULL);
	} else if (f->sample) {
		sample_start(f);
	} else {
		put(f);
	}
}

static void break_off(struct flight *f, int err, const char *why)
{
	if (f->storing && f->state != FLIGHT_OPEN)
		remember_failed(f, failure_reason(err));
	if (f->state == FLIGHT_OPEN) /* held: nobody but the leader gets a piece of it */
		fail(f, err, why);
}

static void end(struct flight *f, int err, const char *why)
{
	if (f->body && err == ERR_OK) {
		err = personal_end(f);
		if (err == ERR_AGAIN) /* what came has no room in the body yet */
			return;
		if (err != ERR_OK)
			failure_log(f, err, "its Content-Encoding cannot be undone");
	}
	if (f->body) {
		/* Whoever hears that it broke off and asks again must not join what is broken. */
		if (err != ERR_OK)
			flight_close(f);
		body_end(f->body, err);
		if (err != ERR_OK)
			break_off(f, err, why);
		else if (f->storing)
			keep(f);
	} else if (f->state == FLIGHT_OPEN) {
		fail(f, err, why);
	}
	if (!sample_is_under_way(f)) /* it goes on with another fetch */
		finish(f);
}

void fill_end_sample(struct flight *f, bool is_same)
{
	if (is_same)
		put(f);
	else
		fill_stop_storing(f, REASON_NOT_LEAK_SAMPLE);
	finish(f);
}

static void on_done(struct fetch *fetch, int err, const char *why)
{
	struct flight *f = fetch->ctx;
	if (f->again && err == ERR_OK) {
		f->again = false;
		update_forget(f);
		start(f);
		return;
	}
	if (err != ERR_OK && err != ERR_CANCELLED)
		failure_log(f, err, why);
	end(f, err, why);
}

/* ---- upload ---- */

static int on_upload(struct fetch *fetch, const char **p, size_t *n)
{
	struct flight *f = fetch->ctx;
	return f->leader ? req__upload_peek(f->leader, p, n) : ERR_CANCELLED;
}

static void on_uploaded(struct fetch *fetch, size_t n)
{
	struct flight *f = fetch->ctx;
	if (f->leader)
		req__upload_used(f->leader, n);
}

void fill_upload(struct flight *f)
{
	if (f->fetching && !lease_is_awaited(f))
		f->env->port->fetch_body(f->env->worker, &f->fetch);
}

/* ---- start and end ---- */

static const struct fetch_events events = {
    .interim = on_interim,
    .head = on_head,
    .space = on_space,
    .data = on_data,
    .done = on_done,
    .upload = on_upload,
    .uploaded = on_uploaded,
};

/* Sends the request: the first time, or once more without conditions. */
static void start(struct flight *f)
{
	const struct http_request *r = &f->request;
	personal_ask(f, r);
	if (f->may_store && !f->forwards_range)
		update_ask(f);
	partial_ask_rest(f, &f->fetch_headers);
	f->fetch = (struct fetch){
	    .conf = f->conf,
	    .upstream = f->route->upstream,
	    .method = r->method_name,
	    .target = forward_target(f->route->upstream, r->target, &f->arena),
	    .headers = &f->fetch_headers,
	    .has_body = r->has_body,
	    .body_length = r->body_length,
	    .retry = http_method_is_idempotent(r->method) && !r->has_body,
	    .events = &events,
	    .ctx = f,
	};
	f->env->port->fetch(f->env->worker, &f->fetch);
}

/* Another instance has fetched the page meanwhile: it is for all who wait here. */
static void found_instead(struct flight *f, struct entry *e_take, const char *found_in)
{
	f->entry = e_take;
	f->found_in = found_in;
	f->reason = REASON_HIT;
	flight_decide(f, FLIGHT_SHARED);
	finish(f);
}

void fill_start(struct flight *f, struct req_env *env, const struct fill_spec *spec)
{
	flight_ref(f);
	f->env = env;
	f->conf = conf_ref(spec->conf);
	f->route = spec->route;
	http_request_copy(spec->request, &f->arena, &f->request);
	f->client = arena_str(&f->arena, spec->client);
	f->id = arena_str(&f->arena, spec->id);
	f->may_store = spec->may_store;
	f->whole = spec->whole;
	f->is_head = spec->is_head;
	f->forwards_range = spec->forwards_range;
	f->stale = spec->stale ? entry_ref(spec->stale) : NULL;
	f->stale_epoch = spec->stale_epoch;
	f->stale_if_error = spec->stale_if_error;
	f->leader = spec->leader;
	f->spent_us = spec->leader ? spec->leader->spent_us : 0;
	f->max_object = spec->route->max_object;
	f->wake.fn = on_wake;
	f->fetching = true;
	env->active++;
	if (lease_begin(f, start, found_instead))
		start(f);
}

void fill_leader_left(struct flight *f)
{
	f->leader = NULL;
	/* A page that may be stored is worth its end, unless its key is one that passes. An upload that lost its source
	 * cannot be completed. */
	bool is_worth_its_end = f->home && f->may_store && !f->request.has_body && !is_useless(f);
	if (f->fetching && !is_worth_its_end && !f->storing)
		give_up(f);
}
