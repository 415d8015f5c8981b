/* What the answer to a fetch changes in the store: it is judged, put, renews what is stored, or takes it away. Owner's thread
 * of the flight. */
#ifndef LARDER_REQ_UPDATE_H
#define LARDER_REQ_UPDATE_H

#include "policy/storable.h"
#include "req/flight.h"

/* The owner's wall clock. */
int64_t update_now_ms(const struct flight *f);
/* May this answer to the flight's request be stored? What is kept lies in the flight's arena and borrows from `r`. */
void update_judge(struct flight *f, const struct http_response *r, struct storable_out *out);
/* f->entry, whole by now, into the tier. */
void update_put(struct flight *f);
/* The same of another entry that was made of it. What tier_put says. */
int update_put_entry(struct flight *f, struct entry *e) MUST_CHECK;
/* What is stored is no longer what the origin says: f->stale leaves the tier, unless f->reason is a verdict on this one
 * request. */
void update_remove_stale(struct flight *f);
/* A 304 (RFC 9111 4.3.4): f->stale, freshened, becomes f->entry for those who wait and, where it may be stored, for all.
 * The flight is decided SHARED. False, with nothing changed, when there is no room for it. */
bool update_renew(struct flight *f, const struct http_response *fresh);

#endif
