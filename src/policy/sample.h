/* leak_sample: a page that is about to be stored is asked for once more by somebody whom the origin does not know, and compared. What
 * is personal in a way that no value of the request gives away (a name, a basket) shows there. Here is what may be asked and what
 * is the same; req/sample.h does it. Pure. */
#ifndef LARDER_POLICY_SAMPLE_H
#define LARDER_POLICY_SAMPLE_H

#include "conf/conf.h"
#include "http/stored.h"

/* Is this response, which may be stored, one that leak_sample is about? It is whole, the route gave it its ttl, and it is found by
 * others: one that varies by the Cookie or the Authorization that its request had goes back to the same visitor only. */
bool policy_may_sample(const struct route *route, const struct stored *s);

/* Does nothing in this request tell the origin who asks? Its fields are told below; token cookies are hidden from the origin. */
bool policy_is_stranger(const struct route *route, const struct stored *s, const struct headers *request);

/* Takes out of a request what tells the origin who asks: Cookie, but for the cookies of vary_cookie, which others have as well who
 * get the page; Authorization; the fields of leak_patterns, where the guard is on. What the response varies by stays. And
 * what would not bring the whole: conditions and Range. */
void policy_make_stranger(const struct route *route, const struct stored *s, struct headers *request, struct arena *a);

/* The first field that says what a page is and which is not the same in both: "Location". STR_NONE: none. The values of both are as
 * they are to be stored, without what was cut out of them. */
struct str policy_sample_differs(const struct headers *a, const struct headers *b, struct arena *arena);

#endif
