#include "suite.h"

#include "base/mem.h"
#include "http/sf.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(numbers)
{
	static const struct {
		const char *what, *in;
		enum sf_type type;
		int64_t out;
	} rows[] = {
	    {"RFC 9651 3.3.1: an integer", "42", SF_INTEGER, 42},
	    {"RFC 9651 3.3.1: zero", "0", SF_INTEGER, 0},
	    {"RFC 9651 3.3.1: signed zero", "-0", SF_INTEGER, 0},
	    {"RFC 9651 3.3.1: zeros in front", "-01", SF_INTEGER, -1},
	    {"RFC 9651 3.3.1: the largest", "999999999999999", SF_INTEGER, 999999999999999},
	    {"RFC 9651 3.3.1: the smallest", "-999999999999999", SF_INTEGER, -999999999999999},
	    {"RFC 9651 4.2.4: 15 digits may be zeros", "000000000000042", SF_INTEGER, 42},
	    {"RFC 9651 3.3.2: a decimal", "4.5", SF_DECIMAL, 4500},
	    {"RFC 9651 3.3.2: zeros in front", "0002.5", SF_DECIMAL, 2500},
	    {"RFC 9651 3.3.2: signed, three digits", "-01.334", SF_DECIMAL, -1334},
	    {"RFC 9651 3.3.2: zeros behind", "5.230", SF_DECIMAL, 5230},
	    {"RFC 9651 3.3.2: below one", "-0.40", SF_DECIMAL, -400},
	    {"RFC 9651 3.3.2: signed zero", "-0.0", SF_DECIMAL, 0},
	    {"RFC 9651 3.3.2: the largest", "999999999999.999", SF_DECIMAL, 999999999999999},
	    {"RFC 9651 3.3.2: the smallest", "-999999999999.999", SF_DECIMAL, -999999999999999},
	    {"RFC 9651 3.3.6: true", "?1", SF_BOOLEAN, 1},
	    {"RFC 9651 3.3.6: false", "?0", SF_BOOLEAN, 0},
	    {"RFC 9651 3.3.7: a date", "@1659578233", SF_DATE, 1659578233},
	    {"RFC 9651 3.3.7: the first day of the year 1", "@-62135596800", SF_DATE, -62135596800},
	    {"RFC 9651 3.3.7: the last day of the year 9999", "@253402214400", SF_DATE, 253402214400},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sf_item item;
		int err = sf_item_read(str_of(rows[i].in), &arena, &item);
		ck_assert_msg(err == 0 && item.bare.type == rows[i].type && item.bare.number == rows[i].out,
		    "%s: %s, type %d, %lld", rows[i].what, err_name(err), (int)item.bare.type,
		    (long long)item.bare.number);
	}
}
END_TEST

START_TEST(texts)
{
	static const struct {
		const char *what;
		struct str in;
		enum sf_type type;
		struct str out;
	} rows[] = {
	    {"RFC 9651 3.3.3: a string", STR("\"hello world\""), SF_STRING, STR("hello world")},
	    {"RFC 9651 3.3.3: an empty one", STR("\"\""), SF_STRING, STR("")},
	    {"RFC 9651 4.2.5: escapes", STR("\"a\\\"b\\\\c\""), SF_STRING, STR("a\"b\\c")},
	    {"RFC 9651 4.2.5: an escape at the end", STR("\"a\\\\\""), SF_STRING, STR("a\\")},
	    {"RFC 9651 3.3.3: commas, semicolons, the first and the last character", STR("\"a,b;c=d ~\""), SF_STRING,
		STR("a,b;c=d ~")},
	    {"RFC 9651 3.3.4: a token", STR("foo123/456"), SF_TOKEN, STR("foo123/456")},
	    {"RFC 9651 4.2.6: upper case and a star", STR("A"), SF_TOKEN, STR("A")},
	    {"RFC 9651 4.2.6: a star in front", STR("*x"), SF_TOKEN, STR("*x")},
	    {"RFC 9651 4.2.6: all other characters", STR("a!#$%&'*+-.^_`|~:/09"), SF_TOKEN,
		STR("a!#$%&'*+-.^_`|~:/09")},
	    {"RFC 9651 3.3.5: bytes", STR(":cHJldGVuZCB0aGlzIGlzIGJpbmFyeSBjb250ZW50Lg==:"), SF_BYTES,
		STR("pretend this is binary content.")},
	    {"RFC 9651 4.2.7: none", STR("::"), SF_BYTES, STR("")},
	    {"RFC 9651 4.2.7: all bits, both signs of the alphabet", STR(":+/8AAA==:"), SF_BYTES,
		STR("\xfb\xff\x00\x00")},
	    {"RFC 9651 4.2.7: no padding of two", STR(":YQ:"), SF_BYTES, STR("a")},
	    {"RFC 9651 4.2.7: no padding of one", STR(":YWI:"), SF_BYTES, STR("ab")},
	    {"RFC 9651 4.2.7: half of the padding", STR(":YQ=:"), SF_BYTES, STR("a")},
	    {"RFC 9651 4.2.7: pad bits that are not zero", STR(":iZ==:"), SF_BYTES, STR("\x89")},
	    {"RFC 9651 3.3.8: a display string", STR("%\"This is intended for display to %c3%bcsers.\""), SF_DISPLAY,
		STR("This is intended for display to \xc3\xbcsers.")},
	    {"RFC 9651 3.3.8: an empty one", STR("%\"\""), SF_DISPLAY, STR("")},
	    {"RFC 9651 4.2.10: a quote, a percent sign, a NUL", STR("%\"%22%25%00\""), SF_DISPLAY, STR("\"%\x00")},
	    {"RFC 9651 4.2.10: a backslash escapes nothing", STR("%\"\\\""), SF_DISPLAY, STR("\\")},
	    {"RFC 3629 4: the largest of each length", STR("%\"%7f%df%bf%ef%bf%bf%f4%8f%bf%bf\""), SF_DISPLAY,
		STR("\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf")},
	    {"RFC 3629 4: the smallest of each length", STR("%\"%c2%80%e0%a0%80%f0%90%80%80\""), SF_DISPLAY,
		STR("\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80")},
	    {"RFC 3629 4: next to the surrogates", STR("%\"%ed%9f%bf%ee%80%80\""), SF_DISPLAY,
		STR("\xed\x9f\xbf\xee\x80\x80")},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sf_item item;
		int err = sf_item_read(rows[i].in, &arena, &item);
		ck_assert_msg(err == 0 && item.bare.type == rows[i].type && str_eq(item.bare.text, rows[i].out),
		    "%s: %s", rows[i].what, err_name(err));
	}
}
END_TEST

START_TEST(what_is_no_item_is_refused)
{
	static const struct {
		const char *what;
		struct str in;
	} rows[] = {
	    {"RFC 9651 4.2.4: a sign alone", STR("-")},
	    {"RFC 9651 4.2.4: two signs", STR("--1")},
	    {"RFC 9651 4.2.4: plus", STR("+1")},
	    {"RFC 9651 4.2.4: a space behind the sign", STR("- 1")},
	    {"RFC 9651 4.2.4: 16 digits", STR("1000000000000000")},
	    {"RFC 9651 4.2.4: 16 digits, zeros in front", STR("0000000000000001")},
	    {"RFC 9651 4.2.4: 16 digits below zero", STR("-1000000000000000")},
	    {"RFC 9651 4.2.4: no digit behind the point", STR("1.")},
	    {"RFC 9651 4.2.4: no digit before the point", STR(".1")},
	    {"RFC 9651 4.2.4: a sign and a point", STR("-.1")},
	    {"RFC 9651 4.2.4: four digits behind the point", STR("1.0000")},
	    {"RFC 9651 4.2.4: 13 digits before the point", STR("1000000000000.0")},
	    {"RFC 9651 4.2.4: two points", STR("1.5.5")},
	    {"RFC 9651 4.2.4: an exponent", STR("1e3")},
	    {"RFC 9651 4.2.4: commas", STR("1,000")},
	    {"RFC 9651 4.2.5: single quotes", STR("'a'")},
	    {"RFC 9651 4.2.5: not closed", STR("\"a")},
	    {"RFC 9651 4.2.5: not closed, empty", STR("\"")},
	    {"RFC 9651 4.2.5: an escape at the end", STR("\"a\\")},
	    {"RFC 9651 4.2.5: the closing quote escaped", STR("\"a\\\"")},
	    {"RFC 9651 3.3.3: another character escaped", STR("\"\\a\"")},
	    {"RFC 9651 4.2.5: a tab", STR("\"a\tb\"")},
	    {"RFC 9651 4.2.5: a line feed", STR("\"a\nb\"")},
	    {"RFC 9651 4.2.5: NUL", STR("\"a\0b\"")},
	    {"RFC 9651 4.2.5: DEL", STR("\"a\x7f\"")},
	    {"RFC 9651 4.2.5: bytes above 127", STR("\"\xc3\xbc\"")},
	    {"RFC 9651 4.2.5: something behind", STR("\"a\"b")},
	    {"RFC 9651 4.2.6: another character in front", STR("!a")},
	    {"RFC 9651 4.2.6: parentheses", STR("a(b)")},
	    {"RFC 9651 4.2.6: bytes above 127", STR("\xc3\xbc")},
	    {"RFC 9651 4.2.7: not closed", STR(":YQ==")},
	    {"RFC 9651 4.2.7: not closed, empty", STR(":")},
	    {"RFC 9651 4.2.7: one digit is no byte", STR(":Y:")},
	    {"RFC 9651 4.2.7: five digits", STR(":YWJjZ:")},
	    {"RFC 4648 3.2: padding alone", STR(":=:")},
	    {"RFC 4648 3.2: too much padding", STR(":YQ===:")},
	    {"RFC 4648 3.2: padding of nothing", STR(":YWJj=:")},
	    {"RFC 4648 3.3: padding within", STR(":YQ==YQ==:")},
	    {"RFC 9651 4.2.7: a space", STR(":YW Jj:")},
	    {"RFC 9651 4.2.7: a line feed", STR(":YW\nJj:")},
	    {"RFC 9651 4.2.7: base64url", STR(":_-Ah:")},
	    {"RFC 9651 4.2.8: a question mark alone", STR("?")},
	    {"RFC 9651 4.2.8: two", STR("?2")},
	    {"RFC 9651 4.2.8: a letter", STR("?T")},
	    {"RFC 9651 4.2.8: two digits", STR("?10")},
	    {"RFC 9651 4.2.9: no number", STR("@")},
	    {"RFC 9651 4.2.9: a decimal", STR("@1.5")},
	    {"RFC 9651 4.2.9: a string", STR("@\"1\"")},
	    {"RFC 9651 4.2.9: 16 digits", STR("@1000000000000000")},
	    {"RFC 9651 4.2.10: no quote", STR("%")},
	    {"RFC 9651 4.2.10: another quote", STR("%'a'")},
	    {"RFC 9651 4.2.10: not closed", STR("%\"a")},
	    {"RFC 9651 4.2.10: not closed, empty", STR("%\"")},
	    {"RFC 9651 4.2.10: upper case digits", STR("%\"%C3%BC\"")},
	    {"RFC 9651 4.2.10: no digits", STR("%\"%zz\"")},
	    {"RFC 9651 4.2.10: one digit", STR("%\"%2\"")},
	    {"RFC 9651 4.2.10: a percent sign at the end", STR("%\"%\"")},
	    {"RFC 9651 4.2.10: a tab", STR("%\"\t\"")},
	    {"RFC 9651 4.2.10: bytes above 127", STR("%\"\xc3\xbc\"")},
	    {"RFC 3629 4: a continuation alone", STR("%\"%80\"")},
	    {"RFC 3629 4: cut short", STR("%\"%e2%82\"")},
	    {"RFC 3629 4: no continuation", STR("%\"%e2%82a\"")},
	    {"RFC 3629 4: overlong, two bytes", STR("%\"%c1%bf\"")},
	    {"RFC 3629 4: overlong, three bytes", STR("%\"%e0%9f%bf\"")},
	    {"RFC 3629 4: overlong, four bytes", STR("%\"%f0%8f%bf%bf\"")},
	    {"RFC 3629 3: a surrogate", STR("%\"%ed%a0%80\"")},
	    {"RFC 3629 3: beyond U+10FFFF", STR("%\"%f4%90%80%80\"")},
	    {"RFC 3629 3: a first byte that is none", STR("%\"%f5%80%80%80\"")},
	    {"RFC 9651 4.2.3.1: no type", STR("&")},
	    {"RFC 9651 4.2.3.1: NUL", STR("\0")},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sf_item item;
		ck_assert_msg(sf_item_read(rows[i].in, &arena, &item) == ERR_INVALID, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(bytes_that_stand_for_themselves_are_not_copied)
{
	struct str field = STR("\"plain\"");
	struct sf_item item;
	ck_assert_int_eq(sf_item_read(field, &arena, &item), 0);
	ck_assert_ptr_eq(item.bare.text.p, field.p + 1);
	ck_assert_uint_eq(arena.used, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/sf_bare");
	TCase *c = tcase_create("sf_bare");
	tcase_add_checked_fixture(c, setup, teardown);
	suite_add_tcase(s, c);
	tcase_add_test(c, numbers);
	tcase_add_test(c, texts);
	tcase_add_test(c, what_is_no_item_is_refused);
	tcase_add_test(c, bytes_that_stand_for_themselves_are_not_copied);
	return suite_run(s);
}
