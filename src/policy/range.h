/* Range and If-Range against what is stored (RFC 9110 13.1.5, 14). Pure. */
#ifndef LARDER_POLICY_RANGE_H
#define LARDER_POLICY_RANGE_H

#include "http/message.h"
#include "http/stored.h"

enum range_use {
	RANGE_WHOLE,	     /* the request has no Range, or one that is to be ignored: 200 */
	RANGE_PARTS,	     /* 206 with `runs` */
	RANGE_UNSATISFIABLE, /* 416 */
	RANGE_NOT_HERE	     /* it needs bytes that are not stored (of a partial entry only) */
};

struct range_verdict {
	enum range_use use;
	struct ranges runs; /* in the order of the request; what overlaps or touches is one; all of them are stored */
	int64_t complete;   /* of the representation, for Content-Range; -1: not known ("*") */
};

/* What answers the request's Range out of a stored 200 or partial 206. Conditions that make the answer a 304 come before
 * (13.2.2). `length` is that of a whole entry's body; -1 when it still grows and nobody knows, which makes it WHOLE. */
void policy_range(const struct http_request *request, const struct stored *s, const struct headers *stored_headers,
    int64_t length, struct range_verdict *out);

/* True for a GET with a Range, whatever it says: what an origin answers to it may be a part. */
bool policy_asks_for_range(const struct http_request *request);
/* True when everybody who sends this very Range wants the same bytes: one range of bytes and no condition. *start: where it
 * begins, -1 for a suffix. */
bool policy_range_is_common(const struct http_request *request, int64_t *start);

/* True when the Last-Modified of the stored response is a strong validator (RFC 9110 8.8.2.2). */
bool policy_is_strong_date(const struct stored *s, const struct headers *stored_headers);

#endif
