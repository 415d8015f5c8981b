/* Purges and invalidations: into the stream first, then the page's keys. What does not reach the server is kept and sent later. */
#ifndef LARDER_TIER_REDIS_PURGE_H
#define LARDER_TIER_REDIS_PURGE_H

#include "tier/redis_private.h"

/* As in tier.h; done comes after REDIS_PURGE_MS at the latest, of an invalidation after the budget of a lookup. With an error the purge
 * has not reached the server (or nobody can tell): it is in the backlog. */
enum { REDIS_PURGE_MS = 5000 };
int redis__purge_op(struct tier *t, struct tier_purge *op) MUST_CHECK;
int redis__invalidate(struct tier *t, struct tier_invalidate *op) MUST_CHECK;

/* Purges that are still to be sent, oldest first, at most REDIS_BACKLOG_MAX; beyond that one of everything stands for them all. */
enum { REDIS_BACKLOG_MAX = 1000 };
struct redis_backlog;
struct redis_backlog *redis_backlog__new(void);
/* How many are lost by it. */
size_t redis_backlog__free(struct redis_backlog *b);
/* How many there are. As long as there are any, pages in Redis are not looked up: they might be covered. */
size_t redis_backlog__count(const struct redis_backlog *b);
/* The follower's thread, each time it has heard of the server: sends them, up to the first that fails. */
void redis_backlog__send(struct redis_tier *r);

#endif
