/*
 * The floor of scripts/bench: the least that a single-threaded server on this kernel can do. What a cache spends beyond it, it
 * spends on being a cache.
 *
 *     bench-floor serve SIZE [HEAD-FILE] [close] [sendfile]     answers each request with the same bytes
 *     bench-floor relay PORT                                    passes bytes between each client and its own connection to PORT
 *
 * serve: one receive and one send a request. It does not read what is asked: bytes that end with an empty line are a request.
 * The head is that of HEAD-FILE (with its empty line), or a usual one of 200. close: each connection is closed after its answer.
 * sendfile: the body goes out of a memory file instead of being copied.
 * relay: what arrives on one side is sent on the other; a side that is full is waited for, with the rest in a buffer.
 *
 * The port is the first line on stdout. The table of connections is indexed by the descriptor.
 */
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, RECEIVE = 65536 };

struct peer {
	size_t left;	/* serve: bytes of the answer that are not sent yet */
	int other;	/* relay: the descriptor of the other side */
	char *held;	/* relay: what the other side sent and this one has not taken */
	size_t held_at; /* relay: of which so many are taken */
	size_t held_n;
};

static struct peer *peers; /* by descriptor */
static int epoll;
static char *answer; /* head and body */
static size_t head_length, answer_length;
static bool close_after;
static int body_file = -1; /* for sendfile */
static uint16_t relay_port;

static void prepare_answer(size_t size, const char *head_file)
{
	char head[4096];
	if (head_file) {
		FILE *f = fopen(head_file, "r");
		if (!f)
			bench_die("%s: %s", head_file, strerror(errno));
		head_length = fread(head, 1, sizeof(head), f);
		fclose(f);
	} else {
		head_length = (size_t)snprintf(head, sizeof(head),
		    "HTTP/1.1 200 OK\r\nDate: Sun, 01 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html\r\n"
		    "Cache-Control: max-age=86400\r\nETag: \"0123456789abcdef\"\r\nAge: 10\r\nContent-Length: "
		    "%zu\r\n\r\n",
		    size);
	}
	answer_length = head_length + size;
	answer = bench_zalloc(answer_length, 1);
	memset(answer, 'x', answer_length);
	memcpy(answer, head, head_length);
}

static void prepare_body_file(void)
{
	body_file = memfd_create("body", MFD_CLOEXEC);
	if (body_file < 0)
		bench_die("memfd_create: %s", strerror(errno));
	for (size_t at = head_length; at < answer_length;) {
		ssize_t n = write(body_file, answer + at, answer_length - at);
		if (n <= 0)
			bench_die("memory file: %s", strerror(errno));
		at += (size_t)n;
	}
}

static void drop(int fd)
{
	struct peer *p = &peers[fd];
	int other = p->other;
	free(p->held);
	*p = (struct peer){.other = -1};
	close(fd);
	if (other >= 0) {
		peers[other].other = -1;
		drop(other);
	}
}

/* Sends what the connection takes of its answer. */
static void send_answer(int fd)
{
	struct peer *p = &peers[fd];
	bool waited = p->left < answer_length;
	while (p->left > 0) {
		size_t at = answer_length - p->left;
		off_t offset = (off_t)(at - head_length);
		ssize_t n;
		if (body_file < 0)
			n = send(fd, answer + at, p->left, MSG_NOSIGNAL);
		else if (at < head_length)
			n = send(fd, answer + at, head_length - at, MSG_NOSIGNAL | MSG_MORE);
		else
			n = sendfile(fd, body_file, &offset, p->left);
		if (n < 0 && errno == EAGAIN) {
			if (!waited)
				bench_watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n <= 0) {
			drop(fd);
			return;
		}
		p->left -= (size_t)n;
	}
	if (close_after)
		drop(fd);
	else if (waited)
		bench_watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
}

/* Into `in`, RECEIVE bytes. Not above 0: there is nothing, or the connection is dropped. */
static ssize_t receive(int fd, char *in)
{
	ssize_t n = recv(fd, in, RECEIVE, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		drop(fd);
	return n;
}

static void serve(int fd, uint32_t events)
{
	static char in[RECEIVE];
	if (peers[fd].left > 0 && (events & EPOLLOUT)) {
		send_answer(fd);
		return;
	}
	ssize_t n = receive(fd, in);
	if (n <= 0)
		return;
	if (n >= 4 && memcmp(in + n - 4, "\r\n\r\n", 4) == 0) {
		peers[fd].left = answer_length;
		send_answer(fd);
	}
}

/* Whether the connection has taken all that was held for it. */
static bool flush_held(int fd)
{
	struct peer *p = &peers[fd];
	while (p->held_at < p->held_n) {
		ssize_t n = send(fd, p->held + p->held_at, p->held_n - p->held_at, MSG_NOSIGNAL);
		if (n < 0)
			return false;
		p->held_at += (size_t)n;
	}
	p->held_n = 0;
	p->held_at = 0;
	bench_watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
	bench_watch(epoll, EPOLL_CTL_MOD, p->other, EPOLLIN);
	return true;
}

static void relay(int fd, uint32_t events)
{
	static char in[RECEIVE];
	struct peer *p = &peers[fd];
	if (p->other < 0) /* dropped within this turn */
		return;
	if (p->held_n > 0 && (!(events & EPOLLOUT) || !flush_held(fd)))
		return;
	if (!(events & ~(uint32_t)EPOLLOUT))
		return;
	ssize_t n = receive(fd, in);
	if (n <= 0)
		return;
	ssize_t sent = send(p->other, in, (size_t)n, MSG_NOSIGNAL);
	if (sent == n)
		return;
	if (sent < 0 && errno != EAGAIN) {
		drop(fd);
		return;
	}
	size_t taken = sent < 0 ? 0 : (size_t)sent;
	struct peer *other = &peers[p->other];
	if (!other->held)
		other->held = bench_zalloc(RECEIVE, 1);
	memcpy(other->held, in + taken, (size_t)n - taken);
	other->held_n = (size_t)n - taken;
	bench_watch(epoll, EPOLL_CTL_MOD, p->other, EPOLLOUT);
	bench_watch(epoll, EPOLL_CTL_MOD, fd, 0); /* it sends no more until that has gone */
}

static void accept_one(int listener)
{
	int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 || fd >= BENCH_MAX_FD) {
		if (fd >= 0)
			close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	peers[fd].other = -1;
	if (relay_port) {
		int other = bench_connect(relay_port);
		if (other < 0)
			bench_die("socket: %s", strerror(errno));
		peers[fd].other = other;
		peers[other].other = fd;
		bench_watch(epoll, EPOLL_CTL_ADD, other, EPOLLIN);
	}
	bench_watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
}

int main(int argc, char **argv)
{
	bench_begin();
	if (argc < 3)
		bench_die("usage: bench-floor serve SIZE [HEAD-FILE] [close] [sendfile] | relay PORT");
	if (strcmp(argv[1], "relay") == 0) {
		relay_port = (uint16_t)bench_number(argv[2], "PORT", 65535);
	} else {
		bool from_file = false;
		const char *head_file = NULL;
		for (int i = 3; i < argc; i++) {
			if (strcmp(argv[i], "close") == 0)
				close_after = true;
			else if (strcmp(argv[i], "sendfile") == 0)
				from_file = true;
			else
				head_file = argv[i];
		}
		prepare_answer(bench_number(argv[2], "SIZE", 1 << 30), head_file);
		if (from_file)
			prepare_body_file();
	}
	peers = bench_zalloc(BENCH_MAX_FD, sizeof(*peers));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	int listener = bench_listen();
	bench_watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				accept_one(listener);
			else if (relay_port)
				relay(fd, events[i].events);
			else
				serve(fd, events[i].events);
		}
	}
}
