/* A second fetch for one flight, on the same struct fetch:
 *
 *	first fetch -> body whole -> sample_start -> head -> data ... -> done  -> the same page:  put, SHARED
 *	                                    \________________\______________-> another:         leak-sample, ALONE; the key passes
 *	                                                      \_____________-> failed, too slow: leak-sample, ALONE
 *
 * What it was told to bring is compared as it comes (compare.h); at the first difference it is given up.
 *
 * Chance (random bits) draws the first one of a page; once two were different, that page is drawn each time, until two are the same.
 * It is not even asked for as long as its key passes; and where it was a visitor's page that differed from a stranger's, only another
 * visitor's can show that it does so no more: what strangers get is the same for all of them, and would be for him.
 *
 * How long: until its head by the upstream's timeouts, as any fetch; its body may take as long as the first fetch took altogether and
 * the time that the upstream has for a head (first_byte_timeout) beside it. A purge that comes meanwhile is the put's to notice, and
 * a worker that stops ends it with the worker's other fetches. */
#include "req/sample.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "policy/sample.h"
#include "req/compare.h"
#include "req/failure.h"
#include "req/fill.h"
#include "req/forward.h"
#include "req/personal.h"
#include "req/remember.h"
#include "req/update.h"

enum { IN = 16 * 1024, OF = 10000 };

struct sample {
	bool under_way;
	struct http_request stranger;
	int64_t until_ms;
	struct compare *compare; /* NULL: no head yet */
	char in[IN];
};

void sample_free(struct sample **ref)
{
	struct sample *s = *ref;
	*ref = NULL;
	if (!s)
		return;
	compare_free(&s->compare);
	free(s);
}

bool sample_is_under_way(const struct flight *f)
{
	return f->sample && f->sample->under_way;
}

/* ---- which ones ---- */

static bool is_drawn(unsigned of_10000)
{
	uint64_t bits = 0;
	int err = random_u64(&bits);
	assert(err == ERR_OK); /* the server got some when it began */
	(void)err;
	return bits % OF < of_10000;
}

static bool is_stranger(const struct flight *f, const struct stored *s)
{
	return policy_is_stranger(f->route, s, &f->request.headers);
}

/* Were two different when they were compared last? Not if a purge was to make an end of that. */
static bool has_differed(struct flight *f, struct recall_note *note)
{
	return recall_read(flights_recall(f->env->flights), &f->key, note) && note->reason == REASON_NOT_LEAK_SAMPLE &&
	       !tier_purged_since(f->env->tier, note->epoch, &f->key, NULL, 0);
}

void sample_begin(struct flight *f, struct storable_out *verdict)
{
	struct recall_note note;
	sample_free(&f->sample);
	if (!verdict->store || f->route->leak_sample == 0 || f->request.method != METHOD_GET ||
	    !policy_may_sample(f->route, &verdict->stored))
		return;
	bool differed = has_differed(f, &note);
	if (!differed && !is_drawn(f->route->leak_sample))
		return;
	bool is_known = differed && (note.pass_until_ms > update_now_ms(f) ||
					(note.of_visitor && is_stranger(f, &verdict->stored)));
	if (is_known) {
		verdict->store = false;
		verdict->reason = REASON_NOT_LEAK_SAMPLE;
		return;
	}
	f->sample = mem_zalloc(sizeof *f->sample);
}

/* ---- the end ---- */

static void end(struct flight *f, bool is_same)
{
	f->sample->under_way = false;
	compare_free(&f->sample->compare); /* before what it reads is given back */
	fill_end_sample(f, is_same);
}

/* The page shows something of its visitor: so do what is stored of it, and its next answers. */
static void end_different(struct flight *f, struct str where)
{
	remember_sample(f, where, !is_stranger(f, ENTRY_STORED(f->entry)));
	if (f->stale)
		update_remove_stale(f);
	end(f, false);
}

/* Nothing is known: this one is not stored, the next one may be. */
static void end_failed(struct flight *f, const char *why)
{
	f->why = why;
	remember_tell(f, REASON_NOT_LEAK_SAMPLE, str_of(why));
	remember_failed(f, REASON_NOT_LEAK_SAMPLE);
	end(f, false);
}

static void give_up(struct flight *f)
{
	f->env->port->fetch_cancel(f->env->worker, &f->fetch);
}

/* ---- what comes ---- */

/* Another list of the same strings. */
static struct headers own_list(const struct headers *h, struct arena *a)
{
	struct headers own = {.v = arena_alloc(a, (h->n + 1) * sizeof *own.v), .n = h->n, .cap = h->n + 1};
	for (uint32_t i = 0; i < h->n; i++)
		own.v[i] = h->v[i];
	return own;
}

/* Where two heads part, for people; STR_NONE: they do not. *what: what is personal in the second. */
static struct str judge_head(struct flight *f, struct http_response *second, struct personal *what)
{
	struct headers kept = own_list(&second->headers, &f->arena);
	struct personal_in in = {
	    .route = f->route,
	    .request = &f->sample->stranger,
	    .response = second,
	    .response_ms = update_now_ms(f),
	};
	if (second->status != f->entry->status)
		return arena_printf(&f->arena, "the second one has status %d", second->status);
	(void)headers_remove(&kept, STR("Set-Cookie"));
	enum reason why = policy_personal(&in, &f->arena, &kept, what);
	if (why != REASON_NONE)
		return arena_printf(&f->arena, "the second one: %s", reason_code(why));
	struct str field = policy_sample_differs(entry_headers(f->entry, &f->arena), &kept, &f->arena);
	return field.p ? arena_printf(&f->arena, "the second one differs in %.*s", STR_ARG(field)) : STR_NONE;
}

static void on_head(struct fetch *fetch, const struct http_response *r, int64_t length)
{
	struct flight *f = fetch->ctx;
	struct http_response second = *r;
	struct personal what;
	headers_copy(&r->headers, &f->arena, &second.headers);
	headers_remove_hop_by_hop(&second.headers);
	struct str where = judge_head(f, &second, &what);
	if (where.p) {
		give_up(f);
		end_different(f, where);
		return;
	}
	struct str coding = headers_joined(&second.headers, &f->arena, STR("Content-Encoding"));
	f->sample->compare = compare_new(f->entry, &what, coding);
}

static int on_space(struct fetch *fetch, char **p, size_t *n)
{
	struct flight *f = fetch->ctx;
	*p = f->sample->in;
	*n = sizeof f->sample->in;
	return ERR_OK;
}

static void on_data(struct fetch *fetch, size_t n)
{
	struct flight *f = fetch->ctx;
	struct sample *s = f->sample;
	if (!compare_feed(s->compare, str_make(s->in, n))) {
		give_up(f);
		end_different(f, compare_where(s->compare, &f->arena));
	} else if (update_now_ms(f) > s->until_ms) {
		give_up(f);
		end_failed(f, "the second fetch took too long");
	}
}

static void on_done(struct fetch *fetch, int err, const char *why)
{
	struct flight *f = fetch->ctx;
	struct sample *s = f->sample;
	if (err != ERR_OK) {
		if (err != ERR_CANCELLED)
			failure_log(f, err, why);
		end_failed(f, "the second fetch failed");
	} else if (!compare_end(s->compare)) {
		end_different(f, compare_where(s->compare, &f->arena));
	} else {
		end(f, true);
	}
}

static const struct fetch_events events = {
    .head = on_head,
    .space = on_space,
    .data = on_data,
    .done = on_done,
};

/* ---- asking ---- */

/* The client's request without the client. The fields that the route adds for the origin are the proxy's own, and stay. */
static void make_stranger(struct flight *f)
{
	struct http_request *r = &f->sample->stranger;
	*r = f->request;
	r->headers = own_list(&f->request.headers, &f->arena);
	policy_make_stranger(f->route, ENTRY_STORED(f->entry), &r->headers, &f->arena);
}

void sample_start(struct flight *f)
{
	struct sample *s = f->sample;
	int64_t now = update_now_ms(f);
	s->under_way = true;
	s->until_ms = now + (now - f->fetch.sent_ms) + f->route->upstream->first_byte_timeout_ms;
	metrics_inc(f->env->metrics, METRIC_SAMPLED);
	make_stranger(f);
	personal_ask(f, &s->stranger);
	f->fetch = (struct fetch){
	    .conf = f->conf,
	    .upstream = f->route->upstream,
	    .method = s->stranger.method_name,
	    .target = forward_target(f->route->upstream, s->stranger.target, &f->arena),
	    .headers = &f->fetch_headers,
	    .retry = true,
	    .events = &events,
	    .ctx = f,
	};
	f->env->port->fetch(f->env->worker, &f->fetch);
}
