/* How long a response is fresh, and how old it is (RFC 9111 4.2). Pure. */
#ifndef LARDER_POLICY_FRESHNESS_H
#define LARDER_POLICY_FRESHNESS_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/cc.h"

struct freshness_in {
	const struct conf_cache *cache; /* the heuristic's settings */
	const struct http_response *response;
	const struct cc_response *cc; /* of the response */
	int64_t ttl_ms;		      /* of the route for this status; -1: the response decides */
	int64_t request_ms, response_ms;
};

struct freshness {
	int64_t lifetime_ms;	/* from the response's birth */
	int64_t initial_age_ms; /* corrected_initial_age (4.2.3) */
	int64_t date_s;		/* of Date; -1: none, more than one, or no date */
	const char *source;	/* as in struct stored */
	bool is_explicit;	/* the origin or the route set it, be it in the past: nothing was guessed */
	bool is_invalid;	/* what the origin set is no number or no date: stale from its start */
};

/* With a ttl the response lives that long from response_ms on, whatever its own fields say: an Age that it brought adds to
 * the lifetime as much as to the age. Such a response without Age begins at 0. */
struct freshness freshness_of(const struct freshness_in *in);

/* current_age of a stored response (4.2.3), never negative. */
int64_t freshness_age_ms(const struct stored *s, int64_t now_ms);

/* The date of the only field of that name, -1 when there is none, more than one, or no HTTP-date. */
int64_t freshness_date_s(const struct headers *h, struct str name, int64_t now_s);

/* True for the statuses that are heuristically cacheable (RFC 9110 15.1). */
bool freshness_status_is_heuristic(int status);

#endif
