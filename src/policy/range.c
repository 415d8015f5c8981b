/* Which bytes a request gets. Ranges are resolved against the length, then joined where they overlap or touch, so that the
 * answer never holds a byte twice; what cannot be understood is ignored, as RFC 9110 14.2 allows: the whole is always a right
 * answer, but for a partial entry, which has none. */
#include "policy/range.h"

#include "policy/freshness.h"

/* Leaves room to reckon with. */
#define POSITION_MAX (INT64_MAX / 4)

/* One spec of "bytes=": positions are saturated, since no body is as long. */
struct spec {
	int64_t first, last; /* first -1: as many bytes as `last` says, from the end; last -1: up to the end */
};

struct specs {
	struct spec v[RANGE_MAX];
	unsigned n;
};

static bool read_position(struct str s, int64_t *out)
{
	uint64_t n;
	int err = str_to_u64(s, POSITION_MAX, &n);
	if (err == ERR_INVALID)
		return false;
	*out = err ? POSITION_MAX : (int64_t)n; /* 14.1.2: large numerals are to be expected */
	return true;
}

/* int-range or suffix-range (14.1.1). */
static bool read_spec(struct str text, struct spec *out)
{
	size_t dash = str_index(text, '-');
	struct str first = str_take(text, dash), last = str_skip(text, dash + 1);
	*out = (struct spec){-1, -1};
	if (dash == text.n || (first.n == 0 && last.n == 0))
		return false;
	if (first.n > 0 && !read_position(first, &out->first))
		return false;
	if (last.n > 0 && !read_position(last, &out->last))
		return false;
	return first.n == 0 || last.n == 0 || out->first <= out->last;
}

/* False when the field is not one that is understood and bounded. */
static bool read_specs(const struct headers *h, struct specs *out)
{
	struct str field = headers_get(h, STR("Range")), part;
	out->n = 0;
	if (headers_count(h, STR("Range")) != 1 || !str_starts_nocase(field, STR("bytes=")))
		return false;
	field = str_skip(field, STR("bytes=").n);
	while (list_next(&field, &part)) {
		if (out->n == RANGE_MAX || !read_spec(part, &out->v[out->n++]))
			return false;
	}
	return out->n > 0;
}

bool policy_asks_for_range(const struct http_request *request)
{
	/* 14.2: GET is the only method that ranges are defined for. */
	return request->method == METHOD_GET && headers_find(&request->headers, STR("Range"));
}

bool policy_range_is_common(const struct http_request *request, int64_t *start)
{
	struct specs specs;
	for (uint32_t i = 0; i < request->headers.n; i++) {
		if (str_starts_nocase(request->headers.v[i].name, STR("If-")))
			return false;
	}
	if (!policy_asks_for_range(request) || !read_specs(&request->headers, &specs) || specs.n != 1)
		return false;
	*start = specs.v[0].first;
	return true;
}

/* ---- If-Range ---- */

bool policy_is_strong_etag(struct str tag)
{
	return tag.n >= 2 && tag.p[0] == '"' && str_index(str_skip(tag, 1), '"') == tag.n - 2;
}

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
		return policy_is_strong_etag(given) && str_eq(given, s->etag);
	return policy_is_strong_date(s, stored_headers) &&
	       str_eq(given, headers_get(stored_headers, STR("Last-Modified")));
}

/* ---- which bytes ---- */

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Where the representation ends, as far as it is known: -1 when it is not. */
static int64_t end_of(const struct stored *s, int64_t length)
{
	if (!stored_is_partial(s))
		return length;
	if (s->complete >= 0)
		return s->complete;
	return s->reaches_end ? s->runs[s->n_runs - 1].last + 1 : -1;
}

enum resolved { SATISFIABLE, UNSATISFIABLE, UNKNOWN };

/* 14.1.2. Where the end is not known only what names both its ends can be resolved. */
static enum resolved resolve(const struct spec *spec, int64_t end, struct byte_run *out)
{
	if (end < 0) {
		*out = (struct byte_run){spec->first, spec->last};
		return spec->first >= 0 && spec->last >= 0 ? SATISFIABLE : UNKNOWN;
	}
	if (spec->first < 0) {
		*out = (struct byte_run){spec->last < end ? end - spec->last : 0, end - 1};
		return spec->last > 0 ? SATISFIABLE : UNSATISFIABLE;
	}
	*out = (struct byte_run){spec->first, spec->last < 0 ? end - 1 : min(spec->last, end - 1)};
	return spec->first < end ? SATISFIABLE : UNSATISFIABLE;
}

static bool is_stored(const struct stored *s, const struct byte_run *run)
{
	if (!stored_is_partial(s))
		return true;
	for (unsigned i = 0; i < s->n_runs; i++) {
		if (run->first >= s->runs[i].first && run->last <= s->runs[i].last)
			return true;
	}
	return false;
}

/* Overlapping, or one right behind the other. */
static bool touches(const struct byte_run *a, const struct byte_run *b)
{
	return a->first <= b->last + 1 && b->first <= a->last + 1;
}

/* 15.3.7.2: what touches is joined, in the place of the one that came first. The new one may close the gap between others. */
static void add(struct range_verdict *out, struct byte_run run)
{
	unsigned at = out->n, kept = 0;
	for (unsigned i = 0; i < out->n; i++) {
		struct byte_run *old = &out->runs[i];
		if (!touches(old, &run)) {
			out->runs[kept++] = *old;
			continue;
		}
		run.first = min(run.first, old->first);
		run.last = run.last > old->last ? run.last : old->last;
		at = at == out->n ? kept : at;
	}
	at = at < kept ? at : kept;
	for (unsigned i = kept; i > at; i--)
		out->runs[i] = out->runs[i - 1];
	out->runs[at] = run;
	out->n = kept + 1;
}

static enum range_use judge(const struct specs *specs, const struct stored *s, int64_t end, struct range_verdict *out)
{
	bool is_unknown = false;
	for (unsigned i = 0; i < specs->n; i++) {
		struct byte_run run;
		switch (resolve(&specs->v[i], end, &run)) {
		case SATISFIABLE:
			add(out, run);
			break;
		case UNKNOWN:
			is_unknown = true;
			break;
		case UNSATISFIABLE:
			break;
		}
	}
	for (unsigned i = 0; i < out->n; i++)
		is_unknown = is_unknown || !is_stored(s, &out->runs[i]);
	if (is_unknown)
		return RANGE_NOT_HERE;
	return out->n > 0 ? RANGE_PARTS : RANGE_UNSATISFIABLE;
}

void policy_range(const struct http_request *request, const struct stored *s, const struct headers *stored_headers,
    int64_t length, struct range_verdict *out)
{
	struct specs specs;
	int64_t end = end_of(s, length);
	/* What stands for the whole: of a partial entry there is none. */
	enum range_use otherwise = stored_is_partial(s) ? RANGE_NOT_HERE : RANGE_WHOLE;
	*out = (struct range_verdict){.use = otherwise, .complete = stored_is_partial(s) ? s->complete : length};
	/* 14.2: only where the answer would be a 200, and for no other method than GET. Of nothing there is no part. */
	if (!policy_asks_for_range(request) || (s->status != 200 && !stored_is_partial(s)) || end == 0)
		return;
	if (end < 0 && !stored_is_partial(s))
		return;
	if (!read_specs(&request->headers, &specs))
		return;
	unsigned conditions = headers_count(&request->headers, STR("If-Range"));
	if (conditions > 1 ||
	    (conditions == 1 && !if_range_holds(headers_get(&request->headers, STR("If-Range")), s, stored_headers)))
		return;
	enum range_use use = judge(&specs, s, end, out);
	/* 13.2.2: with an If-Range that holds, a Range that cannot be satisfied is ignored. And a refusal tells the length. */
	bool may_refuse = conditions == 0 && out->complete >= 0;
	out->use = use == RANGE_UNSATISFIABLE && !may_refuse ? otherwise : use;
}
