/* What a 206 brings, and runs of bytes as sorted lists. */
#include "policy/partial.h"

#include "base/err.h"
#include "base/mem.h"
#include "http/etag.h"
#include "policy/range.h"

static bool read_content_range(const struct headers *h, struct partial *out)
{
	struct content_range given;
	if (headers_count(h, STR("Content-Range")) != 1 ||
	    content_range_read(headers_get(h, STR("Content-Range")), &given) != ERR_OK || given.first < 0)
		return false;
	*out = (struct partial){
	    .run = {given.first, given.last},
	    .complete = given.length,
	    .reaches_end = given.length == given.last + 1,
	};
	return true;
}

bool policy_partial(const struct http_response *r, int64_t length, struct partial *out)
{
	if (r->status != 206 || !read_content_range(&r->headers, out))
		return false;
	int64_t said = out->run.last - out->run.first + 1;
	if (length < 0 || length == said)
		return true;
	if (length == 0 || length > said)
		return false;
	out->run.last = out->run.first + length - 1;
	out->complete = -1;
	return true;
}

struct str policy_strong_validator(const struct stored *s, const struct headers *h)
{
	struct etag tag = etag_of(s->etag);
	if (stored_has_holes(s)) /* what its bytes are differs by visitor */
		return STR("");
	if (s->etag.n > 0)
		return tag.valid && !tag.weak ? s->etag : STR("");
	return policy_is_strong_date(s, h) ? headers_get(h, STR("Last-Modified")) : STR("");
}

bool policy_may_combine(const struct partial_of *a, const struct partial_of *b)
{
	struct str x = policy_strong_validator(a->stored, a->headers);
	return x.n > 0 && str_eq(x, policy_strong_validator(b->stored, b->headers)) && a->stored->complete >= 0 &&
	       a->stored->complete == b->stored->complete;
}

unsigned policy_runs_with(const struct stored *s, struct range run, struct range out[PARTIAL_RUNS_MAX])
{
	struct range all[PARTIAL_RUNS_MAX + 1];
	unsigned n = 0, i = 0;
	for (; i < s->n_runs && s->runs[i].last + 1 < run.first; i++)
		all[n++] = s->runs[i];
	for (; i < s->n_runs && s->runs[i].first <= run.last + 1; i++) {
		run.first = s->runs[i].first < run.first ? s->runs[i].first : run.first;
		run.last = s->runs[i].last > run.last ? s->runs[i].last : run.last;
	}
	all[n++] = run;
	for (; i < s->n_runs; i++)
		all[n++] = s->runs[i];
	if (n > PARTIAL_RUNS_MAX)
		return 0;
	memcpy(out, all, n * sizeof *out);
	return n;
}

bool policy_runs_are_whole(const struct range *runs, unsigned n, int64_t complete)
{
	return n == 1 && runs[0].first == 0 && complete == runs[0].last + 1;
}

void policy_partial_headers(struct headers *h)
{
	static const struct str names[] = {
	    STR("Content-Range"), STR("Content-Length"), STR("Content-MD5"), STR("Content-Digest")};
	headers_remove_all(h, names, COUNT_OF(names));
}
