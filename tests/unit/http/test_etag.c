#include "suite.h"

#include "base/mem.h"
#include "http/etag.h"

START_TEST(tags_are_read)
{
	static const struct {
		const char *what, *in, *opaque;
		bool weak, valid;
	} rows[] = {
	    {"RFC 9110 8.8.3: strong", "\"xyzzy\"", "\"xyzzy\"", false, true},
	    {"RFC 9110 8.8.3: weak", "W/\"xyzzy\"", "\"xyzzy\"", true, true},
	    {"RFC 9110 8.8.3: empty", "\"\"", "\"\"", false, true},
	    {"RFC 9110 8.8.3: empty and weak", "W/\"\"", "\"\"", true, true},
	    {"RFC 9110 8.8.3: the mark has a case", "w/\"a\"", "w/\"a\"", false, false},
	    {"RFC 9110 8.8.3: commas, backslashes, all visible characters", "\"!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\"",
		"\"!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\"", false, true},
	    {"RFC 9110 8.8.3: bytes above 127", "\"\xc3\xbc\"", "\"\xc3\xbc\"", false, true},
	    {"no quotes", "abc", "abc", false, false},
	    {"no quotes behind the mark", "W/abc", "W/abc", false, false},
	    {"one quote", "\"", "\"", false, false},
	    {"one quote behind the mark", "W/\"", "\"", true, false},
	    {"not closed", "\"a", "\"a", false, false},
	    {"something behind", "\"a\"b", "\"a\"b", false, false},
	    {"a quote within", "\"a\"b\"", "\"a\"b\"", false, false},
	    {"a blank within", "\"a b\"", "\"a b\"", false, false},
	    {"a blank behind the mark", "W/ \"a\"", "W/ \"a\"", false, false},
	    {"single quotes", "'a'", "'a'", false, false},
	    {"nothing", "", "", false, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct etag got = etag_of(str_of(rows[i].in));
		ck_assert_msg(str_eq(got.opaque, str_of(rows[i].opaque)) && got.weak == rows[i].weak &&
				  got.valid == rows[i].valid,
		    "%s: %.*s, weak %d, valid %d", rows[i].what, STR_ARG(got.opaque), got.weak, got.valid);
	}
}
END_TEST

START_TEST(tags_compare)
{
	static const struct {
		const char *what, *a, *b;
		bool strong, weak;
	} rows[] = {
	    {"RFC 9110 8.8.3.2: both weak", "W/\"1\"", "W/\"1\"", false, true},
	    {"RFC 9110 8.8.3.2: both weak and different", "W/\"1\"", "W/\"2\"", false, false},
	    {"RFC 9110 8.8.3.2: one weak", "W/\"1\"", "\"1\"", false, true},
	    {"RFC 9110 8.8.3.2: both strong", "\"1\"", "\"1\"", true, true},
	    {"RFC 9110 8.8.3.2: both strong and different", "\"1\"", "\"2\"", false, false},
	    {"character by character: case", "\"a\"", "\"A\"", false, false},
	    {"character by character: no escapes", "\"a\\b\"", "\"ab\"", false, false},
	    {"empty tags are tags", "\"\"", "\"\"", true, true},
	    {"no tags are not equal", "", "", false, false},
	    {"a tag and none", "\"a\"", "", false, false},
	    {"without quotes: equal to its bytes, but never strong", "abc", "abc", false, true},
	    {"without quotes: not equal to the quoted one", "abc", "\"abc\"", false, false},
	    {"a blank within: equal to its bytes, but never strong", "\"a b\"", "\"a b\"", false, true},
	    {"a mark in lower case is part of the tag", "w/\"a\"", "W/\"a\"", false, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct etag a = etag_of(str_of(rows[i].a)), b = etag_of(str_of(rows[i].b));
		ck_assert_msg(etag_same_strongly(a, b) == rows[i].strong, "%s: strong", rows[i].what);
		ck_assert_msg(etag_same_strongly(b, a) == rows[i].strong, "%s: strong, swapped", rows[i].what);
		ck_assert_msg(etag_same_weakly(a, b) == rows[i].weak, "%s: weak", rows[i].what);
		ck_assert_msg(etag_same_weakly(b, a) == rows[i].weak, "%s: weak, swapped", rows[i].what);
	}
}
END_TEST

START_TEST(lists_are_cut)
{
	static const struct {
		const char *what, *in, *members[5];
	} rows[] = {
	    {"RFC 9110 13.1.2: several", "\"xyzzy\", \"r2d2xxxx\", W/\"c3piozzzz\"",
		{"\"xyzzy\"", "\"r2d2xxxx\"", "W/\"c3piozzzz\""}},
	    {"RFC 9110 5.6.1.2: empty members, blanks and tabs", " ,\t,\"a\" ,, W/\"b\"\t,", {"\"a\"", "W/\"b\""}},
	    {"RFC 9110 8.8.3: a comma in a tag", "\"a,b\",W/\",\"", {"\"a,b\"", "W/\",\""}},
	    {"RFC 9110 8.8.3: a backslash escapes nothing", "\"a\\\",\"b\"", {"\"a\\\"", "\"b\""}},
	    {"no blank between", "\"a\",\"b\"", {"\"a\"", "\"b\""}},
	    {"no comma between is no tag", "\"a\" \"b\", \"c\"", {"\"a\" \"b\"", "\"c\""}},
	    {"something behind the quotes", "\"a\"x,\"b\"", {"\"a\"x", "\"b\""}},
	    {"without quotes", "a, b", {"a", "b"}},
	    {"not closed: up to the comma", "\"a, \"b", {"\"a, \"b"}},
	    {"not closed at the end", "\"a\", \"b", {"\"a\"", "\"b"}},
	    {"the mark alone", "W/, W", {"W/", "W"}},
	    {"*", "*", {"*"}},
	    {"nothing", "", {NULL}},
	    {"commas only", " , ,", {NULL}},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str rest = str_of(rows[i].in);
		struct etag got;
		size_t n = 0;
		for (; etag_next(&rest, &got); n++) {
			ck_assert_msg(rows[i].members[n], "%s: member %zu", rows[i].what, n);
			struct etag want = etag_of(str_of(rows[i].members[n]));
			ck_assert_msg(str_eq(got.opaque, want.opaque) && got.weak == want.weak, "%s: member %zu: %.*s",
			    rows[i].what, n, STR_ARG(got.opaque));
		}
		ck_assert_msg(!rows[i].members[n], "%s: %zu members", rows[i].what, n);
	}
}
END_TEST

START_TEST(fields_are_one_list)
{
	static const struct {
		const char *what, *fields[3], *tag;
		bool has, any;
	} rows[] = {
	    {"one field", {"\"a\", \"b\""}, "\"b\"", true, false},
	    {"the second of two fields", {"\"a\"", "\"b\""}, "\"b\"", true, false},
	    {"by weak comparison", {"W/\"a\""}, "\"a\"", true, false},
	    {"not there", {"\"a\"", "\"b\""}, "\"c\"", false, false},
	    {"no tag is in no list", {"", ","}, "", false, false},
	    {"RFC 9110 13.1.2: * alone is any", {"*"}, "\"a\"", false, true},
	    {"RFC 9110 13.1.2: * in a list is not", {"*, \"a\""}, "\"b\"", false, false},
	    {"but the rest of that list counts", {"*, \"a\""}, "\"a\"", true, false},
	    {"RFC 9110 13.1.2: * and another field is not", {"*", "\"a\""}, "\"b\"", false, false},
	    {"* twice is not", {"*", "*"}, "\"b\"", false, false},
	    {"no field", {NULL}, "\"a\"", false, false},
	};
	struct arena arena;
	arena_init(&arena, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = {.n = 0};
		headers_add(&h, &arena, STR("If-Match"), STR("\"b\", \"c\""));
		for (size_t j = 0; j < COUNT_OF(rows[i].fields) && rows[i].fields[j]; j++)
			headers_add(&h, &arena, STR("if-none-match"), str_of(rows[i].fields[j]));
		bool has = etag_list_has(&h, STR("If-None-Match"), etag_of(str_of(rows[i].tag)));
		ck_assert_msg(has == rows[i].has, "%s: has", rows[i].what);
		ck_assert_msg(etag_list_is_any(&h, STR("If-None-Match")) == rows[i].any, "%s: any", rows[i].what);
	}
	arena_free(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/etag");
	TCase *c = tcase_create("etag");
	suite_add_tcase(s, c);
	tcase_add_test(c, tags_are_read);
	tcase_add_test(c, tags_compare);
	tcase_add_test(c, lists_are_cut);
	tcase_add_test(c, fields_are_one_list);
	return suite_run(s);
}
