/* Connections to upstreams, made by libcurl on the worker's loop: name resolution (on threads of its own), several addresses, unix
 * sockets, TLS. What comes out is a link: bytes in and out, without blocking. connect.c is the only file
 * that knows libcurl. Loop thread only.
 *
 *   connect_start -> done(0, link)  -> link_send / link_recv ... -> link_close
 *        \--------> done(error)
 *         \-------> connect_cancel (no done follows) */
#ifndef LARDER_WORKER_CONNECT_H
#define LARDER_WORKER_CONNECT_H

#include <sys/uio.h>
#include <uv.h>

#include "base/err.h"
#include "conf/conf.h"

struct connector; /* of one worker */
struct connecting;
struct tls;

struct link {
	int fd;		 /* to be polled; -1: closed */
	struct tls *tls; /* NULL: plain */
};

struct connector *connector_new(uv_loop_t *loop);
/* Nothing is connecting and no link over TLS is open. Handles are closed with the loop's next turns. */
void connector_free(struct connector **c);
/* Connections over TLS from now on read their CA files anew. */
void connector_reload(struct connector *c);

/* err: RESOLVE, CONNECT, TLS, TIMEOUT; `why`: a static sentence. Called from the loop, never from inside connect_start.
 * The attempt is over when it is called. */
struct connect_event {
	void (*done)(void *ctx, struct link link, int err, const char *why);
	void *ctx;
};
/* Takes no longer than upstream->connect_timeout_ms, TLS included. `upstream` is borrowed for the call. */
struct connecting *connect_start(struct connector *c, const struct conf_upstream *upstream, struct connect_event event);
/* *attempt is NULL afterwards. */
void connect_cancel(struct connecting **attempt);

/* > 0: bytes. 0: closed in order (for TLS: with close_notify). ERR_AGAIN, ERR_RESET.
 * Over TLS fewer bytes than asked for does not mean that no more are there: only ERR_AGAIN does, and polling may not tell. */
int64_t link_recv(struct link *l, char *p, size_t n);
/* Sends the parts in one go: how many bytes were taken (over TLS they may still be on their way, see link_flushing),
 * ERR_AGAIN or ERR_RESET. n_parts at most 4. No parts: only flushes; 0 when all is out. */
int64_t link_send(struct link *l, const struct iovec *parts, int n_parts);
/* Bytes that were taken wait for the socket to be writable: call link_send then. */
bool link_flushing(const struct link *l);
void link_close(struct link *l);

#endif
