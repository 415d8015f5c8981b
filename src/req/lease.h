/* One fetch of a page between all who share a tier (tier_lease): before a flight asks its origin, it asks for the lease. */
#ifndef LARDER_REQ_LEASE_H
#define LARDER_REQ_LEASE_H

#include "req/flight.h"

/* Asks for the lease of the flight's page. True: nothing is to be waited for, the fetch may begin. False: one of the two follows, on this
 * thread. go: fetch. found: another one has stored it; the entry is the callee's, fresh for the flight's request; found_in is the name of its tier. */
bool lease_begin(struct flight *f, void (*go)(struct flight *f),
    void (*found)(struct flight *f, struct entry *e_take, const char *found_in));
/* True between lease_begin and what follows: there is no fetch yet. */
bool lease_is_awaited(const struct flight *f);
/* What the fetch brought was put, or it is known that nothing will be; or nobody waits for the lease any more. Harmless without one. */
void lease_end(struct flight *f);

#endif
