/* TLS over a socket that does not block, to a Redis server, a sentinel or a node of a cluster. For this folder and for liblarder: nothing here
 * ends the process or raises SIGPIPE, and running out of memory is a failure like others. A context may be used by many threads, a connection by
 * one at a time. Where meson was told to leave it out (-Dredis_tls=disabled), tls_context_new fails. */
#ifndef LARDER_REDIS_TLS_H
#define LARDER_REDIS_TLS_H

#include <sys/types.h>
#include <sys/uio.h>

#include "redis/url.h"

struct tls_context;
struct tls;

enum { TLS_WHY = 200 };

/* Whether it is built in. */
bool tls_is_there(void);

/* What is trusted, and who we are. NULL, with a sentence in `why`: a file cannot be read, a key does not belong to its certificate, no memory, not
 * built in. Reads files. */
struct tls_context *tls_context_new(const struct redis_tls *files, char why[TLS_WHY]);
void tls_context_free(struct tls_context **c);

/* Around a connected socket, which stays the caller's. `host`: the name or the address that the server's certificate must be for. NULL: no
 * memory. */
struct tls *tls_new(struct tls_context *c, int fd, const char *host);
/* Says nothing to the other side. NULL inside is fine. */
void tls_free(struct tls **t);

/* ERR_OK: the server is who it should be. ERR_AGAIN: when tls_events come. ERR_TLS, ERR_CONNECT (it closed): tls_why says more. */
int tls_handshake(struct tls *t) MUST_CHECK;
/* As writev and recv: how many bytes (which may stay here until tls_flush), 0 when it was closed, or -1 with errno, EAGAIN among others; EPROTO:
 * tls_why. */
ssize_t tls_write(struct tls *t, const struct iovec *v, int n);
ssize_t tls_read(struct tls *t, void *p, size_t n);
/* What stays here goes out: 0, or -1 with errno. */
int tls_flush(struct tls *t);
/* What poll is to wait for before it goes on: during the handshake all; later POLLOUT besides what the caller waits for, or 0. */
short tls_events(const struct tls *t);
const char *tls_why(const struct tls *t);

#endif
