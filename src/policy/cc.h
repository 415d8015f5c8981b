/* Cache-Control of requests and responses (RFC 9111 5.2, RFC 5861), read once into plain values. Pure. */
#ifndef LARDER_POLICY_CC_H
#define LARDER_POLICY_CC_H

#include "conf/conf.h"
#include "http/headers.h"

/* What stands for infinity (RFC 9111 1.2.2), and for a directive that is not there. */
#define CC_FOREVER_S ((int64_t)2147483648)
#define CC_ABSENT    ((int64_t)-1)

struct cc_request {
	bool no_cache, no_store, only_if_cached;
	int64_t max_age_s, min_fresh_s;
	int64_t max_stale_s; /* CC_FOREVER_S: a stale response of any age */
	int64_t stale_if_error_s;
};

struct cc_response {
	bool public, private, no_cache, no_store;
	bool must_revalidate, proxy_revalidate, must_understand;
	/* A max-age or s-maxage that is no number: it is as good as absent, but nothing may be guessed in its place. */
	bool has_invalid_age;
	/* The targeted field they were read from (policy/targeted.h); empty: Cache-Control, beside which Expires counts. */
	struct str targeted;
	int64_t max_age_s, s_maxage_s;
	int64_t stale_while_revalidate_s, stale_if_error_s;
};

/* All Cache-Control lines together. Of a directive that comes more than once the stricter value counts (4.2.1). */
void cc_read_response(const struct headers *h, struct cc_response *out);
/* The same; Pragma: no-cache counts where there is no Cache-Control at all (RFC 9111 5.4). One pass over the fields. */
void cc_read_request(const struct headers *h, struct cc_request *out);

/* What counts of it on that route: nothing where client_cache_control = ignore, only-if-cached and Pragma included. Request
 * directives are advice, which a cache need not take (5.2.1). */
void cc_read_client(const struct route *route, const struct headers *h, struct cc_request *out);

/* delta-seconds (RFC 9111 1.2.2): digits only; beyond 2^31 it is CC_FOREVER_S. False, with *out untouched, for others. */
bool cc_read_delta_seconds(struct str s, int64_t *out);

#endif
