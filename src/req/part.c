/* Cutting. Which bytes is policy's (policy/range.h); here they become slices of the stored body, which nobody copies, or for a
 * body that still grows the numbers of bytes to skip and to send. Several parts are put into multipart/byteranges, whose
 * heads lie in the request's arena between the slices. */
#include "req/part.h"

#include <assert.h>

#include "base/mem.h"
#include "base/random.h"
#include "policy/range.h"
#include "req/slices.h"

/* Where a run lies in the entry's body: one run behind the other is what a partial entry holds. */
static uint64_t offset_of(const struct stored *s, const struct range *run)
{
	uint64_t offset = 0;
	for (unsigned i = 0; i < s->n_runs; i++) {
		if (run->first <= s->runs[i].last)
			return offset + (uint64_t)(run->first - s->runs[i].first);
		offset += (uint64_t)(s->runs[i].last - s->runs[i].first + 1);
	}
	return (uint64_t)run->first;
}

static uint64_t length_of(const struct range *run)
{
	return (uint64_t)(run->last - run->first + 1);
}

/* ---- fields ---- */

/* 14.4 */
static struct str content_range(struct req *r, const struct range *run, int64_t complete)
{
	long long first = run->first, last = run->last;
	return complete < 0 ? arena_printf(&r->arena, "bytes %lld-%lld/*", first, last)
			    : arena_printf(&r->arena, "bytes %lld-%lld/%lld", first, last, (long long)complete);
}

/* What a 206 says of the whole goes on (15.3.7), but what is reckoned over the content of the message. */
static void fields_of_part(struct req *r)
{
	static const struct str of_message[] = {STR("Content-Length"), STR("Content-MD5"), STR("Content-Digest")};
	static const struct str known[] = {
	    STR("Content-Type"), STR("Content-Encoding"), STR("Content-Language"), STR("Last-Modified")};
	struct headers *h = &r->answer.headers;
	headers_remove_all(h, of_message, COUNT_OF(of_message));
	/* 15.3.7: with If-Range the client has these already, from the response that it continues. */
	if (headers_find(&r->message.headers, STR("If-Range")))
		headers_remove_all(h, known, COUNT_OF(known));
}

/* ---- answers ---- */

/* RFC 2046 5.1.1: a delimiter that the content does not hold, since who wrote that could not guess it. Of fresh bits: a hash over
 * what the client sends would tell it the seed of the keys. */
static struct str boundary_of(struct req *r)
{
	uint64_t a = 0, b = 0;
	bool has_bits = random_u64(&a) == ERR_OK && random_u64(&b) == ERR_OK;
	assert(has_bits); /* the server got some when it began */
	(void)has_bits;
	return arena_printf(&r->arena, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

static void cut_several(struct req *r, const struct entry *e, const struct range_verdict *v, struct slices *to)
{
	struct answer *a = &r->answer;
	struct str boundary = boundary_of(r), type = entry_header(e, STR("Content-Type"), &r->arena);
	struct str line = type.p ? arena_printf(&r->arena, "Content-Type: %.*s\r\n", STR_ARG(type)) : STR("");
	for (unsigned i = 0; i < v->runs.n; i++) {
		slices_add_text(
		    to, arena_printf(&r->arena, "%s--%.*s\r\n%.*sContent-Range: %.*s\r\n\r\n", i > 0 ? "\r\n" : "",
			    STR_ARG(boundary), STR_ARG(line), STR_ARG(content_range(r, &v->runs.v[i], v->complete))));
		slices_add_run(to, offset_of(ENTRY_STORED(e), &v->runs.v[i]), length_of(&v->runs.v[i]));
	}
	slices_add_text(to, arena_printf(&r->arena, "\r\n--%.*s--\r\n", STR_ARG(boundary)));
	headers_set(&a->headers, &r->arena, STR("Content-Type"),
	    arena_printf(&r->arena, "multipart/byteranges; boundary=%.*s", STR_ARG(boundary)));
}

/* The body is whole, good and in place. */
static void cut_whole(struct req *r, const struct entry *e, const struct range_verdict *v)
{
	struct answer *a = &r->answer;
	struct slices to;
	/* Each part has a head; then there is the end. */
	slices_init(&to, &r->arena, e->body, v->runs.n + 1, v->runs.n);
	if (v->runs.n == 1)
		slices_add_run(&to, offset_of(ENTRY_STORED(e), &v->runs.v[0]), length_of(&v->runs.v[0]));
	else
		cut_several(r, e, v, &to);
	a->kind = ANSWER_PARTS;
	a->slices = to.v;
	a->n_slices = to.n;
	a->length = (int64_t)to.bytes;
}

/* Of a body in a file one part can be sent as it lies there. */
static void cut_file(struct req *r, const struct entry *e, const struct range *run)
{
	r->answer.offset = offset_of(ENTRY_STORED(e), run);
	r->answer.length = (int64_t)length_of(run);
}

static void cut_growing(struct req *r, const struct entry *e, const struct range *run)
{
	r->is_cut = true;
	r->skip = offset_of(ENTRY_STORED(e), run);
	r->left = length_of(run);
	r->answer.length = (int64_t)r->left;
}

/* 15.5.17. What is said of the page (how long it may be kept, its type) is not said of this refusal. */
static void refuse(struct req *r, int64_t complete)
{
	static const struct str kept[] = {STR("Date"), STR("Age"), STR("Cache-Status"), STR("Accept-Ranges")};
	struct answer *a = &r->answer;
	struct headers all = a->headers;
	a->headers = (struct headers){0};
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const struct header *h = headers_find(&all, kept[i]);
		if (h)
			headers_add(&a->headers, &r->arena, h->name, h->value);
	}
	headers_add(
	    &a->headers, &r->arena, STR("Content-Range"), arena_printf(&r->arena, "bytes */%lld", (long long)complete));
	a->kind = ANSWER_TEXT;
	a->status = 416;
	a->text = STR("");
	a->length = 0;
	body_reader_close(&r->waiter.reader);
}

void part_cut(struct req *r, const struct entry *e)
{
	struct answer *a = &r->answer;
	struct range_verdict v;
	policy_range(&r->message, ENTRY_STORED(e), entry_headers(e, &r->arena), a->length, &v);
	if (v.use == RANGE_UNSATISFIABLE)
		refuse(r, v.complete);
	/* 14.2: a Range may be ignored; several parts are cut from what lies in memory only. */
	bool is_cut = v.use == RANGE_PARTS && (v.runs.n == 1 || a->kind == ANSWER_WHOLE);
	assert(is_cut || v.use == RANGE_UNSATISFIABLE || !entry_is_partial(e));
	if (!is_cut)
		return;
	a->status = 206;
	fields_of_part(r);
	if (v.runs.n == 1)
		headers_set(&a->headers, &r->arena, STR("Content-Range"), content_range(r, &v.runs.v[0], v.complete));
	if (a->kind == ANSWER_STREAM)
		cut_growing(r, e, &v.runs.v[0]);
	else if (a->kind == ANSWER_FILE)
		cut_file(r, e, &v.runs.v[0]);
	else
		cut_whole(r, e, &v);
}
