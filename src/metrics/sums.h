/* What the two writers (prometheus.c, json.c) read: the figures of all workers added up at one moment. Inside of
 * metrics/ only. */
#ifndef LARDER_METRICS_SUMS_H
#define LARDER_METRICS_SUMS_H

#include "metrics/metrics.h"

/* Upper bounds 1-2-5 from 10 us to 100 s, and one bucket above them all. */
enum { METRICS_BOUNDS = 22, METRICS_BUCKETS = METRICS_BOUNDS + 1 };
extern const int64_t metrics__bounds_us[METRICS_BOUNDS];

/* By hundreds; a status outside of 100..599 counts as 0. */
enum { METRICS_CLASSES = 6 };

struct metrics_route_sums {
	struct str name; /* lives as long as the metrics */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t bytes;
};

struct metrics_histogram_sums {
	uint64_t buckets[METRICS_BUCKETS]; /* not cumulative */
	uint64_t count, sum_us;
};

struct metrics_sums {
	int64_t values[METRIC_COUNT];
	struct metrics_histogram_sums histograms[HISTOGRAM_COUNT];
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t classes[METRICS_CLASSES];
	uint64_t *reasons;
	const char **reason_codes;
	unsigned n_reasons;
	struct metrics_route_sums *routes; /* those with a request, in slot order */
	unsigned n_routes;
};

/* Any thread. Released by metrics__sums_free. */
void metrics__sums_read(struct metrics *m, struct metrics_sums *out);
void metrics__sums_free(struct metrics_sums *s);

/* A figure as people write it: 7.857 and not 7.8570000000000002; whole numbers to the last digit up to 2^53. */
void metrics__add_figure(struct buf *out, double value);

#endif
