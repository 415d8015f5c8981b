/* One connection to an upstream: a link that the loop polls, idle or in use by one exchange. Loop thread only. */
#ifndef LARDER_WORKER_CONN_H
#define LARDER_WORKER_CONN_H

#include <uv.h>

#include "worker/connect.h"
#include "worker/deadline.h"
#include "worker/pool.h"

struct exchange;

struct conn {
	struct link link;
	struct origin *origin;
	struct exchange *user;	  /* NULL: idle */
	struct idle idle;	  /* its place in the pool */
	struct deadline deadline; /* of its idleness */
	void *owner;		  /* struct upstreams */
	uint64_t requests;	  /* begun on it */
	bool broken;		  /* a write failed: what ends it now is no orderly end */
	bool hangup;		  /* the peer has closed its side: what it sent may still be there */
	uv_poll_t poll;
	int watched; /* UV_ events that are registered */
	void (*event)(struct conn *c, int events);
};

/* Takes the link and a reference of the origin; polls for nothing yet. NULL: the loop cannot poll it, all is closed. */
struct conn *conn_new(
    uv_loop_t *loop, struct link *link_take, struct origin **origin_take, void (*event)(struct conn *c, int events));
/* UV_READABLE, UV_WRITABLE or both; 0: nothing. No system call when they are registered already. */
void conn_watch(struct conn *c, int events);
/* Closes at once; the memory is freed by the loop later. */
void conn_close(struct conn *c);

#endif
