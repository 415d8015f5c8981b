/* The addresses of a host. Numbers and localhost are known at once; a name is looked up on a thread of its own, so that nobody who has
 * calls to end in time waits for a name server. */
#ifndef LARDER_REDIS_RESOLVE_H
#define LARDER_REDIS_RESOLVE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"

enum { RESOLVE_MAX = 8 };

struct addresses {
	unsigned n;
	struct sockaddr_storage v[RESOLVE_MAX];
	socklen_t size[RESOLVE_MAX];
};

struct resolving; /* a look-up under way */

/* ERR_OK: *out is filled. ERR_AGAIN: *job is under way; when it is done, something is written to a copy of `event_fd` (an eventfd).
 * ERR_RESOLVE: no thread could be started. Never blocks. */
int resolve_start(
    const char *host, unsigned port, int event_fd, struct addresses *out, struct resolving **job) MUST_CHECK;
/* ERR_AGAIN: not yet. ERR_OK, ERR_RESOLVE: the job is gone. */
int resolve_result(struct resolving **job, struct addresses *out) MUST_CHECK;
/* Wants no result any more. The thread ends by itself when the system gives up the look-up; it holds nothing of its starter's. */
void resolve_drop(struct resolving **job);

#endif
