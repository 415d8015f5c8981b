/* Which bytes a request gets. Ranges are resolved against the length, then joined where they overlap or touch, so that the
 * answer never holds a byte twice; what cannot be understood is ignored, as RFC 9110 14.2 allows: the whole is always a right
 * answer, but for a partial entry, which has none. */
#include "policy/range.h"

#include "http/etag.h"
#include "policy/freshness.h"

/* False when the field is not one that is understood, and bounded (RFC 9110 14.2, 17.15). */
static bool read_ranges(const struct headers *h, struct ranges *out)
{
	return headers_count(h, STR("Range")) == 1 && range_read(headers_get(h, STR("Range")), out) == ERR_OK;
}

bool policy_asks_for_range(const struct http_request *request)
{
	/* 14.2: GET is the only method that ranges are defined for. */
	return request->method == METHOD_GET && headers_find(&request->headers, STR("Range"));
}

bool policy_range_is_common(const struct http_request *request, int64_t *start)
{
	struct ranges asked;
	for (uint32_t i = 0; i < request->headers.n; i++) {
		if (str_starts_nocase(request->headers.v[i].name, STR("If-")))
			return false;
	}
	if (!policy_asks_for_range(request) || !read_ranges(&request->headers, &asked) || asked.n != 1)
		return false;
	*start = asked.v[0].first;
	return true;
}

/* ---- If-Range ---- */

/* 8.8.2.2: two changes within its second would have shown in a Date equal to it. */
bool policy_is_strong_date(const struct stored *s, const struct headers *stored_headers)
{
	int64_t date_s = freshness_date_s(stored_headers, STR("Date"), s->response_ms / 1000);
	return s->last_modified_s >= 0 && date_s > s->last_modified_s;
}

/* 13.1.5: by strong comparison, a date byte by byte. */
static bool if_range_holds(struct str given, const struct stored *s, const struct headers *stored_headers)
{
	if (str_index(str_take(given, 3), '"') < 3)
		return etag_same_strongly(etag_of(given), etag_of(s->etag));
	return policy_is_strong_date(s, stored_headers) &&
	       str_eq(given, headers_get(stored_headers, STR("Last-Modified")));
}

/* ---- which bytes ---- */

/* Where the representation ends, as far as it is known: -1 when it is not. */
static int64_t end_of(const struct stored *s, int64_t length)
{
	if (!stored_is_partial(s))
		return length;
	if (s->complete >= 0)
		return s->complete;
	return s->reaches_end ? s->runs[s->n_runs - 1].last + 1 : -1;
}

/* Where the end is not known only what names both its ends can be resolved. False when one is not. */
static bool resolve_without_end(const struct ranges *asked, struct ranges *out)
{
	for (unsigned i = 0; i < asked->n; i++) {
		if (asked->v[i].first < 0 || asked->v[i].last < 0)
			return false;
		range_add(out, asked->v[i]);
	}
	return true;
}

static bool is_stored(const struct stored *s, struct range run)
{
	if (!stored_is_partial(s))
		return true;
	for (unsigned i = 0; i < s->n_runs; i++) {
		if (run.first >= s->runs[i].first && run.last <= s->runs[i].last)
			return true;
	}
	return false;
}

static enum range_use judge(const struct ranges *asked, const struct stored *s, int64_t end, struct ranges *out)
{
	if (end < 0 && !resolve_without_end(asked, out))
		return RANGE_NOT_HERE;
	if (end >= 0 && !range_resolve(asked, end, out))
		return RANGE_UNSATISFIABLE;
	for (unsigned i = 0; i < out->n; i++) {
		if (!is_stored(s, out->v[i]))
			return RANGE_NOT_HERE;
	}
	return RANGE_PARTS;
}

void policy_range(const struct http_request *request, const struct stored *s, const struct headers *stored_headers,
    int64_t length, struct range_verdict *out)
{
	struct ranges asked;
	int64_t end = end_of(s, length);
	/* What stands for the whole: of a partial entry there is none. */
	enum range_use otherwise = stored_is_partial(s) ? RANGE_NOT_HERE : RANGE_WHOLE;
	*out = (struct range_verdict){.use = otherwise, .complete = stored_is_partial(s) ? s->complete : length};
	/* 14.2: only where the answer would be a 200, and for no other method than GET. Of nothing there is no part. Two parts of
	 * a page with holes would be filled in anew, each with something else. */
	if (!policy_asks_for_range(request) || stored_has_holes(s) || (s->status != 200 && !stored_is_partial(s)) ||
	    end == 0)
		return;
	if (end < 0 && !stored_is_partial(s))
		return;
	if (!read_ranges(&request->headers, &asked))
		return;
	unsigned conditions = headers_count(&request->headers, STR("If-Range"));
	if (conditions > 1 ||
	    (conditions == 1 && !if_range_holds(headers_get(&request->headers, STR("If-Range")), s, stored_headers)))
		return;
	enum range_use use = judge(&asked, s, end, &out->runs);
	/* 13.2.2: with an If-Range that holds, a Range that cannot be satisfied is ignored. And a refusal tells the length. */
	bool may_refuse = conditions == 0 && out->complete >= 0;
	out->use = use == RANGE_UNSATISFIABLE && !may_refuse ? otherwise : use;
}
