/* Conditional requests, both ways: the client's against a stored response, ours against the origin's. How entity tags
 * compare is the matter of http/etag.h. */
#include "policy/validate.h"

#include "base/err.h"
#include "base/mem.h"
#include "http/date.h"
#include "http/etag.h"
#include "policy/freshness.h"

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
	/* 13.1.3: no date, or more than one, is no condition. */
	int64_t since_s = freshness_date_s(&request->headers, STR("If-Modified-Since"), now_s);
	return since_s >= 0 && modified_s(s, stored_headers, now_s) <= since_s;
}

static void remove_all(struct headers *h, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		headers_remove(h, names[i]);
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
	remove_all(h, content_fields, COUNT_OF(content_fields));
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
	remove_all(request_headers, conditions, COUNT_OF(conditions));
	/* A 304 says that it would have been a 200 (RFC 9110 15.4.5): it cannot confirm a redirect or an error. */
	if (!s || s->status >= 300)
		return;
	if (s->etag.n > 0)
		headers_add(request_headers, a, STR("If-None-Match"), s->etag);
	/* Byte by byte as it came: many origins compare it so (RFC 9110 13.1.3). */
	if (s->last_modified_s >= 0)
		headers_add(
		    request_headers, a, STR("If-Modified-Since"), headers_get(stored_headers, STR("Last-Modified")));
}

bool policy_304_selects(const struct stored *s, const struct headers *fresh)
{
	struct str tag = headers_get(fresh, STR("ETag"));
	struct str modified = headers_get(fresh, STR("Last-Modified"));
	if (tag.p) {
		struct etag given = etag_of(tag), have = etag_of(s->etag);
		return etag_same_weakly(given, have) && (given.weak || !have.weak);
	}
	if (!modified.p || s->last_modified_s < 0)
		return true;
	int64_t modified_at_s = freshness_date_s(fresh, STR("Last-Modified"), s->response_ms / 1000);
	return modified_at_s < 0 || modified_at_s == s->last_modified_s;
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
