/* A response that leaves in more than one call, as head and slices do in libmicrohttpd, leaves in whole packets all the same. The
 * library pushes the head on its own, lest the client wait for the body; here the body is there already, and a packet of its own
 * costs more than the two system calls that save it, here and at the client. Loop thread only; does not block. */
#ifndef LARDER_WORKER_CORK_H
#define LARDER_WORKER_CORK_H

#include <stdbool.h>

struct cork {
	bool is_in;
};

/* From now on only full packets leave. Does nothing on a unix socket. */
void cork_put(struct cork *c, int fd);
/* What is left leaves now. Harmless without cork_put. */
void cork_pull(struct cork *c, int fd);

#endif
