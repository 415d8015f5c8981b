/* Whether what comes is the page that is about to be stored: every pair is fed in pieces of several sizes. */
#include "suite.h"

#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "policy/cutter.h"
#include "req/compare.h"

enum { LIMIT = 1 << 22 };

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* With a head that differs from time to time: gzip writes when it was made. */
static struct str gzipped(struct str text, int seconds)
{
	z_stream z = {0};
	gz_header head = {.time = (uLong)seconds};
	size_t n = text.n + 1000;
	char *out = arena_alloc(&arena, n);
	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflateSetHeader(&z, &head), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)text.p;
	z.avail_in = (uInt)text.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)n;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return str_make(out, n - z.avail_out);
}

/* ---- the page that is stored ---- */

struct cutting {
	struct buf text;
	struct hole holes[16];
	unsigned n;
};

static void on_text(void *ctx, struct str bytes)
{
	ck_assert_int_eq(buf_add(&((struct cutting *)ctx)->text, bytes), ERR_OK);
}

static void on_cut(void *ctx, const struct hole *hole, struct str was)
{
	struct cutting *c = ctx;
	ck_assert_uint_lt(c->n, COUNT_OF(c->holes));
	c->holes[c->n++] = *hole;
}

static void on_found(void *ctx, const struct personal_secret *secret)
{
}

/* What two answers have to be cut: a token of the cookie csrf and, where it is not empty, a nonce. */
static struct personal personal_of(const char *token, const char *nonce)
{
	struct personal p = {.values = arena_zalloc(&arena, 2 * sizeof *p.values)};
	if (token[0]) {
		p.values[p.n_values].hole = (struct hole_value){.kind = HOLE_TOKEN, .cookie = STR("csrf")};
		p.values[p.n_values++].text = str_of(token);
	}
	if (nonce[0]) {
		p.values[p.n_values].hole.kind = HOLE_NONCE;
		p.values[p.n_values++].text = str_of(nonce);
	}
	return p;
}

static struct entry *entry_of(struct str body, const struct personal *p, const char *coding)
{
	static const struct cutter_events events = {.text = on_text, .cut = on_cut, .found = on_found};
	struct cutting c = {.n = 0};
	struct headers headers = {0};
	struct stored stored = {.status = 200};
	buf_init(&c.text, LIMIT);
	if (coding[0])
		headers_add(&headers, &arena, STR("Content-Encoding"), str_of(coding));
	if (p->n_values > 0) {
		struct hole_value *values = arena_alloc(&arena, 2 * sizeof *values);
		struct holes *holes = arena_zalloc(&arena, sizeof *holes);
		struct cutter *cutter = cutter_new(p, &events, &c);
		cutter_feed(cutter, body, true);
		cutter_free(&cutter);
		body = buf_str(&c.text);
		for (unsigned i = 0; i < p->n_values; i++)
			values[i] = p->values[i].hole;
		*holes = (struct holes){.values = values, .n_values = p->n_values, .body = c.holes, .n_body = c.n};
		stored.holes = holes;
	}
	/* In small pieces, so that it has many runs. */
	struct body *grown = body_new(-1, NULL, NULL, NULL);
	for (size_t at = 0; at < body.n;) {
		char *to;
		size_t n;
		ck_assert_int_eq(body_space(grown, &to, &n), ERR_OK);
		n = n < body.n - at ? n : body.n - at;
		memcpy(to, body.p + at, n);
		body_filled(grown, n);
		at += n;
	}
	body_end(grown, ERR_OK);
	struct entry_spec spec = {
	    .key = {1, 2, STR("GET http://example.com/")}, .stored = &stored, .headers = &headers};
	struct entry *e;
	ck_assert_int_eq(entry_new(&spec, &grown, NULL, &e), ERR_OK);
	buf_free(&c.text);
	return e;
}

/* ---- comparing ---- */

static bool feed_all(struct compare *c, struct str bytes, size_t piece)
{
	for (; bytes.n > 0; bytes = str_skip(bytes, piece)) {
		if (!compare_feed(c, str_take(bytes, piece)))
			return false;
	}
	return compare_end(c);
}

static const size_t pieces[] = {1, 3, 1000, 1 << 20};

/* Where they part, "" when nowhere; the same for all sizes of pieces. */
static struct str parted(struct entry *e, struct str other, const struct personal *p, const char *coding)
{
	struct str where = STR_NONE;
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		struct compare *c = compare_new(e, p, str_of(coding));
		struct str now = feed_all(c, other, pieces[i]) ? STR("") : compare_where(c, &arena);
		compare_free(&c);
		compare_free(&c); /* NULL by now */
		ck_assert_msg(i == 0 || str_eq(now, where), "by %zu: \"%.*s\", not \"%.*s\"", pieces[i], STR_ARG(now),
		    STR_ARG(where));
		where = now;
	}
	return where;
}

static const struct {
	const char *name, *first, *second, *where;
} plain_rows[] = {
    {"the same page", "<p>Good morning</p>", "<p>Good morning</p>", ""},
    {"nothing at all", "", "", ""},
    {"another name", "<p>Good morning, Ann</p>", "<p>Good morning, Bob</p>",
	"the second one differs at byte 17, behind \"<p>Good morning, \""},
    {"no name", "<p>Good morning, Ann</p>", "<p>Good morning</p>",
	"the second one differs at byte 15, behind \"<p>Good morning\""},
    {"more", "<p>Good", "<p>Good morning</p>", "the second one goes on at byte 7, behind \"<p>Good\""},
    {"less", "<p>Good morning</p>", "<p>Good", "the second one ends at byte 7, behind \"<p>Good\""},
    {"only the second has anything", "", "x", "the second one goes on at byte 0, behind \"\""},
    {"only the first has anything", "x", "", "the second one ends at byte 0, behind \"\""},
    {"what is shown is short", "0123456789012345678901234567890123456789a", "0123456789012345678901234567890123456789b",
	"the second one differs at byte 40, behind \"678901234567890123456789\""},
    {"and can stand in a log",
	"a\r\n\"b\\\x1b\xff"
	"1",
	"a\r\n\"b\\\x1b\xff"
	"2",
	"the second one differs at byte 8, behind \"a...b\\..\""},
};

START_TEST(plain_pages)
{
	struct personal none = {0};
	for (size_t i = 0; i < COUNT_OF(plain_rows); i++) {
		struct entry *e = entry_of(str_of(plain_rows[i].first), &none, "");
		struct str where = parted(e, str_of(plain_rows[i].second), &none, "");
		ck_assert_msg(
		    str_eq(where, str_of(plain_rows[i].where)), "%s: \"%.*s\"", plain_rows[i].name, STR_ARG(where));
		entry_release(&e);
	}
}
END_TEST

#define T1 "0123456789abcdef0123"
#define T2 "fedcba9876543210fedc"
#define N1 "bm9uY2VhYWFhYWFhYWE="
#define N2 "bm9uY+ViYmJiYmJiYmI="

static const struct {
	const char *name, *first, *second, *where;
	const char *token_1, *token_2, *nonce_1, *nonce_2;
} cut_rows[] = {
    {"tokens of one visitor and of another", "<a " T1 "><b " T1 ">", "<a " T2 "><b " T2 ">", "", T1, T2, "", ""},
    {"with nonces", "<a " T1 "><b " N1 ">", "<a " T2 "><b " N2 ">", "", T1, T2, N1, N2},
    {"a page of a token alone", T1, T2, "", T1, T2, "", ""},
    {"how a value is written comes of what it is", "<a bm9uY2VhYWFhYWFhYWE%3D>", "<a bm9uY%2BViYmJiYmJiYmI%3D>", "", "",
	"", N1, N2},
    {"one that stands elsewhere", "<a " T1 "><b>", "<a><b " T2 ">", "the second one differs at byte 2, behind \"<a\"",
	T1, T2, "", ""},
    {"elsewhere in the same text", "xx" T1 "xx", "x" T2 "xxx", "a token stands elsewhere at byte 1, behind \"x\"", T1,
	T2, "", ""},
    {"one more", "<a " T1 ">", "<a " T2 ">" T2, "a token stands elsewhere at byte 4, behind \"<a >\"", T1, T2, "", ""},
    {"one less", "<a " T1 ">" T1, "<a " T2 ">", "a token stands elsewhere at byte 4, behind \"<a >\"", T1, T2, "", ""},
    {"a nonce in the place of a token", "<a " T1 ">" N1, "<a " N2 ">" T2,
	"a token stands elsewhere at byte 3, behind \"<a \"", T1, T2, N1, N2},
    {"the first visitor's token in the second page is a difference", "<a " T1 ">", "<a " T1 ">",
	"the second one differs at byte 3, behind \"<a \"", T1, T2, "", ""},
    {"a second page that has no token to be cut", "<a " T1 ">", "<a " T2 ">",
	"the second one differs at byte 3, behind \"<a \"", T1, "", "", ""},
    {"a first one that has none", "<a>", "<a>" T2, "a token stands elsewhere at byte 3, behind \"<a>\"", "", T2, "",
	""},
    {"a name beside them", "<a " T1 ">Ann", "<a " T2 ">Bob", "the second one differs at byte 4, behind \"<a >\"", T1,
	T2, "", ""},
};

START_TEST(pages_with_holes)
{
	for (size_t i = 0; i < COUNT_OF(cut_rows); i++) {
		struct personal first = personal_of(cut_rows[i].token_1, cut_rows[i].nonce_1);
		struct personal second = personal_of(cut_rows[i].token_2, cut_rows[i].nonce_2);
		struct entry *e = entry_of(str_of(cut_rows[i].first), &first, "");
		struct str where = parted(e, str_of(cut_rows[i].second), &second, "");
		ck_assert_msg(
		    str_eq(where, str_of(cut_rows[i].where)), "%s: \"%.*s\"", cut_rows[i].name, STR_ARG(where));
		entry_release(&e);
	}
}
END_TEST

/* They are the leak guard's, and who fetched the second page has nothing to lose. */
START_TEST(secrets_of_the_second_do_not_matter)
{
	struct personal_secret secret = {.text = STR("0123456789abcdef")};
	struct personal none = {0}, second = {.secrets = &secret, .n_secrets = 1};
	struct entry *e = entry_of(STR("it is 0123456789abcdef"), &none, "");
	ck_assert(str_eq(parted(e, STR("it is 0123456789abcdef"), &second, ""), STR("")));
	entry_release(&e);
}
END_TEST

START_TEST(coded_pages)
{
	struct personal none = {0};
	struct str large = str_make(arena_zalloc(&arena, 200000), 200000), other = large;
	other.p = memcpy(arena_alloc(&arena, large.n), large.p, large.n);
	((char *)(uintptr_t)other.p)[150000] = 'x';
	const struct {
		const char *name;
		struct str first, second;
		const char *coding_1, *coding_2, *where;
	} rows[] = {
	    {"the same text, coded at another time", gzipped(large, 1), gzipped(large, 2), "gzip", "gzip", ""},
	    {"coded and not", gzipped(large, 1), large, "gzip", "", ""},
	    {"not coded and coded", large, gzipped(large, 1), "identity", "GZIP", ""},
	    {"another text", gzipped(large, 1), gzipped(other, 1), "gzip", "gzip",
		"the second one differs at byte 150000, behind \"........................\""},
	    {"an end that is missing", gzipped(large, 1), str_take(gzipped(large, 1), 100), "gzip", "gzip",
		"the coding of the second one is broken"},
	    {"no coding where one is named", gzipped(large, 1), STR("<html>"), "gzip", "gzip",
		"the coding of the second one is broken"},
	    {"a first one that cannot be read", STR("<html>"), gzipped(large, 1), "gzip", "gzip",
		"its coding is broken"},
	    {"a first one that ends early", str_take(gzipped(large, 1), 100), gzipped(large, 1), "gzip", "gzip",
		"its coding is broken"},
	    {"the same bytes in a coding that nobody knows", STR("abc"), STR("abc"), "zstd", "ZSTD", ""},
	    {"others", STR("abc"), STR("abd"), "zstd", "zstd", "the second one differs at byte 2, behind \"ab\""},
	    {"one of two codings that is not known", STR("abc"), STR("abc"), "zstd", "", "their codings are not known"},
	    {"two that are not known", STR("abc"), STR("abc"), "zstd", "compress", "their codings are not known"},
	    {"a bomb is read no further than the page goes", STR("abc"), gzipped(large, 1), "", "gzip",
		"the second one differs at byte 0, behind \"\""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct entry *e = entry_of(rows[i].first, &none, rows[i].coding_1);
		struct str where = parted(e, rows[i].second, &none, rows[i].coding_2);
		ck_assert_msg(str_eq(where, str_of(rows[i].where)), "%s: \"%.*s\"", rows[i].name, STR_ARG(where));
		entry_release(&e);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/compare");
	TCase *c = tcase_create("compare");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, plain_pages);
	tcase_add_test(c, pages_with_holes);
	tcase_add_test(c, secrets_of_the_second_do_not_matter);
	tcase_add_test(c, coded_pages);
	return suite_run(s);
}
