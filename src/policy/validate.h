/* Validation (RFC 9111 4.3, RFC 9110 13): the client's conditions against a stored response, ours towards the origin,
 * and what a 304 changes. Pure. */
#ifndef LARDER_POLICY_VALIDATE_H
#define LARDER_POLICY_VALIDATE_H

#include "http/message.h"
#include "http/stored.h"

/* True when the client's If-None-Match / If-Modified-Since make the answer a 304 (RFC 9110 13.2.2: only for a stored 200
 * and GET or HEAD). Of a page with holes s->etag has to be that of what was filled in (policy/filled.h); dates say nothing. */
bool policy_not_modified(
    const struct http_request *request, const struct stored *s, const struct headers *stored_headers, int64_t now_s);
/* The fields a 304 must carry (RFC 9110 15.4.5) and may: removes from `h` those that describe the absent body. */
void policy_304_headers(struct headers *h);

/* Replaces the request's conditions with those that validate the stored response (4.3.1): If-None-Match and
 * If-Modified-Since. With s == NULL, or one that cannot be confirmed, only removes If-* that a cache fill must not carry (and Range,
 * If-Range). */
void policy_fetch_conditions(
    struct headers *request_headers, struct arena *a, const struct stored *s, const struct headers *stored_headers);

/* Bytes of If-None-Match that are offered beside the request's own variant. */
enum { POLICY_OFFER_BYTES = 2048 };

/* May the tag of a variant that is not the request's be offered to the origin (4.3.1), to be confirmed for this request too? A
 * strong tag of a 200, where it does not differ by what tells people or codings apart. */
bool policy_may_offer(const struct stored *s, const struct headers *request);
/* Adds it to If-None-Match; true when it is in there now, false when the list is full. */
bool policy_offer(struct headers *request_headers, struct arena *a, const struct stored *s);
/* Nothing is stored: the client's own If-None-Match and If-Modified-Since may go on, conditions on ranges may not. True when
 * there are such. */
bool policy_relay_conditions(struct headers *request_headers);

/* Does a 304 confirm the request's own variant (4.3.4)? False when its validators belong to another response: this one must not
 * be updated then. `alone`: no other tag was offered, so that a 304 without a tag means this one. */
bool policy_304_selects(const struct stored *s, const struct headers *fresh, bool alone);
/* Does it name this response, by the same strong tag (4.3.4)? */
bool policy_304_names(const struct stored *s, const struct headers *fresh);

/* What a 200 to HEAD says about a stored GET of the same variant, whose content has `size` bytes (4.3.5). MAY_BE_SAME: nothing
 * differs, but no validator came. TELLS_NOTHING: of a page with holes length and tag are those of one fetch, and differ for the
 * next though the page be the same. */
enum head_verdict { HEAD_SAME, HEAD_MAY_BE_SAME, HEAD_DIFFERS, HEAD_TELLS_NOTHING };
enum head_verdict policy_head(
    const struct stored *s, const struct headers *stored_headers, uint64_t size, const struct headers *fresh);

/* Stored fields updated by those of a 304 (3.2): all but Content-Length and the like, hop-by-hop ones dropped.
 * The stored Date goes even where the 304 has none; policy_storable then gives it the time of arrival. Result lies in `a` and borrows from both. */
void policy_merge_304(const struct headers *stored, const struct headers *fresh, struct arena *a, struct headers *out);

#endif
