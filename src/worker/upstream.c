/* Fetches of a worker, see upstream.h and exchange.h: where each one waits, and what becomes of its connection.
 *
 *   upstream_fetch -> PHASE_GATE (no place at the upstream: the gate's letter or the deadline comes)
 *                  -> PHASE_CONNECT (no idle connection)
 *                  -> PHASE_OPEN (exchange.c) -> upstream__end: the connection idles or closes, the place is given back, done
 *
 * A GET on an idle connection takes one pass of this without the loop: place, connection, send. Everything that would call an event
 * from inside upstream_fetch is put off to the loop's next turn (upstream__soon).
 *
 * An idle connection stays polled: when it becomes readable its peer has closed it, or broke the rules. The seam for several
 * servers per upstream and for health checks is go_on(): today it asks for the one origin of the upstream. */
#include "worker/upstream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "worker/exchange.h"

enum {
	PEER_MARGIN_MS = 1000, /* what a request may take on its way */
	MAX_IDLE = 10000,      /* connections, over all upstreams of the worker */
	MAX_SPARE = 256,       /* ended exchanges kept for reuse */
	SPARE_OUT = 8192,      /* with a head buffer of at most this size */
	HANDLES_TO_CLOSE = 2,
};

/* --- connections --- */

static void close_conn(struct conn *c)
{
	struct upstreams *u = c->owner;
	deadline_clear(&c->deadline);
	metrics_add(u->metrics, METRIC_UPSTREAM_OPEN, -1);
	conn_close(c);
}

static void close_idle(struct idle *i)
{
	close_conn(CONTAINER_OF(i, struct conn, idle));
}

static void on_idle_deadline(struct deadline *d)
{
	struct conn *c = CONTAINER_OF(d, struct conn, deadline);
	struct upstreams *u = c->owner;
	pool_remove(&u->pool, &c->idle);
	close_conn(c);
}

/* No request is under way on it: nothing may come. */
static bool is_silent(struct conn *c)
{
	char byte;
	return !c->hangup && link_recv(&c->link, &byte, 1) == ERR_AGAIN;
}

static void on_event(struct conn *c, int events)
{
	if (c->user) {
		exchange_on_event(c->user, events);
		return;
	}
	/* Over TLS it may be a session ticket, which is none of our business. */
	if (c->link.tls && is_silent(c))
		return;
	struct upstreams *u = c->owner;
	pool_remove(&u->pool, &c->idle);
	close_conn(c);
}

static void arm_timer(struct upstreams *u, int64_t at_ms);

/* How long the connection may idle; 0: for ever. Not to the last moment of what the peer says: a request that meets the close on
 * its way is lost when it cannot be repeated. */
static int64_t idle_ms(const struct conf_upstream *up, uint64_t peer_s)
{
	int64_t ours = up->idle_connection_timeout_ms;
	if (peer_s > INT32_MAX)
		return ours;
	int64_t peers = (int64_t)peer_s * 1000;
	peers -= peers / 2 < PEER_MARGIN_MS ? peers / 2 : PEER_MARGIN_MS;
	return ours == 0 || peers < ours ? peers : ours;
}

static void put_idle(struct upstreams *u, struct conn *c, const struct conf_upstream *up, uint64_t peer_s)
{
	if (peer_s == 0) { /* it closes at once */
		close_conn(c);
		return;
	}
	int64_t timeout_ms = idle_ms(up, peer_s);
	c->user = NULL;
	conn_watch(c, UV_READABLE);
	if (timeout_ms > 0) {
		deadline_set(&u->deadlines, &c->deadline, (int64_t)uv_now(u->loop), timeout_ms);
		arm_timer(u, c->deadline.at_ms);
	}
	pool_put(&u->pool, c->origin, &c->idle, up->max_idle);
}

/* An idle connection for x, or NULL. Each gets a look: bytes that lie there already are no answer to a request that is not yet
 * out (RFC 9112 6.3: "MUST NOT process, cache, or forward such extra data as a separate response"), and the poll may not have
 * told of them, nor of a close that would cost a request that cannot be repeated. */
static struct conn *take_idle(struct exchange *x)
{
	struct idle *i;
	while ((i = pool_take(&x->u->pool, x->origin))) {
		struct conn *c = CONTAINER_OF(i, struct conn, idle);
		deadline_clear(&c->deadline);
		if (is_silent(c))
			return c;
		close_conn(c);
	}
	return NULL;
}

/* --- the life of an exchange --- */

static struct exchange *exchange_new(struct upstreams *u, struct fetch *f)
{
	struct exchange *x = LIST_FIRST(&u->spare, struct exchange, link);
	struct buf out;
	buf_init(&out, 0);
	if (x) {
		list_remove(&x->link);
		u->n_spare--;
		out = x->out;
		buf_reset(&out);
	} else {
		x = mem_alloc(sizeof(*x));
	}
	*x = (struct exchange){.u = u, .f = f, .out = out};
	list_add_first(&u->all, &x->link);
	buf_init(&x->held, f->upstream->max_header + SCRATCH_SIZE);
	return x;
}

static void unlist(struct exchange *x)
{
	if (!x->todo)
		return;
	struct upstreams *u = x->u;
	list_remove(&x->soon);
	x->todo = 0;
	u->n_soon--;
}

static void drop(struct exchange *x)
{
	struct upstreams *u = x->u;
	unlist(x);
	list_remove(&x->link);
	deadline_clear(&x->deadline);
	if (x->connecting)
		connect_cancel(&x->connecting);
	if (x->origin)
		origin_release(&x->origin);
	gate_leave(u->gates, &x->ticket);
	buf_free(&x->held);
	x->f->exchange = NULL;
	if (u->n_spare >= MAX_SPARE || x->out.cap > SPARE_OUT) {
		buf_free(&x->out);
		free(x);
		return;
	}
	list_add_first(&u->spare, &x->link);
	u->n_spare++;
}

void upstream__end(struct exchange *x, int err, const char *why, bool reusable)
{
	struct upstreams *u = x->u;
	struct fetch *f = x->f;
	struct conn *c = x->conn;
	if (c && reusable && x->sending == SENT && !c->hangup && !c->broken)
		put_idle(u, c, f->upstream, x->keep_s);
	else if (c)
		close_conn(c);
	drop(x);
	if (err)
		metrics_inc(u->metrics, METRIC_FETCH_FAILURES);
	f->events->done(f, err, why);
}

struct upstreams *upstream__telling(struct exchange *x)
{
	assert(!x->u->telling);
	x->u->telling = x;
	return x->u;
}

bool upstream__told(struct upstreams *u)
{
	bool there = u->telling != NULL;
	u->telling = NULL;
	return there;
}

/* --- what the loop's next turn owes --- */

static void open_on(struct exchange *x, struct conn *c);
static void go_on(struct exchange *x);

static void do_todo(struct exchange *x, unsigned todo)
{
	if (todo & TODO_FAIL)
		upstream__end(x, x->err, x->why, false);
	else if (todo & TODO_START)
		go_on(x);
	else if (x->phase != PHASE_OPEN || ((todo & TODO_WRITE) && !exchange_send(x)))
		return;
	else if (todo & TODO_READ)
		exchange_receive(x);
}

static void on_idle(uv_idle_t *h)
{
	struct upstreams *u = CONTAINER_OF(h, struct upstreams, idle);
	/* Those that come back meanwhile wait for the next turn. Counted, since any of those there may go meanwhile. */
	struct exchange *x;
	for (unsigned n = u->n_soon; n > 0 && (x = LIST_FIRST(&u->soon, struct exchange, soon)); n--) {
		unsigned todo = x->todo;
		unlist(x);
		do_todo(x, todo);
	}
	if (list_is_empty(&u->soon))
		uv_idle_stop(&u->idle);
}

void upstream__soon(struct exchange *x, unsigned todo)
{
	struct upstreams *u = x->u;
	if (!x->todo) {
		list_add_last(&u->soon, &x->soon);
		u->n_soon++;
		uv_idle_start(&u->idle, on_idle);
	}
	x->todo |= todo;
}

static void fail_soon(struct exchange *x, int err, const char *why)
{
	x->phase = PHASE_FAILED;
	x->err = err;
	x->why = why;
	upstream__no_deadline(x);
	upstream__soon(x, TODO_FAIL);
}

/* --- deadlines --- */

static void on_timer(uv_timer_t *h)
{
	struct upstreams *u = CONTAINER_OF(h, struct upstreams, timer);
	u->timer_ms = INT64_MAX;
	deadlines_run(&u->deadlines, (int64_t)uv_now(u->loop));
	int64_t next = deadlines_next(&u->deadlines);
	if (next != INT64_MAX)
		arm_timer(u, next);
}

/* Only ever earlier: a timer that comes too early for all finds nothing due and is set anew then. */
static void arm_timer(struct upstreams *u, int64_t at_ms)
{
	if (at_ms >= u->timer_ms)
		return;
	int64_t now = (int64_t)uv_now(u->loop);
	u->timer_ms = at_ms;
	uv_timer_start(&u->timer, on_timer, at_ms > now ? (uint64_t)(at_ms - now) : 0, 0);
}

static void on_deadline(struct deadline *d)
{
	struct exchange *x = CONTAINER_OF(d, struct exchange, deadline);
	if (x->phase == PHASE_GATE)
		upstream__end(x, ERR_BUSY, "too many requests at the upstream, for too long", false);
	else
		upstream__end(x, ERR_TIMEOUT, x->deadline_why, false);
}

void upstream__deadline(struct exchange *x, int64_t after_ms, const char *why)
{
	struct upstreams *u = x->u;
	if (after_ms <= 0) {
		deadline_clear(&x->deadline);
		return;
	}
	x->deadline_why = why;
	x->deadline.fire = on_deadline;
	deadline_set(&u->deadlines, &x->deadline, (int64_t)uv_now(u->loop), after_ms);
	arm_timer(u, x->deadline.at_ms);
}

void upstream__no_deadline(struct exchange *x)
{
	deadline_clear(&x->deadline);
}

/* --- from the gate to the connection --- */

static void on_connected(void *ctx, struct link link, int err, const char *why)
{
	struct exchange *x = ctx;
	struct upstreams *u = x->u;
	x->connecting = NULL;
	if (err) {
		upstream__end(x, err, why, false);
		return;
	}
	struct conn *c = conn_new(u->loop, &link, &x->origin, on_event);
	if (!c) {
		upstream__end(x, ERR_CONNECT, "the connection cannot be polled", false);
		return;
	}
	c->owner = u;
	c->deadline.fire = on_idle_deadline;
	metrics_inc(u->metrics, METRIC_UPSTREAM_CONNECTS);
	metrics_add(u->metrics, METRIC_UPSTREAM_OPEN, 1);
	open_on(x, c);
}

static void connect_fresh(struct exchange *x)
{
	x->phase = PHASE_CONNECT;
	x->connecting =
	    connect_start(x->u->connector, x->f->upstream, (struct connect_event){.done = on_connected, .ctx = x});
}

static void open_on(struct exchange *x, struct conn *c)
{
	x->phase = PHASE_OPEN;
	x->conn = c;
	x->reused = c->requests++ > 0;
	c->user = x;
	const char *why;
	int r = exchange_begin(x, &why);
	if (r)
		fail_soon(x, r, why);
	else
		exchange_send(x);
}

/* It has its place at the upstream. */
static void go_on(struct exchange *x)
{
	x->origin = pool_origin(&x->u->pool, x->f->upstream);
	struct conn *c = take_idle(x);
	if (!c) {
		connect_fresh(x);
		return;
	}
	origin_release(&x->origin); /* the connection has its own */
	open_on(x, c);
}

void upstream__repeat(struct exchange *x)
{
	assert(!x->repeated);
	close_conn(x->conn);
	metrics_inc(x->u->metrics, METRIC_FETCH_RETRIES);
	unlist(x);
	upstream__no_deadline(x);
	x->conn = NULL;
	x->repeated = true;
	x->sent_any = x->chunks = false;
	x->interims = 0;
	x->f->first_byte_us = 0;
	buf_reset(&x->out);
	x->out_at = 0;
	buf_reset(&x->held);
	x->origin = pool_origin(&x->u->pool, x->f->upstream);
	connect_fresh(x);
}

static void on_place(struct mail *m)
{
	struct exchange *x = CONTAINER_OF(CONTAINER_OF(m, struct gate_ticket, mail), struct exchange, ticket);
	upstream__no_deadline(x);
	go_on(x);
}

/* --- public --- */

static const char proxy_stops[] = "the proxy stops";

void upstream_fetch(struct upstreams *u, struct fetch *f)
{
	struct exchange *x = exchange_new(u, f);
	f->exchange = x;
	f->started_us = clock_mono_us();
	f->sent_ms = f->first_byte_us = 0;
	x->ticket.worker = u->worker;
	x->ticket.mail.fn = on_place;
	if (u->aborted) {
		fail_soon(x, ERR_CANCELLED, proxy_stops);
		return;
	}
	int r = gate_enter(u->gates, f->upstream, &x->ticket);
	if (r == ERR_BUSY) {
		fail_soon(x, r, "too many requests are waiting for the upstream");
	} else if (r == ERR_AGAIN) {
		metrics_inc(u->metrics, METRIC_UPSTREAM_QUEUED);
		x->phase = PHASE_GATE;
		upstream__deadline(x, f->upstream->queue_timeout_ms, NULL);
	} else if (f->has_body) {
		upstream__soon(x, TODO_START); /* sending asks for the body, which is an event */
	} else {
		go_on(x);
	}
}

void upstream_cancel(struct upstreams *u, struct fetch *f)
{
	struct exchange *x = f->exchange;
	if (!x)
		return;
	if (u->telling == x)
		u->telling = NULL;
	if (x->conn)
		close_conn(x->conn);
	drop(x);
}

void upstream_resume(struct upstreams *u, struct fetch *f)
{
	struct exchange *x = f->exchange;
	(void)u;
	if (!x || !x->paused)
		return;
	x->paused = false;
	if (x->held.n > 0 || x->conn->link.tls) {
		upstream__soon(x, TODO_READ);
		return;
	}
	conn_watch(x->conn, UV_READABLE);
	upstream__deadline(x, f->upstream->idle_timeout_ms, "the body stood still for idle_timeout");
}

void upstream_body(struct upstreams *u, struct fetch *f)
{
	struct exchange *x = f->exchange;
	(void)u;
	if (x && x->phase == PHASE_OPEN && x->sending == SENDING)
		upstream__soon(x, TODO_WRITE);
}

void upstreams_abort(struct upstreams *u)
{
	u->aborted = true;
	for (struct exchange *x; (x = LIST_FIRST(&u->all, struct exchange, link));)
		upstream__end(x, ERR_CANCELLED, proxy_stops, false);
}

struct upstreams *upstreams_new(const struct upstreams_options *o)
{
	struct upstreams *u = mem_zalloc(sizeof(*u));
	u->loop = o->loop;
	u->gates = o->gates;
	u->metrics = o->metrics;
	u->worker = o->worker;
	u->connector = connector_new(o->loop);
	pool_init(&u->pool, MAX_IDLE, close_idle);
	list_init(&u->soon);
	list_init(&u->all);
	list_init(&u->spare);
	u->timer_ms = INT64_MAX;
	uv_timer_init(o->loop, &u->timer);
	uv_idle_init(o->loop, &u->idle);
	arena_init(&u->arena, 0);
	return u;
}

void upstreams_reload(struct upstreams *u, const struct conf *conf)
{
	pool_reload(&u->pool, conf);
	connector_reload(u->connector);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct upstreams *u = h->data;
	if (++u->n_closed == HANDLES_TO_CLOSE)
		free(u);
}

void upstreams_free(struct upstreams **up)
{
	struct upstreams *u = *up;
	if (!u)
		return;
	assert(list_is_empty(&u->soon));
	pool_free(&u->pool);
	connector_free(&u->connector);
	deadlines_free(&u->deadlines);
	arena_free(&u->arena);
	LIST_EACH_SAFE (struct exchange, x, &u->spare, link) {
		buf_free(&x->out);
		free(x);
	}
	u->timer.data = u->idle.data = u;
	uv_close((uv_handle_t *)&u->timer, on_handle_closed);
	uv_close((uv_handle_t *)&u->idle, on_handle_closed);
	*up = NULL;
}
