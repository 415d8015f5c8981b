/* The cache key (RFC 9111 2): method, scheme, host, path and query in normal form, as the route wants it. Pure. */
#ifndef LARDER_POLICY_KEY_H
#define LARDER_POLICY_KEY_H

#include "conf/conf.h"
#include "http/stored.h"

/* The query is taken byte by byte, since the origin sees those bytes: "%7e" and "~" are different pages, names are compared
 * raw, and the order stays unless query_sort (by name; parameters of one name keep theirs). A query of which nothing is
 * left equals none; a bare '?' stays where all or all but some parameters count.
 * `host` and `path` normalised (http/url.h), `query` raw (p == NULL: none). HEAD and GET give the same key.
 * The text lives in `a`. */
void key_make(const struct route *route, struct str scheme, struct str host, struct str path, struct str query,
    uint64_t seed, struct arena *a, struct cache_key *out);
#endif
