/* May this request be looked up, may this stored response answer it, which variant is it? (RFC 9111 4) Pure. */
#ifndef LARDER_POLICY_REUSE_H
#define LARDER_POLICY_REUSE_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/reason.h"

/* LOOKUP_YES: look up and store. LOOKUP_PASS: send it on, store nothing. `reason` says why not, NONE for YES.
 * A request with Authorization is looked up: RFC 9111 3.5 forbids to store the answer, not to answer from a page that is
 * stored for everybody; policy_storable refuses what it brings. A Range is looked up too. If-Match and
 * If-Unmodified-Since are for the origin alone (4.3.2), so these pass. An offer of h2c is no request to change protocol. Two different
 * token cookies pass (policy/token.h). */
enum lookup { LOOKUP_YES, LOOKUP_PASS };
enum lookup policy_lookup(const struct route *route, const struct http_request *request, enum reason *reason);

enum reuse {
	REUSE_FRESH,	    /* serve; with HIT_MAX_STALE it is stale, and the client said that it takes it */
	REUSE_STALE,	    /* serve, renew behind (stale-while-revalidate) */
	REUSE_REVALIDATE,   /* ask the origin first */
	REUSE_UNSATISFIABLE /* only-if-cached and not servable: 504 (5.2.1.7) */
};

struct reuse_verdict {
	enum reuse reuse;
	enum reason reason;
	int64_t age_ms;	     /* current_age (4.2.3) */
	int64_t ttl_ms;	     /* freshness left, negative when stale: ttl of RFC 9211 2.6 */
	bool stale_if_error; /* if the origin fails now (5xx, or no answer: RFC 5861 4), this may still be served */
	/* If there is no answer now: no connection, broken off, or not in time (RFC 9111 4.2.4, "disconnected"). True wherever
	 * stale_if_error is. */
	bool stale_if_unreachable;
};

/* `purged`: the entry was softly purged, so it is stale from then on (swr and sie still hold).
 * What the client's Cache-Control asks is honoured, unless the route has client_cache_control = ignore: max-age, min-fresh, max-stale, no-cache, only-if-cached, and stale-if-error
 * (RFC 5861 4). Its no-store is not about what is stored already (5.2.1.5). When the client asks for a fresher page than the
 * fresh one that is stored, and the origin fails, the stored one may be served: these directives are wishes (5.2.1). */
struct reuse_verdict policy_reuse(
    const struct route *route, const struct http_request *request, const struct stored *s, bool purged, int64_t now_ms);
/* For a request that finds nothing: REUSE_REVALIDATE, or UNSATISFIABLE (only-if-cached). */
enum reuse policy_miss(const struct route *route, const struct http_request *request);

/* May those who waited for this response share it (RFC 9111 4)? Not when it has to be validated for each request: it is
 * stored for its validator alone, and may be made for the visitor who asked. How long it was on its way is not counted. */
bool policy_may_collapse(const struct stored *s);

#endif
