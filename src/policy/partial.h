/* Partial responses: what of a 206 may be kept, and which of them are parts of one representation (RFC 9111 3.3, 3.4, RFC 9110
 * 14.4, 15.3.7.3). Pure. */
#ifndef LARDER_POLICY_PARTIAL_H
#define LARDER_POLICY_PARTIAL_H

#include "http/message.h"
#include "http/range.h"
#include "http/stored.h"

struct partial {
	struct range run;
	int64_t complete; /* -1: not known */
	bool reaches_end; /* the run ends where the representation ends */
};

/* What a 206 with a body of `length` bytes (-1: not known before it ends) brings. False when that is not one run of bytes:
 * several parts, another unit, an invalid Content-Range, or a body longer than that says.
 * Of one that is shorter than its Content-Range says, the first position and the bytes that come are believed, and that it
 * reaches the end if it says so; where the end is, it has got wrong. Such a part serves ranges, and is never joined with others. */
bool policy_partial(const struct http_response *r, int64_t length, struct partial *out);

struct partial_of {
	const struct stored *stored;
	const struct headers *headers;
};
/* Are both parts of one representation: the same strong validator (RFC 9110 8.8.1, 15.3.7.3) and the same known length? */
bool policy_may_combine(const struct partial_of *a, const struct partial_of *b);
/* The value for If-Range (RFC 9110 13.1.5): the entity tag, else the date when it is strong; n == 0: there is none. */
struct str policy_strong_validator(const struct stored *s, const struct headers *h);

/* The runs of `s` and one more, joined where they touch, ascending; returns how many, 0 when they are more than PARTIAL_RUNS_MAX. */
unsigned policy_runs_with(const struct stored *s, struct range run, struct range out[PARTIAL_RUNS_MAX]);
/* True when one run is all there is. */
bool policy_runs_are_whole(const struct range *runs, unsigned n, int64_t complete);

/* Fields that are about the content of one 206, and which neither a stored part nor a whole made of parts has. */
void policy_partial_headers(struct headers *h);

#endif
