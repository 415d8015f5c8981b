/* The tiers as the settings want them: memory, and below it files and Redis. */
#ifndef LARDER_WORKER_STORE_H
#define LARDER_WORKER_STORE_H

#include "admin/values.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "tier/tier.h"

/* NULL when a directory cannot be used; what is wrong is logged. Blocks for a moment. */
struct tier *store_open(const struct conf *conf, uint64_t key_seed);
/* After a reload: the bounds that may change. */
void store_configure(struct tier *store, const struct conf *conf);
/* Drops what expired, a share of it all; called every SWEEP_MS. */
enum { STORE_SWEEP_MS = 250 };
void store_sweep(struct tier *store, int64_t now_ms);
/* The values of programs (/cache of the admin listener), at the place of the lowest tier. Opens nothing yet. */
struct values *store_values(const struct conf *conf);
/* What is counted of each tier, at most max rows; returns how many. */
unsigned store_figures(struct tier *store, struct metrics_extra *out, unsigned max);
/* "memory tier of 256 MiB, file tier of 10 GiB in /var/cache/larder", for the log. */
void store_describe(const struct conf *conf, struct buf *out);

#endif
