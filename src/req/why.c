/* A request is run through the real steps (steps.c) in a world where nothing can happen, so that what is told can never
 * differ from what is done:
 *
 *   port     a fetch is noted and ends at once, cancelled; no letter is delivered, so a request that parks stays where it is
 *   tier     reads the real one; stores, removes and purges nothing
 *   tokens   of visitors' sessions are looked up, and not asked for: a request that needs one parks
 *   flights  of its own: it joins nobody. The verdict that the real ones remember of the key is copied when the key is known
 *   metrics  of its own, thrown away; no access log
 *
 * What is not seen this way, and is told beside it: whether somebody fetches the page at this moment, and what the origin
 * would answer. */
#include "req/why.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>

#include "base/mem.h"
#include "policy/vary.h"
#include "req/request.h"

enum { FETCHES_MAX = 4 };

struct dry {
	struct req_env env;
	struct tier tier;
	const struct why_env *real;
	int64_t now_ms;
	bool recalled;
	struct fetch *fetches[FETCHES_MAX]; /* that would have begun */
	unsigned n_fetches;
	/* of the first of them */
	bool may_store, validates;
};

/* ---- a port that does nothing ---- */

static int64_t dry_wall_ms(void *w)
{
	return ((struct dry *)w)->now_ms;
}

static int64_t dry_mono_us(void *w)
{
	return 0;
}

static void ignore_mail(void *w, struct mail *m)
{
}

static void note_fetch(void *w, struct fetch *f)
{
	struct dry *d = w;
	const struct flight *flight = f->ctx;
	assert(d->n_fetches < FETCHES_MAX);
	if (d->n_fetches == 0) {
		d->may_store = flight->may_store;
		d->validates = flight->may_store && (headers_find(f->headers, STR("If-None-Match")) ||
							headers_find(f->headers, STR("If-Modified-Since")));
	}
	d->fetches[d->n_fetches++] = f;
}

static void forget_fetch(void *w, struct fetch *f)
{
	struct dry *d = w;
	for (unsigned i = 0; i < d->n_fetches; i++)
		if (d->fetches[i] == f)
			d->fetches[i] = NULL;
}

static void ignore_fetch(void *w, struct fetch *f)
{
}

static void ignore_req(void *w, struct req *r)
{
}

static void ignore_interim(void *w, struct req *r, int status, const struct headers *h)
{
}

static const struct req_port port = {
    .wall_ms = dry_wall_ms,
    .mono_us = dry_mono_us,
    .turn_us = dry_mono_us,
    .post = ignore_mail,
    .unpost = ignore_mail,
    .fetch = note_fetch,
    .fetch_cancel = forget_fetch,
    .fetch_resume = ignore_fetch,
    .fetch_body = ignore_fetch,
    .resume = ignore_req,
    .interim = ignore_interim,
};
_Static_assert(sizeof(port) == 11 * sizeof(void (*)(void)),
    "say above what a new function of the port does when nothing may happen");

/* ---- a tier that is only read ---- */

static struct tier *real_tier(struct tier *t)
{
	return CONTAINER_OF(t, struct dry, tier)->real->tier;
}

/* A look through all tiers is waited for: whoever asks why has a thread that may. The tiers bound it. */
struct waited {
	struct tier_get op;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int err;
};

static void on_answer(struct tier_get *op, int err)
{
	struct waited *w = CONTAINER_OF(op, struct waited, op);
	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->err = err;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

static int read_get(struct tier *t, struct tier_get *op)
{
	struct waited w = {.op = *op, .lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};
	w.op.done = on_answer;
	int err = tier_get(real_tier(t), &w.op);
	if (err == ERR_AGAIN) {
		pthread_mutex_lock(&w.lock);
		while (!w.done)
			pthread_cond_wait(&w.answered, &w.lock);
		err = w.err;
		pthread_mutex_unlock(&w.lock);
	}
	pthread_cond_destroy(&w.answered);
	pthread_mutex_destroy(&w.lock);
	op->entry = w.op.entry;
	op->other_variant = w.op.other_variant;
	op->found_in = w.op.found_in;
	return err;
}

static int refuse_put(struct tier *t, struct tier_put *op)
{
	return ERR_FULL;
}

static int refuse_purge(struct tier *t, struct tier_purge *op)
{
	return ERR_OK;
}

static int refuse_invalidate(struct tier *t, struct tier_invalidate *op)
{
	return ERR_OK;
}

static void ignore_remove(struct tier *t, struct entry *e)
{
}

static void read_variants(
    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	tier_variants(real_tier(t), key, fn, ctx);
}

static unsigned ignore_sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return 0;
}

static void read_stats(struct tier *t, struct tier_stats *out)
{
	tier_stats(real_tier(t), out);
}

static int ignore_await(
    struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	return ERR_OK;
}

static int lead_always(struct tier *t, struct tier_lease *op)
{
	return ERR_OK;
}

static void ignore_lease_end(struct tier *t, struct tier_lease *op)
{
}

static struct tier *read_part(struct tier *t, unsigned i)
{
	return tier_part(real_tier(t), i);
}

static void ignore_close(struct tier *t)
{
}

static const struct tier_ops tier_ops = {
    .name = "dry",
    .get = read_get,
    .put = refuse_put,
    .purge = refuse_purge,
    .invalidate = refuse_invalidate,
    .remove = ignore_remove,
    .variants = read_variants,
    .sweep = ignore_sweep,
    .stats = read_stats,
    .await = ignore_await,
    .lease = lead_always,
    .lease_end = ignore_lease_end,
    .part = read_part,
    .close = ignore_close,
};
_Static_assert(sizeof(tier_ops) == 14 * sizeof(void (*)(void)),
    "say above what a new function of tiers does when nothing may change");

/* ---- the run ---- */

/* Before the request joins a flight, it must find what the real flights know of its key. */
static void on_step(void *ctx, const struct req *r, const char *step)
{
	struct dry *d = ctx;
	struct recall_note note;
	if (d->recalled || r->key.text.n == 0)
		return;
	d->recalled = true;
	if (recall_read(flights_recall(d->real->flights), &r->key, &note))
		recall_write(flights_recall(d->env.flights), &r->key, &note);
}

static const char *no_code(unsigned reason)
{
	return "";
}

/* Where pages are kept by what a trusted proxy says, the request comes through it; else from a stranger (192.0.2.1, RFC 5737). */
static void choose_peer(const struct conf_nets *trusted, struct sockaddr_storage *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	*out = (struct sockaddr_storage){0};
	out->ss_family = AF_INET;
	four->sin_addr.s_addr = htonl(0xC0000201);
	if (trusted->n == 0)
		return;
	out->ss_family = (sa_family_t)trusted->v[0].family;
	if (out->ss_family == AF_INET6)
		memcpy(&six->sin6_addr, trusted->v[0].bytes, sizeof(six->sin6_addr));
	else
		memcpy(&four->sin_addr, trusted->v[0].bytes, sizeof(four->sin_addr));
}

static void fill_message(struct req *r, const struct why_ask *ask)
{
	struct http_request *m = req_message(r);
	struct str length = headers_get(&ask->headers, STR("Content-Length"));
	uint64_t n = 0;
	*m = (struct http_request){.method = http_method_of(ask->method),
	    .method_name = ask->method,
	    .target = ask->target,
	    .host = ask->host,
	    .minor = 1};
	for (uint32_t i = 0; i < ask->headers.n; i++)
		headers_add(&m->headers, req_arena(r), ask->headers.v[i].name, ask->headers.v[i].value);
	headers_set(&m->headers, req_arena(r), STR("Host"), ask->host);
	if (ask->conf->server.trusted_proxies.n > 0)
		headers_set(&m->headers, req_arena(r), STR("X-Forwarded-Proto"), ask->scheme);
	bool chunked = headers_find(&ask->headers, STR("Transfer-Encoding"));
	bool has_length = !chunked && str_to_u64(length, INT64_MAX, &n) == ERR_OK;
	m->has_body = chunked || (has_length && n > 0);
	m->body_length = chunked ? -1 : (int64_t)n;
}

/* ---- what is stored ---- */

struct gather {
	const struct req *r;
	struct arena *a;
	struct why *out;
	unsigned cap; /* of out->variants */
};

static void copy_fields(const struct headers *from, struct arena *a, struct headers *to)
{
	*to = (struct headers){0};
	for (uint32_t i = 0; i < from->n; i++)
		headers_add(to, a, arena_str(a, from->v[i].name),
		    from->v[i].value.p ? arena_str(a, from->v[i].value) : STR_NONE);
}

static void compare_fields(const struct gather *g, const struct stored *s, struct why_variant *v)
{
	struct headers mine;
	vary_values(&s->vary, &g->r->message.headers, g->a, &mine);
	v->differs = arena_alloc(g->a, (mine.n + 1) * sizeof(*v->differs));
	for (uint32_t i = 0; i < mine.n; i++) {
		struct str stored = v->stored.vary.v[i].value, asked = mine.v[i].value;
		if ((stored.p != NULL) == (asked.p != NULL) && str_eq(stored, asked))
			continue;
		v->differs[v->n_differs++] = (struct why_field){v->stored.vary.v[i].name, stored, asked};
	}
}

static void copy_runs(const struct stored *from, struct arena *a, struct stored *to)
{
	struct range *runs = arena_alloc(a, (from->n_runs + 1) * sizeof(*runs));
	for (unsigned i = 0; i < from->n_runs; i++)
		runs[i] = from->runs[i];
	to->runs = runs;
}

static void count_places(const struct hole *places, unsigned n, struct why_hole *out)
{
	for (unsigned i = 0; i < n; i++)
		out[places[i].value].places++;
}

static void copy_holes(const struct holes *from, struct arena *a, struct why_variant *to)
{
	to->stored.holes = NULL; /* they lie in the entry */
	if (!from)
		return;
	to->n_holes = from->n_values;
	to->holes = arena_zalloc(a, (from->n_values + 1) * sizeof(*to->holes));
	for (unsigned i = 0; i < from->n_values; i++) {
		to->holes[i].kind = from->values[i].kind;
		to->holes[i].cookie = arena_str(a, from->values[i].cookie);
	}
	count_places(from->body, from->n_body, to->holes);
	count_places(from->fields, from->n_fields, to->holes);
}

/* Room for one more. It doubles: an arena gives nothing back. */
static struct why_variant *next_variant(struct gather *g)
{
	struct why *out = g->out;
	if (out->n_variants == g->cap) {
		unsigned cap = g->cap ? g->cap * 2 : 8;
		struct why_variant *grown = arena_alloc(g->a, cap * sizeof(*grown));
		if (out->n_variants > 0)
			memcpy(grown, out->variants, out->n_variants * sizeof(*grown));
		out->variants = grown;
		g->cap = cap;
	}
	return &out->variants[out->n_variants++];
}

/* A tier on disk makes another copy of its entry each time. */
static bool is_chosen(const struct req *r, const struct entry *e)
{
	const struct entry *chosen = r->entry;
	return e == chosen ||
	       (chosen && ENTRY_STORED(e)->response_ms == ENTRY_STORED(chosen)->response_ms &&
		   ENTRY_STORED(e)->date_s == ENTRY_STORED(chosen)->date_s &&
		   entry_is_partial(e) == entry_is_partial(chosen) && vary_matches(entry_vary(e), &r->message.headers));
}

static void add_variant(void *ctx, struct entry *e)
{
	struct gather *g = ctx;
	struct why_variant *v = next_variant(g);
	struct reuse_verdict verdict = answer_verdict(g->r, e);
	bool is_part_missing = entry_is_partial(e) && e != g->r->entry && verdict.reuse == REUSE_FRESH;
	*v = (struct why_variant){
	    .stored = *ENTRY_STORED(e),
	    .reason = is_part_missing ? REASON_MISS_PART : verdict.reason,
	    .age_ms = verdict.age_ms,
	    .ttl_ms = verdict.ttl_ms,
	    .size = body_size(e->body),
	    .n_tags = entry_n_tags(e),
	    .purged = atomic_load_explicit(&e->purged, memory_order_relaxed),
	    .matches = vary_matches(entry_vary(e), &g->r->message.headers),
	    .chosen = is_chosen(g->r, e),
	};
	copy_runs(ENTRY_STORED(e), g->a, &v->stored);
	copy_holes(ENTRY_STORED(e)->holes, g->a, v);
	v->stored.etag = arena_str(g->a, ENTRY_STORED(e)->etag);
	copy_fields(entry_vary(e), g->a, &v->stored.vary);
	v->tags = arena_alloc(g->a, (entry_n_tags(e) + 1) * sizeof(*v->tags));
	for (unsigned i = 0; i < entry_n_tags(e); i++)
		v->tags[i] = arena_str(g->a, entry_tags(e)[i]);
	compare_fields(g, ENTRY_STORED(e), v);
}

/* ---- what is remembered ---- */

static enum why_gone gone_of(
    const struct why_env *env, const struct cache_key *key, const struct why_last *last, uint64_t epoch)
{
	if (tier_purged_since(env->tier, epoch, key, NULL, 0))
		return WHY_GONE_PURGED;
	return last->fresh_left_ms <= 0 ? WHY_GONE_EXPIRED : WHY_GONE_DROPPED;
}

static void recall_last(
    const struct why_env *env, const struct req *r, int64_t now_ms, struct arena *a, struct why *out)
{
	struct recall_note note;
	if (r->key.text.n == 0 || !recall_read(flights_recall(env->flights), &r->key, &note))
		return;
	struct why_last *last = &out->last;
	*last = (struct why_last){
	    .reason = note.reason,
	    .status = note.status,
	    .ago_ms = now_ms > note.at_ms ? now_ms - note.at_ms : 0,
	    .passes_ms = note.pass_until_ms > now_ms ? note.pass_until_ms - now_ms : 0,
	    .fresh_left_ms = note.fresh_until_ms - now_ms,
	    .cause = arena_str(a, str_of(note.cause)),
	};
	if (note.reason == REASON_STORED && out->n_variants == 0)
		last->gone = gone_of(env, &r->key, last, note.epoch);
}

/* ---- all of it ---- */

/* A request that goes nowhere and has no answer has met, in this very moment, a page that was just stored. */
/* As stale_stands_in: what becomes of the request when there is no answer. */
static enum reason stand_in_of(const struct req *r)
{
	if (!r->entry)
		return REASON_NONE;
	return r->verdict.stale_if_error	 ? REASON_HIT_STALE_ERROR
	       : r->verdict.stale_if_unreachable ? REASON_HIT_STALE_UNREACHABLE
						 : REASON_NONE;
}

/* The page is there; what is missing of it, the application would be asked for. */
static bool waits_for_token(const struct req *r)
{
	return r->entry && r->visitor.reason != REASON_NONE && !r->passes;
}

static void read_verdict(const struct dry *d, const struct req *r, bool answered, struct why *out)
{
	out->may_store = d->may_store;
	if (answered) {
		out->kind = r->outcome == OUTCOME_ERROR ? WHY_REFUSE : d->n_fetches > 0 ? WHY_STORED_OLD : WHY_STORED;
		out->reason = r->reason;
		out->status = r->answer.status;
	} else if (waits_for_token(r)) {
		out->kind = d->n_fetches > 0 ? WHY_STORED_OLD : WHY_STORED;
		out->reason = r->visitor.reason;
		out->status = r->entry->status;
		out->asks_token = true;
	} else if (d->n_fetches == 0) {
		out->kind = WHY_STORED;
		out->reason = REASON_HIT;
	} else {
		out->kind = r->passes ? WHY_PASS : d->validates ? WHY_VALIDATE : WHY_FETCH;
		out->reason = r->fwd;
		out->stands_in = stand_in_of(r);
	}
}

static void describe(
    const struct dry *d, const struct req *r, const struct why_ask *ask, struct arena *a, struct why *out)
{
	out->method = ask->method;
	out->scheme = r->message.scheme;
	out->scheme_ignored = !str_eq(ask->scheme, r->message.scheme);
	out->host = arena_str(a, r->host);
	out->path = arena_str(a, r->path);
	out->query = r->query.p ? arena_str(a, r->query) : STR_NONE;
	out->conf = ask->conf;
	out->route = &ask->conf->routes[r->route->index];
	out->undecided = r->route != out->route;
	out->has_body = r->message.has_body;
	copy_fields(&r->message.headers, a, &out->request);
	/* A request that goes alone without a key has "-" in its place. */
	if (r->key.text.n <= 1)
		return;
	struct gather g = {.r = r, .a = a, .out = out};
	out->key = arena_str(a, r->key.text);
	/* Those of the first tier that has some: the ones below it have the same, or have been looked at in vain. */
	for (unsigned i = 0; tier_part(d->real->tier, i) && out->n_variants == 0; i++)
		tier_variants(tier_part(d->real->tier, i), &r->key, add_variant, &g);
	out->is_fetched = flight_is_open(d->real->flights, &r->key);
	recall_last(d->real, r, d->now_ms, a, out);
}

void why_find(const struct why_env *env, const struct why_ask *ask, struct arena *a, struct why *out)
{
	struct dry d = {.real = env,
	    .now_ms = ask->now_ms,
	    .tier = {.ops = &tier_ops,
		.budget = env->tier->budget,
		.purges = env->tier->purges,
		.is_deep = env->tier->is_deep}};
	struct metrics *metrics = metrics_new(1, REASON_COUNT, no_code);
	struct sockaddr_storage peer;
	assert(!str_eq(ask->method, STR("PURGE")));
	d.env = (struct req_env){.worker = &d,
	    .port = &port,
	    .conf = ask->conf,
	    .tier = &d.tier,
	    .flights = flights_new(0),
	    .metrics = metrics_worker(metrics, 0),
	    .key_seed = env->key_seed,
	    .instance = env->instance,
	    .dry = flights_visitors(env->flights),
	    .trace = on_step,
	    .trace_ctx = &d};
	choose_peer(&ask->conf->server.trusted_proxies, &peer);
	struct req_client client = {(const struct sockaddr *)&peer, STR("192.0.2.1"), STR("")};
	*out = (struct why){0};

	struct req *r = req_new(&d.env, &client, NULL);
	fill_message(r, ask);
	bool answered = req_begin(r);
	read_verdict(&d, r, answered, out);
	describe(&d, r, ask, a, out);

	for (unsigned i = 0; i < d.n_fetches; i++)
		if (d.fetches[i])
			d.fetches[i]->events->done(d.fetches[i], ERR_CANCELLED, NULL);
	req_free(&r, 0, true);
	assert(d.env.active == 0);
	flights_free(&d.env.flights);
	metrics_free(&metrics);
}
