/* accept4 in small batches on readable listening sockets.
 *
 * It never stops accepting: beyond the limit a connection is accepted and closed at once, so that the queue in the kernel
 * moves and the client learns. Without a free descriptor accept fails and the socket stays readable; then a
 * reserve descriptor is given up for the moment of accepting and closing one.
 *
 * Life: acceptor_free closes the handles; each close callback gives one share back, the last one frees. */
#include "worker/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	BATCH = 64,	 /* connections a socket and turn, so that those who are served already get their turn */
	QUEUE_MAX = 4096 /* as long as the queue of listen.c can be */
};

struct listener {
	struct listener *next;
	struct acceptor *acceptor;
	uv_poll_t poll;
	int fd;
	struct str local_text;
};

struct acceptor {
	uv_loop_t *loop;
	atomic_uint *connections;
	const struct accept_events *events;
	void *ctx;
	struct listener *listeners;
	int reserve;
	int64_t complained_ms;
	unsigned shares; /* the owner's and one a handle */
};

static void give_share_back(struct acceptor *a)
{
	if (--a->shares == 0)
		free(a);
}

static void complain(struct acceptor *a, const char *what)
{
	int64_t now_ms = (int64_t)uv_now(a->loop);
	if (a->complained_ms && now_ms - a->complained_ms < 10000)
		return;
	a->complained_ms = now_ms;
	log_warning("client", "cannot accept a connection: %s", what);
}

/* accept4 found no descriptor: with the reserve given up it finds one. Returns false when that did not help. */
static bool refuse_with_reserve(struct acceptor *a, int listen_fd)
{
	if (a->reserve < 0)
		return false;
	close(a->reserve);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	a->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static void refuse(struct acceptor *a)
{
	a->events->refused(a->ctx);
}

/* One connection; false: no more for now. */
static bool accept_one(struct listener *l)
{
	struct acceptor *a = l->acceptor;
	struct sockaddr_storage address = {0};
	socklen_t n = sizeof(address);
	int fd = accept4(l->fd, (struct sockaddr *)&address, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int e = errno;
		if (e == EMFILE || e == ENFILE) {
			complain(a, strerror(e));
			if (!refuse_with_reserve(a, l->fd))
				return false;
			refuse(a);
			return true;
		}
		/* The client left before we came, or a network error of that connection (accept(2)): the next one may be well. */
		if (e == ECONNABORTED || e == EINTR || e == EPROTO || e == ENETDOWN || e == EHOSTUNREACH ||
		    e == ENETUNREACH)
			return true;
		if (e != EAGAIN && e != EWOULDBLOCK)
			complain(a, strerror(e));
		return false;
	}
	if (atomic_fetch_add_explicit(a->connections, 1, memory_order_relaxed) >= a->events->limit(a->ctx)) {
		atomic_fetch_sub_explicit(a->connections, 1, memory_order_relaxed);
		close(fd);
		complain(a, "max_connections are open ([server] max_connections)");
		refuse(a);
		return true;
	}
	a->events->accepted(a->ctx, fd, &address, n, l->local_text);
	return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	for (int i = 0; i < BATCH && accept_one(l); i++)
		;
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;
	struct acceptor *a = l->acceptor;
	free(l);
	give_share_back(a);
}

struct acceptor *acceptor_new(uv_loop_t *loop, atomic_uint *connections, const struct accept_events *events, void *ctx)
{
	struct acceptor *a = mem_zalloc(sizeof(*a));
	*a = (struct acceptor){.loop = loop, .connections = connections, .events = events, .ctx = ctx, .shares = 1};
	a->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return a;
}

int acceptor_listen(struct acceptor *a, int fd, struct str local_text)
{
	struct listener *l = mem_zalloc(sizeof(*l));
	*l = (struct listener){.next = a->listeners, .acceptor = a, .fd = fd, .local_text = local_text};
	if (uv_poll_init(a->loop, &l->poll, fd) != 0) {
		free(l);
		return ERR_IO;
	}
	l->poll.data = l;
	a->shares++;
	a->listeners = l;
	return uv_poll_start(&l->poll, UV_READABLE, on_readable) == 0 ? ERR_OK : ERR_IO;
}

/* The descriptors stay open until their owner closes them, so the kernel is told to refuse: it would go on to complete
 * connections that nobody accepts. */
static void close_listeners(struct acceptor *a)
{
	struct listener *next;
	for (struct listener *l = a->listeners; l; l = next) {
		next = l->next;
		shutdown(l->fd, SHUT_RDWR);
		uv_close((uv_handle_t *)&l->poll, on_closed);
	}
	a->listeners = NULL;
}

void acceptor_stop(struct acceptor *a)
{
	/* Those in the queue have been told that they are connected. */
	for (struct listener *l = a->listeners; l; l = l->next)
		for (int i = 0; i < QUEUE_MAX && accept_one(l); i++)
			;
	close_listeners(a);
}

void acceptor_left(struct acceptor *a)
{
	atomic_fetch_sub_explicit(a->connections, 1, memory_order_relaxed);
}

void acceptor_free(struct acceptor **a)
{
	if (!*a)
		return;
	close_listeners(*a);
	if ((*a)->reserve >= 0)
		close((*a)->reserve);
	(*a)->reserve = -1;
	give_share_back(*a);
	*a = NULL;
}
