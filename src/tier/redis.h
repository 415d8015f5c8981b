/* The Redis tier: a hash for each variant, shared by all machines that use the same server and prefix. tier/redis.c says how. */
#ifndef LARDER_TIER_REDIS_H
#define LARDER_TIER_REDIS_H

#include "redis/url.h"
#include "tier/tier.h"

struct redis_options {
	const struct redis_url *url; /* copied */
	struct str prefix;	     /* of all keys: "larder"; without braces, which choose slots */
	int64_t timeout_ms;	     /* to connect, and of a socket: the outer bound, 5000 */
	int64_t budget_ms;	     /* of one lookup; then it is a miss */
	size_t max_object;	     /* larger bodies are not stored here */
	unsigned max_variants;	     /* of one key */
	struct str instance;	     /* name of this process among those that share the server, in receipts */
	/* Where there are tiers above it that outlive the process: a file in which is kept up to where they were told of purges. At the start they
	 * are told of those since; of everything where that cannot be known. Empty: there are none. */
	struct str mark_path;
	bool above_is_new; /* they have nothing yet that others could have purged */
	uint64_t key_seed;
	struct budget *budget;
	struct purge_log *purges;				 /* of the stack; NULL: its own */
	void (*heard)(void *ctx, const struct tier_heard *what); /* as in tier.h */
	void *heard_ctx;
};

/* Never fails: a server that cannot be reached is asked again, and is a miss until then. Does not block.
 *
 * Of its operations (tier.h) besides what is told there:
 * - put answers ERR_FULL also to what is larger than max_object, lies in a file, or finds the server's memory full; ERR_BUSY when Redis is
 *   known to be away; else the client's errors. It needs the entry until `done`.
 * - purge and invalidate answer an error when it did not reach the server, purge within 5 s, invalidate within the budget. It is not lost:
 *   it is kept and sent when Redis is back (up to 1,000; beyond that one of everything), and until then no page in Redis is looked up.
 *   `count` is that of the variants that a hard purge of a URL, or an invalidation, has removed; 0 of all other purges: nobody counts.
 * - sweep does nothing, Redis drops what expires. variants and await block; stats does not. entries, bytes, limit are not told.
 * - lease may wait for REDIS_LEASE_MS at most. */
struct tier *redis_tier_new(const struct redis_options *o);
/* Before anything is served: waits until the purges of others are followed, at most a second. What began before that could else be
 * stored although it was purged, and files above would not be trusted. Blocks. */
void redis_tier_await(struct tier *t);
void redis_tier_configure(struct tier *t, int64_t budget_ms, size_t max_object, unsigned max_variants);

/* May what is kept in memory above this tier be given out? False as long as Redis answers us, but not all that was purged meanwhile is known
 * yet. True when it is known, and when Redis is away altogether (redis_follow.c tells why). For every hit: two loads and a look at the
 * clock. Any thread. */
bool redis_tier_is_in_touch(struct tier *t);

#endif
