/* What the answer to a fetch changes in the store: it is judged, put, renews what is stored, or takes it away. Owner's thread
 * of the flight. */
#ifndef LARDER_REQ_UPDATE_H
#define LARDER_REQ_UPDATE_H

#include "policy/storable.h"
#include "req/flight.h"

/* Tags of one entry; what is beyond is not kept. */
enum { UPDATE_TAGS_MAX = 256 };

/* The owner's wall clock. */
int64_t update_now_ms(const struct flight *f);
/* May this answer to the flight's request be stored? What is kept lies in the flight's arena and borrows from `r`. */
void update_judge(struct flight *f, const struct http_response *r, struct storable_out *out);
/* The same, as an answer to that request by that route. */
void update_judge_as(struct flight *f, const struct route *route, const struct http_request *request,
    const struct http_response *r, struct storable_out *out);
/* f->entry, of what is kept, over that body (its reference is taken): ERR_OK, or ERR_FULL when the budget has no room. */
int update_new_entry(struct flight *f, const struct storable_out *kept, struct body **body_take) MUST_CHECK;
/* f->entry, whole by now, into the tier. */
void update_put(struct flight *f);
/* The same of another entry that was made of it. What tier_put says. */
int update_put_entry(struct flight *f, struct entry *e) MUST_CHECK;
/* What is stored is no longer what the origin says: f->stale leaves the tier, unless f->reason is a verdict on this one
 * request. */
void update_remove_stale(struct flight *f);
/* Puts the conditions of the request into f->fetch_headers (RFC 9111 4.3.1): the validators of f->stale and the tags of other
 * variants that are stored; where there are none, the client's own may stay. */
void update_ask(struct flight *f);
/* What was asked about is of no use: the next time the whole is asked for. */
void update_forget(struct flight *f);
/* A 304 (4.3.4): the response that it selects, freshened, becomes f->entry for those who wait and, where it may be stored, for
 * all requests of their variant; others that have the same strong tag are freshened as well. The flight is decided SHARED.
 * False, with nothing changed, when it selects none of ours, or there is no room. */
bool update_renew(struct flight *f, const struct http_response *fresh);
/* f->response is a 200 to HEAD (4.3.5): the stored responses that could have been chosen for it are freshened, or stale from
 * now on. */
void update_by_head(struct flight *f);

#endif
