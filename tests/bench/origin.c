/*
 * The app server of scripts/bench. The path says what it answers; the segments may stand in any order, others mean nothing:
 *
 *     /s1024      a body of that many bytes           /m60     Cache-Control: max-age=60; without it: no-store
 *     /d300       the answer comes after 300 ms       /v       Vary: Accept-Encoding, and gzip for those who take it
 *
 * A body begins with the path, so that whoever gets it can tell that it is the right one. Connections stay open, unless the
 * request says otherwise. What is asked is counted; these paths are not:
 *
 *     /-count         {"requests": N, "waiting": N, "waiting_max": N}: since the start; delayed answers now, and at one time
 *     /-no-store/1    from now on every answer says no-store; /-no-store/0: no longer
 *
 *     a connection:  receive until the empty line -> [wait d ms] -> send head and body -> receive ...
 *
 * The port is the first line on stdout. One thread; answers that wait are in a list ordered by when they are due.
 */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
	EVENTS = 512,
	MAX_HEAD = 4096,
	MAX_PATH = 1024,
	MAX_BODY = 1 << 26,
	GZIP_HEAD = 15,
	GZIP_TAIL = 8,
	GZIP_MAX = 65535
};

struct want {
	char path[MAX_PATH];
	size_t size, delay_ms;
	long long max_age; /* -1: no-store */
	bool vary, gzip, close;
};

struct conn {
	int fd;
	char in[MAX_HEAD];
	size_t in_n;
	struct want want;
	bool sending;
	char head[MAX_PATH];	       /* the answer: its head, */
	char lead[MAX_PATH + 1];       /* the first bytes of its body (the path), */
	size_t head_n, lead_n, fill_n; /* so many bytes that are always the same, */
	unsigned char gzip_head[GZIP_HEAD], gzip_tail[GZIP_TAIL];
	size_t sent;
	uint64_t due; /* ns; in the list of those that wait */
	struct conn *before, *after;
	bool waits;
};

static struct conn **conns; /* by descriptor */
static int epoll;
static char *filler;
static struct conn *first, *last; /* those that wait, by when they are due */
static unsigned long long requests, waiting, waiting_max;
static bool no_store;

/* --- those that wait --- */

static void wait_add(struct conn *c)
{
	struct conn *at = last;
	c->due = bench_now() + c->want.delay_ms * 1000000;
	while (at && at->due > c->due)
		at = at->before;
	c->before = at;
	c->after = at ? at->after : first;
	*(c->before ? &c->before->after : &first) = c;
	*(c->after ? &c->after->before : &last) = c;
	c->waits = true;
	if (++waiting > waiting_max)
		waiting_max = waiting;
}

static void wait_remove(struct conn *c)
{
	if (!c->waits)
		return;
	*(c->before ? &c->before->after : &first) = c->after;
	*(c->after ? &c->after->before : &last) = c->before;
	c->waits = false;
	waiting--;
}

static void drop(struct conn *c)
{
	wait_remove(c);
	conns[c->fd] = NULL;
	close(c->fd);
	free(c);
}

/* --- the request --- */

/* The value of a header field in the head of a request; NULL when it is not there. */
static const char *field(const char *head, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
			return line + 3 + length;
	}
	return NULL;
}

static bool field_has(const char *head, const char *name, const char *word)
{
	const char *value = field(head, name);
	const char *end = value ? strstr(value, "\r\n") : NULL;
	for (size_t n = strlen(word); value && value + n <= end; value++) {
		if (strncasecmp(value, word, n) == 0)
			return true;
	}
	return false;
}

/* c->in holds one whole head, ended by a zero byte. */
static void read_request(struct conn *c)
{
	struct want *w = &c->want;
	const char *blank = strchr(c->in, ' ');
	size_t n = blank ? strcspn(blank + 1, " \r") : 0;
	*w = (struct want){.max_age = -1};
	if (n == 0 || n >= sizeof(w->path))
		bench_die("a request without a path, or with a long one: %.80s", c->in);
	memcpy(w->path, blank + 1, n);
	for (const char *p = w->path; p && *p == '/'; p = strchr(p + 1, '/')) {
		char *end;
		unsigned long long value = p[1] && isdigit((unsigned char)p[2]) ? strtoull(p + 2, &end, 10) : 0;
		switch (p[1]) {
		case 's':
			w->size = value > MAX_BODY ? MAX_BODY : (size_t)value;
			break;
		case 'm':
			w->max_age = (long long)value;
			break;
		case 'd':
			w->delay_ms = (size_t)(value > 60000 ? 60000 : value);
			break;
		case 'v':
			w->vary = true;
			break;
		default:
			break;
		}
	}
	w->gzip = w->vary && field_has(c->in, "Accept-Encoding", "gzip") && w->size > GZIP_HEAD + GZIP_TAIL &&
		  w->size <= GZIP_MAX;
	w->close = field_has(c->in, "Connection", "close") ||
		   (strncmp(blank + 1 + n, " HTTP/1.0", 9) == 0 && !field_has(c->in, "Connection", "keep-alive"));
}

/* --- the answer --- */

/* A gzip stream of one block that is not compressed, so its size is known: head and block head, the bytes, CRC and length. */
static void wrap_gzip(struct conn *c)
{
	static const unsigned char head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};
	unsigned raw = (unsigned)(c->lead_n + c->fill_n);
	memcpy(c->gzip_head, head, sizeof(head));
	unsigned char *b = c->gzip_head + sizeof(head);
	b[0] = 1; /* the last block, stored */
	b[1] = (unsigned char)raw;
	b[2] = (unsigned char)(raw >> 8);
	b[3] = (unsigned char)~raw;
	b[4] = (unsigned char)(~raw >> 8);
	uLong crc = crc32(0, (const Bytef *)c->lead, (uInt)c->lead_n);
	crc = crc32(crc, (const Bytef *)filler, (uInt)c->fill_n);
	for (int i = 0; i < 4; i++) {
		c->gzip_tail[i] = (unsigned char)(crc >> (8 * i));
		c->gzip_tail[4 + i] = (unsigned char)(raw >> (8 * i));
	}
}

/* The date of this second, as a header field has it. */
static const char *date(void)
{
	static char text[40];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;
	if (now != made) {
		made = now;
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	}
	return text;
}

static void make_answer(struct conn *c)
{
	const struct want *w = &c->want;
	size_t size = w->gzip ? w->size - GZIP_HEAD - GZIP_TAIL : w->size;
	unsigned long long tag = 14695981039346656037u;
	char control[64] = "no-store";
	for (const char *p = w->path; *p; p++)
		tag = (tag ^ (unsigned char)*p) * 1099511628211u;
	if (w->max_age >= 0 && !no_store)
		snprintf(control, sizeof(control), "max-age=%lld", w->max_age);
	c->lead_n = (size_t)snprintf(c->lead, sizeof(c->lead), "%s\n", w->path);
	if (c->lead_n > size)
		c->lead_n = size;
	c->fill_n = size - c->lead_n;
	if (w->gzip)
		wrap_gzip(c);
	c->head_n = (size_t)snprintf(c->head, sizeof(c->head),
	    "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: %s\r\nContent-Type: text/html\r\n"
	    "Cache-Control: %s\r\nETag: \"%016llx%s\"\r\n%s%s%sContent-Length: %zu\r\n\r\n",
	    date(), control, tag, w->gzip ? "-gzip" : "", w->vary ? "Vary: Accept-Encoding\r\n" : "",
	    w->gzip ? "Content-Encoding: gzip\r\n" : "", w->close ? "Connection: close\r\n" : "", w->size);
	c->sent = 0;
	c->sending = true;
}

static void control(struct conn *c)
{
	const char *path = c->want.path;
	if (strncmp(path, "/-no-store/", 11) == 0)
		no_store = path[11] == '1';
	c->lead_n = (size_t)snprintf(c->lead, sizeof(c->lead),
	    "{\"requests\": %llu, \"waiting\": %llu, \"waiting_max\": %llu}\n", requests, waiting, waiting_max);
	if (strcmp(path, "/-count") == 0)
		waiting_max = waiting;
	c->fill_n = 0;
	c->want.gzip = false;
	c->head_n =
	    (size_t)snprintf(c->head, sizeof(c->head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", c->lead_n);
	c->sent = 0;
	c->sending = true;
}

/* Sends what the connection takes; false: the connection is gone. */
static bool send_some(struct conn *c)
{
	bool waited = c->sent > 0;
	struct iovec parts[5] = {{c->head, c->head_n}, {c->gzip_head, c->want.gzip ? GZIP_HEAD : 0},
	    {c->lead, c->lead_n}, {filler, c->fill_n}, {c->gzip_tail, c->want.gzip ? GZIP_TAIL : 0}};
	size_t skip = c->sent, left = 0;
	for (int i = 0; i < 5; i++) {
		size_t over = skip < parts[i].iov_len ? skip : parts[i].iov_len;
		parts[i].iov_base = (char *)parts[i].iov_base + over;
		parts[i].iov_len -= over;
		skip -= over;
		left += parts[i].iov_len;
	}
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 5};
	ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		drop(c);
		return false;
	}
	c->sent += n < 0 ? 0 : (size_t)n;
	if (n < 0 || (size_t)n < left) {
		if (!waited)
			bench_watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT);
		return true;
	}
	c->sending = false;
	if (c->want.close) {
		drop(c);
		return false;
	}
	if (waited)
		bench_watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN);
	return true;
}

static void on_head(struct conn *c)
{
	read_request(c);
	c->in_n = 0;
	if (strncmp(c->want.path, "/-", 2) == 0) {
		control(c);
		send_some(c);
		return;
	}
	requests++;
	if (c->want.delay_ms) {
		wait_add(c);
		return;
	}
	make_answer(c);
	send_some(c);
}

static void on_event(struct conn *c, uint32_t events)
{
	if (c->sending && (events & EPOLLOUT)) {
		send_some(c);
		return;
	}
	ssize_t n = recv(c->fd, c->in + c->in_n, sizeof(c->in) - 1 - c->in_n, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(c);
		return;
	}
	c->in_n += (size_t)n;
	c->in[c->in_n] = 0;
	if (c->in_n >= 4 && memcmp(c->in + c->in_n - 4, "\r\n\r\n", 4) == 0)
		on_head(c);
	else if (c->in_n == sizeof(c->in) - 1)
		bench_die("a request head of more than %d bytes", MAX_HEAD);
}

static void accept_one(int listener)
{
	int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (fd >= BENCH_MAX_FD) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[fd] = bench_zalloc(1, sizeof(struct conn));
	conns[fd]->fd = fd;
	bench_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
}

/* Answers those that are due; returns how many ms the next one has, -1: none waits. */
static int answer_due(void)
{
	uint64_t now = bench_now();
	while (first && first->due <= now) {
		struct conn *c = first;
		wait_remove(c);
		make_answer(c);
		send_some(c);
	}
	return first ? (int)((first->due - now + 999999) / 1000000) : -1;
}

int main(void)
{
	bench_begin();
	conns = bench_zalloc(BENCH_MAX_FD, sizeof(struct conn *));
	filler = bench_zalloc(MAX_BODY, 1);
	memset(filler, '.', MAX_BODY);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	int listener = bench_listen();
	bench_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, answer_due());
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_one(listener);
			else if (conns[events[i].data.fd])
				on_event(conns[events[i].data.fd], events[i].events);
		}
	}
}
