/* Stale answers for want of fresh ones (RFC 9111 4.2.4, RFC 5861 4): when an origin fails or cannot be reached. What may be
 * served is policy's (policy/reuse.h); here is when. */
#ifndef LARDER_REQ_STALE_H
#define LARDER_REQ_STALE_H

#include "req/request.h"

/* RFC 5861 4: the statuses that a stale answer may hide. */
bool stale_is_error(int status);

/* The request's flight ended as STALE or FAILED: what the request itself found stored answers it, where it and the response
 * allow that now: *next, REQ_ANSWERED or REQ_TOKEN. False: it has no answer. */
bool stale_stands_in(struct req *r, enum req_step *next);

/* The entry that was found is stale, and its origin lately let others wait for nothing: it is served at once (*next, as
 * above). False: it may not be, or there is no such sign. */
bool stale_spares_wait(struct req *r, enum req_step *next);
/* After that: is it time to ask the origin behind the answer? */
bool stale_may_ask_again(const struct req *r);

/* Owner of the flight, before it is decided FAILED (f->err): remembers it when it took its time. */
void stale_note_failure(struct flight *f);

#endif
