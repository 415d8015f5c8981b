/* What the tests of the client side share: a real loop and real sockets, and in place of src/req a stub whose answer the path
 * tells: /text, /park, /stream?..., so that what goes over the wire can be looked at byte by byte. Everything runs in one
 * thread: `turn` lets the loop work until something is true, bounded. */
#ifndef LARDER_TESTS_CLIENT_RIG_H
#define LARDER_TESTS_CLIENT_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "suite.h"
#include "worker/client.h"

enum { RIG_MAX = 256 * 1024, RIG_WAIT_MS = 5000, RIG_PARKED = 8 };

/* The stub. One request is looked at at a time. */
struct req {
	struct arena arena;
	struct http_request message;
	void *owner;
	struct answer answer;
	bool there;
	uint64_t streamed;
	struct entry entry;
};

/* Of a stored page: as many segments of four bytes as the path says. */
unsigned body_segments(const struct body *b, struct str *out, unsigned max);

static struct rig {
	uv_loop_t loop;
	struct conf conf;
	struct metrics *metrics;
	struct req_env env;
	struct clients *clients;
	atomic_uint connections;
	int listen_fd;
	uint16_t port;

	/* what the stub saw and does */
	struct req *current;
	struct req *parked[RIG_PARKED]; /* the first of them */
	unsigned n_parked;
	unsigned begun, refused, gone, freed, whole;
	char last_why[128];
	char seen[1024]; /* the last good request: "METHOD|target|host|name=value|..." */
	uint64_t last_sent;
	int file_fd; /* what "/file" is sent from; 0: none yet */
	char client_address[64];
	struct buf uploaded;
	bool upload_ended, hold_upload, wake_inside;
	int64_t stream_available; /* bytes of a stream that are there; -1: all */
	int stream_error;	  /* what comes after them instead of waiting */
	char received[RIG_MAX];	  /* of the last exchange */
	size_t n_received;
	bool closed;
} rig;

static char stub_byte(uint64_t position)
{
	return (char)('a' + position % 23);
}

enum { STUB_FILE_HEAD = 5 }; /* bytes before those that are sent */

int body_file(const struct body *b)
{
	return rig.file_fd;
}

int body_memory(const struct body *b)
{
	return -1;
}

uint64_t body_settled_size(const struct body *b)
{
	return 0;
}

static int64_t stub_number(struct str target, const char *name, int64_t otherwise)
{
	size_t at = str_find(target, str_of(name));
	return at < target.n ? strtoll(target.p + at + strlen(name), NULL, 10) : otherwise;
}

static void stub_file(struct req *r)
{
	int64_t n = stub_number(r->message.target, "length=", 0);
	FILE *f = tmpfile();
	ck_assert_ptr_nonnull(f);
	fputs("head:", f);
	for (int64_t i = 0; i < n; i++)
		fputc(stub_byte((uint64_t)i), f);
	fputs(":tail", f);
	fflush(f);
	rig.file_fd = dup(fileno(f));
	fclose(f);
	r->answer = (struct answer){.kind = ANSWER_FILE,
	    .status = 200,
	    .offset = STUB_FILE_HEAD,
	    .length = n,
	    .entry = &r->entry,
	    .bodyless = r->message.method == METHOD_HEAD};
	r->there = true;
}

static void stub_text(struct req *r, int status, struct str text)
{
	r->answer.kind = ANSWER_TEXT;
	r->answer.status = status;
	r->answer.text = text;
	r->answer.length = (int64_t)text.n;
	r->answer.bodyless = r->message.method == METHOD_HEAD;
	r->there = true;
}

static void stub_headers(struct req *r)
{
	struct headers *h = &r->answer.headers;
	headers_add(h, &r->arena, STR("Date"), STR("Sun, 06 Nov 1994 08:49:37 GMT"));
	headers_add(h, &r->arena, STR("Set-Cookie"), STR("a=1"));
	headers_add(h, &r->arena, STR("Set-Cookie"), STR("b=2"));
	headers_add(h, &r->arena, STR("Empty"), STR(""));
	headers_add(h, &r->arena, STR("Tab"), STR("x\ty"));
	headers_add(h, &r->arena, STR("Bad:Name"), STR("x"));
	headers_add(h, &r->arena, STR("Control"), STR("x\001y"));
	headers_add(h, &r->arena, STR("Split"), STR("x\r\nInjected: y"));
	headers_add(h, &r->arena, STR("Content-Length"), STR("77"));
	headers_add(h, &r->arena, STR("Transfer-Encoding"), STR("gzip"));
	headers_add(h, &r->arena, STR("Last"), STR("end"));
}

static void stub_answer(struct req *r)
{
	struct str t = r->message.target;
	if (str_starts(t, STR("/headers"))) {
		stub_headers(r);
		stub_text(r, 200, STR("hello"));
		r->answer.close = stub_number(t, "close=", 0) != 0;
	} else if (str_starts(t, STR("/status"))) { /* bodyless, of the length told */
		r->answer = (struct answer){.kind = ANSWER_STREAM,
		    .status = (int)stub_number(t, "status=", 200),
		    .length = stub_number(t, "length=", -1),
		    .bodyless = true};
		r->there = true;
	} else if (str_starts(t, STR("/stream"))) {
		r->answer = (struct answer){.kind = ANSWER_STREAM,
		    .status = 200,
		    .length = stub_number(t, "length=", -1),
		    .bodyless = r->message.method == METHOD_HEAD};
		r->there = true;
	} else if (str_starts(t, STR("/file"))) {
		stub_file(r);
	} else if (str_starts(t, STR("/entry"))) {
		r->answer = (struct answer){.kind = ANSWER_WHOLE,
		    .status = 200,
		    .length = stub_number(t, "segments=", 1) * 4,
		    .entry = &r->entry,
		    .bodyless = r->message.method == METHOD_HEAD};
		r->there = true;
	} else {
		stub_text(r, 200, STR("hello"));
	}
}

static void stub_note(struct req *r)
{
	const struct http_request *m = &r->message;
	size_t n = 0;
	n += (size_t)snprintf(rig.seen, sizeof(rig.seen), "%.*s|%.*s|%.*s", STR_ARG(m->method_name), STR_ARG(m->target),
	    STR_ARG(m->host));
	for (uint32_t i = 0; i < m->headers.n && n < sizeof(rig.seen); i++)
		n += (size_t)snprintf(rig.seen + n, sizeof(rig.seen) - n, "|%.*s=%.*s", STR_ARG(m->headers.v[i].name),
		    STR_ARG(m->headers.v[i].value));
}

unsigned body_segments(const struct body *b, struct str *out, unsigned max)
{
	unsigned n = (unsigned)stub_number(rig.current->message.target, "segments=", 1);
	for (unsigned i = 0; i < n && i < max; i++)
		out[i] = STR("page");
	return n;
}

struct req *req_new(struct req_env *env, const struct req_client *client, void *owner)
{
	struct req *r = mem_zalloc(sizeof(*r));
	arena_init(&r->arena, 0);
	r->owner = owner;
	snprintf(rig.client_address, sizeof(rig.client_address), "%.*s", STR_ARG(client->address_text));
	rig.current = r;
	return r;
}

struct arena *req_arena(struct req *r)
{
	return &r->arena;
}

struct http_request *req_message(struct req *r)
{
	return &r->message;
}

void *req_owner(const struct req *r)
{
	return r->owner;
}

bool req_begin(struct req *r)
{
	rig.begun++;
	stub_note(r);
	if (str_starts(r->message.target, STR("/park")) && rig.n_parked < RIG_PARKED)
		rig.parked[rig.n_parked++] = r;
	if (str_starts(r->message.target, STR("/park")) || r->message.has_body)
		return false;
	stub_answer(r);
	return true;
}

void req_refuse(struct req *r, int status, const char *why)
{
	rig.refused++;
	snprintf(rig.last_why, sizeof(rig.last_why), "%s", why);
	stub_text(r, status, STR("refused"));
	r->answer.close = true;
}

void req_too_large(struct req *r)
{
	r->answer = (struct answer){0};
	stub_text(r, 502, STR("too large"));
}

const struct answer *req_answer(struct req *r)
{
	return r->there ? &r->answer : NULL;
}

const struct answer *req_answer_bare(struct req *r)
{
	return req_answer(r);
}

size_t req_upload(struct req *r, const char *p, size_t n)
{
	if (rig.hold_upload)
		return 0;
	size_t some = n > 1000 ? 1000 : n; /* never all at once */
	ck_assert_int_eq(buf_add(&rig.uploaded, str_make(p, some)), ERR_OK);
	return some;
}

void req_upload_end(struct req *r)
{
	rig.upload_ended = true;
	if (!str_starts(r->message.target, STR("/park")))
		stub_answer(r);
}

int64_t req_read(struct req *r, char *p, size_t max)
{
	if (rig.wake_inside) { /* a wake from inside the question must not be lost */
		rig.wake_inside = false;
		client_resume(rig.clients, r);
		return 0;
	}
	uint64_t all =
	    r->answer.length >= 0 ? (uint64_t)r->answer.length : (uint64_t)stub_number(r->message.target, "bytes=", 10);
	uint64_t there = rig.stream_available < 0 ? all : (uint64_t)rig.stream_available;
	if (r->streamed == there && there < all)
		return rig.stream_error;
	if (r->streamed == all)
		return ERR_EOF;
	size_t n = there - r->streamed < max ? (size_t)(there - r->streamed) : max;
	for (size_t i = 0; i < n; i++)
		p[i] = stub_byte(r->streamed + i);
	r->streamed += n;
	return (int64_t)n;
}

void req_gone(struct req *r)
{
	rig.gone++;
}

void req_free(struct req **r, uint64_t sent, bool whole)
{
	rig.freed++;
	rig.whole += whole;
	rig.last_sent = sent;
	arena_free(&(*r)->arena);
	if (rig.file_fd > 0) /* the library has one of its own */
		close(rig.file_fd);
	rig.file_fd = 0;
	if (rig.current == *r)
		rig.current = NULL;
	for (unsigned i = 0; i < rig.n_parked; i++)
		if (rig.parked[i] == *r)
			rig.parked[i] = rig.parked[--rig.n_parked];
	free(*r);
	*r = NULL;
}

/* The answers of all that are parked come. */
static inline void rig_answer_all(void)
{
	for (unsigned i = 0; i < rig.n_parked; i++) {
		stub_text(rig.parked[i], 200, STR("at last"));
		client_resume(rig.clients, rig.parked[i]);
	}
}

/* The answer of a parked request comes. */
static inline void rig_answer_parked(void)
{
	ck_assert_ptr_nonnull(rig.current);
	stub_text(rig.current, 200, STR("at last"));
	client_resume(rig.clients, rig.current);
}

static int rig_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(a);
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	rig.port = ntohs(a.sin_port);
	return fd;
}

static const char *no_reason(unsigned reason)
{
	return "none";
}

static unsigned rig_tick_ms = 5;

static void rig_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	memset(&rig, 0, sizeof(rig));
	rig.stream_available = -1;
	rig.conf.server = (struct conf_server){.max_connections = 16,
	    .max_header = 16384,
	    .header_timeout_ms = 60000,
	    .keepalive_timeout_ms = 60000,
	    .send_timeout_ms = 60000};
	buf_init(&rig.uploaded, RIG_MAX);
	uv_loop_init(&rig.loop);
	rig.metrics = metrics_new(1, 1, no_reason);
	rig.env = (struct req_env){.conf = &rig.conf, .metrics = metrics_worker(rig.metrics, 0)};
	struct clients_options o = {
	    .loop = &rig.loop, .env = &rig.env, .connections = &rig.connections, .tick_ms = rig_tick_ms};
	ck_assert_int_eq(clients_new(&o, &rig.clients), ERR_OK);
	rig.listen_fd = rig_listen();
	ck_assert_int_eq(clients_listen(rig.clients, rig.listen_fd, STR("127.0.0.1:0")), ERR_OK);
}

static void rig_down(void)
{
	clients_free(&rig.clients);
	uv_run(&rig.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&rig.loop), 0);
	close(rig.listen_fd);
	metrics_free(&rig.metrics);
	buf_free(&rig.uploaded);
	ck_assert_uint_eq(atomic_load(&rig.connections), 0);
	ck_assert_ptr_null(rig.current);
}

static int rig_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(rig.port)};
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* One turn that does not wait, then up to a millisecond for something to happen. */
static void turn_once(void)
{
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	struct pollfd p = {.fd = uv_backend_fd(&rig.loop), .events = POLLIN};
	poll(&p, 1, 1);
}

/* Lets the loop work until the expression is true. */
#define TURN_UNTIL(expression)                                                                                         \
	do {                                                                                                           \
		int64_t until_us_ = clock_mono_us() + RIG_WAIT_MS * 1000;                                              \
		while (!(expression) && clock_mono_us() < until_us_)                                                   \
			turn_once();                                                                                   \
		ck_assert_msg((expression), "did not come true: %s (received: %.300s)", #expression, rig.received);    \
	} while (0)

static void rig_send(int fd, struct str s)
{
	ck_assert_int_eq(send(fd, s.p, s.n, MSG_NOSIGNAL), (ssize_t)s.n);
}

/* Takes what has come; true when the other side has closed. */
static bool rig_take(int fd)
{
	for (;;) {
		ck_assert_uint_lt(rig.n_received, RIG_MAX - 1);
		ssize_t n = recv(fd, rig.received + rig.n_received, RIG_MAX - 1 - rig.n_received, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			rig.closed = true;
			return true;
		}
		if (n < 0)
			return false;
		rig.n_received += (size_t)n;
		rig.received[rig.n_received] = '\0';
	}
}

static bool received(int fd, const char *end)
{
	rig_take(fd);
	size_t n = strlen(end);
	return rig.n_received >= n && memcmp(rig.received + rig.n_received - n, end, n) == 0;
}

static void rig_forget(void)
{
	rig.n_received = 0;
	rig.received[0] = '\0';
	rig.closed = false;
}

/* Sends on a new connection and waits until the answer ends so, or for the end of the connection (NULL). */
static const char *rig_exchange(struct str request, const char *end)
{
	int fd = rig_connect();
	rig_forget();
	rig_send(fd, request);
	if (end)
		TURN_UNTIL(received(fd, end));
	else
		TURN_UNTIL(rig_take(fd));
	close(fd);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	return rig.received;
}

#endif
