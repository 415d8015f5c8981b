/* Accepting connections on the loop's listening sockets, within the connection limit of all workers. */
#ifndef LARDER_WORKER_ACCEPT_H
#define LARDER_WORKER_ACCEPT_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/err.h"
#include "base/str.h"

struct acceptor;

struct accept_events {
	/* A new connection: non-blocking, close-on-exec, owned by the receiver, who gives its place back with acceptor_left. */
	void (*accepted)(void *ctx, int fd, const struct sockaddr_storage *address, socklen_t n, struct str local_text);
	/* One was closed at once: over the limit, or no descriptor was left. */
	void (*refused)(void *ctx);
	/* How many connections all workers may have together. */
	unsigned (*limit)(void *ctx);
};

struct acceptor *acceptor_new(uv_loop_t *loop, atomic_uint *connections, const struct accept_events *events, void *ctx);
/* Starts accepting on a listening, non-blocking socket (owned by the caller, open until acceptor_stop); local_text lives as
 * long as the acceptor. 0 or ERR_IO. */
int acceptor_listen(struct acceptor *a, int fd, struct str local_text) MUST_CHECK;
/* Takes the connections that wait in the queue; from then on the system refuses. The sockets may be closed. */
void acceptor_stop(struct acceptor *a);
/* A connection that was handed over has ended. */
void acceptor_left(struct acceptor *a);
/* Stops. Memory goes when the loop has closed the handles. */
void acceptor_free(struct acceptor **a);

#endif
