/* The Redis tier: a hash for each variant, shared by all machines that use the same server and prefix. tier/redis.c says how. */
#ifndef LARDER_TIER_REDIS_H
#define LARDER_TIER_REDIS_H

#include "redis/url.h"
#include "tier/tier.h"

struct redis_options {
	const struct redis_url *url; /* copied */
	struct str prefix;	     /* of all keys: "larder" */
	int64_t timeout_ms;	     /* to connect, and of a socket: the outer bound, 5000 */
	int64_t budget_ms;	     /* of one lookup; then it is a miss */
	size_t max_object;	     /* larger bodies are not stored here */
	unsigned max_variants;	     /* of one key */
	struct str instance;	     /* name of this process among those that share the server, in receipts */
	uint64_t key_seed;
	struct budget *budget;
	struct purge_log *purges;
	void (*heard)(void *ctx, const struct tier_heard *what); /* as in tier.h */
	void *heard_ctx;
};

/* Never fails: a server that cannot be reached is asked again, and is a miss until then. Does not block. */
struct tier *redis_tier_new(const struct redis_options *o);
/* May what is kept in memory above it be believed? Not from the moment at which the server is reached again, after the tier was cut off from
 * it, until the purges that were missed have been replayed. While it cannot be reached at all nobody can purge through it: then yes. Any
 * thread; quick. */
bool redis_tier_is_in_touch(struct tier *t);
void redis_tier_configure(struct tier *t, int64_t budget_ms, size_t max_object, unsigned max_variants);

#endif
