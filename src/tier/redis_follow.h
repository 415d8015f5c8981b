/* Follows the purges of all who share the server: one order, in a stream. What others did is told to the tier above; the ledger gets all.
 * It alone knows whether what is kept in memory may be trusted. redis_follow.c says how. */
#ifndef LARDER_TIER_REDIS_FOLLOW_H
#define LARDER_TIER_REDIS_FOLLOW_H

#include "tier/ledger.h"
#include "tier/redis_private.h"

/* The incarnation: a random number that is in Redis as long as the order of purges is. Pages carry it; those of another one are void. */
#define REDIS_ID "%016llx"
enum { REDIS_ID_MAX = 17 };

struct redis_follow;

/* Connects when it is started. */
struct redis_follow *redis_follow__new(struct redis_tier *r, const struct redis_url *url);
void redis_follow__start(struct redis_follow *f);
/* Waits until it has everything, or for REDIS_BOUND_MS from its start. */
void redis_follow__await(struct redis_follow *f);
/* Ends the thread; what is below may be called still. */
void redis_follow__end(struct redis_follow *f);
void redis_follow__free(struct redis_follow *f);

/* Any thread, as all below. */
struct ledger *redis_follow__ledger(struct redis_follow *f);
uint64_t redis_follow__id(const struct redis_follow *f);
/* Up to where all is known and told. */
uint64_t redis_follow__position(const struct redis_follow *f);
/* It has not joined since its start, a moment ago: Redis may be about to answer. */
bool redis_follow__is_starting(const struct redis_follow *f, int64_t now_us);
/* It had everything a moment ago (REDIS_BOUND_MS). */
bool redis_follow__is_fresh(const struct redis_follow *f, int64_t now_us);
/* The answer of the script redis__purge to `op`, on any thread: from now on our lookups know of it, and the position moves to it unless others'
 * purges come before. Returns its seq; 0: not such an answer. */
uint64_t redis_follow__feed(struct redis_follow *f, const struct tier_purge *op, const struct redisReply *reply);
/* What the script needs to be told besides the purge. */
void redis_follow__say_purge(struct redis_follow *f, struct words *w, const struct tier_purge *op, bool invalidates);

/* For the thread of the follower: asks on its connection. ERR_OK with a reply that is no error of the server's, to be freed. */
int redis_follow__ask(struct redis_follow *f, const struct words *w, struct redisReply **out) MUST_CHECK;

/* May pages be looked up and stored at present? */
bool redis__usable(struct redis_tier *r);

#endif
