/* Partial entries (RFC 9111 3.3, 3.4): found for a Range, stored from a 206, combined until they are whole. */
#ifndef LARDER_REQ_PARTIAL_H
#define LARDER_REQ_PARTIAL_H

#include "policy/storable.h"
#include "req/request.h"

/* ---- of a request, which found no whole page ---- */

/* A fresh partial entry that has all that the Range asks for becomes r->entry: true. Else r->fwd tells why not, if there
 * is one. */
bool partial_find(struct req *r);
/* The whole is being fetched, and the part asked for begins within what came already: joins that flight, true. */
bool partial_join_whole(struct req *r);
/* The Range goes to the origin. True: those who ask for the same bytes may wait for one fetch. */
bool partial_forward(struct req *r);
/* The fresh partial entry that a request for the whole may be completed from: it begins at 0. NULL; else the caller owns it. */
struct entry *partial_to_complete(struct req *r);
/* May the growing partial entry that another's fetch brings answer this request? */
bool partial_fits(struct req *r, const struct entry *e);

/* Has the body of this decided flight ended, with another length than its Content-Range said? Any thread. */
bool partial_is_belied(const struct flight *f);

/* ---- of a flight; owner's thread ---- */

/* update_judge for any answer to a fetch, partial ones too. A part that is all there is becomes a whole entry. */
void partial_judge(struct flight *f, int64_t length, struct storable_out *out);
/* Asks only for what comes behind f->part (3.3), if there is one. */
void partial_ask_rest(struct flight *f, struct headers *request);
/* What the answer to that is: NO_REST: no part at all (f->part is let go), or none was asked for. REST: it continues f->part;
 * *whole and *length become those of both together, and partial_begin puts the stored bytes before those that come. USELESS: a
 * part, or a refusal of one, that cannot be joined, or a 304: only the whole is of use. */
enum partial_rest { PARTIAL_NO_REST, PARTIAL_REST, PARTIAL_USELESS };
enum partial_rest partial_rest(
    struct flight *f, const struct http_response *r, int64_t *length, struct http_response *whole);
/* ERR_FULL: the budget has no room. */
int partial_begin(struct flight *f) MUST_CHECK;
/* f->entry is complete: into the tier, together with what is stored of the same representation. */
void partial_put(struct flight *f);

#endif
