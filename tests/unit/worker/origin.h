/* A raw origin for tests: a thread that plays a script of bytes on each connection it accepts, without knowing
 * HTTP. Every wait in it is bounded; a script that is not followed is told by origin_stop. */
#ifndef LARDER_TESTS_ORIGIN_H
#define LARDER_TESTS_ORIGIN_H

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ORIGIN_BOUND_MS = 10000, ORIGIN_KEEP = 1 << 16, ORIGIN_ACTS = 24 };

enum act_kind {
	ACT_END,     /* close in order */
	ACT_UNTIL,   /* read until what came on this connection since the last act ends with `text` */
	ACT_SAY,     /* send `text` (n bytes of it, or all) */
	ACT_TRICKLE, /* send n bytes of `text`, each in a segment of its own */
	ACT_FILL,    /* send n bytes 'x' */
	ACT_DRAIN,   /* read n bytes, and keep none */
	ACT_GONE,    /* read until the peer closes */
	ACT_RESET,   /* close with RST */
	ACT_TELL,    /* post `told` */
	ACT_AWAIT,   /* wait for `go` */
	ACT_CLOSE,   /* close in order, then go on with the next connection after the acts that follow */
};

struct act {
	enum act_kind kind;
	const char *text;
	size_t n;
};

#define REQUEST                                                                                                        \
	{                                                                                                              \
		ACT_UNTIL, "\r\n\r\n", 0                                                                               \
	}
#define UNTIL(text)                                                                                                    \
	{                                                                                                              \
		ACT_UNTIL, text, 0                                                                                     \
	}
#define SAY(text)                                                                                                      \
	{                                                                                                              \
		ACT_SAY, text, 0                                                                                       \
	}

/* How bytes move: plain sockets, or whatever a test wraps around them. All block, at most ORIGIN_BOUND_MS. */
struct origin_io {
	void *(*open)(void *ctx, int fd); /* NULL: failed */
	ssize_t (*read)(void *io, char *p, size_t n);
	ssize_t (*write)(void *io, const char *p, size_t n);
	void (*close)(void *io, int fd);
};

struct raw_origin {
	int listening;
	uint16_t port;
	char path[108]; /* of a unix socket */
	pthread_t thread;
	const struct act (*plays)[ORIGIN_ACTS];
	unsigned n_plays;
	sem_t told, go;
	atomic_uint accepted;
	atomic_bool failed;
	char *failure;
	char got[ORIGIN_KEEP]; /* what came on the last connection; read it after origin_stop */
	size_t n_got;
	const struct origin_io *io;
	void *io_ctx;
};

static inline bool sem_wait_bounded(sem_t *sem)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ORIGIN_BOUND_MS / 1000;
	int r;
	while ((r = sem_timedwait(sem, &until)) != 0 && errno == EINTR)
		continue;
	return r == 0;
}

struct origin_conn {
	struct raw_origin *o;
	int fd;
	void *io;
	size_t mark; /* in o->got, where the current act began */
};

static inline ssize_t origin_read(struct origin_conn *c, char *p, size_t n)
{
	return c->io ? c->o->io->read(c->io, p, n) : recv(c->fd, p, n, 0);
}

static inline ssize_t origin_write(struct origin_conn *c, const char *p, size_t n)
{
	return c->io ? c->o->io->write(c->io, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);
}

static inline bool origin_send(struct origin_conn *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = origin_write(c, p, n);
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static inline bool origin_until(struct origin_conn *c, const char *text)
{
	struct raw_origin *o = c->o;
	size_t n = strlen(text);
	while (o->n_got - c->mark < n || memcmp(o->got + o->n_got - n, text, n) != 0) {
		if (o->n_got == sizeof(o->got) || origin_read(c, o->got + o->n_got, 1) != 1)
			return false;
		o->n_got++;
	}
	return true;
}

static inline bool origin_drain(struct origin_conn *c, size_t n)
{
	char p[65536];
	while (n > 0) {
		ssize_t got = origin_read(c, p, n < sizeof(p) ? n : sizeof(p));
		if (got <= 0)
			return false;
		n -= (size_t)got;
	}
	return true;
}

static inline bool origin_fill(struct origin_conn *c, size_t n)
{
	char p[65536];
	memset(p, 'x', sizeof(p));
	for (size_t m; n > 0; n -= m) {
		m = n < sizeof(p) ? n : sizeof(p);
		if (!origin_send(c, p, m))
			return false;
	}
	return true;
}

static inline bool origin_gone(struct origin_conn *c)
{
	char p[4096];
	ssize_t got;
	while ((got = origin_read(c, p, sizeof(p))) > 0)
		continue;
	return got == 0 || errno == ECONNRESET;
}

static inline void origin_close(struct origin_conn *c)
{
	if (c->io)
		c->o->io->close(c->io, c->fd);
	if (c->fd >= 0)
		close(c->fd);
	c->io = NULL;
	c->fd = -1;
}

static inline bool origin_act(struct origin_conn *c, const struct act *a)
{
	struct linger hard = {1, 0};
	c->mark = c->o->n_got;
	switch (a->kind) {
	case ACT_UNTIL:
		return origin_until(c, a->text);
	case ACT_SAY:
		return origin_send(c, a->text, a->n ? a->n : strlen(a->text));
	case ACT_TRICKLE:
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		for (size_t i = 0; i < a->n; i++)
			if (!origin_send(c, a->text + i, 1))
				return true; /* refused before the end */
		return true;
	case ACT_FILL:
		return origin_fill(c, a->n);
	case ACT_DRAIN:
		return origin_drain(c, a->n);
	case ACT_GONE:
		return origin_gone(c);
	case ACT_RESET:
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(c->fd);
		c->fd = -1;
		return true;
	case ACT_CLOSE:
		origin_close(c);
		return true;
	case ACT_TELL:
		sem_post(&c->o->told);
		return true;
	case ACT_AWAIT:
		return sem_wait_bounded(&c->o->go);
	case ACT_END:
		break;
	}
	return true;
}

static inline void origin_fail(struct raw_origin *o, unsigned play, unsigned act)
{
	char text[80];
	snprintf(text, sizeof(text), "the origin's act %u on connection %u did not come about", act, play);
	o->failure = strdup(text);
	atomic_store(&o->failed, true);
}

static inline void *origin_run(void *ctx)
{
	struct raw_origin *o = ctx;
	for (unsigned i = 0; i < o->n_plays && !atomic_load(&o->failed); i++) {
		struct origin_conn c = {.o = o, .fd = accept(o->listening, NULL, NULL)};
		if (c.fd < 0)
			break; /* origin_stop: not every connection has to be made */
		atomic_fetch_add(&o->accepted, 1);
		struct timeval bound = {ORIGIN_BOUND_MS / 1000, 0};
		setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
		setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
		o->n_got = 0;
		if (o->io) {
			c.io = o->io->open(o->io_ctx, c.fd);
			if (!c.io) { /* the handshake was refused */
				close(c.fd);
				continue;
			}
		}
		for (unsigned a = 0; a < ORIGIN_ACTS && o->plays[i][a].kind != ACT_END; a++)
			if (!origin_act(&c, &o->plays[i][a])) {
				origin_fail(o, i, a);
				break;
			}
		origin_close(&c);
	}
	return NULL;
}

/* path NULL: on loopback, at a port that the system chooses. */
static inline void origin_start(
    struct raw_origin *o, const struct act (*plays)[ORIGIN_ACTS], unsigned n_plays, const char *path)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	o->plays = plays;
	o->n_plays = n_plays;
	sem_init(&o->told, 0, 0);
	sem_init(&o->go, 0, 0);
	int r;
	if (path) {
		snprintf(o->path, sizeof(o->path), "%s", path);
		memcpy(un.sun_path, o->path, sizeof(un.sun_path));
		o->listening = socket(AF_UNIX, SOCK_STREAM, 0);
		r = bind(o->listening, (struct sockaddr *)&un, sizeof(un));
	} else {
		socklen_t len = sizeof(in);
		o->listening = socket(AF_INET, SOCK_STREAM, 0);
		r = bind(o->listening, (struct sockaddr *)&in, len);
		getsockname(o->listening, (struct sockaddr *)&in, &len);
		o->port = ntohs(in.sin_port);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(listen(o->listening, 16), 0);
	ck_assert_int_eq(pthread_create(&o->thread, NULL, origin_run, o), 0);
}

static inline void origin_stop(struct raw_origin *o)
{
	shutdown(o->listening, SHUT_RDWR); /* ends an accept that waits */
	pthread_join(o->thread, NULL);
	close(o->listening);
	if (o->path[0])
		unlink(o->path);
	sem_destroy(&o->told);
	sem_destroy(&o->go);
	ck_assert_msg(!o->failure, "%s", o->failure);
}

#endif
