/* May this response be stored, and how long is it fresh? (RFC 9111 3, 4.2, RFC 5861) Pure: the clock and the rule are
 * arguments, the verdict carries its reason. */
#ifndef LARDER_POLICY_STORABLE_H
#define LARDER_POLICY_STORABLE_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/personal.h"
#include "policy/reason.h"

struct storable_in {
	const struct conf_cache *cache;
	const struct route *route;
	const struct http_request *request; /* as the client sent it; looked up (policy_lookup) */
	const struct http_response *response;
	int64_t request_ms;  /* wall clock when it was sent */
	int64_t response_ms; /* wall clock when the head came */
};

struct storable_out {
	bool store;
	enum reason reason;
	/* Filled when store: strings borrow from the response and the request, arrays lie in the arena. */
	struct stored stored;
	/* What goes into the store: end-to-end fields only, Set-Cookie as the route wants it, without Age, with a Date. The
	 * visitor who caused the fetch gets the response's own fields. */
	struct headers headers;
	/* What of it belongs to one visitor. Filled when store; when it is refused for something that was found; and its `values`
	 * also when another reason forbids to store and the route has tokens, for the visitor who caused the fetch. */
	struct personal personal;
};

/* How a route changes RFC 9111:
 * - ttl (200) and ttl_status stand for all that the response says about freshness: max-age, s-maxage, no-cache, Expires, Age.
 *   What it says about stale answers (must-revalidate, proxy-revalidate) holds once the ttl is over; so do no-store,
 *   private, Authorization, Vary: * and Set-Cookie from the start.
 * - override lifts these: no-store (of the response and of the request), private, authorization, vary.
 * A response that is stale from its start is stored when it can be validated, or served stale by what it or the route says.
 * A 304 is not asked about here: merge it first (policy_merge_304) and ask about the result, with the stored status. */
void policy_storable(const struct storable_in *in, struct arena *a, struct storable_out *out);

/* The ttl that the route gives a response of this status, -1: none, its own fields decide. *option is the option that says so,
 * NULL: none. ttl_status is the closer word, ttl is for 200. */
int64_t policy_ttl(const struct route *route, int status, const char **option);

enum { POLICY_TAG_MAX = 1024 };
/* The tags of a response: Cache-Tag (commas) and Surrogate-Key (blanks), without repetition, at most `max`; longer ones than POLICY_TAG_MAX
 * bytes, which nobody can purge, are none. */
struct str_list policy_tags(const struct headers *h, struct arena *a, unsigned max);

#endif
