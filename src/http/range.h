/* Range and Content-Range of bytes (RFC 9110 14). Pure; positions are counted from 0, both ends belong to a range. */
#ifndef LARDER_HTTP_RANGE_H
#define LARDER_HTTP_RANGE_H

#include "base/err.h"
#include "base/str.h"

/* A set with more is not understood (RFC 9110 14.2, 17.15: it may be ignored). */
#define RANGES_MAX 16
/* Larger numerals count as this one (14.1.2): no body is as long, and sums of two do not overflow. */
#define RANGE_POSITION_MAX (INT64_MAX / 4)

/* As asked for: first -1: the last `last` bytes; last -1: up to the end. Resolved: 0 <= first <= last < length. */
struct range {
	int64_t first, last;
};

struct ranges {
	struct range v[RANGES_MAX];
	uint32_t n;
};

/* Reads the value of a Range field: what is asked for, one entry a range-spec, in that order. ERR_INVALID: another unit than
 * bytes, or malformed; ERR_TOO_LARGE: more than RANGES_MAX. Either is to be ignored, as if there were no field (14.2).
 * The field is no list: several of them are invalid, and so is what headers_joined() makes of them. */
int range_read(struct str field, struct ranges *out) MUST_CHECK;

/* One of them against a length > 0: false when it is not satisfiable (14.1.2). */
bool range_resolve_one(struct range asked, int64_t length, struct range *out);
/* Adds a resolved range; what overlaps or touches becomes one, in the place of the one that came first (15.3.7.2).
 * A set made only so never has more ranges than were added. */
void range_add(struct ranges *set, struct range resolved);
/* All of them against a length > 0 (of a representation without content Range is to be ignored, 14.2): those that are
 * satisfiable, joined, in the order asked for. False when there is none: the answer is 416. */
bool range_resolve(const struct ranges *asked, int64_t length, struct ranges *out);

/* Content-Range: "bytes 0-9/20", "bytes 0-9/" and a star (length -1), "bytes *" and "/20" (first and last -1). */
struct content_range {
	int64_t first, last;
	int64_t length; /* of the whole representation; -1: not known */
};

/* ERR_INVALID: another unit, malformed, ends before it begins or reaches beyond its own length (14.4), or positions beyond
 * RANGE_POSITION_MAX: nothing that may be put together with other parts. */
int content_range_read(struct str field, struct content_range *out) MUST_CHECK;

#endif
