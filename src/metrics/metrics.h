/* Counters and histograms, one table (metrics.def): each worker writes its own struct without locks, readers sum them.
 * A name is typed in metrics.def and where it is counted, nowhere else. */
#ifndef LARDER_METRICS_METRICS_H
#define LARDER_METRICS_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum metric {
#define COUNTER(name, prom, help) METRIC_##name,
#define GAUGE(name, prom, help)	  METRIC_##name,
#include "metrics/metrics.def"
	METRIC_COUNT
};

enum histogram {
#define HISTOGRAM(name, prom, kind, help) HISTOGRAM_##name,
#include "metrics/metrics.def"
	HISTOGRAM_COUNT
};

/* How a request ended: HIT and STALE came from the store, REVALIDATED after the origin confirmed it, COLLAPSED from the
 * fetch of another, MISS from a fetch of its own, PASS was never looked up, ERROR was answered by us. */
enum outcome {
#define OUTCOME(name, label, histogram) OUTCOME_##name,
#include "metrics/metrics.def"
	OUTCOME_COUNT
};
const char *outcome_name(enum outcome o);

struct metrics;	       /* of the process */
struct metrics_worker; /* written by one thread, read by any */

/* n_reasons: how many reason codes there are; reason_code gives their label. */
struct metrics *metrics_new(unsigned n_workers, unsigned n_reasons, const char *(*reason_code)(unsigned reason));
/* Main thread, when no worker counts any more. */
void metrics_free(struct metrics **m);
/* Of the worker `index`, below n_workers; lives as long as m. */
struct metrics_worker *metrics_worker(struct metrics *m, unsigned index);

/* The slot of a route by name, the same after a reload. At most METRICS_MAX_ROUTES names in a process's life; the ones
 * beyond share the last slot, "(other)". Any thread, one at a time. */
enum { METRICS_MAX_ROUTES = 4096 };
unsigned metrics_route(struct metrics *m, struct str name);

/* Owner thread only. */
void metrics_add(struct metrics_worker *w, enum metric m, int64_t n);
static inline void metrics_inc(struct metrics_worker *w, enum metric m)
{
	metrics_add(w, m, 1);
}
void metrics_observe(struct metrics_worker *w, enum histogram h, int64_t us);
/* One finished request: counts METRIC_REQUESTS and METRIC_BYTES_OUT, its route, outcome, reason and status class, and
 * observes both times. Nothing else is counted for the caller. */
struct metrics_request {
	unsigned route;
	enum outcome outcome;
	unsigned reason;
	int status;
	int64_t total_us;    /* from the whole head until the last byte was given to the system */
	int64_t upstream_us; /* -1: none */
	uint64_t bytes;	     /* body bytes sent */
};
void metrics_request(struct metrics_worker *w, const struct metrics_request *r);

/* What the process knows besides: filled by the caller from the tier and the upstream gates. Names that begin with
 * larder_cache_ become the "cache" of the JSON, the others its "figures". */
struct metrics_extra {
	struct str prom_name, help, label_name, label_value; /* label_name.p NULL: no label */
	bool counter;
	double value;
};

/* Prometheus text format 0.0.4, valid to its parser. Any thread, while the workers count. */
void metrics_write_prometheus(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out);
/* The JSON object of GET /stats, any thread:
 *   {"hit_ratio": of the requests that were looked up, the share answered from the store,
 *    "offload": of all requests, the share that cost the origin nothing,
 *    "requests": N, "outcomes": {...}, "statuses": {...}, "routes": {...}, "reasons": {...},
 *    "latency": {"hit": {"count", "sum_us", "p50_us", "p90_us", "p99_us", "buckets": [[upper bound in us, count], ...]}, ...},
 *    "counters": {...}, "cache": {...}, "figures": {...}} */
void metrics_write_json(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out);

#endif
