/* Variants (RFC 9111 4.1): which request fields a response depends on, and whether a request has the same values. Pure. */
#ifndef LARDER_POLICY_VARY_H
#define LARDER_POLICY_VARY_H

#include "conf/conf.h"
#include "http/message.h"
#include "policy/reason.h"

/* The fields nominated by the response's Vary and by the route's vary and vary_cookie ("cookie:lang"), each once, in order
 * of name and in lower case (a cookie's name keeps its case), with the normal form of the request's value; value.p == NULL
 * where the request has none. On a route with token cookies Cookie becomes "cookie-without:asok_csrf", all others: each visitor has a
 * token of his own, and would have a variant of his own. REASON_NONE, or why no later request can be compared. Lies in `a`. */
enum reason vary_nominate(const struct route *route, const struct http_request *request, const struct headers *response,
    struct arena *a, struct headers *out);
/* True when vary_nominate refuses nothing only because the route has override = vary. */
bool vary_is_lifted(const struct route *route, const struct headers *response, struct arena *a);

/* Is a nominated name the Cookie field, one cookie of it, or all but some? */
bool vary_is_cookie(struct str name);
/* Is it one cookie of it? */
bool vary_is_one_cookie(struct str name);

/* What this request has for the nominated fields: the same list with its own values in normal form. Lies in `a`. */
void vary_values(const struct headers *nominated, const struct headers *request, struct arena *a, struct headers *out);

/* True when the request has, in normal form, the values that vary_nominate found. Allocates nothing. */
bool vary_matches(const struct headers *nominated, const struct headers *request);

/* For a request that matches nothing: true when the stored response is what it would get all the same, since it differs in
 * Accept-Language alone, and the content is in the one language that the request wants before all others (RFC 9111 4.1 lets a
 * cache rank by qvalues, RFC 9110 12.5.4). Equal tags only: that "de" would be given for "de-CH" is for the origin to say.
 * Allocates nothing. */
bool vary_prefers_language(
    const struct headers *nominated, const struct headers *request, const struct headers *response);

#endif
