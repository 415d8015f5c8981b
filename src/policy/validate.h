/* Validation (RFC 9111 4.3, RFC 9110 13): the client's conditions against a stored response, ours towards the origin,
 * and what a 304 changes. Pure. */
#ifndef LARDER_POLICY_VALIDATE_H
#define LARDER_POLICY_VALIDATE_H

#include "http/message.h"
#include "http/stored.h"

/* True when the client's If-None-Match / If-Modified-Since make the answer a 304 (RFC 9110 13.2.2: only for a stored 200
 * and GET or HEAD). */
bool policy_not_modified(
    const struct http_request *request, const struct stored *s, const struct headers *stored_headers, int64_t now_s);
/* The fields a 304 must carry (RFC 9110 15.4.5) and may: removes from `h` those that describe the absent body. */
void policy_304_headers(struct headers *h);

/* Replaces the request's conditions with those that validate the stored response (4.3.1): If-None-Match and
 * If-Modified-Since. With s == NULL only removes If-* that a cache fill must not carry (and Range, If-Range). */
void policy_fetch_conditions(
    struct headers *request_headers, struct arena *a, const struct stored *s, const struct headers *stored_headers);

/* False when the validators of a 304 belong to another response than this one (4.3.4): it then must not be updated, and the
 * request goes out again without conditions. */
bool policy_304_selects(const struct stored *s, const struct headers *fresh);

/* Stored fields updated by those of a 304 (3.2): all but Content-Length and the like, hop-by-hop ones dropped.
 * The stored Date goes even where the 304 has none; policy_storable then gives it the time of arrival. Result lies in `a` and borrows from both. */
void policy_merge_304(const struct headers *stored, const struct headers *fresh, struct arena *a, struct headers *out);

#endif
