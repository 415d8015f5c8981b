/* The stored form: what is written is read back whole, and nothing else is read. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tier/form.h"
#include "tier/form_table.h"
#include "must.h"

#define SEED	  42
#define BODY_SIZE 1000

/* ---- samples ---- */

static struct header plain_fields[] = {
    {STR("Content-Type"), STR("text/html; charset=utf-8")},
    {STR("X-Quoted"), STR("a \"quoted\\pair\", \t b")},
    {STR("X-Empty"), STR("")},
    {STR("x-UTF8"), STR("caf\xc3\xa9 \xf0\x9f\x98\x80")},
    {STR("X-Latin1"), STR("caf\xe9")},
    {STR("X-\xe4"), STR("a name with a high byte")},
    {STR("Set-Cookie"), STR("a=1")},
    {STR("Set-Cookie"), STR("b=2")},
    {STR("Content-Security-Policy"), STR("script-src 'nonce-'")},
};
static struct header variant_fields[] = {
    {STR("accept-language"), STR("de")},
    {STR("cookie:Lang"), STR("\xff")},
    {STR("x-absent"), {NULL, 0}},
    {STR("x-empty"), STR("")},
};
static struct str some_tags[] = {STR("a"), STR("b c"), STR("\xfe")};
static const struct range some_runs[] = {{0, 99}, {200, 999}, {1001, 1100}};
static const struct hole_value some_values[] = {
    {HOLE_TOKEN, {64, HOLE_BASE64URL, 0}, STR("csrf"), STR("; Path=/; SameSite=Lax")},
    {HOLE_SESSION, {HOLE_MAX, HOLE_BASE64, 2}, {NULL, 0}, {NULL, 0}},
    {HOLE_NONCE, {8, HOLE_HEX, 0}, {NULL, 0}, STR("")},
};
static struct hole body_holes[HOLE_FORMS + 1];
static const struct hole field_holes[] = {
    {.at = 1, .field = 0, .value = 1, .form = HOLE_PLAIN},
    {.at = 2, .field = 8, .value = 0, .form = HOLE_URL},
    {.at = 19, .field = 8, .value = 2, .form = HOLE_PLAIN},
};
static struct holes some_holes = {
    some_values, body_holes, field_holes, COUNT_OF(some_values), COUNT_OF(body_holes), COUNT_OF(field_holes)};

static struct headers list(struct header *v, size_t n)
{
	return (struct headers){.v = v, .n = (uint32_t)n, .cap = (uint32_t)n};
}

/* What is written. */
struct sample {
	struct {
		struct cache_key key;
		struct stored stored;
		struct headers headers;
		struct str *tags;
		unsigned n_tags;
	} e;
	struct form_more more;
};

static int write_sample(const struct sample *s, struct buf *out)
{
	struct entry_spec spec = {.key = s->e.key,
	    .stored = &s->e.stored,
	    .headers = &s->e.headers,
	    .tags = s->e.tags,
	    .n_tags = s->e.n_tags};
	return form_write(&spec, &s->more, out);
}

static struct sample plain(void)
{
	return (struct sample){
	    .e = {.key = key_of_text(STR("GET http://h/p?q=1"), SEED),
		.stored = {.status = 200,
		    .response_ms = 1764503420123,
		    .date_s = 1764503420,
		    .initial_age_ms = 5000,
		    .lifetime_ms = 60000,
		    .last_modified_s = -1,
		    .lifetime_source = LIFETIME_MAX_AGE}},
	    .more = {.seq = 7, .body_size = BODY_SIZE, .body_sum = {1, 2}, .body_name = STR("ab12.body")},
	};
}

static struct sample whole(void)
{
	struct sample s = plain();
	s.e.headers = list(plain_fields, COUNT_OF(plain_fields));
	s.e.tags = some_tags;
	s.e.n_tags = COUNT_OF(some_tags);
	s.e.stored.vary = list(variant_fields, COUNT_OF(variant_fields));
	s.e.stored.etag = STR("W/\"v1\"");
	s.e.stored.last_modified_s = 0;
	s.e.stored.must_revalidate = true;
	s.e.stored.by_route = 0xff;
	return s;
}

static struct sample with_holes(void)
{
	struct sample s = whole();
	for (size_t i = 0; i < COUNT_OF(body_holes); i++)
		body_holes[i] =
		    (struct hole){.at = 10 * i, .value = (uint16_t)(i % 3), .form = (uint8_t)(i % HOLE_FORMS)};
	body_holes[2].at = body_holes[1].at; /* two at one place */
	body_holes[HOLE_FORMS].at = BODY_SIZE;
	s.e.stored.holes = &some_holes;
	return s;
}

static struct sample partial(void)
{
	struct sample s = whole();
	s.e.stored.status = 206;
	s.e.stored.runs = some_runs;
	s.e.stored.n_runs = COUNT_OF(some_runs);
	s.e.stored.complete = 1101;
	s.e.stored.reaches_end = true;
	return s;
}

static struct sample extreme(void)
{
	struct sample s = plain();
	s.e.stored.response_ms = s.e.stored.lifetime_ms = s.e.stored.swr_ms = s.e.stored.sie_ms = FORM_EXACT_MAX;
	s.e.stored.unreachable_ms = s.e.stored.initial_age_ms = s.e.stored.date_s = FORM_EXACT_MAX;
	s.e.stored.last_modified_s = FORM_EXACT_MAX;
	s.e.stored.complete = RANGE_POSITION_MAX;
	s.e.stored.status = 999;
	s.e.stored.no_cache = true;
	s.more =
	    (struct form_more){.seq = UINT64_MAX, .body_size = INT64_MAX, .body_sum = {UINT64_MAX, 1}, .purged = true};
	return s;
}

static struct sample beyond_exact(void)
{
	struct sample s = plain();
	s.more.seq = (uint64_t)FORM_EXACT_MAX + 1;
	s.more.body_size = (uint64_t)FORM_EXACT_MAX + 2;
	return s;
}

static struct sample odd_bytes(void)
{
	struct sample s = plain();
	static struct header fields[] = {{STR("X-Overlong"), STR("\xc0\xaf")}, {STR("X-Cut"), STR("\xe2\x82")}};
	s.e.key = key_of_text(STR("GET http://h/\xff\xfe?\"\\"), SEED);
	s.e.headers = list(fields, COUNT_OF(fields));
	s.more.body_name = STR("");
	return s;
}

/* ---- writing, reading, comparing ---- */

static struct buf text_of(const struct sample *s)
{
	struct buf out;
	buf_init(&out, FORM_MAX);
	must(write_sample(s, &out) == ERR_OK, "not written");
	return out;
}

static bool same_str(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

static bool same_headers(const struct headers *a, const struct headers *b)
{
	bool same = a->n == b->n;
	for (uint32_t i = 0; same && i < a->n; i++)
		same = same_str(a->v[i].name, b->v[i].name) && same_str(a->v[i].value, b->v[i].value);
	return same;
}

static bool same_places(const struct hole *a, unsigned n_a, const struct hole *b, unsigned n_b)
{
	bool same = n_a == n_b;
	for (unsigned i = 0; same && i < n_a; i++)
		same = a[i].at == b[i].at && a[i].field == b[i].field && a[i].value == b[i].value &&
		       a[i].form == b[i].form;
	return same;
}

static bool same_holes(const struct holes *a, const struct holes *b)
{
	if (!a || !b)
		return a == b;
	bool same = a->n_values == b->n_values && same_places(a->body, a->n_body, b->body, b->n_body) &&
		    same_places(a->fields, a->n_fields, b->fields, b->n_fields);
	for (unsigned i = 0; same && i < a->n_values; i++) {
		const struct hole_value *x = &a->values[i], *y = &b->values[i];
		same = x->kind == y->kind && x->shape.n == y->shape.n && x->shape.alphabet == y->shape.alphabet &&
		       x->shape.padding == y->shape.padding && same_str(x->cookie, y->cookie) &&
		       same_str(x->attributes, y->attributes);
	}
	return same;
}

static bool same_times(const struct stored *a, const struct stored *b)
{
	return a->response_ms == b->response_ms && a->date_s == b->date_s && a->initial_age_ms == b->initial_age_ms &&
	       a->lifetime_ms == b->lifetime_ms && a->swr_ms == b->swr_ms && a->sie_ms == b->sie_ms &&
	       a->unreachable_ms == b->unreachable_ms && a->last_modified_s == b->last_modified_s;
}

static bool same_runs(const struct stored *a, const struct stored *b)
{
	bool same = a->n_runs == b->n_runs && a->complete == b->complete && a->reaches_end == b->reaches_end;
	for (unsigned i = 0; same && i < a->n_runs; i++)
		same = a->runs[i].first == b->runs[i].first && a->runs[i].last == b->runs[i].last;
	return same;
}

static void compare(const char *what, const struct sample *want, const struct form *got)
{
	const struct stored *a = &want->e.stored, *b = &got->stored;
	const struct form_more *m = &want->more, *n = &got->more;
	ck_assert_msg(
	    got->spec.stored == b && got->spec.headers == &got->headers, "%s: it does not hang together", what);
	ck_assert_msg(same_str(want->e.key.text, got->spec.key.text), "%s: key", what);
	ck_assert_msg(want->e.key.hi == got->spec.key.hi && want->e.key.lo == got->spec.key.lo, "%s: key's hash", what);
	ck_assert_msg(same_headers(&want->e.headers, &got->headers), "%s: headers", what);
	ck_assert_msg(same_headers(&a->vary, &b->vary), "%s: variant", what);
	ck_assert_msg(want->e.n_tags == got->spec.n_tags, "%s: number of tags", what);
	for (unsigned i = 0; i < want->e.n_tags; i++)
		ck_assert_msg(same_str(want->e.tags[i], got->spec.tags[i]), "%s: tag %u", what, i);
	ck_assert_msg(a->status == b->status && same_times(a, b), "%s: status or times", what);
	ck_assert_msg(a->must_revalidate == b->must_revalidate && a->no_cache == b->no_cache, "%s: flags", what);
	ck_assert_msg(a->by_route == b->by_route && same_str(a->etag, b->etag), "%s: by_route, etag", what);
	ck_assert_msg(stored_lifetime_source(str_of(a->lifetime_source)) == b->lifetime_source, "%s: source", what);
	ck_assert_msg(same_runs(a, b), "%s: runs", what);
	ck_assert_msg(same_holes(a->holes, b->holes), "%s: holes", what);
	ck_assert_msg(m->seq == n->seq && m->body_size == n->body_size && m->purged == n->purged, "%s: more", what);
	ck_assert_msg(m->body_sum.hi == n->body_sum.hi && m->body_sum.lo == n->body_sum.lo, "%s: body's sum", what);
	ck_assert_msg(same_str(m->body_name, n->body_name), "%s: body's name", what);
}

static int read_text(struct str text)
{
	struct arena a;
	struct form f;
	arena_init(&a, 0);
	int err = form_read(text, SEED, &a, &f);
	arena_free(&a);
	return err;
}

START_TEST(what_is_written_is_read)
{
	static const struct {
		const char *what;
		struct sample (*make)(void);
	} rows[] = {
	    {"as little as can be", plain},
	    {"all that a whole page has", whole},
	    {"a page with holes", with_holes},
	    {"a part of a page", partial},
	    {"the largest of all", extreme},
	    {"numbers that are not exact as doubles", beyond_exact},
	    {"bytes that are no text", odd_bytes},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sample s = rows[i].make();
		struct buf text = text_of(&s);
		struct arena a;
		struct form f;
		arena_init(&a, 0);
		ck_assert_msg(form_read(buf_str(&text), SEED, &a, &f) == ERR_OK, "%s is not read:\n%.*s", rows[i].what,
		    STR_ARG(buf_str(&text)));
		compare(rows[i].what, &s, &f);
		arena_free(&a);
		buf_free(&text);
	}
}
END_TEST

START_TEST(every_source_of_a_lifetime_comes_back_as_the_static_one)
{
	static const char *const all[] = {
	    LIFETIME_NONE, LIFETIME_TTL, LIFETIME_S_MAXAGE, LIFETIME_MAX_AGE, LIFETIME_EXPIRES, LIFETIME_HEURISTIC};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct sample s = plain();
		s.e.stored.lifetime_source = all[i];
		struct buf text = text_of(&s);
		struct arena a;
		struct form f;
		arena_init(&a, 0);
		ck_assert_int_eq(form_read(buf_str(&text), SEED, &a, &f), ERR_OK);
		arena_free(&a);
		buf_free(&text);
		ck_assert_str_eq(f.stored.lifetime_source, all[i]);
	}
}
END_TEST

START_TEST(people_can_read_it)
{
	static const char *const parts[] = {
	    "{\"larder\":1,\n",
	    "\"url\":\"http://h/p?q=1\",\n",
	    "\"stored\":\"2025-11-30T11:50:20Z\",\n",
	    "\"expires\":\"2025-11-30T11:51:15Z\",\n",
	    "[\"Content-Type\",\"text/html; charset=utf-8\"]",
	    "[\"X-Latin1\",{\"hex\":\"636166e9\"}]",
	    "[\"x-UTF8\",\"caf\xc3\xa9 \xf0\x9f\x98\x80\"]",
	    "[\"x-absent\",null],[\"x-empty\",\"\"]",
	    "\"lifetime_source\":\"max-age\",\n",
	    "\"body\":{\"size\":1000,\"xxh3_128\":\"00000000000000010000000000000002\",\"name\":\"ab12.body\"},\n",
	};
	struct sample s = whole();
	struct buf text = text_of(&s);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		ck_assert_msg(str_find(buf_str(&text), str_of(parts[i])) < text.n, "%s is not in\n%.*s", parts[i],
		    STR_ARG(buf_str(&text)));
	buf_free(&text);
}
END_TEST

START_TEST(times_that_are_endless_become_very_long)
{
	struct sample s = plain();
	s.e.stored.unreachable_ms = INT64_MAX;
	s.e.stored.initial_age_ms = INT64_MIN;
	struct buf text = text_of(&s);
	struct arena a;
	struct form f;
	arena_init(&a, 0);
	ck_assert_int_eq(form_read(buf_str(&text), SEED, &a, &f), ERR_OK);
	ck_assert_int_eq(f.stored.unreachable_ms, FORM_EXACT_MAX);
	ck_assert_int_eq(f.stored.initial_age_ms, 0);
	arena_free(&a);
	buf_free(&text);
}
END_TEST

START_TEST(a_text_is_added_to_what_the_buffer_has)
{
	struct sample s = whole();
	struct buf out;
	buf_init(&out, FORM_MAX);
	buf_add(&out, STR("before"));
	ck_assert_int_eq(write_sample(&s, &out), ERR_OK);
	ck_assert_int_eq(read_text(str_skip(buf_str(&out), 6)), ERR_OK);
	buf_free(&out);
}
END_TEST

/* ---- damage ---- */

START_TEST(every_flipped_byte_is_found)
{
	struct sample s = with_holes();
	struct buf text = text_of(&s);
	for (size_t i = 0; i < text.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			text.p[i] ^= (char)(1 << bit);
			must(read_text(buf_str(&text)) == ERR_INVALID, "bit %u of byte %zu", bit, i);
			text.p[i] ^= (char)(1 << bit);
		}
	}
	ck_assert_int_eq(read_text(buf_str(&text)), ERR_OK);
	buf_free(&text);
}
END_TEST

START_TEST(every_cut_is_found)
{
	struct sample s = with_holes();
	struct buf text = text_of(&s);
	for (size_t n = 0; n < text.n; n++) {
		must(read_text(str_take(buf_str(&text), n)) == ERR_INVALID, "the first %zu bytes", n);
		must(n == 0 || read_text(str_skip(buf_str(&text), n)) == ERR_INVALID, "without the first %zu bytes", n);
	}
	buf_addc(&text, '\n');
	ck_assert_int_eq(read_text(buf_str(&text)), ERR_INVALID);
	buf_free(&text);
	ck_assert_int_eq(read_text(STR_NONE), ERR_INVALID);
}
END_TEST

/* A checksum as somebody makes it who knows how. */
static void sign(struct buf *text)
{
	char sum[FORM_SUM_DIGITS + 1];
	form__sum(hash128_str(buf_str(text), 0), sum);
	must(buf_addf(text, FORM_SUM_NAME "%s" FORM_SUM_END, sum) == ERR_OK, "no room");
}

/* The text of the sample with `from` replaced by `to` and a right checksum. */
static int read_forged(struct sample s, const char *from, struct str to)
{
	struct buf text = text_of(&s), forged;
	struct str all = str_take(buf_str(&text), text.n - FORM_TAIL), old = str_of(from);
	size_t at = str_find(all, old);
	must(at < all.n, "%s is not in\n%.*s", from, STR_ARG(all));
	buf_init(&forged, 2 * FORM_MAX);
	buf_add(&forged, str_take(all, at));
	buf_add(&forged, to);
	buf_add(&forged, str_skip(all, at + old.n));
	sign(&forged);
	int err = read_text(buf_str(&forged));
	buf_free(&text);
	buf_free(&forged);
	return err;
}

START_TEST(what_is_forged_is_refused)
{
	static const struct {
		const char *what;
		struct sample (*make)(void);
		const char *from, *to;
		int err;
	} rows[] = {
	    {"nothing", plain, "\"seq\":7", "\"seq\":7", ERR_OK},
	    {"what is not known is skipped", plain, "\"seq\":7", "\"new\":[{}],\"seq\":7", ERR_OK},
	    {"another version", plain, "\"larder\":1", "\"larder\":2", ERR_INVALID},
	    {"no version", plain, "\"larder\":1", "\"ladder\":1", ERR_INVALID},
	    {"no JSON", plain, "\"larder\":1", "larder:1", ERR_INVALID},
	    {"a list", plain, "{\"larder\":1", "[{\"larder\":1", ERR_INVALID},
	    {"a key of another method", plain, "\"key\":\"GET ", "\"key\":\"PUT ", ERR_INVALID},
	    {"a key without its method", plain, "\"key\":\"GET http://h/p?q=1\"", "\"key\":\"GET \"", ERR_INVALID},
	    {"a key that is none", plain, "\"key\":\"GET http://h/p?q=1\"", "\"key\":1", ERR_INVALID},
	    {"a key with a line end", whole, "GET http://h/p?q=1", "GET http://h/\\np?q=1", ERR_INVALID},
	    {"a URL that is not the key's", plain, "\"url\":\"http://h/p", "\"url\":\"http://h/q", ERR_INVALID},
	    {"a status below 100", plain, "\"status\":200", "\"status\":99", ERR_INVALID},
	    {"a status of four digits", plain, "\"status\":200", "\"status\":1000", ERR_INVALID},
	    {"a status that is no number", plain, "\"status\":200", "\"status\":true", ERR_INVALID},
	    {"a status with a fraction", plain, "\"status\":200", "\"status\":200.5", ERR_INVALID},
	    {"a negative status", plain, "\"status\":200", "\"status\":-1", ERR_INVALID},
	    {"a status without end", plain, "\"status\":200", "\"status\":1e999", ERR_INVALID},
	    {"a whole page of status 206", plain, "\"status\":200", "\"status\":206", ERR_INVALID},
	    {"a part of status 200", partial, "\"status\":206", "\"status\":200", ERR_INVALID},
	    {"headers that are no list", plain, "\"headers\":[]", "\"headers\":{}", ERR_INVALID},
	    {"a header that is no pair", plain, "\"headers\":[]", "\"headers\":[\"a\"]", ERR_INVALID},
	    {"a header of one", plain, "\"headers\":[]", "\"headers\":[[\"a\"]]", ERR_INVALID},
	    {"a header of three", plain, "\"headers\":[]", "\"headers\":[[\"a\",\"b\",\"c\"]]", ERR_INVALID},
	    {"a value that ends the line", plain, "\"headers\":[]", "\"headers\":[[\"a\",\"b\\r\\nSet-Cookie: c=1\"]]",
		ERR_INVALID},
	    {"a value with a line end in hexadecimal", plain, "\"headers\":[]",
		"\"headers\":[[\"a\",{\"hex\":\"620d0a\"}]]", ERR_INVALID},
	    {"a value with NUL", plain, "\"headers\":[]", "\"headers\":[[\"a\",{\"hex\":\"00\"}]]", ERR_INVALID},
	    {"half a byte", plain, "\"headers\":[]", "\"headers\":[[\"a\",{\"hex\":\"616\"}]]", ERR_INVALID},
	    {"no hexadecimal digit", plain, "\"headers\":[]", "\"headers\":[[\"a\",{\"hex\":\"6g\"}]]", ERR_INVALID},
	    {"hexadecimal digits that are none", plain, "\"headers\":[]", "\"headers\":[[\"a\",{\"hex\":61}]]",
		ERR_INVALID},
	    {"an absent value", plain, "\"headers\":[]", "\"headers\":[[\"a\",null]]", ERR_INVALID},
	    {"an empty name", plain, "\"headers\":[]", "\"headers\":[[\"\",\"b\"]]", ERR_INVALID},
	    {"an absent name", plain, "\"headers\":[]", "\"headers\":[[null,\"b\"]]", ERR_INVALID},
	    {"a name with a colon", plain, "\"headers\":[]", "\"headers\":[[\"a: b\\r\\nc\",\"b\"]]", ERR_INVALID},
	    {"a name with a blank", plain, "\"headers\":[]", "\"headers\":[[\"a b\",\"b\"]]", ERR_INVALID},
	    {"a field of the connection", plain, "\"headers\":[]", "\"headers\":[[\"Transfer-Encoding\",\"chunked\"]]",
		ERR_INVALID},
	    {"a variant without a name", whole, "\"accept-language\"", "\"\"", ERR_INVALID},
	    {"a variant with a line end", whole, "\"de\"", "\"d\\ne\"", ERR_INVALID},
	    {"an empty tag", whole, "\"tags\":[\"a\"", "\"tags\":[\"\"", ERR_INVALID},
	    {"a tag with a line end", whole, "\"tags\":[\"a\"", "\"tags\":[\"\\n\"", ERR_INVALID},
	    {"a tag that is none", whole, "\"tags\":[\"a\"", "\"tags\":[1", ERR_INVALID},
	    {"tags that are no list", whole, "\"tags\":[", "\"tags\":3,\"rest\":[", ERR_INVALID},
	    {"a time that is negative", plain, "\"lifetime_ms\":60000", "\"lifetime_ms\":-1", ERR_INVALID},
	    {"a time that overflows", plain, "\"lifetime_ms\":60000", "\"lifetime_ms\":\"9223372036854775807\"",
		ERR_INVALID},
	    {"a time that is missing", plain, "\"lifetime_ms\":60000", "\"lifetime\":60000", ERR_INVALID},
	    {"a Last-Modified of -2", plain, "\"last_modified_s\":-1", "\"last_modified_s\":-2", ERR_INVALID},
	    {"an unknown source", plain, "\"max-age\"", "\"min-age\"", ERR_INVALID},
	    {"a source that is none", plain, "\"max-age\"", "null", ERR_INVALID},
	    {"an etag with a line end", whole, "\"etag\":\"W", "\"etag\":\"\\nW", ERR_INVALID},
	    {"a number instead of a bool", plain, "\"no_cache\":false", "\"no_cache\":0", ERR_INVALID},
	    {"bits beyond a byte", plain, "\"by_route\":0", "\"by_route\":256", ERR_INVALID},
	    {"a run that ends before it begins", partial, "[200,999]", "[200,199]", ERR_INVALID},
	    {"runs that overlap", partial, "[200,999]", "[99,898]", ERR_INVALID},
	    {"runs that touch", partial, "[200,999]", "[100,899]", ERR_INVALID},
	    {"runs that are not as long as the body", partial, "[200,999]", "[200,998]", ERR_INVALID},
	    {"a run beyond all", partial, "[1001,1100]", "[1001,\"9223372036854775807\"]", ERR_INVALID},
	    {"a negative run", partial, "[0,99]", "[-1,98]", ERR_INVALID},
	    {"a run beyond the end", partial, "\"complete\":1101", "\"complete\":1100", ERR_INVALID},
	    {"a run of one number", partial, "[0,99]", "[99]", ERR_INVALID},
	    {"an end that is not known", partial, "\"complete\":1101", "\"complete\":-1", ERR_OK},
	    {"a complete length of -2", partial, "\"complete\":1101", "\"complete\":-2", ERR_INVALID},
	    {"a part with holes", partial, "\"holes\":null", "\"holes\":{\"values\":[],\"body\":[],\"fields\":[]}",
		ERR_INVALID},
	    {"holes without anything", plain, "\"holes\":null", "\"holes\":{\"values\":[],\"body\":[],\"fields\":[]}",
		ERR_OK},
	    {"a hole of no value", plain, "\"holes\":null",
		"\"holes\":{\"values\":[],\"body\":[[0,0,\"plain\"]],\"fields\":[]}", ERR_INVALID},
	    {"holes that are none", plain, "\"holes\":null", "\"holes\":1", ERR_INVALID},
	    {"a hole before the one before", with_holes, "[30,0,", "[9,0,", ERR_INVALID},
	    {"a hole beyond the body", with_holes, "[1000,0,", "[1001,0,", ERR_INVALID},
	    {"a hole of a value beyond the last", with_holes, "[30,0,", "[30,3,", ERR_INVALID},
	    {"a hole of an unknown form", with_holes, "\"js_go\"", "\"js_no\"", ERR_INVALID},
	    {"a hole beyond its field", with_holes, "[19,2,\"plain\",8]", "[20,2,\"plain\",8]", ERR_INVALID},
	    {"a hole of a field beyond the last", with_holes, "[19,2,\"plain\",8]", "[19,2,\"plain\",9]", ERR_INVALID},
	    {"a field before the one before", with_holes, "[2,0,\"url\",8]", "[0,0,\"url\",0]", ERR_INVALID},
	    {"a value of an unknown kind", with_holes, "\"nonce\"", "\"once\"", ERR_INVALID},
	    {"a value of an unknown alphabet", with_holes, "\"base64url\"", "\"base65\"", ERR_INVALID},
	    {"a value without length", with_holes, "\"length\":8", "\"length\":0", ERR_INVALID},
	    {"a value that is too long", with_holes, "\"length\":512", "\"length\":513", ERR_INVALID},
	    {"three of padding", with_holes, "\"padding\":2", "\"padding\":3", ERR_INVALID},
	    {"padding alone", with_holes, "\"length\":512", "\"length\":2", ERR_INVALID},
	    {"padding of hexadecimal digits", with_holes, "\"base64\",\"length\":512", "\"hex\",\"length\":512",
		ERR_INVALID},
	    {"a token without a cookie", with_holes, "\"cookie\":\"csrf\"", "\"cookie\":null", ERR_INVALID},
	    {"a cookie's name with a line end", with_holes, "\"cookie\":\"csrf\"", "\"cookie\":\"cs\\nrf\"",
		ERR_INVALID},
	    {"attributes with a line end", with_holes, "; Path=/", "; Path=/\\r\\nX: y", ERR_INVALID},
	    {"a body's name that leads elsewhere", plain, "ab12.body", "../ab12.body", ERR_INVALID},
	    {"a body's name that is hidden", plain, "ab12.body", ".body", ERR_INVALID},
	    {"a body's name with NUL", plain, "\"ab12.body\"", "{\"hex\":\"6100\"}", ERR_INVALID},
	    {"a body's sum that is short", plain, "00000000000000010", "0000000000000001", ERR_INVALID},
	    {"a body's sum with other digits", plain, "0000000000000001", "000000000000000g", ERR_INVALID},
	    {"a body without size", plain, "\"size\":1000,", "", ERR_INVALID},
	    {"a seq beyond all", plain, "\"seq\":7", "\"seq\":\"18446744073709551616\"", ERR_INVALID},
	    {"a seq that is not exact", plain, "\"seq\":7", "\"seq\":9007199254740992", ERR_INVALID},
	    {"no mark", plain, "\"purged\":false", "\"purged\":null", ERR_INVALID},
	    {"deep lists", plain, "\"seq\":7", "\"new\":[[[[[[[[[]]]]]]]]],\"seq\":7", ERR_INVALID},
	    {"a string without end", plain, "\"seq\":7", "\"seq\":\"7", ERR_INVALID},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int err = read_forged(rows[i].make(), rows[i].from, str_of(rows[i].to));
		must(err == rows[i].err, "%s: %s", rows[i].what, err_name(err));
	}
}
END_TEST

START_TEST(no_member_may_be_missing)
{
	static const char *const names[] = {"larder", "url", "key", "status", "headers", "variant", "tags", "times",
	    "lifetime_source", "etag", "must_revalidate", "no_cache", "by_route", "runs", "complete", "reaches_end",
	    "holes", "body", "seq", "purged", "kind", "alphabet", "length", "padding", "cookie", "attributes", "values",
	    "fields", "size", "xxh3_128", "name", "response_ms", "date_s", "initial_age_ms", "lifetime_ms", "swr_ms",
	    "sie_ms", "unreachable_ms", "last_modified_s"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char name[32];
		snprintf(name, sizeof name, "\"%s\":", names[i]);
		int err = read_forged(with_holes(), name, STR("\"x\":"));
		must(err == ERR_INVALID, "without %s: %s", names[i], err_name(err));
	}
}
END_TEST

START_TEST(only_so_many_values_are_read)
{
	struct buf many;
	buf_init(&many, FORM_MAX);
	buf_add(&many, STR("\"seq\":7,\"new\":[0"));
	for (int i = 0; i < FORM_ITEMS; i++)
		buf_add(&many, STR(",0"));
	buf_addc(&many, ']');
	ck_assert_int_eq(read_forged(plain(), "\"seq\":7", buf_str(&many)), ERR_INVALID);
	buf_free(&many);
}
END_TEST

START_TEST(too_long_a_text_is_neither_written_nor_read)
{
	static char long_value[FORM_MAX];
	memset(long_value, 'x', sizeof long_value);
	struct header field = {STR("X-Long"), str_make(long_value, sizeof long_value)};
	struct sample s = plain();
	s.e.headers = list(&field, 1);
	struct buf out;
	buf_init(&out, 2 * FORM_MAX);
	ck_assert_int_eq(write_sample(&s, &out), ERR_TOO_LARGE);
	ck_assert_int_eq(read_text(buf_str(&out)), ERR_INVALID);
	field.value.n = FORM_MAX / 2;
	buf_reset(&out);
	ck_assert_int_eq(write_sample(&s, &out), ERR_OK);
	ck_assert_int_eq(read_text(buf_str(&out)), ERR_OK);
	buf_free(&out);
	buf_init(&out, 1000);
	ck_assert_int_eq(write_sample(&s, &out), ERR_TOO_LARGE);
	buf_free(&out);
}
END_TEST

START_TEST(too_many_fields_or_tags_are_not_written)
{
	struct sample s = plain();
	struct buf out;
	buf_init(&out, FORM_MAX);
	uint32_t n = FORM_ITEMS / 8;
	struct header *fields = mem_alloc((n + 1) * sizeof *fields);
	struct str *tags = mem_alloc((n + 1) * sizeof *tags);
	for (uint32_t i = 0; i <= n; i++) {
		fields[i] = (struct header){STR("a"), STR("\xff")};
		tags[i] = STR("\xff");
	}
	s.e.headers = list(fields, n);
	s.e.tags = tags;
	s.e.n_tags = n;
	ck_assert_int_eq(write_sample(&s, &out), ERR_OK);
	ck_assert_int_eq(read_text(buf_str(&out)), ERR_OK);
	s.e.headers.n = n + 1;
	ck_assert_int_eq(write_sample(&s, &out), ERR_TOO_LARGE);
	s.e.headers.n = n;
	s.e.n_tags = n + 1;
	ck_assert_int_eq(write_sample(&s, &out), ERR_TOO_LARGE);
	free(fields);
	free(tags);
	buf_free(&out);
}
END_TEST

/* ---- variants ---- */

START_TEST(variants_have_names)
{
	static struct header de[] = {{STR("accept-language"), STR("de")}, {STR("x-a"), STR("")}};
	static struct header turned[] = {{STR("X-A"), STR("")}, {STR("Accept-Language"), STR("de")}};
	static struct header fr[] = {{STR("accept-language"), STR("fr")}, {STR("x-a"), STR("")}};
	static struct header absent[] = {{STR("accept-language"), STR("de")}, {STR("x-a"), {NULL, 0}}};
	static struct header swapped[] = {{STR("accept-language"), STR("")}, {STR("x-a"), STR("de")}};
	static struct header one[] = {{STR("accept-language"), STR("de")}};
	static const struct {
		const char *what;
		struct stored a, b;
		bool same;
	} rows[] = {
#define V(list) {.vary = {.v = list, .n = COUNT_OF(list)}}
	    {"order and case do not count", V(de), V(turned), true},
	    {"another value", V(de), V(fr), false},
	    {"absent is not empty", V(de), V(absent), false},
	    {"values belong to their names", V(de), V(swapped), false},
	    {"one field fewer", V(de), V(one), false},
	    {"none", V(one), {.status = 200}, false},
	    {"nothing varies", {.status = 200}, {.status = 404}, true},
	    {"a part", {.status = 206, .n_runs = 1}, {.status = 200}, false},
	    {"two parts", {.status = 206, .n_runs = 1}, {.status = 206, .n_runs = 2}, true},
#undef V
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char a[FORM_VARIANT + 1], b[FORM_VARIANT + 1];
		form_variant(&rows[i].a, a);
		form_variant(&rows[i].b, b);
		ck_assert_msg((strcmp(a, b) == 0) == rows[i].same, "%s: %s %s", rows[i].what, a, b);
		ck_assert_msg(strlen(a) == FORM_VARIANT && strspn(a, "0123456789abcdef") == FORM_VARIANT, "%s", a);
	}
}
END_TEST

START_TEST(the_name_of_a_variant_is_fixed)
{
	/* It is kept on disk and in Redis: another version must find the same. */
	char name[FORM_VARIANT + 1];
	struct stored s = {.vary = {.v = variant_fields, .n = COUNT_OF(variant_fields)}};
	form_variant(&s, name);
	ck_assert_str_eq(name, "e026fda5f1d46c91");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/form");
	TCase *t = tcase_create("form");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, every_source_of_a_lifetime_comes_back_as_the_static_one);
	tcase_add_test(t, people_can_read_it);
	tcase_add_test(t, times_that_are_endless_become_very_long);
	tcase_add_test(t, a_text_is_added_to_what_the_buffer_has);
	tcase_add_test(t, every_flipped_byte_is_found);
	tcase_add_test(t, every_cut_is_found);
	tcase_add_test(t, what_is_forged_is_refused);
	tcase_add_test(t, no_member_may_be_missing);
	tcase_add_test(t, only_so_many_values_are_read);
	tcase_add_test(t, too_long_a_text_is_neither_written_nor_read);
	tcase_add_test(t, too_many_fields_or_tags_are_not_written);
	tcase_add_test(t, variants_have_names);
	tcase_add_test(t, the_name_of_a_variant_is_fixed);
	suite_add_tcase(s, t);
	return suite_run(s);
}
