/* Which of those who share the server have carried out a purge. */
#ifndef LARDER_TIER_REDIS_RECEIPT_H
#define LARDER_TIER_REDIS_RECEIPT_H

#include "tier/redis_private.h"

/* As await in tier.h: all that showed life in the last REDIS_LIFE_MS. */
int redis__await(struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r),
    void *ctx) MUST_CHECK;
/* The follower's thread: this tier has carried out what is up to `position`, and lives. Blocks. */
int redis__acknowledge(struct redis_tier *r, uint64_t position) MUST_CHECK;
/* When the tier is closed: nobody needs to wait for it any more. Blocks for a moment at most. */
void redis__say_goodbye(struct redis_tier *r);

#endif
