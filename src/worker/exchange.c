/* One request and its response on a connection, see exchange.h.
 *
 *   sending:    SENDING -> SENT                 head, then the body as the client brings it, chunked when its length is not known
 *                    \---> SEND_STOPPED         the response came first, or the peer takes no more
 *   receiving:  RECEIVING_HEAD -> RECEIVING_BODY -> upstream__end
 *                \_____/ 1xx
 *
 * Bytes come in at one of three places, so that a body is copied as rarely as possible:
 *   - x->u->scratch, shared by the worker: heads, with the body that comes in the same packet, and small chunks
 *   - the place that the event `space` gives: the rest of a body, with no copy of ours
 *   - x->held: what cannot be digested now, part of a head or bytes behind a body that has no space
 * Over TLS polling may say nothing while bytes wait inside, so reading goes on until ERR_AGAIN, and after a pause it
 * begins without waiting for the poll.
 *
 * A connection whose peer broke a rule is never used again, nor one with bytes behind the response (RFC 9112 9.3, 11.2). */
#include "worker/exchange.h"

#include <assert.h>

#include "base/clock.h"

enum {
	MAX_HEADERS = 200,	 /* fields of a response */
	MAX_INTERIMS = 16,	 /* 1xx before the final response */
	READ_BUDGET = 256 << 10, /* bytes from one connection before others have their turn */
	DIRECT_CHUNK = 8 << 10,	 /* what is left of a chunk and is worth a receive of its own */
	HEAD_ROOM = 4096,	 /* for the request line and framing, beyond the fields that were accepted already */
};

enum step {
	STEP_MORE,   /* more may be there: read on */
	STEP_WAIT,   /* until the poll tells */
	STEP_PAUSED, /* until upstream_resume */
	STEP_GONE,   /* the exchange is over, or on another connection */
};

/* --- the events --- */

static bool tell_interim(struct exchange *x, int status, const struct headers *h)
{
	struct upstreams *u = upstream__telling(x);
	if (x->f->events->interim)
		x->f->events->interim(x->f, status, h);
	return upstream__told(u);
}

static bool tell_head(struct exchange *x, const struct http_response *r, int64_t length)
{
	struct upstreams *u = upstream__telling(x);
	x->f->events->head(x->f, r, length);
	return upstream__told(u);
}

static bool tell_space(struct exchange *x, char **p, size_t *n, int *r)
{
	struct upstreams *u = upstream__telling(x);
	*r = x->f->events->space(x->f, p, n);
	return upstream__told(u);
}

static bool tell_data(struct exchange *x, size_t n)
{
	struct upstreams *u = upstream__telling(x);
	x->f->events->data(x->f, n);
	return upstream__told(u);
}

static bool tell_upload(struct exchange *x, const char **p, size_t *n, int *r)
{
	struct upstreams *u = upstream__telling(x);
	*r = x->f->events->upload(x->f, p, n);
	return upstream__told(u);
}

static bool tell_uploaded(struct exchange *x, size_t n)
{
	struct upstreams *u = upstream__telling(x);
	x->f->events->uploaded(x->f, n);
	return upstream__told(u);
}

static enum step fail(struct exchange *x, int err, const char *why)
{
	upstream__end(x, err, why, false);
	return STEP_GONE;
}

/* RFC 9110 9.2.2: a request is repeated by itself only if it is idempotent, or if it certainly was not acted on. Here: an
 * idle connection was closed under it (RFC 9112 9.3.1), nothing of the response came, and its body can be had again. */
static bool may_repeat(const struct exchange *x)
{
	return x->reused && !x->repeated && !x->took_any && x->f->first_byte_us == 0 && (x->f->retry || !x->sent_any);
}

/* --- the request --- */

static bool is_framing(struct str name)
{
	return str_eq_nocase(name, STR("Content-Length")) || str_eq_nocase(name, STR("Transfer-Encoding")) ||
	       str_eq_nocase(name, STR("Connection"));
}

/* RFC 9112 6.1, 6.2; RFC 9110 8.6: methods that anticipate content say so when there is none. */
static void add_framing(struct exchange *x)
{
	const struct fetch *f = x->f;
	if (f->has_body && f->body_length < 0) {
		buf_add(&x->out, STR("Transfer-Encoding: chunked\r\n"));
	} else if (f->has_body || str_eq(f->method, STR("POST")) || str_eq(f->method, STR("PUT")) ||
		   str_eq(f->method, STR("PATCH"))) {
		buf_add(&x->out, STR("Content-Length: "));
		buf_add_u64(&x->out, f->has_body ? (uint64_t)f->body_length : 0);
		buf_add(&x->out, STR("\r\n"));
	}
}

static size_t head_bound(const struct fetch *f)
{
	size_t n = HEAD_ROOM + f->method.n + f->target.n;
	for (uint32_t i = 0; i < f->headers->n; i++)
		n += f->headers->v[i].name.n + f->headers->v[i].value.n + 4;
	return n;
}

int exchange_begin(struct exchange *x, const char **why)
{
	struct fetch *f = x->f;
	*why = "the request cannot be sent as it is";
	for (uint32_t i = 0; i < f->headers->n; i++)
		if (is_framing(f->headers->v[i].name))
			return ERR_INVALID; /* two answers to where the body ends are how requests are smuggled */
	x->sending = SENDING;
	x->receiving = RECEIVING_HEAD;
	x->upload_whole = !f->has_body || f->body_length == 0;
	x->upload_left = f->has_body && f->body_length > 0 ? (uint64_t)f->body_length : 0;
	x->out.max = head_bound(f);
	int r = http_write_request(&x->out, f->method, f->target, f->headers);
	if (r)
		return r;
	x->out.n -= 2; /* the empty line comes after the framing */
	add_framing(x);
	buf_add(&x->out, STR("\r\n"));
	assert(!x->out.overflow);
	f->sent_ms = clock_wall_ms();
	metrics_inc(x->u->metrics, METRIC_FETCHES);
	return ERR_OK;
}

/* Asks for the next bytes of the body; chunk sizes and the end go to x->out (RFC 9112 7.1). ERR_OK (*n may be 0, when there is only framing
 * to send), ERR_AGAIN: none now, ERR_CANCELLED: x is gone; others: the body broke off. */
static int next_upload(struct exchange *x, const char **p, size_t *n)
{
	*n = 0;
	if (x->upload_whole)
		return ERR_OK;
	int r;
	if (!tell_upload(x, p, n, &r))
		return ERR_CANCELLED;
	bool chunked = x->f->body_length < 0;
	if (r == ERR_EOF) {
		*n = 0;
		if (!chunked || x->upload_left > 0)
			return ERR_SHORT;
		buf_add(&x->out, x->chunks ? STR("\r\n0\r\n\r\n") : STR("0\r\n\r\n"));
		x->upload_whole = true;
		return ERR_OK;
	}
	if (r || *n == 0) {
		*n = 0;
		return r ? r : ERR_AGAIN;
	}
	if (chunked && x->upload_left == 0) {
		buf_addf(&x->out, "%s%zx\r\n", x->chunks ? "\r\n" : "", *n);
		x->chunks = true;
		x->upload_left = *n;
	}
	if (*n > x->upload_left)
		*n = (size_t)x->upload_left;
	return ERR_OK;
}

/* n bytes went out, first ours, then the body's. False: cancelled. */
static bool account_sent(struct exchange *x, size_t n)
{
	size_t own = x->out.n - x->out_at;
	if (n > 0)
		x->sent_any = true;
	if (n < own) {
		x->out_at += n;
		return true;
	}
	buf_reset(&x->out);
	x->out_at = 0;
	n -= own;
	if (n == 0)
		return true;
	x->took_any = true;
	x->upload_left -= n;
	if (x->f->body_length >= 0 && x->upload_left == 0)
		x->upload_whole = true;
	return tell_uploaded(x, n);
}

/* The peer takes no more. It may have said why before: read what is there. */
static bool stop_sending(struct exchange *x)
{
	if (may_repeat(x) && !x->sent_any) {
		upstream__repeat(x);
		return false;
	}
	x->sending = SEND_STOPPED;
	x->conn->broken = true;
	conn_watch(x->conn, UV_READABLE);
	upstream__deadline(x, x->f->upstream->first_byte_timeout_ms, "no response within first_byte_timeout");
	upstream__soon(x, TODO_READ);
	return true;
}

/* What is waited for now that nothing more can be sent. */
static void settle_sending(struct exchange *x, bool blocked)
{
	conn_watch(x->conn, UV_READABLE | (blocked ? UV_WRITABLE : 0));
	const struct conf_upstream *up = x->f->upstream;
	if (blocked)
		upstream__deadline(
		    x, up->idle_timeout_ms, "the upstream took nothing of the request within idle_timeout");
	else if (x->sending == SENT)
		upstream__deadline(x, up->first_byte_timeout_ms, "no response within first_byte_timeout");
	else
		upstream__no_deadline(x); /* the client's turn: its own timeouts count */
}

bool exchange_send(struct exchange *x)
{
	struct link *link = &x->conn->link;
	bool blocked = false;
	while (x->sending == SENDING && !blocked) {
		const char *p = NULL;
		size_t body = 0;
		int r = next_upload(x, &p, &body);
		if (r == ERR_CANCELLED)
			return false;
		if (r && r != ERR_AGAIN) {
			upstream__end(x, r, "the body of the request broke off", false);
			return false;
		}
		size_t own = x->out.n - x->out_at;
		if (own + body == 0 && !link_flushing(link)) {
			if (!x->upload_whole)
				break;
			x->sending = SENT;
			continue;
		}
		struct iovec parts[2] = {{x->out.p + x->out_at, own}, {(char *)p, body}};
		int64_t sent = link_send(link, own ? parts : parts + 1, (own > 0) + (body > 0));
		if (sent == ERR_AGAIN)
			blocked = true;
		else if (sent < 0)
			return stop_sending(x);
		else if (!account_sent(x, (size_t)sent))
			return false;
		/* A plain socket that takes less than it was offered is full: asking again would only say so. */
		else if (link_flushing(link) || (!link->tls && (size_t)sent < own + body))
			blocked = true;
	}
	settle_sending(x, blocked);
	return true;
}

/* --- the response --- */

/* Keeps bytes for later; they may be a tail of what is held. */
static void hold(struct exchange *x, struct str in)
{
	if (x->held.n > 0 && in.p >= x->held.p && in.p <= x->held.p + x->held.n) {
		buf_consume(&x->held, (size_t)(in.p - x->held.p));
		return;
	}
	buf_reset(&x->held);
	int r = buf_add(&x->held, in);
	assert(r == ERR_OK);
	(void)r;
}

static enum step complete(struct exchange *x, bool clean)
{
	upstream__end(x, ERR_OK, NULL, clean && x->keep);
	return STEP_GONE;
}

static enum step pause_reading(struct exchange *x)
{
	x->paused = true;
	return STEP_PAUSED;
}

/* Gives the run at the front of *in away, as far as there is space. */
static enum step give_run(struct exchange *x, struct str *in)
{
	while (x->run > 0) {
		char *p;
		size_t n;
		int r;
		if (!tell_space(x, &p, &n, &r))
			return STEP_GONE;
		if (r == ERR_AGAIN) {
			hold(x, *in);
			return pause_reading(x);
		}
		if (r)
			return fail(x, r, "the body of the response is not wanted any more");
		n = n < x->run ? n : x->run;
		memcpy(p, in->p, n);
		x->run -= n;
		*in = str_skip(*in, n);
		if (!tell_data(x, n))
			return STEP_GONE;
	}
	*in = str_skip(*in, x->run_tail);
	x->run_tail = 0;
	return STEP_MORE;
}

static enum step digest_body(struct exchange *x, struct str in)
{
	for (;;) {
		enum step step = give_run(x, &in);
		if (step != STEP_MORE)
			return step;
		if (x->body_rc == ERR_EOF)
			return complete(x, in.n == 0);
		if (in.n == 0) {
			buf_reset(&x->held);
			return STEP_MORE;
		}
		size_t used;
		struct str data;
		x->body_rc = http_body_read(&x->body, in, &used, &data);
		if (x->body_rc && x->body_rc != ERR_AGAIN && x->body_rc != ERR_EOF)
			return fail(x, ERR_PROTOCOL, "the response's chunks are broken");
		x->run = data.n;
		x->run_tail = 0;
		if (data.n > 0) {
			size_t before = (size_t)(data.p - in.p);
			x->run_tail = used - before - data.n;
			used = before;
		}
		in = str_skip(in, used);
	}
}

static int64_t stated_length(const struct exchange *x, int status)
{
	if (x->body.length <= INT64_MAX)
		return (int64_t)x->body.length;
	/* That of the GET is not known here (RFC 9110 8.6). */
	bool of_another = str_eq(x->f->method, STR("HEAD")) || status == 304;
	return x->body.kind == BODY_NONE && !of_another ? 0 : -1;
}

static enum step take_interim(struct exchange *x, const struct http_response *r)
{
	if (r->status == 101) /* RFC 9110 15.2.2: we sent no Upgrade */
		return fail(x, ERR_PROTOCOL, "the upstream switches protocols without being asked");
	if (++x->interims > MAX_INTERIMS)
		return fail(x, ERR_PROTOCOL, "too many interim responses");
	if (x->sending == SENT) /* it is alive and working (RFC 9110 15.2); the count bounds this */
		upstream__deadline(
		    x, x->f->upstream->first_byte_timeout_ms, "no final response within first_byte_timeout");
	if (r->status != 100 && !tell_interim(x, r->status, &r->headers))
		return STEP_GONE;
	return STEP_MORE;
}

static enum step take_final(struct exchange *x, struct http_response *r)
{
	/* RFC 9110 15.5.9: an idle connection that the peer gave up with a 408 while our request was on its way */
	if (r->status == 408 && x->reused && !x->repeated && !x->took_any && x->f->retry) {
		upstream__repeat(x);
		return STEP_GONE;
	}
	if (http_body_of_response(r, str_eq(x->f->method, STR("HEAD")), &x->body))
		return fail(x, ERR_PROTOCOL, r->why);
	x->receiving = RECEIVING_BODY;
	x->keep = http_keeps_alive(r, &x->body);
	x->keep_s = http_keeps_alive_s(r);
	x->body_rc = x->body.kind == BODY_NONE || (x->body.kind == BODY_LENGTH && x->body.left == 0) ? ERR_EOF : ERR_OK;
	if (x->sending == SENDING)
		x->sending = SEND_STOPPED; /* RFC 9112 9.5: it has its answer; what it does not read would only jam */
	if (!tell_head(x, r, stated_length(x, r->status)))
		return STEP_GONE;
	return STEP_MORE;
}

/* Heads from the front of *in, until the final one. STEP_WAIT: it is not whole yet. */
static enum step digest_heads(struct exchange *x, struct str *in)
{
	const struct http_limits limits = {x->f->upstream->max_header, MAX_HEADERS};
	while (x->receiving == RECEIVING_HEAD) {
		struct http_response r = {0};
		size_t used = 0;
		int err = http_read_response(*in, &limits, &x->u->arena, &r, &used);
		if (err == ERR_AGAIN) {
			hold(x, *in);
			return STEP_WAIT;
		}
		enum step step;
		if (err)
			step = fail(x, err, r.why);
		else if (r.status < 200)
			step = take_interim(x, &r);
		else
			step = take_final(x, &r);
		if (step != STEP_MORE)
			return step;
		*in = str_skip(*in, used);
	}
	return STEP_MORE;
}

static enum step digest(struct exchange *x, struct str in)
{
	if (x->receiving == RECEIVING_HEAD) {
		struct arena *arena = &x->u->arena;
		enum step step = digest_heads(x, &in);
		arena_reset(arena);
		if (step != STEP_MORE)
			return step == STEP_WAIT ? STEP_MORE : step;
	}
	return digest_body(x, in);
}

/* The stream ended: in order (got == 0) or not. */
static enum step take_end(struct exchange *x, int64_t got)
{
	bool orderly = got == 0 && !x->conn->broken;
	if (x->receiving == RECEIVING_BODY) {
		if (orderly && http_body_closed(&x->body) == ERR_EOF)
			return complete(x, false);
		return fail(x, ERR_SHORT,
		    orderly ? "the upstream closed before the body's end"
			    : "the connection broke before the body's end");
	}
	if (may_repeat(x)) {
		upstream__repeat(x);
		return STEP_GONE;
	}
	if (x->f->first_byte_us == 0)
		return fail(x, ERR_RESET, "the upstream closed the connection without a response");
	return fail(x, ERR_SHORT, "the upstream closed within the response's head");
}

/* After a receive that brought `got` of the `room` there was. */
static enum step go_on(struct exchange *x, size_t got, size_t room, size_t *budget)
{
	*budget -= got < *budget ? got : *budget;
	bool drained = !x->conn->link.tls && got < room && !x->conn->hangup;
	if (drained)
		return STEP_WAIT;
	if (*budget > 0)
		return STEP_MORE;
	upstream__soon(x, TODO_READ);
	return STEP_WAIT;
}

/* The body straight to where it is wanted. */
static enum step receive_direct(struct exchange *x, uint64_t most, size_t *budget)
{
	char *p;
	size_t n;
	int r;
	if (!tell_space(x, &p, &n, &r))
		return STEP_GONE;
	if (r == ERR_AGAIN)
		return pause_reading(x);
	if (r)
		return fail(x, r, "the body of the response is not wanted any more");
	n = n < most ? n : (size_t)most;
	int64_t got = link_recv(&x->conn->link, p, n);
	if (got == ERR_AGAIN)
		return STEP_WAIT;
	if (got <= 0)
		return take_end(x, got);
	x->body_rc = http_body_skip(&x->body, (uint64_t)got);
	if (!tell_data(x, (size_t)got))
		return STEP_GONE;
	if (x->body_rc == ERR_EOF)
		return complete(x, true);
	return go_on(x, (size_t)got, n, budget);
}

static enum step receive_some(struct exchange *x, size_t *budget)
{
	if (x->receiving == RECEIVING_BODY) {
		uint64_t direct = http_body_direct(&x->body);
		if (direct >= (x->body.kind == BODY_CHUNKED ? DIRECT_CHUNK : 1))
			return receive_direct(x, direct, budget);
	}
	size_t before = x->held.n;
	char *p = x->u->scratch;
	size_t room = SCRATCH_SIZE;
	if (before > 0) { /* the rest of a head */
		room = SCRATCH_SIZE / 4;
		int r = buf_reserve(&x->held, room);
		assert(r == ERR_OK); /* it holds no more than max_header */
		(void)r;
		p = x->held.p + before;
	}
	int64_t got = link_recv(&x->conn->link, p, room);
	if (got == ERR_AGAIN)
		return STEP_WAIT;
	if (got <= 0)
		return take_end(x, got);
	if (x->f->first_byte_us == 0)
		x->f->first_byte_us = clock_mono_us();
	struct str in = {p, (size_t)got};
	enum step step = STEP_MORE;
	if (before > 0) {
		bool line = str_index(in, '\n') < in.n; /* a head that trickles in is not read anew for every byte */
		x->held.n += in.n;
		in = buf_str(&x->held);
		if (line || in.n > x->f->upstream->max_header)
			step = digest(x, in);
	} else {
		step = digest(x, in);
	}
	return step == STEP_MORE ? go_on(x, (size_t)got, room, budget) : step;
}

void exchange_receive(struct exchange *x)
{
	if (x->paused)
		return;
	enum step step = STEP_MORE;
	if (x->receiving == RECEIVING_BODY && (x->held.n > 0 || x->run > 0))
		step = digest_body(x, buf_str(&x->held));
	for (size_t budget = READ_BUDGET; step == STEP_MORE;)
		step = receive_some(x, &budget);
	if (step == STEP_PAUSED) {
		conn_watch(x->conn, 0);
		upstream__no_deadline(x);
	} else if (step == STEP_WAIT) {
		conn_watch(x->conn, UV_READABLE | (x->sending == SENDING ? x->conn->watched & UV_WRITABLE : 0));
		if (x->receiving == RECEIVING_BODY)
			upstream__deadline(x, x->f->upstream->idle_timeout_ms, "the body stood still for idle_timeout");
	}
}

void exchange_on_event(struct exchange *x, int events)
{
	if ((events & UV_WRITABLE) && x->sending == SENDING && !exchange_send(x))
		return;
	if (events & UV_READABLE)
		exchange_receive(x);
}
