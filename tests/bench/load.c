/*
 * The load generator of scripts/bench: one thread, closed loop; each connection sends its next request when it has the whole
 * answer to the last one. It holds every answer against what was asked: the status, the length, the first bytes (the origin
 * begins each body with the path), and that it came to its end.
 *
 *     bench-load PORT[,PORT] URL [NAME=VALUE...]       {n} in URL becomes the number of a page, {s} its size (log-normal)
 *
 *     connections=64   that many at once               requests=1000   that many in all, then it ends
 *     warm=1           requests a connection before    seconds=N       or after that time, whichever is first
 *     close=1          a connection for each request   idle=N          connections that ask once and stay open
 *     pick=sequence|uniform|zipf count=N start=N seed=N exponent=0.9 wonders=0.5
 *     size_median=4096 size_sigma=1.2 size_max=N       header='Name: value' (several)
 *     status=200       what answers must have          check=0         nothing but the status and the end is held against
 *     timeout=60       seconds for everything          together=1      so many requests at once on a connection (pipelined)
 *
 *     connect, warm up -> "ready" on stdout -> a line on stdin -> the load -> one line of JSON -> the end of stdin
 *
 * So whoever measures can read the server's clock right before and after the load, without the connections' making and end.
 */
#include "bench.h"
#include "picks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 512,
	MAX_HEAD = 8192,
	MAX_REQUEST = 4096,
	MAX_URL = 512,
	MAX_TOGETHER = 32,
	MAX_ERRORS = 20,
	RECEIVE = 1 << 18,
	MAX_HEADERS = 16
};

struct conn {
	int fd; /* -1: closed */
	bool idle, in_body, close_told;
	uint16_t port;
	unsigned warm_left;
	unsigned left;	    /* answers still to come */
	unsigned tries;	    /* connections made for the request under way */
	char path[MAX_URL]; /* of the request under way */
	size_t path_n;
	uint64_t sent_at;
	char head[MAX_HEAD]; /* of the answer, as far as it has come */
	size_t head_n;
	uint64_t body_n, body_want;
};

static struct {
	uint16_t ports[2]; /* the connections take them in turn */
	const char *url;
	uint64_t connections, requests, seconds, warm, idle, timeout, status, together;
	bool close, check;
	const char *headers[MAX_HEADERS];
	size_t headers_n;
	struct picks picks;
} options = {.connections = 1,
    .requests = UINT64_MAX,
    .timeout = 60,
    .status = 200,
    .check = true,
    .warm = 1,
    .together = 1,
    .picks = {.count = 1, .exponent = 1, .size_max = 1 << 20}};

static struct {
	uint64_t asked, answered, bytes, errors, reconnects, warming;
	uint32_t *latencies_us; /* of those sent together there is one: until the last answer */
	uint64_t latencies_n, latencies_max;
	char first_error[512];
	uint64_t begin, end;
	bool running;
} run;

static struct conn **by_fd;
static int epoll;
static char shared_head[MAX_REQUEST]; /* what follows the path in every request */
static size_t shared_head_n;

static void start(struct conn *c);

static void fail(struct conn *c, const char *what)
{
	if (run.errors++ == 0)
		snprintf(run.first_error, sizeof(run.first_error), "%.400s: %.100s", c->path, what);
}

/* --- connections --- */

static void leave(struct conn *c)
{
	if (c->fd < 0)
		return;
	by_fd[c->fd] = NULL;
	close(c->fd);
	c->fd = -1;
}

static void enter(struct conn *c)
{
	c->fd = bench_connect(c->port);
	if (c->fd < 0)
		bench_die("socket: %s", strerror(errno));
	by_fd[c->fd] = c;
	c->close_told = false;
	c->tries++;
	bench_watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLIN | EPOLLOUT);
}

/* --- requests --- */

static void make_path(struct conn *c)
{
	uint64_t page = picks_next(&options.picks);
	size_t n = 0;
	for (const char *p = options.url; *p && n < sizeof(c->path) - 32; p++) {
		if (strncmp(p, "{n}", 3) == 0 || strncmp(p, "{s}", 3) == 0) {
			uint64_t value = p[1] == 'n' ? page : picks_size(&options.picks, page);
			n += (size_t)snprintf(c->path + n, 32, "%llu", (unsigned long long)value);
			p += 2;
		} else {
			c->path[n++] = *p;
		}
	}
	c->path[n] = 0;
	c->path_n = n;
}

static void expect_answer(struct conn *c)
{
	c->head_n = 0;
	c->in_body = false;
	c->body_n = 0;
}

static void send_request(struct conn *c)
{
	static char requests[MAX_TOGETHER * (MAX_REQUEST + MAX_URL)];
	size_t n = 4 + c->path_n + shared_head_n;
	memcpy(requests, "GET ", 4);
	memcpy(requests + 4, c->path, c->path_n);
	memcpy(requests + 4 + c->path_n, shared_head, shared_head_n);
	c->left = run.running ? (unsigned)options.together : 1;
	for (unsigned i = 1; i < c->left; i++)
		memcpy(requests + i * n, requests, n);
	n *= c->left;
	expect_answer(c);
	ssize_t sent = send(c->fd, requests, n, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
		return; /* the end of the connection is read next */
	if (sent != (ssize_t)n)
		bench_die("%zu bytes of requests were not taken whole: %s", n, strerror(errno));
}

/* The next request of the connection, where there is one to make. */
static void ask(struct conn *c)
{
	if (run.running) {
		if (run.asked >= options.requests || run.end)
			return;
		run.asked += options.together;
	}
	make_path(c);
	c->sent_at = bench_now();
	c->tries = 0;
	if (c->fd < 0)
		enter(c);
	else
		send_request(c);
}

static void done(struct conn *c)
{
	if (options.close || c->close_told)
		leave(c);
	if (!run.running) {
		if (c->idle || --c->warm_left == 0)
			run.warming--;
		if (!c->idle && c->warm_left > 0)
			ask(c);
		return;
	}
	uint64_t now = bench_now();
	if (run.latencies_n < run.latencies_max)
		run.latencies_us[run.latencies_n++] = (uint32_t)((now - c->sent_at) / 1000);
	run.answered += options.together;
	if (options.seconds && now - run.begin >= options.seconds * 1000000000)
		run.end = now;
	ask(c);
}

/* The request ends without its answer; the connection goes on with the next one. */
static void give_up(struct conn *c, const char *what)
{
	fail(c, what);
	leave(c);
	done(c);
}

/* --- answers --- */

static const char *field(const char *head, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
			return line + 3 + length + strspn(line + 3 + length, " ");
	}
	return NULL;
}

/* The size that the path promises: the number of its first segment that begins with s. */
static uint64_t promised(const char *path)
{
	const char *s = strstr(path, "/s");
	return s ? strtoull(s + 2, NULL, 10) : 0;
}

/* Reads the complete head; false: the answer is wrong and was given up. */
static bool take_head(struct conn *c)
{
	uint64_t status = strncmp(c->head, "HTTP/1.", 7) == 0 ? strtoull(c->head + 9, NULL, 10) : 0;
	const char *length = field(c->head, "Content-Length");
	const char *connection = field(c->head, "Connection");
	c->close_told = connection && strncasecmp(connection, "close", 5) == 0;
	if (status != options.status) {
		char what[64];
		snprintf(what, sizeof(what), "answered with status %llu", (unsigned long long)status);
		give_up(c, what);
		return false;
	}
	c->body_want = length ? strtoull(length, NULL, 10) : 0;
	if (status == 304 || status == 204) {
		c->body_want = 0;
	} else if (!length) {
		give_up(c, "an answer without Content-Length");
		return false;
	} else if (options.check && c->body_want != promised(c->path)) {
		give_up(c, "a body of another length than asked");
		return false;
	}
	c->in_body = true;
	return true;
}

/* Takes bytes of the body; false: they are wrong. */
static bool take_body(struct conn *c, const char *bytes, size_t n)
{
	if (c->body_n + n > c->body_want) {
		give_up(c, "more bytes than Content-Length");
		return false;
	}
	if (options.check && c->body_n < c->path_n && !field(c->head, "Content-Encoding")) {
		size_t m = c->path_n - c->body_n < n ? c->path_n - c->body_n : n;
		if (memcmp(c->path + c->body_n, bytes, m) != 0) {
			give_up(c, "the body of another page");
			return false;
		}
	}
	c->body_n += n;
	run.bytes += n;
	return true;
}

/* Whether the answer is complete; a connection that the server is to close is complete with its end. */
static bool complete(const struct conn *c)
{
	return c->in_body && c->body_n == c->body_want;
}

static void on_end(struct conn *c)
{
	bool stale = c->head_n == 0 && c->tries < 3;
	bool whole = complete(c) && c->path_n > 0;
	leave(c);
	if (whole && options.close) {
		done(c);
	} else if (c->idle && !run.running) {
		bench_die("an idle connection was closed: %s", c->path);
	} else if (c->idle || whole) {
		return; /* closed between two requests: ask() makes a new one */
	} else if (stale) {
		run.reconnects++;
		enter(c);
	} else {
		give_up(c, c->head_n == 0 ? "closed without an answer" : "cut short");
	}
}

/* Takes the bytes of the head away; false: it is not complete, or wrong. */
static bool on_head(struct conn *c, const char **bytes, size_t *n)
{
	size_t before = c->head_n;
	size_t room = sizeof(c->head) - 1 - before;
	size_t m = *n < room ? *n : room;
	memcpy(c->head + before, *bytes, m);
	c->head[before + m] = 0;
	const char *end = strstr(c->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
	if (!end) {
		c->head_n += m;
		if (m < *n || c->head_n == sizeof(c->head) - 1)
			give_up(c, "a head without end");
		return false;
	}
	c->head_n = (size_t)(end + 4 - c->head);
	c->head[c->head_n] = 0;
	*bytes += c->head_n - before;
	*n -= c->head_n - before;
	return take_head(c);
}

/* Takes the bytes of one answer away. True: it is complete, and another one that was asked for with it follows. */
static bool on_answer(struct conn *c, const char **bytes, size_t *n)
{
	if (!c->in_body && !on_head(c, bytes, n))
		return false;
	size_t mine = c->body_want - c->body_n;
	size_t m = c->left > 1 && mine < *n ? mine : *n;
	if (m > 0 && !take_body(c, *bytes, m))
		return false;
	*bytes += m;
	*n -= m;
	if (!complete(c))
		return false;
	if (c->left > 1) {
		c->left--;
		expect_answer(c);
		return true;
	}
	if (!options.close)
		done(c);
	return false;
}

static void on_bytes(struct conn *c, const char *bytes, size_t n)
{
	while (on_answer(c, &bytes, &n) && n > 0)
		;
}

static void on_event(struct conn *c, uint32_t events)
{
	static char in[RECEIVE];
	if (events & EPOLLOUT) { /* the connection stands */
		bench_watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN);
		send_request(c);
		return;
	}
	ssize_t n = recv(c->fd, in, sizeof(in), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		on_end(c);
	else
		on_bytes(c, in, (size_t)n);
}

/* --- the run --- */

static void turn(uint64_t deadline)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(epoll, events, EVENTS, 200);
	for (int i = 0; i < n; i++) {
		struct conn *c = by_fd[events[i].data.fd];
		if (c)
			on_event(c, events[i].events);
	}
	if (bench_now() > deadline && run.errors < MAX_ERRORS) {
		run.errors = MAX_ERRORS;
		snprintf(run.first_error, sizeof(run.first_error), "timeout after %llu answers",
		    (unsigned long long)run.answered);
	}
}

/* Connects, and makes the requests before the load: few at a time, so that no queue of the server overflows. */
static void start(struct conn *c)
{
	run.warming++;
	c->warm_left = (unsigned)options.warm;
	make_path(c);
	enter(c);
}

static void warm_up(struct conn *all, uint64_t n, uint64_t deadline)
{
	for (uint64_t i = 0; i < n && run.errors < MAX_ERRORS;) {
		if (run.warming < 32)
			start(&all[i++]);
		else
			turn(deadline);
	}
	while (run.warming > 0 && run.errors < MAX_ERRORS)
		turn(deadline);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void print_result(void)
{
	uint64_t n = run.latencies_n;
	double ms[3] = {0, 0, 0};
	if (n > 0) {
		qsort(run.latencies_us, n, sizeof(uint32_t), by_value);
		ms[0] = run.latencies_us[n / 2] / 1000.0;
		ms[1] = run.latencies_us[n * 99 / 100] / 1000.0;
		ms[2] = run.latencies_us[n - 1] / 1000.0;
	}
	for (char *p = run.first_error; *p; p++) {
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '?';
	}
	printf("{\"requests\": %llu, \"errors\": %llu, \"first_error\": \"%s\", \"bytes\": %llu, \"reconnects\": %llu, "
	       "\"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	    (unsigned long long)run.answered, (unsigned long long)run.errors, run.first_error,
	    (unsigned long long)run.bytes, (unsigned long long)run.reconnects, (double)(bench_now() - run.begin) / 1e9,
	    ms[0], ms[1], ms[2]);
	fflush(stdout);
}

static double real(const char *text, const char *what)
{
	char *end;
	double value = strtod(text, &end);
	if (*end || end == text || value < 0)
		bench_die("%s: '%s' is not a number", what, text);
	return value;
}

static void set_pick(const char *value)
{
	static const char *const names[] = {"sequence", "uniform", "zipf"};
	for (int i = 0; i < 3; i++) {
		if (strcmp(value, names[i]) == 0) {
			options.picks.kind = (enum pick)i;
			return;
		}
	}
	bench_die("pick: sequence, uniform or zipf, not '%s'", value);
}

static void set_option(char *argument)
{
	struct picks *p = &options.picks;
	const struct {
		const char *name;
		uint64_t *whole;
		double *real;
	} table[] = {
	    {"connections", &options.connections, NULL},
	    {"requests", &options.requests, NULL},
	    {"warm", &options.warm, NULL},
	    {"seconds", &options.seconds, NULL},
	    {"idle", &options.idle, NULL},
	    {"together", &options.together, NULL},
	    {"timeout", &options.timeout, NULL},
	    {"status", &options.status, NULL},
	    {"count", &p->count, NULL},
	    {"start", &p->start, NULL},
	    {"seed", &p->seed, NULL},
	    {"size_max", &p->size_max, NULL},
	    {"exponent", NULL, &p->exponent},
	    {"wonders", NULL, &p->wonders},
	    {"size_median", NULL, &p->size_median},
	    {"size_sigma", NULL, &p->size_sigma},
	};
	char *value = strchr(argument, '=');
	if (!value)
		bench_die("NAME=VALUE, not '%s'", argument);
	*value++ = 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(argument, table[i].name) != 0)
			continue;
		if (table[i].whole)
			*table[i].whole = bench_number(value, argument, UINT64_MAX);
		else
			*table[i].real = real(value, argument);
		return;
	}
	if (strcmp(argument, "close") == 0)
		options.close = *value == '1';
	else if (strcmp(argument, "check") == 0)
		options.check = *value == '1';
	else if (strcmp(argument, "pick") == 0)
		set_pick(value);
	else if (strcmp(argument, "header") == 0 && options.headers_n < MAX_HEADERS)
		options.headers[options.headers_n++] = value;
	else
		bench_die("unknown option %s", argument);
}

static void read_options(int argc, char **argv)
{
	if (argc < 3)
		bench_die("usage: bench-load PORT URL [NAME=VALUE...]; see the head of load.c");
	char *second = strchr(argv[1], ',');
	if (second)
		*second++ = 0;
	options.ports[0] = (uint16_t)bench_number(argv[1], "PORT", 65535);
	options.ports[1] = second ? (uint16_t)bench_number(second, "PORT", 65535) : options.ports[0];
	options.url = argv[2];
	for (int i = 3; i < argc; i++)
		set_option(argv[i]);
	if (options.connections == 0 || options.picks.count == 0)
		bench_die("connections and count are at least 1");
	if (options.requests == UINT64_MAX && options.seconds == 0)
		bench_die("requests or seconds must say when it ends");
	if (options.together == 0 || options.together > MAX_TOGETHER || options.requests % options.together > 0 ||
	    (options.close && options.together > 1))
		bench_die("together is 1 to %d, a divisor of requests, and 1 with close", MAX_TOGETHER);
	size_t n = (size_t)snprintf(shared_head, sizeof(shared_head), " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s",
	    (unsigned)options.ports[0], options.close ? "Connection: close\r\n" : "");
	for (size_t i = 0; i < options.headers_n && n < sizeof(shared_head); i++)
		n += (size_t)snprintf(shared_head + n, sizeof(shared_head) - n, "%s\r\n", options.headers[i]);
	if (n + 2 >= sizeof(shared_head))
		bench_die("the headers are too long");
	memcpy(shared_head + n, "\r\n", 2);
	shared_head_n = n + 2;
	picks_begin(&options.picks);
}

int main(int argc, char **argv)
{
	char line[16];
	bench_begin();
	read_options(argc, argv);
	uint64_t deadline = bench_now() + options.timeout * 1000000000;
	by_fd = bench_zalloc(BENCH_MAX_FD, sizeof(struct conn *));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	run.latencies_max = options.requests < 4000000 ? options.requests : 4000000;
	run.latencies_us = bench_zalloc(run.latencies_max, sizeof(uint32_t));
	struct conn *idle = bench_zalloc(options.idle, sizeof(struct conn));
	struct conn *busy = bench_zalloc(options.connections, sizeof(struct conn));
	for (uint64_t i = 0; i < options.idle; i++)
		idle[i] = (struct conn){.idle = true, .port = options.ports[i % 2]};
	for (uint64_t i = 0; i < options.connections; i++)
		busy[i] = (struct conn){.fd = -1, .port = options.ports[i % 2]};
	warm_up(idle, options.idle, deadline);
	if (options.warm > 0)
		warm_up(busy, options.connections, deadline);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	run.running = true;
	run.bytes = 0;
	run.begin = bench_now();
	for (uint64_t i = 0; i < options.connections; i++)
		ask(&busy[i]);
	while (run.answered < run.asked && run.errors < MAX_ERRORS)
		turn(deadline);
	print_result();
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
