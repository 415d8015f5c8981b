/* The upstream side of a worker: libcurl makes the connections, http/message.h speaks on them, pool.c keeps the idle ones.
 * Loop thread only. */
#ifndef LARDER_WORKER_UPSTREAM_H
#define LARDER_WORKER_UPSTREAM_H

#include <uv.h>

#include "metrics/metrics.h"
#include "req/fetch.h"

struct upstreams; /* of one worker */
struct gates;	  /* worker/gate.h: requests in flight per upstream, of all workers */

struct upstreams *upstreams_new(uv_loop_t *loop, struct gates *gates, struct metrics_worker *metrics);
/* Closes idle connections, cancels nothing: no fetch may be under way. Handles are closed with the loop's next turns. */
void upstreams_free(struct upstreams **u);

/* See req/port.h. */
void upstream_fetch(struct upstreams *u, struct fetch *f);
void upstream_cancel(struct upstreams *u, struct fetch *f);
void upstream_resume(struct upstreams *u, struct fetch *f);
void upstream_body(struct upstreams *u, struct fetch *f);

#endif
