/* Targeted cache control (RFC 9213): fields that say for some caches what Cache-Control says for all. Pure. */
#ifndef LARDER_POLICY_TARGETED_H
#define LARDER_POLICY_TARGETED_H

#include "conf/conf.h"
#include "policy/cc.h"

/* The directives of a response: those of the first field of [cache] targeted_control that is there, valid and not empty
 * (RFC 9213 2.2), else those of its Cache-Control. out->targeted names the field, as the settings spell it; then neither
 * Cache-Control nor Expires may be looked at. Strings that are built for it lie in the arena. */
void targeted_read(const struct conf_cache *cache, const struct headers *h, struct arena *a, struct cc_response *out);

/* True when responses are asked for Surrogate-Control: then the origin is told of it by Surrogate-Capability. */
bool targeted_has_surrogate(const struct conf_cache *cache);

#endif
