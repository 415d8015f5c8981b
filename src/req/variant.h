/* Which of the stored responses of a URL is a request's (RFC 9111 4.1), and which requests may wait for one another. */
#ifndef LARDER_REQ_VARIANT_H
#define LARDER_REQ_VARIANT_H

#include "req/request.h"

/* True when the entry's nominated fields are the request's. `r` is a struct req, as tier_get wants it. */
bool variant_matches(void *r, const struct entry *e);
/* The same, and no partial entry: those are for ranges only (req/partial.h). */
bool variant_is_whole(void *r, const struct entry *e);

/* Finds the request's variant in memory into r->entry; NULL, and r->fwd says why. Remembers the tier's epoch from before. Where
 * none matches, a fresh one in the language that the request wants first will do. */
void variant_look_up(struct req *r);

/* Requests for different variants must not wait for one another: r->signature parts them, as soon as one response has told
 * by which fields the URL varies. Of the entry that is the request's; by the fields that another entry varies by; by those
 * of the newest that is stored for the URL. */
void variant_sign(struct req *r, const struct entry *own);
void variant_sign_like(struct req *r, const struct entry *other);
void variant_sign_by_newest(struct req *r);

#endif
