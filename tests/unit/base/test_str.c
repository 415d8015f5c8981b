#include "suite.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

START_TEST(case_is_ignored_for_ascii_letters_only)
{
	/* Every pair of bytes, at each place of strings long enough for whole words and for their tails. */
	for (int x = 0; x < 256; x++) {
		for (int y = 0; y < 256; y++) {
			bool letter = (x >= 'A' && x <= 'Z') || (x >= 'a' && x <= 'z');
			bool same = x == y || (letter && (x ^ y) == 0x20);
			for (size_t n = 1; n <= 17; n += 4) {
				char a[17], b[17];
				memset(a, 'k', sizeof(a));
				memset(b, 'K', sizeof(b));
				a[n / 2] = (char)x;
				b[n / 2] = (char)y;
				if (str_eq_nocase(str_make(a, n), str_make(b, n)) != same)
					ck_abort_msg("%02x %02x %zu", (unsigned)x, (unsigned)y, n);
			}
		}
	}
	ck_assert(str_eq_nocase(STR_NONE, STR("")));
	ck_assert(!str_eq_nocase(STR("a"), STR("ab")));
}
END_TEST

START_TEST(equality_and_order)
{
	static const struct {
		const char *what;
		struct str a, b;
		int order;
	} rows[] = {
	    {"equal", STR("abc"), STR("abc"), 0},
	    {"a prefix is smaller", STR("ab"), STR("abc"), -1},
	    {"bytes are unsigned", STR("\xff"), STR("a"), 1},
	    {"NUL counts", STR("a\0b"), STR("a\0c"), -1},
	    {"none is empty", STR_NONE, STR(""), 0},
	    {"none before all", STR_NONE, STR("a"), -1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int order = str_compare(rows[i].a, rows[i].b), back = str_compare(rows[i].b, rows[i].a);
		ck_assert_msg((order > 0) - (order < 0) == rows[i].order, "%s", rows[i].what);
		ck_assert_msg((back > 0) - (back < 0) == -rows[i].order, "%s, turned round", rows[i].what);
		ck_assert_msg(str_eq(rows[i].a, rows[i].b) == (rows[i].order == 0), "%s, equality", rows[i].what);
	}
}
END_TEST

START_TEST(starts_and_ends)
{
	ck_assert(str_starts(STR("abc"), STR("ab")));
	ck_assert(str_starts(STR("abc"), STR("")));
	ck_assert(str_starts(STR_NONE, STR_NONE));
	ck_assert(!str_starts(STR("abc"), STR("AB")));
	ck_assert(!str_starts(STR("ab"), STR("abc")));
	ck_assert(str_starts_nocase(STR("abc"), STR("AB")));
	ck_assert(!str_starts_nocase(STR("a"), STR("AB")));
	ck_assert(str_ends(STR("abc"), STR("bc")));
	ck_assert(str_ends(STR("abc"), STR("")));
	ck_assert(!str_ends(STR("bc"), STR("abc")));
	ck_assert(!str_ends(STR("abc"), STR("ab")));
}
END_TEST

START_TEST(searching)
{
	static const struct {
		const char *what;
		struct str s, needle;
		size_t at, at_nocase;
	} rows[] = {
	    {"in the middle", STR("one two"), STR("two"), 4, 4},
	    {"not there", STR("one two"), STR("three"), 7, 7},
	    {"only without case", STR("one TWO"), STR("two"), 7, 4},
	    {"longer than all", STR("on"), STR("one"), 2, 2},
	    {"the whole", STR("one"), STR("one"), 0, 0},
	    {"the empty needle is everywhere", STR("one"), STR(""), 0, 0},
	    {"nothing in nothing", STR_NONE, STR(""), 0, 0},
	    {"something in nothing", STR_NONE, STR("a"), 0, 0},
	    {"the first of two", STR("xaya"), STR("a"), 1, 1},
	    {"behind a false start", STR("aab"), STR("ab"), 1, 1},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(str_find(rows[i].s, rows[i].needle) == rows[i].at, "%s", rows[i].what);
		ck_assert_msg(
		    str_find_nocase(rows[i].s, rows[i].needle) == rows[i].at_nocase, "%s, no case", rows[i].what);
	}
	ck_assert_uint_eq(str_index(STR("a?b?"), '?'), 1);
	ck_assert_uint_eq(str_index(STR("ab"), '?'), 2);
	ck_assert_uint_eq(str_index(STR_NONE, '?'), 0);
}
END_TEST

START_TEST(taking_skipping_and_trimming)
{
	ck_assert(str_eq(str_take(STR("abc"), 2), STR("ab")));
	ck_assert(str_eq(str_take(STR("abc"), 9), STR("abc")));
	ck_assert(str_eq(str_skip(STR("abc"), 2), STR("c")));
	ck_assert(str_eq(str_skip(STR("abc"), 9), STR("")));
	ck_assert_ptr_null(str_skip(STR_NONE, 1).p);
	ck_assert(str_eq(str_trim(STR(" \t a b \t")), STR("a b")));
	ck_assert(str_eq(str_trim(STR(" \t ")), STR("")));
	ck_assert_msg(str_trim(STR("a\r")).n == 2, "CR is no blank");
	ck_assert_uint_eq(str_trim(STR_NONE).n, 0);
}
END_TEST

START_TEST(cutting)
{
	static const struct {
		struct str in;
		const char *parts; /* each in brackets */
	} rows[] = {
	    {STR("a,b,c"), "[a][b][c]"},
	    {STR("a,,b"), "[a][][b]"},
	    {STR("a,"), "[a][]"},
	    {STR(","), "[][]"},
	    {STR(""), "[]"},
	    {STR_NONE, ""},
	    {STR(" a , b "), "[ a ][ b ]"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char got[64] = "";
		size_t n = 0;
		struct str rest = rows[i].in, part;
		while (str_cut(&rest, ',', &part))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "[%.*s]", STR_ARG(part));
		ck_assert_str_eq(got, rows[i].parts);
		ck_assert_ptr_null(rest.p);
	}
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *what;
		struct str in;
		uint64_t max;
		int err;
		uint64_t out;
	} rows[] = {
	    {"zero", STR("0"), 10, 0, 0},
	    {"leading zeros", STR("00000000000000000000000007"), 7, 0, 7},
	    {"the maximum", STR("65535"), 65535, 0, 65535},
	    {"one above the maximum", STR("65536"), 65535, ERR_TOO_LARGE, 0},
	    {"the largest of all", STR("18446744073709551615"), UINT64_MAX, 0, UINT64_MAX},
	    {"one above it", STR("18446744073709551616"), UINT64_MAX, ERR_TOO_LARGE, 0},
	    {"far above it", STR("99999999999999999999999999"), UINT64_MAX, ERR_TOO_LARGE, 0},
	    {"a digit above a small maximum", STR("7"), 5, ERR_TOO_LARGE, 0},
	    {"a small maximum of zero", STR("0"), 0, 0, 0},
	    {"nothing", STR(""), 10, ERR_INVALID, 0},
	    {"a sign", STR("+5"), 10, ERR_INVALID, 0},
	    {"a minus", STR("-5"), 10, ERR_INVALID, 0},
	    {"a blank", STR(" 5"), 10, ERR_INVALID, 0},
	    {"hexadecimal", STR("0x5"), 10, ERR_INVALID, 0},
	    {"a letter behind a large number", STR("99999999999999999999999999x"), 10, ERR_INVALID, 0},
	    {"above the digits in ASCII", STR("1:"), 100, ERR_INVALID, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t out = 0;
		int err = str_to_u64(rows[i].in, rows[i].max, &out);
		ck_assert_msg(err == rows[i].err && out == rows[i].out, "%s: %s, %llu", rows[i].what, err_name(err),
		    (unsigned long long)out);
	}
}
END_TEST

START_TEST(distances)
{
	static const struct {
		struct str a, b;
		unsigned distance;
	} rows[] = {
	    {STR("ttl"), STR("ttl"), 0},
	    {STR("tll"), STR("ttl"), 1},
	    {STR("tlt"), STR("ttl"), 1},
	    {STR("lisetn"), STR("listen"), 1},
	    {STR("listn"), STR("listen"), 1},
	    {STR("kitten"), STR("sitting"), 3},
	    {STR(""), STR("abc"), 3},
	    {STR_NONE, STR_NONE, 0},
	    {STR("abcd"), STR("dcba"), 3},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(str_distance(rows[i].a, rows[i].b) == rows[i].distance, "%.*s %.*s", STR_ARG(rows[i].a),
		    STR_ARG(rows[i].b));
		ck_assert_uint_eq(str_distance(rows[i].b, rows[i].a), rows[i].distance);
	}
	char x[100], y[100];
	memset(x, 'x', sizeof(x));
	memset(y, 'y', sizeof(y));
	ck_assert_uint_eq(str_distance(str_make(x, 100), str_make(y, 100)), 64);
}
END_TEST

START_TEST(hexadecimal_digits)
{
	static const char digits[] = "0123456789abcdef";
	for (int c = 0; c < 256; c++) {
		int lower = c >= 'A' && c <= 'F' ? c | 0x20 : c;
		const char *at = c != 0 ? strchr(digits, lower) : NULL;
		ck_assert_int_eq(char_hex((char)c), at ? (int)(at - digits) : -1);
	}
}
END_TEST

START_TEST(numbers_are_written)
{
	static const struct {
		int64_t v;
		const char *text;
	} rows[] = {{0, "0"}, {7, "7"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"},
	    {INT64_MIN, "-9223372036854775808"}};
	char text[STR_I64_MAX + 1];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		*str_put_i64(text, rows[i].v) = '\0';
		ck_assert_str_eq(text, rows[i].text);
	}
	*str_put_u64(text, UINT64_MAX) = '\0';
	ck_assert_str_eq(text, "18446744073709551615");
	*str_put_hex(text, 0x12abcdef, 8) = '\0';
	ck_assert_str_eq(text, "12abcdef");
	*str_put_hex(text, 0xf5, 4) = '\0';
	ck_assert_str_eq(text, "00f5");
}
END_TEST

START_TEST(utf8_sequences)
{
	static const struct {
		const char *what;
		struct str in;
		size_t n;
	} rows[] = {
	    {"nothing", STR(""), 0},
	    {"ASCII", STR("ab"), 1},
	    {"NUL", STR("\0"), 1},
	    {"two bytes", STR("\xc3\xa4x"), 2},
	    {"three bytes", STR("\xe2\x82\xac"), 3},
	    {"four bytes", STR("\xf0\x9f\x98\x80"), 4},
	    {"the last there is", STR("\xf4\x8f\xbf\xbf"), 4},
	    {"cut", STR("\xe2\x82"), 0},
	    {"a byte that continues", STR("\x80"), 0},
	    {"Latin 1", STR("\xe4x"), 0},
	    {"an overlong slash", STR("\xc0\xaf"), 0},
	    {"overlong in three", STR("\xe0\x9f\xbf"), 0},
	    {"overlong in four", STR("\xf0\x8f\xbf\xbf"), 0},
	    {"a surrogate", STR("\xed\xa0\x80"), 0},
	    {"beyond the last", STR("\xf4\x90\x80\x80"), 0},
	    {"a bad third byte", STR("\xe2\x82x"), 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(str_utf8(rows[i].in) == rows[i].n, "%s", rows[i].what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/str");
	TCase *c = tcase_create("str");
	suite_add_tcase(s, c);
	tcase_add_test(c, case_is_ignored_for_ascii_letters_only);
	tcase_add_test(c, equality_and_order);
	tcase_add_test(c, starts_and_ends);
	tcase_add_test(c, searching);
	tcase_add_test(c, taking_skipping_and_trimming);
	tcase_add_test(c, cutting);
	tcase_add_test(c, numbers);
	tcase_add_test(c, distances);
	tcase_add_test(c, hexadecimal_digits);
	tcase_add_test(c, numbers_are_written);
	tcase_add_test(c, utf8_sequences);
	return suite_run(s);
}
