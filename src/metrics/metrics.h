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
#undef COUNTER
#undef GAUGE
	METRIC_COUNT
};

enum histogram { HISTOGRAM_HIT, HISTOGRAM_MISS, HISTOGRAM_PASS, HISTOGRAM_UPSTREAM, HISTOGRAM_COUNT };

/* Per route: how requests ended. */
enum outcome {
	OUTCOME_HIT,
	OUTCOME_STALE,
	OUTCOME_REVALIDATED,
	OUTCOME_COLLAPSED,
	OUTCOME_MISS,
	OUTCOME_PASS,
	OUTCOME_ERROR,
	OUTCOME_COUNT
};
const char *outcome_name(enum outcome o);

struct metrics;	       /* of the process */
struct metrics_worker; /* of one thread */

/* n_reasons: how many reason codes there are; reason_code gives their label. */
struct metrics *metrics_new(unsigned n_workers, unsigned n_reasons, const char *(*reason_code)(unsigned reason));
void metrics_free(struct metrics **m);
struct metrics_worker *metrics_worker(struct metrics *m, unsigned index);

/* The slot of a route by name, the same after a reload. At most METRICS_MAX_ROUTES names in a process's life; the ones
 * beyond share the last slot, "other". Main thread only. */
enum { METRICS_MAX_ROUTES = 4096 };
unsigned metrics_route(struct metrics *m, struct str name);

/* Owner thread only. */
void metrics_add(struct metrics_worker *w, enum metric m, int64_t n);
static inline void metrics_inc(struct metrics_worker *w, enum metric m)
{
	metrics_add(w, m, 1);
}
void metrics_observe(struct metrics_worker *w, enum histogram h, int64_t us);
/* One finished request. */
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

/* What the process knows besides: filled by the caller from the tier and the upstream gates. */
struct metrics_extra {
	struct str prom_name, help, label_name, label_value; /* label_name.p NULL: no label */
	bool counter;
	double value;
};

/* Prometheus text format 0.0.4, valid to its parser. */
void metrics_write_prometheus(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out);
/* JSON object of GET /stats: {"hit_ratio": ..., "requests": ..., "routes": {...}, "reasons": {...}, "latency": {...}, "cache": {...}} */
void metrics_write_json(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out);

#endif
