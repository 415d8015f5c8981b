/* A world for requests: a scripted port, a clock that the test moves, an upstream that says what the test lets it say, and
 * as many workers as wanted over one tier and one table of flights. No sockets, no threads, no sleeps. */
#ifndef LARDER_TESTS_WORLD_H
#define LARDER_TESTS_WORLD_H

#include "suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "req/flight.h"
#include "req/req.h"
#include "req/request.h"
#include "tier/memory.h"

enum { WORLD_WORKERS = 2, WORLD_FETCHES = 64 };

struct world_worker {
	struct world *world;
	struct req_env env;
	struct list letters; /* oldest first */
	unsigned resumed;
	unsigned interims;
};

struct world {
	int64_t now_ms;
	struct conf *conf;
	struct tier *tier;
	struct flights *flights;
	struct metrics *metrics;
	struct world_worker workers[WORLD_WORKERS];
	struct fetch *fetches[WORLD_FETCHES]; /* in the order they began; NULL once over */
	unsigned n_fetches;
	unsigned cancelled, resumes;
	struct sockaddr_in peer;
};

static inline int64_t world_wall(void *w)
{
	return ((struct world_worker *)w)->world->now_ms;
}

static inline int64_t world_mono(void *w)
{
	return ((struct world_worker *)w)->world->now_ms * 1000;
}

static inline void world_post(void *w, struct mail *m)
{
	struct world_worker *to = w;
	if (m->queued)
		return;
	list_add_last(&to->letters, &m->link);
	m->queued = true;
}

static inline void world_unpost(void *w, struct mail *m)
{
	struct world_worker *to = w;
	if (!m->queued)
		return;
	struct mail *found = LIST_FIRST(&to->letters, struct mail, link);
	while (found && found != m)
		found = LIST_NEXT(&to->letters, found, struct mail, link);
	ck_assert_msg(found == m, "a letter is taken back from the worker it was posted to");
	list_remove(&m->link);
	m->queued = false;
}

static inline void world_fetch(void *w, struct fetch *f)
{
	struct world *world = ((struct world_worker *)w)->world;
	ck_assert_uint_lt(world->n_fetches, WORLD_FETCHES);
	f->sent_ms = world->now_ms;
	f->started_us = world->now_ms * 1000;
	world->fetches[world->n_fetches++] = f;
}

static inline void world_fetch_cancel(void *w, struct fetch *f)
{
	struct world *world = ((struct world_worker *)w)->world;
	for (unsigned i = 0; i < world->n_fetches; i++)
		if (world->fetches[i] == f) {
			world->fetches[i] = NULL;
			world->cancelled++;
		}
}

static inline void world_fetch_resume(void *w, struct fetch *f)
{
	(void)f;
	((struct world_worker *)w)->world->resumes++;
}

static inline void world_fetch_body(void *w, struct fetch *f)
{
	(void)w;
	(void)f;
}

static inline void world_resume(void *w, struct req *r)
{
	(void)r;
	((struct world_worker *)w)->resumed++;
}

static inline void world_interim(void *w, struct req *r, int status, const struct headers *h)
{
	(void)r;
	(void)status;
	(void)h;
	((struct world_worker *)w)->interims++;
}

static const struct req_port world_port = {
    .wall_ms = world_wall,
    .mono_us = world_mono,
    .turn_us = world_mono,
    .post = world_post,
    .unpost = world_unpost,
    .fetch = world_fetch,
    .fetch_cancel = world_fetch_cancel,
    .fetch_resume = world_fetch_resume,
    .fetch_body = world_fetch_body,
    .resume = world_resume,
    .interim = world_interim,
};

static inline const char *world_reason(unsigned r)
{
	return reason_code((enum reason)r);
}

/* `ini` is the text of a configuration; an upstream is given. `over` makes the tier of the memory tier, which it takes. */
static inline struct world *world_new_over(const char *ini, struct tier *(*over)(struct tier *memory_take))
{
	struct world *w = mem_zalloc(sizeof *w);
	char path[] = "/tmp/larder-world-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, ini, strlen(ini)), (ssize_t)strlen(ini));
	close(fd);
	struct conf_flag flag = {"upstream", "url", "http://127.0.0.1:9"};
	char *no_environment[] = {NULL};
	struct conf_source source = {.path = path, .environ = no_environment, .flags = &flag, .n_flags = 1};
	struct buf errors;
	buf_init(&errors, 65536);
	int err = conf_load(&source, &w->conf, &errors);
	ck_assert_msg(err == ERR_OK, "%.*s", STR_ARG(buf_str(&errors)));
	buf_free(&errors);
	unlink(path);

	w->now_ms = 1700000000000;
	struct memory_options o = {w->conf->cache.memory_size, w->conf->cache.max_entries, w->conf->cache.max_variants};
	w->tier = over(memory_tier_new(&o));
	w->flights = flights_new(0);
	w->metrics = metrics_new(WORLD_WORKERS, REASON_COUNT, world_reason);
	w->peer.sin_family = AF_INET;
	w->peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (unsigned i = 0; i < WORLD_WORKERS; i++) {
		struct world_worker *worker = &w->workers[i];
		worker->world = w;
		list_init(&worker->letters);
		worker->env = (struct req_env){
		    .worker = worker,
		    .port = &world_port,
		    .conf = w->conf,
		    .tier = w->tier,
		    .flights = w->flights,
		    .metrics = metrics_worker(w->metrics, i),
		    .key_seed = 7,
		    .id_seed = i,
		};
	}
	return w;
}

static inline struct tier *world_memory(struct tier *memory_take)
{
	return memory_take;
}

static inline struct world *world_new(const char *ini)
{
	return world_new_over(ini, world_memory);
}

static inline void world_deliver(struct world *w)
{
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < WORLD_WORKERS; i++) {
			struct mail *m = LIST_FIRST(&w->workers[i].letters, struct mail, link);
			if (!m)
				continue;
			list_remove(&m->link);
			m->queued = false;
			m->fn(m);
			any = true;
		}
	}
}

/* All requests are freed by now; every fetch must be over. */
static inline void world_free(struct world **ref)
{
	struct world *w = *ref;
	for (unsigned i = 0; i < w->n_fetches; i++)
		ck_assert_msg(!w->fetches[i], "fetch %u is still under way", i);
	for (unsigned i = 0; i < WORLD_WORKERS; i++) {
		ck_assert(list_is_empty(&w->workers[i].letters));
		ck_assert_uint_eq(w->workers[i].env.active, 0);
	}
	flights_free(&w->flights);
	tier_close(&w->tier);
	metrics_free(&w->metrics);
	conf_release(&w->conf);
	free(w);
	*ref = NULL;
}

/* `lines`: "Name: value\n..." */
static inline void world_fields(const char *lines, struct arena *a, struct headers *out)
{
	struct str rest = str_of(lines), line;
	*out = (struct headers){0};
	while (str_cut(&rest, '\n', &line))
		if (line.n > 0) {
			size_t colon = str_index(line, ':');
			headers_add(out, a, str_take(line, colon), str_trim(str_skip(line, colon + 1)));
		}
}

static inline struct req *world_ask_on(
    struct world *w, unsigned worker, const char *method, const char *target, const char *fields)
{
	struct req_client client = {(const struct sockaddr *)&w->peer, STR("127.0.0.1"), STR("127.0.0.1:8080")};
	struct req *r = req_new(&w->workers[worker].env, &client, NULL);
	struct http_request *m = req_message(r);
	m->method_name = str_of(method);
	m->method = http_method_of(m->method_name);
	m->target = str_of(target);
	m->host = STR("example.com");
	m->minor = 1;
	world_fields(fields, req_arena(r), &m->headers);
	struct str length = headers_get(&m->headers, STR("Content-Length"));
	uint64_t n = 0;
	if (length.n > 0)
		ck_assert_int_eq(str_to_u64(length, INT64_MAX, &n), ERR_OK);
	m->has_body = n > 0;
	m->body_length = (int64_t)n;
	req_begin(r);
	return r;
}

static inline struct req *world_ask(struct world *w, const char *method, const char *target, const char *fields)
{
	return world_ask_on(w, 0, method, target, fields);
}

static inline void world_head(struct world *w, unsigned i, int status, const char *fields, int64_t length)
{
	struct fetch *f = w->fetches[i];
	struct arena a;
	struct http_response r = {.status = status, .minor = 1};
	ck_assert_msg(f, "fetch %u is not under way", i);
	arena_init(&a, 0);
	world_fields(fields, &a, &r.headers);
	f->first_byte_us = w->now_ms * 1000;
	f->events->head(f, &r, length);
	arena_free(&a); /* the strings were only lent */
}

/* Returns ERR_OK, or what `space` said (ERR_AGAIN: the window is full) with *sent bytes gone. */
static inline int world_body(struct world *w, unsigned i, const char *bytes, size_t n, size_t *sent)
{
	*sent = 0;
	while (*sent < n && w->fetches[i]) {
		struct fetch *f = w->fetches[i];
		char *p;
		size_t room;
		int err = f->events->space(f, &p, &room);
		if (err != ERR_OK)
			return err;
		room = room < n - *sent ? room : n - *sent;
		memcpy(p, bytes + *sent, room);
		*sent += room;
		f->events->data(f, room);
	}
	return ERR_OK;
}

static inline void world_say(struct world *w, unsigned i, const char *text)
{
	size_t sent;
	ck_assert_int_eq(world_body(w, i, text, strlen(text), &sent), ERR_OK);
	ck_assert_uint_eq(sent, strlen(text));
}

static inline void world_done(struct world *w, unsigned i, int err)
{
	struct fetch *f = w->fetches[i];
	ck_assert_msg(f, "fetch %u is not under way", i);
	w->fetches[i] = NULL;
	f->events->done(f, err, NULL);
}

/* A whole response at once, and the letters delivered. */
static inline void world_respond(struct world *w, unsigned i, int status, const char *fields, const char *body)
{
	world_head(w, i, status, fields, (int64_t)strlen(body));
	world_say(w, i, body);
	world_done(w, i, ERR_OK);
	world_deliver(w);
}

/* The body as the client gets it, into `out`; *end is ERR_EOF, ERR_AGAIN or the error. */
static inline struct str world_read(struct req *r, char *out, size_t max, int *end)
{
	const struct answer *a = req_answer(r);
	size_t n = 0;
	*end = ERR_EOF;
	ck_assert_msg(a, "there is no answer");
	if (a->kind == ANSWER_TEXT)
		return a->text;
	if (a->kind == ANSWER_PARTS) {
		for (unsigned i = 0; i < a->n_slices; i++) {
			ck_assert_uint_le(n + a->slices[i].n, max);
			memcpy(out + n, a->slices[i].p, a->slices[i].n);
			n += a->slices[i].n;
		}
		return str_make(out, n);
	}
	if (a->kind == ANSWER_FILE) {
		ck_assert_uint_le((size_t)a->length, max);
		ssize_t got = pread(body_file(a->entry->body), out, (size_t)a->length, (off_t)a->offset);
		ck_assert_int_eq(got, a->length);
		return str_make(out, (size_t)got);
	}
	if (a->kind == ANSWER_WHOLE) {
		struct str segments[64];
		unsigned count = body_segments(a->entry->body, segments, COUNT_OF(segments));
		for (unsigned i = 0; i < count; i++) {
			ck_assert_uint_le(n + segments[i].n, max);
			memcpy(out + n, segments[i].p, segments[i].n);
			n += segments[i].n;
		}
		return str_make(out, n);
	}
	for (;;) {
		int64_t got = req_read(r, out + n, max - n);
		if (got > 0) {
			n += (size_t)got;
			continue;
		}
		*end = got == 0 ? ERR_AGAIN : (int)got;
		return str_make(out, n);
	}
}

/* A counter by its Prometheus name. */
static inline unsigned long world_counted(struct world *w, const char *name)
{
	struct buf text;
	char line[128];
	buf_init(&text, 1 << 20);
	metrics_write_prometheus(w->metrics, NULL, 0, &text);
	(void)buf_addc(&text, '\0');
	snprintf(line, sizeof line, "\n%s ", name);
	const char *at = strstr(text.p, line);
	ck_assert_msg(at, "no %s", name);
	unsigned long n = strtoul(at + strlen(line), NULL, 10);
	buf_free(&text);
	return n;
}

#define ASSERT_STR(actual, expected)                                                                                   \
	do {                                                                                                           \
		struct str actual_ = (actual);                                                                         \
		ck_assert_msg(                                                                                         \
		    str_eq(actual_, str_of(expected)), "is \"%.*s\", not \"%s\"", STR_ARG(actual_), expected);         \
	} while (0)

#define ASSERT_ANSWER(r, code, text)                                                                                   \
	do {                                                                                                           \
		char out_[8192];                                                                                       \
		int end_;                                                                                              \
		ck_assert_msg(req_answer(r), "no answer");                                                             \
		ck_assert_int_eq(req_answer(r)->status, code);                                                         \
		ASSERT_STR(world_read(r, out_, sizeof out_, &end_), text);                                             \
		ck_assert_int_eq(end_, ERR_EOF);                                                                       \
	} while (0)

static inline struct str world_field(struct req *r, const char *name)
{
	return headers_get(&req_answer(r)->headers, str_of(name));
}

static inline void world_end(struct req **r)
{
	bool answered = req_answer(*r) != NULL;
	req_free(r, 0, answered);
}

#endif
