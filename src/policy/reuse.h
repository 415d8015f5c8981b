/* May this request be looked up, may this stored response answer it, which variant is it? (RFC 9111 4) Pure. */
#ifndef LARDER_POLICY_REUSE_H
#define LARDER_POLICY_REUSE_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/reason.h"

/* LOOKUP_YES: look up and store. LOOKUP_PASS: send it on, store nothing. `reason` says why not. */
enum lookup { LOOKUP_YES, LOOKUP_PASS };
enum lookup policy_lookup(const struct route *route, const struct http_request *request, enum reason *reason);

enum reuse {
	REUSE_FRESH,	    /* serve */
	REUSE_STALE,	    /* serve, renew behind (stale-while-revalidate) */
	REUSE_REVALIDATE,   /* ask the origin first */
	REUSE_UNSATISFIABLE /* only-if-cached and not servable: 504 (5.2.1.7) */
};

struct reuse_verdict {
	enum reuse reuse;
	enum reason reason;
	int64_t age_ms;	     /* current_age (4.2.3) */
	int64_t ttl_ms;	     /* freshness left, negative when stale: ttl of RFC 9211 2.6 */
	bool stale_if_error; /* if the origin fails now, this may still be served */
};

/* `purged`: the entry was softly purged, so it is stale from then on (swr and sie still hold). */
struct reuse_verdict policy_reuse(
    const struct route *route, const struct http_request *request, const struct stored *s, bool purged, int64_t now_ms);
/* For a request that finds nothing: REUSE_REVALIDATE with `reason` unchanged, or UNSATISFIABLE (only-if-cached). */
enum reuse policy_miss(const struct http_request *request);

/* True when the variant's nominated fields equal the request's (4.1), compared in normal form. */
bool policy_vary_matches(const struct stored *s, const struct http_request *request);

#endif
