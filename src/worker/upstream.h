/* The upstream side of a worker: libcurl makes the connections (connect.c), http/message.h speaks on them
 * (exchange.c), pool.c keeps the idle ones, gate.c bounds the requests in flight. Loop thread only.
 *
 * The process must ignore SIGPIPE: libcurl writes the TLS connections. */
#ifndef LARDER_WORKER_UPSTREAM_H
#define LARDER_WORKER_UPSTREAM_H

#include <uv.h>

#include "metrics/metrics.h"
#include "req/fetch.h"

struct upstreams; /* of one worker */
struct gates;	  /* worker/gate.h: requests in flight per upstream, of all workers */

struct upstreams_options {
	uv_loop_t *loop;
	struct gates *gates; /* outlives all upstreams */
	struct metrics_worker *metrics;
	void *worker; /* whose mailbox the gates post to (gates_new) */
};

/* The first call of the process prepares libcurl. Never fails. */
struct upstreams *upstreams_new(const struct upstreams_options *o);
/* Ends every fetch with ERR_CANCELLED, and those that begin later as soon as the loop turns. Not from inside an event of one. */
void upstreams_abort(struct upstreams *u);
/* Closes idle connections, cancels nothing: no fetch may be under way, and no event of one on the stack. Handles are
 * closed with the loop's next turns. */
void upstreams_free(struct upstreams **u);
/* New settings: idle connections of upstreams that are not in `conf` any more are closed, those over TLS too (their
 * certificates may have changed), and CA files are read anew for the connections to come. */
void upstreams_reload(struct upstreams *u, const struct conf *conf);

/* See req/port.h. None of them calls an event; events come from the loop. */
void upstream_fetch(struct upstreams *u, struct fetch *f);
void upstream_cancel(struct upstreams *u, struct fetch *f);
void upstream_resume(struct upstreams *u, struct fetch *f);
void upstream_body(struct upstreams *u, struct fetch *f);

#endif
