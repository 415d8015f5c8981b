/* Conditional requests, both ways: the client's against a stored response, ours against the origin's. How entity tags
 * compare is the matter of http/etag.h. */
#include "policy/validate.h"

#include "base/err.h"
#include "base/mem.h"
#include "http/date.h"
#include "http/etag.h"
#include "policy/freshness.h"
#include "policy/vary.h"

/* RFC 9110 13.1.2: one of the tags is the stored one, by weak comparison; "*" is any, when it stands alone. */
static bool none_match_fails(const struct headers *h, const struct stored *s)
{
	static const struct str name = STR("If-None-Match");
	return etag_list_is_any(h, name) || etag_list_has(h, name, etag_of(s->etag));
}

/* RFC 9111 4.3.2: Last-Modified, else Date, else the time it came. */
static int64_t modified_s(const struct stored *s, const struct headers *stored_headers, int64_t now_s)
{
	if (s->last_modified_s >= 0)
		return s->last_modified_s;
	int64_t date_s = freshness_date_s(stored_headers, STR("Date"), now_s);
	return date_s >= 0 ? date_s : s->response_ms / 1000;
}

bool policy_not_modified(
    const struct http_request *request, const struct stored *s, const struct headers *stored_headers, int64_t now_s)
{
	/* RFC 9110 13.2.1: conditions count where the answer would be a 200. */
	if ((s->status != 200 && !stored_is_partial(s)) ||
	    (request->method != METHOD_GET && request->method != METHOD_HEAD))
		return false;
	/* If-None-Match comes first, and alone (13.2.2). */
	if (headers_find(&request->headers, STR("If-None-Match")))
		return none_match_fails(&request->headers, s);
	/* A page with holes is another one for each visitor, whatever its date. */
	if (stored_has_holes(s))
		return false;
	/* 13.1.3: no date, or more than one, is no condition. */
	int64_t since_s = freshness_date_s(&request->headers, STR("If-Modified-Since"), now_s);
	return since_s >= 0 && modified_s(s, stored_headers, now_s) <= since_s;
}

/* Fields about the content, which a 304 does not have (RFC 9110 15.4.5) and which those of a 304 do not change: the stored
 * content stays what it is (RFC 9111 3.2). */
static const struct str content_fields[] = {
    STR("Content-Length"),
    STR("Content-Encoding"),
    STR("Content-Range"),
    STR("Content-MD5"),
    STR("Content-Digest"),
};

void policy_304_headers(struct headers *h)
{
	headers_remove_all(h, content_fields, COUNT_OF(content_fields));
	headers_remove(h, STR("Content-Type"));
	headers_remove(h, STR("Content-Language"));
}

void policy_fetch_conditions(
    struct headers *request_headers, struct arena *a, const struct stored *s, const struct headers *stored_headers)
{
	static const struct str conditions[] = {
	    STR("If-None-Match"),
	    STR("If-Modified-Since"),
	    STR("If-Match"),
	    STR("If-Unmodified-Since"),
	    STR("If-Range"),
	    STR("Range"),
	};
	headers_remove_all(request_headers, conditions, COUNT_OF(conditions));
	/* A 304 says that it would have been a 200 (RFC 9110 15.4.5): it cannot confirm a redirect or an error. Nor a page with
	 * holes, for it would come with tokens that nobody knows the places of. */
	if (!s || s->status >= 300 || stored_has_holes(s))
		return;
	if (s->etag.n > 0)
		headers_add(request_headers, a, STR("If-None-Match"), s->etag);
	/* Byte by byte as it came: many origins compare it so (RFC 9110 13.1.3). */
	if (s->last_modified_s >= 0)
		headers_add(
		    request_headers, a, STR("If-Modified-Since"), headers_get(stored_headers, STR("Last-Modified")));
}

/* Fields that tell people apart: what is stored for one of them is not shown to another, though the content be the same. */
static bool is_personal(struct str name)
{
	return str_eq(name, STR("authorization")) || vary_is_cookie(name);
}

bool policy_may_offer(const struct stored *s, const struct headers *request)
{
	struct etag tag = etag_of(s->etag);
	/* RFC 9110 8.8.1: representations may share a weak tag, so that it says nothing about which of them is meant. */
	if (s->status != 200 || !tag.valid || tag.weak || stored_has_holes(s))
		return false;
	for (uint32_t i = 0; i < s->vary.n; i++) {
		struct header *field = &s->vary.v[i];
		struct headers alone = {field, 1, 1};
		/* Many origins give one strong tag to the plain and to the coded content (against 8.8.1), or compare it before
		 * they code: such a 304 would give gzip to who cannot read it, or keep it from who can. */
		bool counts = is_personal(field->name) || str_eq(field->name, STR("accept-encoding"));
		if (counts && !vary_matches(&alone, request))
			return false;
	}
	return true;
}

bool policy_offer(struct headers *request_headers, struct arena *a, const struct stored *s)
{
	static const struct str name = STR("If-None-Match");
	struct str list = headers_get(request_headers, name);
	if (etag_list_has(request_headers, name, etag_of(s->etag)))
		return true;
	if (list.n + s->etag.n > POLICY_OFFER_BYTES)
		return false;
	if (list.n > 0)
		list = arena_printf(a, "%.*s, %.*s", STR_ARG(list), STR_ARG(s->etag));
	headers_set(request_headers, a, name, list.n > 0 ? list : s->etag);
	return true;
}

bool policy_relay_conditions(struct headers *request_headers)
{
	headers_remove(request_headers, STR("If-Range"));
	headers_remove(request_headers, STR("Range"));
	return headers_find(request_headers, STR("If-None-Match")) ||
	       headers_find(request_headers, STR("If-Modified-Since"));
}

bool policy_304_selects(const struct stored *s, const struct headers *fresh, bool alone)
{
	struct str tag = headers_get(fresh, STR("ETag"));
	struct str modified = headers_get(fresh, STR("Last-Modified"));
	if (stored_has_holes(s)) /* it was not asked about */
		return false;
	if (tag.n > 0) {
		struct etag given = etag_of(tag), have = etag_of(s->etag);
		return etag_same_weakly(given, have) && (given.weak || !have.weak);
	}
	if (!alone) /* 15.4.5 of RFC 9110 demands the tag, and without it nobody knows which was meant */
		return false;
	if (!modified.p || s->last_modified_s < 0)
		return true;
	int64_t modified_at_s = freshness_date_s(fresh, STR("Last-Modified"), s->response_ms / 1000);
	return modified_at_s < 0 || modified_at_s == s->last_modified_s;
}

bool policy_304_names(const struct stored *s, const struct headers *fresh)
{
	return !stored_has_holes(s) && etag_same_strongly(etag_of(headers_get(fresh, STR("ETag"))), etag_of(s->etag));
}

/* 4.3.5: "matching values for any received validator fields". */
static bool value_agrees(const struct headers *stored, const struct headers *fresh, struct str name, unsigned *received)
{
	const struct header *given = headers_find(fresh, name);
	if (!given)
		return true;
	++*received;
	return str_eq(given->value, headers_get(stored, name));
}

/* False when the length that the HEAD states is another than the one that is known. */
static bool length_agrees(const struct stored *s, uint64_t size, const struct headers *fresh)
{
	uint64_t length;
	struct str stated = headers_get(fresh, STR("Content-Length"));
	if (!stated.p || (stored_is_partial(s) && s->complete < 0))
		return true;
	uint64_t whole = stored_is_partial(s) ? (uint64_t)s->complete : size;
	return str_to_u64(stated, INT64_MAX, &length) == ERR_OK && length == whole;
}

enum head_verdict policy_head(
    const struct stored *s, const struct headers *stored_headers, uint64_t size, const struct headers *fresh)
{
	unsigned validators = 0;
	if (stored_has_holes(s))
		return HEAD_TELLS_NOTHING;
	if ((s->status != 200 && !stored_is_partial(s)) ||
	    !value_agrees(stored_headers, fresh, STR("ETag"), &validators) ||
	    !value_agrees(stored_headers, fresh, STR("Last-Modified"), &validators) || !length_agrees(s, size, fresh))
		return HEAD_DIFFERS;
	return validators > 0 ? HEAD_SAME : HEAD_MAY_BE_SAME;
}

/* RFC 9111 3.2: the content is the stored one. So is its tag: of "x" and W/"x", which agree, the stored one stays. */
static bool is_update(const struct headers *stored, struct str name)
{
	for (size_t i = 0; i < COUNT_OF(content_fields); i++) {
		if (str_eq_nocase(name, content_fields[i]))
			return false;
	}
	return !str_eq_nocase(name, STR("ETag")) || !headers_find(stored, name);
}

void policy_merge_304(const struct headers *stored, const struct headers *fresh, struct arena *a, struct headers *out)
{
	struct headers update = {.v = arena_alloc(a, (fresh->n + 1) * sizeof(struct header)), .cap = fresh->n + 1};
	for (uint32_t i = 0; i < fresh->n; i++) {
		if (is_update(stored, fresh->v[i].name))
			update.v[update.n++] = fresh->v[i];
	}
	headers_remove_hop_by_hop(&update);

	uint32_t cap = stored->n + update.n + 1;
	*out = (struct headers){.v = arena_alloc(a, cap * sizeof(struct header)), .cap = cap};
	for (uint32_t i = 0; i < stored->n; i++) {
		struct str name = stored->v[i].name;
		/* The Date is the 304's or none: with the old one the page would be as old as before. */
		bool is_replaced =
		    str_eq_nocase(name, STR("Date")) || str_eq_nocase(name, STR("Age")) || headers_find(&update, name);
		if (!is_replaced)
			out->v[out->n++] = stored->v[i];
	}
	for (uint32_t i = 0; i < update.n; i++)
		out->v[out->n++] = update.v[i];
}
