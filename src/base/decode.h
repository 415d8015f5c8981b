/* Undoes the content codings of a body as it comes (RFC 9110 8.4.1): gzip, deflate, br. The home of zlib and libbrotlidec. */
#ifndef LARDER_BASE_DECODE_H
#define LARDER_BASE_DECODE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct decode;

/* `coding`: the value of Content-Encoding, one coding, without case; empty or "identity" is one as well. 0, or ERR_MISSING: a coding
 * (or a list of several) that is not known here. */
int decode_new(struct str coding, struct decode **out) MUST_CHECK;
/* Takes bytes from *in (moves it on) and writes at most n: *wrote. Call again until *in is empty and *wrote < n. ERR_INVALID: the
 * stream is malformed, or goes on behind its end. */
int decode_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote) MUST_CHECK;
/* Is the stream whole? */
bool decode_is_whole(const struct decode *d);
void decode_free(struct decode **d);

#endif
