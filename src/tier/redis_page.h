/* Pages in Redis: looked up, stored, removed. redis.c tells the keys and fields. All but variants answer through the client's thread. */
#ifndef LARDER_TIER_REDIS_PAGE_H
#define LARDER_TIER_REDIS_PAGE_H

#include "tier/tier.h"

/* As in tier.h. */
int redis__get(struct tier *t, struct tier_get *op) MUST_CHECK;
int redis__put(struct tier *t, struct tier_put *op) MUST_CHECK;
/* Sent, not waited for: what is asked after it finds it gone. */
void redis__remove(struct tier *t, struct entry *e);
/* Blocks. */
void redis__variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx);

/* A body in one piece: borrowed, or copied where it is not. bytes.p is NULL for one in a file. */
struct whole {
	struct str bytes;
	char *copy;
};
void whole__of(struct whole *w, const struct entry *e);
void whole__free(struct whole *w);

/* Field `i`: tells what was stored from what replaced it. */
enum { MARK_MAX = 64 };
void redis__mark_of(const struct entry *e, struct hash128 body_sum, char out[MARK_MAX]);

#endif
