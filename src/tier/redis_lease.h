/* Leases: of all who miss a page at once, on all machines, one fetches it. redis_lease.c says how. */
#ifndef LARDER_TIER_REDIS_LEASE_H
#define LARDER_TIER_REDIS_LEASE_H

#include "tier/redis_private.h"

/* A lease lives so long without a renewal; who waits for one does not wait longer; at most so many wait in this process, others fetch. */
enum { REDIS_LEASE_MS = 10 * 1000, REDIS_WAITERS = 1024 };

struct redis_leases;

struct redis_leases *redis_leases__new(struct redis_tier *r);
/* Ends the thread; leases that are held still run out by themselves. No call may be in flight but those of lease_end. */
void redis_leases__end(struct redis_leases *l);
/* After the client is gone. */
void redis_leases__free(struct redis_leases *l);

/* As in tier.h. The end waits for a `done` that has begun on another thread (which must not wait for who ends it); when it has returned,
 * `done` was called or never will be. `done` may end its own lease. */
int redis__lease_op(struct tier *t, struct tier_lease *op) MUST_CHECK;
void redis__lease_end(struct tier *t, struct tier_lease *op);

#endif
