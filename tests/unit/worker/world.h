/* What a test of the upstream side needs around it: a loop with a mailbox, settings, gates, and fetches that note what
 * became of them. */
#ifndef LARDER_TESTS_WORLD_H
#define LARDER_TESTS_WORLD_H

#include <errno.h>
#include <signal.h>

#include "base/mem.h"
#include "http/headers.h"
#include "worker/gate.h"
#include "worker/upstream.h"

#include "suite.h"
#include "origin.h"

enum { WORLD_BOUND_MS = 15000, PROBE_BODY = 1 << 20 };

struct world {
	uv_loop_t loop;
	uv_async_t wake;
	uv_timer_t bound;
	bool too_long;
	pthread_mutex_t lock;
	struct list letters;
	struct metrics *metrics;
	struct gates *gates;
	struct upstreams *upstreams;
	struct conf_upstream conf;
	struct conf snapshot;
	struct arena arena;
	char path[108];
};

static inline void world_post(void *worker, struct mail *m)
{
	struct world *w = worker;
	pthread_mutex_lock(&w->lock);
	if (!m->queued) {
		m->queued = true;
		list_add_last(&w->letters, &m->link);
	}
	pthread_mutex_unlock(&w->lock);
	uv_async_send(&w->wake);
}

static inline void world_unpost(void *worker, struct mail *m)
{
	struct world *w = worker;
	pthread_mutex_lock(&w->lock);
	list_remove(&m->link);
	m->queued = false;
	pthread_mutex_unlock(&w->lock);
}

static inline void world_on_wake(uv_async_t *h)
{
	struct world *w = CONTAINER_OF(h, struct world, wake);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		struct mail *m = LIST_FIRST(&w->letters, struct mail, link);
		if (m) {
			list_remove(&m->link);
			m->queued = false;
		}
		pthread_mutex_unlock(&w->lock);
		if (!m)
			return;
		m->fn(m);
	}
}

static inline void world_on_bound(uv_timer_t *h)
{
	CONTAINER_OF(h, struct world, bound)->too_long = true;
}

static inline const char *world_reason(unsigned reason)
{
	(void)reason;
	return "none";
}

/* Generous timeouts: a test that is about one sets it. */
static inline struct conf_upstream world_conf(void)
{
	return (struct conf_upstream){.name = STR("default"),
	    .url_text = STR("the upstream of the test"),
	    .url = {.scheme = STR("http"), .host = STR("127.0.0.1"), .path = STR("/")},
	    .connect_timeout_ms = 10000,
	    .first_byte_timeout_ms = 10000,
	    .idle_timeout_ms = 10000,
	    .max_in_flight = 256,
	    .queue = 16,
	    .queue_timeout_ms = 10000,
	    .max_idle = 8,
	    .idle_connection_timeout_ms = 10000,
	    .tls_verify = true,
	    .max_header = 16384};
}

static inline void world_start(struct world *w)
{
	*w = (struct world){.conf = world_conf()};
	signal(SIGPIPE, SIG_IGN);
	list_init(&w->letters);
	pthread_mutex_init(&w->lock, NULL);
	uv_loop_init(&w->loop);
	uv_async_init(&w->loop, &w->wake, world_on_wake);
	uv_timer_init(&w->loop, &w->bound);
	uv_timer_start(&w->bound, world_on_bound, WORLD_BOUND_MS, 0);
	w->metrics = metrics_new(1, 1, world_reason);
	w->gates = gates_new(world_post, world_unpost);
	w->upstreams = upstreams_new(&(struct upstreams_options){
	    .loop = &w->loop, .gates = w->gates, .metrics = metrics_worker(w->metrics, 0), .worker = w});
	arena_init(&w->arena, 0);
}

static inline void world_stop(struct world *w)
{
	upstreams_free(&w->upstreams);
	uv_close((uv_handle_t *)&w->wake, NULL);
	uv_close((uv_handle_t *)&w->bound, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&w->loop), 0);
	gates_free(&w->gates);
	metrics_free(&w->metrics);
	arena_free(&w->arena);
	pthread_mutex_destroy(&w->lock);
	ck_assert(!w->too_long);
}

static inline void world_lead_to(struct world *w, const struct raw_origin *o)
{
	w->conf.url.port = o->port;
	if (o->path[0]) {
		w->conf.url.scheme = STR("unix");
		w->conf.url.host = str_of(o->path);
	}
}

/* --- a fetch that notes what becomes of it --- */

struct probe {
	struct fetch f;
	struct world *w;
	struct headers headers;
	bool headed, done;
	int status, err, interims, interim_status;
	int64_t length;
	char *why;
	char body[PROBE_BODY]; /* the first bytes of the body */
	size_t n_body, calls;
	/* what space gives */
	char place[65536];
	size_t piece;	/* at most so many bytes a time; 0: all of `place` */
	size_t allowed; /* bytes until ERR_AGAIN; SIZE_MAX: any */
	int space_err;	/* instead */
	/* what upload gives */
	const char *upload;
	size_t n_upload, at_upload, upload_piece, uploads;
	size_t upload_open; /* so many may be taken now; SIZE_MAX: all, and the end */
	int upload_err;
	/* what it does inside an event */
	bool cancel_in_head, cancel_in_space, cancel_in_data, cancel_in_interim, cancel_in_uploaded;
	void (*after)(struct probe *p); /* in done */
};

/* Every event ends the turn: the loop must not go to sleep over what a test waits for. */
static inline struct probe *probe_of(struct fetch *f)
{
	struct probe *p = CONTAINER_OF(f, struct probe, f);
	uv_stop(&p->w->loop);
	return p;
}

static inline void probe_cancel(struct probe *p, bool now)
{
	if (!now)
		return;
	upstream_cancel(p->w->upstreams, &p->f);
	p->done = true;
	p->err = ERR_CANCELLED;
}

static inline void probe_interim(struct fetch *f, int status, const struct headers *h)
{
	struct probe *p = probe_of(f);
	(void)h;
	p->interims++;
	p->interim_status = status;
	probe_cancel(p, p->cancel_in_interim);
}

static inline void probe_head(struct fetch *f, const struct http_response *r, int64_t length)
{
	struct probe *p = probe_of(f);
	ck_assert(!p->headed && !p->done);
	p->headed = true;
	p->status = r->status;
	p->length = length;
	probe_cancel(p, p->cancel_in_head);
}

static inline int probe_space(struct fetch *f, char **at, size_t *n)
{
	struct probe *p = probe_of(f);
	ck_assert(p->headed && !p->done);
	probe_cancel(p, p->cancel_in_space);
	if (p->space_err)
		return p->space_err;
	if (p->allowed == 0)
		return ERR_AGAIN;
	*at = p->place;
	*n = p->piece ? p->piece : sizeof(p->place);
	*n = *n < p->allowed ? *n : p->allowed;
	return ERR_OK;
}

static inline void probe_data(struct fetch *f, size_t n)
{
	struct probe *p = probe_of(f);
	ck_assert(!p->done && n > 0);
	size_t room = p->n_body < sizeof(p->body) ? sizeof(p->body) - p->n_body : 0;
	memcpy(p->body + (sizeof(p->body) - room), p->place, n < room ? n : room);
	p->n_body += n;
	p->calls++;
	if (p->allowed != SIZE_MAX)
		p->allowed -= n;
	probe_cancel(p, p->cancel_in_data);
}

static inline void probe_done(struct fetch *f, int err, const char *why)
{
	struct probe *p = probe_of(f);
	ck_assert(!p->done);
	ck_assert((err == 0) == (why == NULL));
	p->done = true;
	p->err = err;
	p->why = (char *)why;
	if (p->after)
		p->after(p);
}

static inline int probe_upload(struct fetch *f, const char **at, size_t *n)
{
	struct probe *p = probe_of(f);
	ck_assert(!p->done);
	p->uploads++;
	if (p->upload_err)
		return p->upload_err;
	if (p->at_upload == p->n_upload)
		return ERR_EOF;
	size_t end = p->n_upload < p->upload_open ? p->n_upload : p->upload_open;
	if (p->at_upload == end)
		return ERR_AGAIN;
	*at = p->upload + p->at_upload;
	*n = end - p->at_upload;
	if (p->upload_piece && *n > p->upload_piece)
		*n = p->upload_piece;
	return ERR_OK;
}

static inline void probe_uploaded(struct fetch *f, size_t n)
{
	struct probe *p = probe_of(f);
	p->at_upload += n;
	ck_assert_uint_le(p->at_upload, p->n_upload);
	probe_cancel(p, p->cancel_in_uploaded);
}

static const struct fetch_events probe_events = {.interim = probe_interim,
    .head = probe_head,
    .space = probe_space,
    .data = probe_data,
    .done = probe_done,
    .upload = probe_upload,
    .uploaded = probe_uploaded};

static inline struct probe *probe_new(struct world *w, const char *method, const char *target)
{
	struct probe *p = mem_zalloc(sizeof(*p));
	p->w = w;
	p->allowed = p->upload_open = SIZE_MAX;
	headers_add(&p->headers, &w->arena, STR("Host"), STR("example.com"));
	p->f = (struct fetch){.conf = &w->snapshot,
	    .upstream = &w->conf,
	    .method = str_of(method),
	    .target = str_of(target),
	    .headers = &p->headers,
	    .retry = strcmp(method, "POST") != 0,
	    .events = &probe_events};
	return p;
}

static inline struct probe *probe_post(struct world *w, const char *body, int64_t length)
{
	struct probe *p = probe_new(w, "POST", "/");
	p->f.has_body = true;
	p->f.body_length = length;
	p->upload = body;
	p->n_upload = strlen(body);
	return p;
}

static inline void probe_start(struct probe *p)
{
	upstream_fetch(p->w->upstreams, &p->f);
	ck_assert(!p->headed && !p->done && p->uploads == 0); /* events come from the loop only */
}

static inline void probe_wait(struct probe *p)
{
	while (!p->done && !p->w->too_long)
		uv_run(&p->w->loop, UV_RUN_ONCE);
	ck_assert_msg(p->done, "no end of the fetch");
}

static inline void probe_run(struct probe *p)
{
	probe_start(p);
	probe_wait(p);
}

#define WAIT_FOR(w, condition)                                                                                         \
	do {                                                                                                           \
		while (!(condition) && !(w)->too_long)                                                                 \
			uv_run(&(w)->loop, UV_RUN_ONCE);                                                               \
		ck_assert_msg((condition), "never came: " #condition);                                                 \
	} while (0)

/* A metric as an operator reads it. */
static inline int64_t world_metric(struct world *w, enum metric m)
{
	static const char *names[METRIC_COUNT] = {
#define COUNTER(name, prom, help) [METRIC_##name] = "\n" prom " ",
#define GAUGE(name, prom, help)	  [METRIC_##name] = "\n" prom " ",
#include "metrics/metrics.def"
	};
	struct buf out;
	buf_init(&out, 1 << 20);
	metrics_write_prometheus(w->metrics, NULL, 0, &out);
	size_t at = str_find(buf_str(&out), str_of(names[m]));
	ck_assert_uint_lt(at, out.n);
	struct str rest = str_skip(buf_str(&out), at + strlen(names[m])), line;
	uint64_t value = UINT64_MAX;
	str_cut(&rest, '\n', &line);
	ck_assert_int_eq(str_to_u64(line, INT64_MAX, &value), 0);
	buf_free(&out);
	return (int64_t)value;
}

#endif
