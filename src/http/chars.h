/* Classes of characters, for this folder only: one table, one bit a class. */
#ifndef LARDER_HTTP_CHARS_H
#define LARDER_HTTP_CHARS_H

#include "base/str.h"

enum {
	CHAR_TOKEN = 1,	      /* tchar (RFC 9110 5.6.2) */
	CHAR_VALUE = 2,	      /* inside of a field value: all but CTL, with HTAB (RFC 9110 5.5) */
	CHAR_HOST = 4,	      /* of a registered name: unreserved, sub-delims, '%' (RFC 3986 3.2.2) */
	CHAR_UNRESERVED = 8,  /* RFC 3986 2.3 */
	CHAR_VISIBLE = 16,    /* neither CTL nor SP: what a request target may hold between its two blanks */
	CHAR_FIELD_NAME = 32, /* tchar, or a byte above 127, which some origins send */
};

extern const uint8_t http__chars[256];

static inline int http__is(char c, int classes)
{
	return http__chars[(unsigned char)c] & classes;
}

/* Every byte of s is of the class; true for an empty s. Four at a time: each name of each message is looked through. */
static inline bool http__all(struct str s, int class)
{
	size_t i = 0;
	for (; i + 4 <= s.n; i += 4) {
		const char *p = s.p + i;
		if (!(http__is(p[0], class) & http__is(p[1], class) & http__is(p[2], class) & http__is(p[3], class)))
			return false;
	}
	for (; i < s.n; i++) {
		if (!http__is(s.p[i], class))
			return false;
	}
	return true;
}

#endif
