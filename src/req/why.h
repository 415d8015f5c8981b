/* What would happen to a request now, without asking the origin and without changing anything. */
#ifndef LARDER_REQ_WHY_H
#define LARDER_REQ_WHY_H

#include "policy/why.h"
#include "req/flight.h"

struct why_env {
	struct tier *tier;
	struct flights *flights;
	uint64_t key_seed;
	uint32_t instance; /* of the process, as in struct req_env: finds loops */
};

/* Finds out; strings of the result lie in `a` or are those of `ask`. Any thread; blocks no longer than a lookup does. What it
 * looks at counts as used for the order of eviction. A purge is no question: ask->method is not PURGE. */
void why_find(const struct why_env *env, const struct why_ask *ask, struct arena *a, struct why *out);

#endif
