/* The daemons of libmicrohttpd that a worker's connections are spread over, and their place in its loop. Loop thread only. */
#ifndef LARDER_WORKER_DAEMONS_H
#define LARDER_WORKER_DAEMONS_H

#include <microhttpd.h>
#include <uv.h>

enum { DAEMON_CONNECTIONS = 256 };

struct daemons; /* of one worker */
struct daemon;

struct daemons_events {
	/* Makes one in external-epoll mode, with suspending allowed. NULL: the library refuses. */
	struct MHD_Daemon *(*make)(void *ctx);
	/* All that were due have run in this turn. */
	void (*ran)(void *ctx);
};

/* With one daemon at first. NULL: there is none. */
struct daemons *daemons_new(uv_loop_t *loop, const struct daemons_events *events, void *ctx);
/* Every daemon runs once more and is stopped, which ends its connections; none may be suspended then. The handles are closed with the
 * loop's next turns. */
void daemons_free(struct daemons **d);

/* One with room for a connection, which counts from now on; a full one when no other can be made. */
struct daemon *daemon_join(struct daemons *d);
/* A connection of it is gone, or never came. */
void daemon_left(struct daemon *d);
struct MHD_Daemon *daemon_mhd(const struct daemon *d);
/* It has something to do: it runs in this turn, or in the next one if this turn's have run. */
void daemon_is_due(struct daemon *d);

#endif
