/* The index over the patterns of all routes. Private to conf/ and its tests. */
#ifndef LARDER_CONF_ROUTE_TABLE_H
#define LARDER_CONF_ROUTE_TABLE_H

#include "conf/pattern.h"

/* Builds the table over patterns[n], whose routes are set; it takes the regexes over, and lives in the arena. */
struct route_table *route_table_new(struct route_pattern *patterns, unsigned n, struct arena *a);
/* The twins of routes (see route.c) get the metrics_id of what they stand for. */
void route_table_number(struct route_table *t);
void route_table_free(struct route_table **t);

/* route_find, counting the patterns it tried. */
const struct route *route_table_find(
    const struct route_table *t, const struct route *last, struct str host, struct str path, unsigned *tried);
/* A route before that of the pattern whose patterns fit all that it fits, so that it never decides; NULL when none is
 * known (a regex is not understood beyond its prefix). */
const struct route *route_table_covers(const struct route_table *t, const struct route_pattern *p);
unsigned route_table_size(const struct route_table *t);
const struct route_pattern *route_table_pattern(const struct route_table *t, unsigned i);

/* The definition that route_find must equal: every pattern, from the top. */
const struct route *route_table_find_linear(
    const struct route_table *t, const struct route *last, struct str host, struct str path);

#endif
