/* What decided a verdict, in the words of the message: "Cache-Control: private". Pure. */
#ifndef LARDER_POLICY_CAUSE_H
#define LARDER_POLICY_CAUSE_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/reason.h"

/* The field that made the verdict by the rules of that cache and route, with its value; for a cookie its name only, for a credential nothing but that there was one.
 * Empty when no single field did. Lies in `a` or is static; may hold any bytes of a field value. */
struct str cause_of_refusal(const struct conf_cache *cache, const struct route *route, enum reason why,
    const struct http_response *response, struct arena *a);

/* The same where a value that belongs to one visitor was found: its name, never the value. */
struct str cause_of_leak(enum reason why, struct str name, struct arena *a);

/* Where the freshness of what is stored, with these fields, came from: "Cache-Control: max-age=60", "ttl of the route". */
struct str cause_of_lifetime(
    const struct conf_cache *cache, const struct stored *s, const struct headers *headers, struct arena *a);

#endif
