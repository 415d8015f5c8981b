/* Undoes the content coding of a body as it comes (RFC 9110 8.4.1): gzip, deflate, br. The home of zlib and libbrotlidec.
 *
 *	decode_new -> decode_some ... (until *in is empty and less than n was written, for each piece) -> decode_is_whole -> decode_free
 */
#ifndef LARDER_BASE_DECODE_H
#define LARDER_BASE_DECODE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* One stream. Its memory is outside all budgets: 40 KB of gzip and deflate; of br 30 KB and as much as the page says it has bytes,
 * rounded up to a power of two, but no more than the 16 MB of its largest window. */
struct decode;

/* Does this value of Content-Encoding leave the bytes as they are? Empty and "identity" do. */
bool decode_is_identity(struct str coding);

/* `coding`: the value of Content-Encoding, one coding, without case; x-gzip is gzip, empty and "identity" are one as well: bytes
 * stay as they are. 0, or ERR_MISSING: a coding (or a list of several) that is not known here, *out is NULL. */
int decode_new(struct str coding, struct decode **out) MUST_CHECK;
/* Takes bytes from *in (moves it on) and writes at most n, which is not 0: *wrote. Call again until *in is empty and *wrote < n.
 * ERR_INVALID, from now on each time: the stream is malformed, or goes on behind its end; what was written before is right.
 * The work of one call is bounded by in->n and n, with br also by its window, which the library fills before it hands out the
 * first byte (16 MB: some tens of milliseconds). How much comes out altogether is for the caller to bound: gzip makes up to 1,032
 * times as much, br more. Does not block. */
int decode_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote) MUST_CHECK;
/* Is the stream whole? One without any byte is: servers that have nothing to send leave out the coding's frame as well. */
bool decode_is_whole(const struct decode *d);
/* NULL is fine. */
void decode_free(struct decode **d);

#endif
