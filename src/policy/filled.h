/* What an answer says of itself when it was made for one visitor: a stored page with his values put into its holes, or the page as
 * it came from the origin with his token in it. Pure. */
#ifndef LARDER_POLICY_FILLED_H
#define LARDER_POLICY_FILLED_H

#include "conf/conf.h"
#include "http/headers.h"

/* The entity tag of a page whose tag is `etag` (empty: none) when that was filled in of which `hash` is: weak, since two such pages
 * mean the same (RFC 9110 8.8.1), and another one for each visitor. Empty when `etag` is none or no tag by the grammar. */
struct str policy_filled_tag(struct str etag, uint64_t hash, struct arena *a);

/* Makes the fields those of a page for one visitor: only his own cache may keep it, and asks each time. What else is told to
 * caches goes (targeted fields, RFC 9213; Expires and Pragma), so do validators, digests and ranges, which are of the origin's
 * bytes. `etag`: its tag, empty for none. */
void policy_personal_headers(const struct conf_cache *cache, struct str etag, struct arena *a, struct headers *h);

#endif
