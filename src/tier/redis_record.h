/* One purge as it stands in the stream. */
#ifndef LARDER_TIER_REDIS_RECORD_H
#define LARDER_TIER_REDIS_RECORD_H

#include "tier/redis_private.h"

struct record {
	uint64_t seq;
	struct tier_purge purge; /* strings borrowed from the reply */
	bool invalidates;
	bool own;	/* by the tier with that mark */
	uint64_t print; /* tells it from another one at its place; never 0 */
};

/* False: this is no record. One of an unknown kind counts as a purge of everything. */
bool record__read(const struct redisReply *reply, const struct redis_tier *r, struct record *out);
/* The text of its kind. */
const char *record__kind(const struct tier_purge *op, bool invalidates);

#endif
