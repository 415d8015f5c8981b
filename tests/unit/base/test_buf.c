#include "suite.h"

#include "base/buf.h"
#include "base/mem.h"

static void assert_holds(const char *what, const struct buf *b, struct str wanted)
{
	ck_assert_msg(str_eq(buf_str(b), wanted), "%s: got \"%.*s\"", what, STR_ARG(buf_str(b)));
}

START_TEST(writes_follow_one_another)
{
	struct buf b;
	buf_init(&b, 1000);
	ck_assert_int_eq(buf_add(&b, STR("ab")), 0);
	ck_assert_int_eq(buf_add(&b, STR_NONE), 0);
	ck_assert_int_eq(buf_addc(&b, 'c'), 0);
	ck_assert_int_eq(buf_add_u64(&b, 0), 0);
	ck_assert_int_eq(buf_add_u64(&b, UINT64_MAX), 0);
	ck_assert_int_eq(buf_addf(&b, "-%s-%d", "x", -5), 0);
	assert_holds("all writes", &b, STR("abc018446744073709551615-x--5"));
	buf_free(&b);
}
END_TEST

START_TEST(it_grows_to_its_maximum_and_not_beyond)
{
	struct buf b;
	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buf_addc(&b, 'x'), 0);
	ck_assert(!b.overflow);
	ck_assert_int_eq(buf_addc(&b, 'y'), ERR_TOO_LARGE);
	ck_assert(b.overflow);
	ck_assert_uint_eq(b.n, 1000);
	ck_assert_uint_le(b.cap, 1000);
	buf_free(&b);
}
END_TEST

START_TEST(a_refused_write_changes_nothing_and_refuses_the_rest)
{
	struct buf b;
	buf_init(&b, 8);
	buf_add(&b, STR("1234"));
	ck_assert_int_eq(buf_add(&b, STR("too long")), ERR_TOO_LARGE);
	ck_assert_int_eq(buf_add(&b, STR("5")), ERR_TOO_LARGE);
	ck_assert_int_eq(buf_addf(&b, "%d", 5), ERR_TOO_LARGE);
	ck_assert_int_eq(buf_add_json(&b, STR("5")), ERR_TOO_LARGE);
	assert_holds("after refused writes", &b, STR("1234"));
	buf_reset(&b);
	ck_assert(!b.overflow);
	ck_assert_int_eq(buf_addf(&b, "%s", "12345678"), 0);
	ck_assert_int_eq(buf_addf(&b, "%s", "9"), ERR_TOO_LARGE);
	assert_holds("a format that fits to the byte", &b, STR("12345678"));
	buf_free(&b);
}
END_TEST

START_TEST(a_format_longer_than_the_room_is_written_whole)
{
	struct buf b;
	buf_init(&b, 100000);
	ck_assert_int_eq(buf_addf(&b, "%0500d|", 0), 0);
	ck_assert_int_eq(buf_addf(&b, "%05000d|", 0), 0);
	ck_assert_uint_eq(b.n, 5502);
	ck_assert_int_eq(b.p[5501], '|');
	buf_free(&b);
}
END_TEST

START_TEST(json_escapes)
{
	static const struct {
		const char *what;
		struct str in, out;
	} rows[] = {
	    {"plain text stays", STR("plain /text"), STR("plain /text")},
	    {"quote and backslash", STR("a\"b\\"), STR("a\\\"b\\\\")},
	    {"short escapes", STR("\n\r\t"), STR("\\n\\r\\t")},
	    {"control characters", STR("\x01\x1f\x7f"), STR("\\u0001\\u001f\\u007f")},
	    {"NUL", STR("a\0b"), STR("a\\u0000b")},
	    {"two bytes of UTF-8 stay", STR("\xc3\xa9"), STR("\xc3\xa9")},
	    {"three bytes stay", STR("\xe2\x82\xac"), STR("\xe2\x82\xac")},
	    {"four bytes stay", STR("\xf0\x9f\x98\x80"), STR("\xf0\x9f\x98\x80")},
	    {"a lone continuation byte", STR("\x80z"), STR("\\u0080z")},
	    {"a cut sequence", STR("\xe2\x82"), STR("\\u00e2\\u0082")},
	    {"an overlong form", STR("\xc0\xaf"), STR("\\u00c0\\u00af")},
	    {"an overlong three-byte form", STR("\xe0\x80\xaf"), STR("\\u00e0\\u0080\\u00af")},
	    {"a surrogate", STR("\xed\xa0\x80"), STR("\\u00ed\\u00a0\\u0080")},
	    {"above U+10FFFF", STR("\xf4\x90\x80\x80"), STR("\\u00f4\\u0090\\u0080\\u0080")},
	    {"Latin-1", STR("caf\xe9"), STR("caf\\u00e9")},
	    {"nothing", STR(""), STR("")},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b;
		buf_init(&b, 1000);
		ck_assert_int_eq(buf_add_json(&b, rows[i].in), 0);
		assert_holds(rows[i].what, &b, rows[i].out);
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_json_string_that_does_not_fit_adds_nothing)
{
	struct buf b;
	buf_init(&b, 10);
	buf_add(&b, STR("ab"));
	ck_assert_int_eq(buf_add_json(&b, STR("cd\ncd\ncd\n")), ERR_TOO_LARGE);
	assert_holds("after the refused string", &b, STR("ab"));
	buf_free(&b);
}
END_TEST

START_TEST(reserve_and_consume_serve_a_reader)
{
	struct buf b;
	buf_init(&b, 600);
	ck_assert_int_eq(buf_reserve(&b, 600), 0);
	memset(b.p, 'a', 300);
	memset(b.p + 300, 'b', 300);
	b.n = 600;
	ck_assert_int_eq(buf_reserve(&b, 1), ERR_TOO_LARGE);
	ck_assert_msg(!b.overflow, "a refused reservation is not an overflow");
	buf_consume(&b, 0);
	ck_assert_uint_eq(b.n, 600);
	buf_consume(&b, 300);
	ck_assert_uint_eq(b.n, 300);
	ck_assert_int_eq(b.p[0], 'b');
	ck_assert_int_eq(buf_reserve(&b, 300), 0);
	buf_consume(&b, 300);
	ck_assert_uint_eq(b.n, 0);
	buf_free(&b);
	ck_assert_msg(b.max == 600, "a freed buffer keeps its maximum");
	ck_assert_int_eq(buf_reserve(&b, 0), 0);
	ck_assert_ptr_nonnull(b.p);
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/buf");
	TCase *c = tcase_create("buf");
	suite_add_tcase(s, c);
	tcase_add_test(c, writes_follow_one_another);
	tcase_add_test(c, it_grows_to_its_maximum_and_not_beyond);
	tcase_add_test(c, a_refused_write_changes_nothing_and_refuses_the_rest);
	tcase_add_test(c, a_format_longer_than_the_room_is_written_whole);
	tcase_add_test(c, json_escapes);
	tcase_add_test(c, a_json_string_that_does_not_fit_adds_nothing);
	tcase_add_test(c, reserve_and_consume_serve_a_reader);
	return suite_run(s);
}
