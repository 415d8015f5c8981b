/* HTTP dates (RFC 9110 5.6.7). Pure: `now` is an argument. */
#ifndef LARDER_HTTP_DATE_H
#define LARDER_HTTP_DATE_H

#include "base/err.h"
#include "base/str.h"

/* All three forms, exact widths, names and GMT in any case. *out: seconds since 1970. A two-digit year more than 50
 * years ahead of now_s lies in the past century. ERR_INVALID for anything else. */
int http_date_read(struct str s, int64_t now_s, int64_t *out) MUST_CHECK;

/* The date of a cookie's Expires, as browsers read it (RFC 6265 5.1.1): its parts in almost any order and between almost any marks,
 * "Sun, 06-Nov-1994 08:49:37 GMT" among them. *out: seconds since 1970. ERR_INVALID: a part is missing or out of range. */
int http_cookie_date_read(struct str s, int64_t *out) MUST_CHECK;

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */
/* IMF-fixdate. */
struct str http_date_write(int64_t s, char out[HTTP_DATE_SIZE]);

#define RFC3339_SIZE 21 /* "1994-11-06T08:49:37Z" and NUL */
struct str rfc3339_write(int64_t s, char out[RFC3339_SIZE]);

#endif
