/* Parts of pages. A Range that nothing stored can answer goes to the origin as it came. What it brings is an entry of its own
 * kind beside the whole one of its variant: no request without Range ever finds it, and a whole one that is stored takes its
 * place.
 *
 *   206 -> judged as if it were an incomplete 200 -> partial entry over a growing body, shared by those who ask for the same
 *       -> at its end joined with the stored one, when both have the same strong validator: runs of bytes in one body
 *       -> whole, when the runs are one from 0 to the end
 *
 * Combining copies the bytes. What it takes is bounded by max_object a part, and by COPIED_MAX for each byte that came: else who asks
 * for a page byte by byte would have all of it copied for each. */
#include "req/partial.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/freshness.h"
#include "policy/partial.h"
#include "policy/range.h"
#include "policy/validate.h"
#include "policy/vary.h"
#include "req/personal.h"
#include "req/remember.h"
#include "req/update.h"

enum { COPIED_MAX = 256 };

/* ---- of a request ---- */

static bool is_part_for(void *ctx, const struct entry *e)
{
	return entry_is_partial(e) && vary_matches(entry_vary(e), &((const struct http_request *)ctx)->headers);
}

/* The partial entry of the variant that the request wants; NULL when there is none. */
static struct entry *find(struct tier *tier, const struct cache_key *key, const struct http_request *request)
{
	struct tier_get op = {.key = *key, .match = is_part_for, .ctx = (void *)(uintptr_t)request};
	return tier_get(tier, &op) == ERR_OK ? op.entry : NULL;
}

bool partial_find(struct req *r)
{
	struct range_verdict v;
	struct entry *e = r->asks_range ? find(r->env->tier, &r->key, &r->message) : NULL;
	if (!e)
		return false;
	r->verdict = answer_verdict(r, e);
	policy_range(&r->message, ENTRY_STORED(e), entry_headers(e, &r->arena), -1, &v);
	/* 3.3: only what lies wholly within it. */
	bool is_here = v.use == RANGE_PARTS || v.use == RANGE_UNSATISFIABLE;
	if (is_here && r->verdict.reuse == REUSE_FRESH) {
		r->entry = e;
		r->fwd = REASON_NONE;
		return true;
	}
	/* A stale one is not validated by itself: the part that comes confirms it, by its strong validator (3.4). */
	r->fwd = r->verdict.reuse == REUSE_FRESH ? REASON_MISS_PART : r->verdict.reason;
	entry_release(&e);
	return false;
}

bool partial_join_whole(struct req *r)
{
	int64_t start;
	if (!policy_range_is_common(&r->message, &start) || start < 0)
		return false;
	r->flight =
	    flight_join_growing(r->env->flights, r->env->tier, &r->key, r->signature, &r->waiter, (uint64_t)start);
	r->forwards_range = r->flight != NULL; /* should it turn out not to be for this request */
	return r->flight != NULL;
}

struct entry *partial_to_complete(struct req *r)
{
	struct entry *e = r->asks_range ? NULL : find(r->env->tier, &r->key, &r->message);
	if (!e)
		return NULL;
	if (personal_is_in_request(r)) { /* the whole would have to be looked through */
		entry_release(&e);
		return NULL;
	}
	const struct stored *s = ENTRY_STORED(e);
	if (s->n_runs == 1 && s->runs[0].first == 0 && s->complete >= 0 &&
	    (uint64_t)s->complete <= r->route->max_object && answer_verdict(r, e).reuse == REUSE_FRESH)
		return e;
	entry_release(&e);
	return NULL;
}

bool partial_forward(struct req *r)
{
	int64_t start;
	r->forwards_range = true;
	return policy_range_is_common(&r->message, &start);
}

bool partial_fits(struct req *r, const struct entry *e)
{
	struct range_verdict v;
	policy_range(&r->message, ENTRY_STORED(e), entry_headers(e, &r->arena), -1, &v);
	return v.use == RANGE_PARTS && v.runs.n == 1 && vary_matches(entry_vary(e), &r->message.headers);
}

bool partial_is_belied(const struct flight *f)
{
	return f->promised >= 0 && f->body && body_complete(f->body) && body_size(f->body) != (uint64_t)f->promised;
}

/* ---- judging ---- */

static void judge_206(struct flight *f, int64_t length, struct storable_out *out)
{
	struct partial part;
	struct http_response whole = f->response;
	struct headers *h = &whole.headers;
	if (!f->forwards_range || !policy_partial(&f->response, length, &part))
		return;
	/* 3.3: as if it were an incomplete 200. */
	whole.status = 200;
	h->cap = h->n;
	h->v = arena_alloc(&f->arena, (h->n + 1) * sizeof *h->v);
	memcpy(h->v, f->response.headers.v, h->n * sizeof *h->v);
	policy_partial_headers(h);
	update_judge(f, &whole, out);
	if (!out->store)
		return;
	/* What must not be in it may stand across the end of a part; nor is a part compared with another. */
	if (!personal_is_empty(&out->personal) || f->route->leak_sample > 0) {
		*out = (struct storable_out){.reason = REASON_NOT_PARTIAL};
		return;
	}
	f->promised = part.run.last - part.run.first + 1;
	if (policy_runs_are_whole(&part.run, 1, part.complete))
		return;
	struct range *run = arena_alloc(&f->arena, sizeof *run);
	*run = part.run;
	out->stored.status = 206;
	out->stored.runs = run;
	out->stored.n_runs = 1;
	out->stored.complete = part.complete;
	out->stored.reaches_end = part.reaches_end;
}

/* A Range, or a condition that was relayed, may be what the origin did not like: an error says nothing to those who ask for the
 * page then, and who sends odd ones must not be able to have it stored for them. That there is no page says it to all. */
static bool may_be_refusal(int status)
{
	return status >= 400 && status != 404 && status != 410;
}

void partial_judge(struct flight *f, int64_t length, struct storable_out *out)
{
	*out = (struct storable_out){.reason = REASON_NOT_PARTIAL};
	if (f->response.status == 206)
		judge_206(f, length, out);
	else if (!(f->forwards_range || f->relays) || !may_be_refusal(f->response.status))
		update_judge(f, &f->response, out);
	else if (f->relays)
		out->reason = REASON_NOT_REFUSED;
}

/* ---- combining ---- */

/* An entry's bytes by their place in the representation. */
struct source {
	const struct entry *e;
	struct str *segments;
	unsigned n;
};

static struct source source_of(const struct entry *e)
{
	struct source s = {.e = e, .n = body_segments(e->body, NULL, 0)};
	s.segments = mem_alloc((s.n > 0 ? s.n : 1) * sizeof *s.segments);
	body_segments(e->body, s.segments, s.n);
	return s;
}

/* The bytes from `first` on that lie together in memory, at most up to `last`; n == 0: it has none. */
static struct str bytes_at(const struct source *s, int64_t first, int64_t last)
{
	uint64_t offset = 0;
	for (unsigned i = 0; i < ENTRY_STORED(s->e)->n_runs; i++) {
		struct range run = ENTRY_STORED(s->e)->runs[i];
		if (first > run.last) {
			offset += (uint64_t)(run.last - run.first + 1);
			continue;
		}
		if (first < run.first)
			break;
		offset += (uint64_t)(first - run.first);
		last = last < run.last ? last : run.last;
		for (unsigned k = 0; k < s->n; k++) {
			if (offset < s->segments[k].n)
				return str_take(str_skip(s->segments[k], offset), (size_t)(last - first + 1));
			offset -= s->segments[k].n;
		}
		break;
	}
	return STR("");
}

/* ERR_FULL: the budget has no room. */
static int copy(struct body *to, struct str bytes)
{
	while (bytes.n > 0) {
		char *p;
		size_t n;
		int err = body_space(to, &p, &n);
		if (err != ERR_OK)
			return err;
		n = n < bytes.n ? n : bytes.n;
		memcpy(p, bytes.p, n);
		body_filled(to, n);
		bytes = str_skip(bytes, n);
	}
	return ERR_OK;
}

/* The bytes of these runs, the new entry's where both have them. NULL when there is no room. */
static struct body *join(const struct range *runs, unsigned n, const struct entry *old, const struct entry *fresh)
{
	struct source from_old = source_of(old), from_fresh = source_of(fresh);
	int64_t begins = ENTRY_STORED(fresh)->runs[0].first, size = 0;
	int err = ERR_OK;
	for (unsigned i = 0; i < n; i++)
		size += runs[i].last - runs[i].first + 1;
	struct body *body = body_new(size, fresh->budget, NULL, NULL);
	for (unsigned i = 0; i < n && err == ERR_OK; i++) {
		for (int64_t at = runs[i].first; at <= runs[i].last && err == ERR_OK;) {
			struct str bytes = bytes_at(&from_fresh, at, runs[i].last);
			if (bytes.n == 0)
				bytes = bytes_at(
				    &from_old, at, at < begins && begins <= runs[i].last ? begins - 1 : runs[i].last);
			assert(bytes.n > 0); /* one of them has it, or it would not be in a run */
			err = copy(body, bytes);
			at += (int64_t)bytes.n;
		}
	}
	body_end(body, err);
	free(from_old.segments);
	free(from_fresh.segments);
	if (err != ERR_OK)
		body_release(&body);
	return body;
}

/* One entry of both (15.3.7.3), described by the new response's fields where it has them (3.4, 3.2). NULL when they are not of one
 * representation, too many pieces or too large. */
static struct entry *combine(struct flight *f, const struct entry *old)
{
	const struct entry *fresh = f->entry;
	struct partial_of a = {ENTRY_STORED(old), entry_headers(old, &f->arena)},
			  b = {ENTRY_STORED(fresh), entry_headers(fresh, &f->arena)};
	struct range runs[PARTIAL_RUNS_MAX];
	struct stored stored = *ENTRY_STORED(fresh);
	struct headers merged;
	struct entry *e = NULL;
	if (!policy_may_combine(&a, &b))
		return NULL;
	stored.runs = runs;
	stored.n_runs = policy_runs_with(ENTRY_STORED(old), ENTRY_STORED(fresh)->runs[0], runs);
	if (stored.n_runs == 0 || body_size(old->body) + body_size(fresh->body) > f->max_object)
		return NULL;
	struct body *body = join(runs, stored.n_runs, old, fresh);
	if (!body)
		return NULL;
	stored.reaches_end = runs[stored.n_runs - 1].last + 1 == stored.complete;
	if (policy_runs_are_whole(runs, stored.n_runs, stored.complete)) {
		stored.status = 200;
		stored.n_runs = 0;
	}
	policy_merge_304(entry_headers(old, &f->arena), entry_headers(fresh, &f->arena), &f->arena, &merged);
	struct entry_spec spec = {
	    .key = entry_key(fresh),
	    .stored = &stored,
	    .headers = &merged,
	    .tags = entry_tags(fresh),
	    .n_tags = entry_n_tags(fresh),
	    .route_id = entry_route_id(fresh),
	    .epoch = old->epoch < fresh->epoch ? old->epoch : fresh->epoch, /* a purge of either is one of both */
	};
	if (entry_new(&spec, &body, fresh->budget, &e) != ERR_OK)
		body_release(&body);
	return e;
}

/* ---- completing ---- */

void partial_ask_rest(struct flight *f, struct headers *request)
{
	if (!f->part)
		return;
	const struct stored *s = ENTRY_STORED(f->part);
	struct str validator = policy_strong_validator(s, entry_headers(f->part, &f->arena));
	headers_set(
	    request, &f->arena, STR("Range"), arena_printf(&f->arena, "bytes=%lld-", (long long)s->runs[0].last + 1));
	/* An origin that has another representation by now, or cuts none, sends the whole. Where there is no strong validator a
	 * part cannot be joined (3.4): that costs the origin one more request, and the part its place. */
	if (validator.n > 0)
		headers_set(request, &f->arena, STR("If-Range"), validator);
}

/* Does it begin where f->part ends, reach the end and belong to the same representation? */
static bool continues(struct flight *f, const struct http_response *r, int64_t length)
{
	const struct stored *old = ENTRY_STORED(f->part);
	struct partial part;
	if (length < 0 || !policy_partial(r, length, &part))
		return false;
	struct stored fresh = {
	    .response_ms = update_now_ms(f),
	    .etag = headers_count(&r->headers, STR("ETag")) == 1 ? headers_get(&r->headers, STR("ETag")) : STR_NONE,
	    .last_modified_s = freshness_date_s(&r->headers, STR("Last-Modified"), update_now_ms(f) / 1000),
	    .complete = part.complete,
	};
	struct partial_of a = {old, entry_headers(f->part, &f->arena)}, b = {&fresh, &r->headers};
	return policy_may_combine(&a, &b) && part.run.first == old->runs[0].last + 1 && part.reaches_end;
}

enum partial_rest partial_rest(
    struct flight *f, const struct http_response *r, int64_t *length, struct http_response *whole)
{
	if (!f->part)
		return PARTIAL_NO_REST;
	/* A 304 answers no question of ours. */
	if (r->status == 304 || may_be_refusal(r->status))
		return PARTIAL_USELESS;
	if (r->status != 206) {
		entry_release(&f->part);
		return PARTIAL_NO_REST;
	}
	if (!continues(f, r, *length))
		return PARTIAL_USELESS;
	*whole = *r;
	whole->status = 200;
	policy_merge_304(entry_headers(f->part, &f->arena), &r->headers, &f->arena, &whole->headers);
	*length = f->promised = ENTRY_STORED(f->part)->complete;
	return PARTIAL_REST;
}

int partial_begin(struct flight *f)
{
	if (!f->part)
		return ERR_OK;
	struct source s = source_of(f->part);
	int err = ERR_OK;
	for (unsigned i = 0; i < s.n && err == ERR_OK; i++)
		err = copy(f->body, s.segments[i]);
	free(s.segments);
	entry_release(&f->part);
	return err;
}

/* ---- storing ---- */

/* More would be copied than the new part is worth. One that is stale is worth it: it becomes fresh by that (3.4). */
static bool is_too_small(struct flight *f, const struct entry *old)
{
	const struct entry *fresh = f->entry;
	struct partial_of a = {ENTRY_STORED(old), entry_headers(old, &f->arena)},
			  b = {ENTRY_STORED(fresh), entry_headers(fresh, &f->arena)};
	return body_size(old->body) / COPIED_MAX > body_size(fresh->body) && policy_may_combine(&a, &b) &&
	       freshness_age_ms(ENTRY_STORED(old), update_now_ms(f)) < ENTRY_STORED(old)->lifetime_ms;
}

void partial_put(struct flight *f)
{
	if (f->promised >= 0 && body_size(f->body) != (uint64_t)f->promised) {
		f->dropped = REASON_NOT_PARTIAL;
		remember_failed(f, f->dropped);
		return;
	}
	struct entry *old = entry_is_partial(f->entry) ? find(f->env->tier, &f->key, &f->request) : NULL;
	if (old && is_too_small(f, old)) {
		entry_release(&old);
		return;
	}
	struct entry *both = old ? combine(f, old) : NULL;
	/* Where both cannot be kept, one is: the new one. */
	if (!both || update_put_entry(f, both) != ERR_OK)
		update_put(f);
	entry_release(&both);
	entry_release(&old);
}
