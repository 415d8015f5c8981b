/* Numbers, strings and header fields in few bytes, for entries at rest in memory. Never leaves the process, so the coding may change with
 * each version, and what is read back is known to be sound.
 *
 * What is beyond the room is counted, not written: who has guessed too little packs once more. */
#ifndef LARDER_TIER_PACK_H
#define LARDER_TIER_PACK_H

#include "http/headers.h"

struct pack {
	char *to;
	size_t room, n;
};

/* Seven bits a byte, the low ones first: 1 byte below 128, 3 below 2,097,152. */
void pack__number(struct pack *p, uint64_t n);
/* Of either sign: 1 byte from -64 to 63. */
void pack__signed(struct pack *p, int64_t n);
/* The length and the bytes; absent (p == NULL) becomes empty. */
void pack__str(struct pack *p, struct str s);
/* Dates that are known already: Date and Last-Modified of these are a byte each. */
struct pack_dates {
	int64_t date_s, last_modified_s;
};
/* How many, then each: a byte for a name that is known, or for a whole field, else the text. Content-Length is a number. */
void pack__fields(struct pack *p, const struct headers *h, const struct pack_dates *dates);

/* Read where *at points and move it behind. Strings are borrowed from there, or static, or a date or a length made in `a` (NULL: STR_NONE instead). */
static inline uint64_t unpack__number(const char **at)
{
	const char *p = *at;
	uint64_t n = (unsigned char)*p++;
	if (n >= 0x80) {
		n &= 0x7f;
		for (unsigned shift = 7;; shift += 7) {
			uint64_t byte = (unsigned char)*p++;
			n |= (byte & 0x7f) << shift;
			if (byte < 0x80)
				break;
		}
	}
	*at = p;
	return n;
}

static inline int64_t unpack__signed(const char **at)
{
	uint64_t n = unpack__number(at);
	return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

static inline struct str unpack__str(const char **at)
{
	size_t n = unpack__number(at);
	struct str s = str_make(*at, n);
	*at += n;
	return s;
}

struct header unpack__field(const char **at, const struct pack_dates *dates, struct arena *a);

#endif
