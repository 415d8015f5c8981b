#include "suite.h"

#include "lib/json.h"

START_TEST(what_is_json)
{
	static const struct {
		const char *name, *text;
		bool good;
	} rows[] = {
	    {"a string", "\"a\"", true},
	    {"escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", true},
	    {"a pair of surrogates", "\"\\uD83C\\udf5e\"", true},
	    {"a lone high surrogate", "\"\\ud83c\"", false},
	    {"a lone low surrogate", "\"\\udf5e\"", false},
	    {"a high one and another character", "\"\\ud83c\\u0041\"", false},
	    {"a control", "\"\x1f\"", false},
	    {"an open string", "\"a", false},
	    {"an open escape", "\"\\", false},
	    {"an overlong character", "\"\xc0\x80\"", false},
	    {"above U+10FFFF", "\"\xf4\x90\x80\x80\"", false},
	    {"zero", "0", true},
	    {"minus zero", "-0", true},
	    {"a fraction", "0.25e+3", true},
	    {"a leading zero", "01", false},
	    {"no digits behind the point", "1.", false},
	    {"no digits in the exponent", "1e", false},
	    {"a plus", "+1", false},
	    {"words", "[true, false, null]", true},
	    {"half a word", "tru", false},
	    {"more than a word", "nullx", false},
	    {"nested", "{\"a\": {\"b\": [{}, []]}, \"c\": 1}", true},
	    {"a comma at the end", "[1,]", false},
	    {"a comma at the end of an object", "{\"a\":1,}", false},
	    {"no colon", "{\"a\" 1}", false},
	    {"a name that is no string", "{1: 1}", false},
	    {"the wrong end", "[1}", false},
	    {"two", "1 1", false},
	    {"none", "  ", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str value;
		ck_assert_msg(json_whole(str_of(rows[i].text), &value) == rows[i].good, "%s", rows[i].name);
	}
}
END_TEST

START_TEST(depth_is_limited)
{
	char text[4 * JSON_DEPTH];
	struct str value;
	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	ck_assert(json_whole(str_make(text, 2 * JSON_DEPTH), &value));
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	ck_assert(!json_whole(str_make(text, 2 * JSON_DEPTH + 2), &value));
}
END_TEST

START_TEST(members_and_elements)
{
	struct str whole, value;
	ck_assert(json_whole(STR(" {\"a\" : 1 , \"b\":[ 1, \"x\" ,{}], \"a\": \"last\" } "), &whole));
	ck_assert(json_member(whole, STR("a"), &value) && str_eq(value, STR("\"last\"")));
	ck_assert(json_member(whole, STR("b"), &value) && str_eq(value, STR("[ 1, \"x\" ,{}]")));
	ck_assert(!json_member(whole, STR("c"), &value));
	ck_assert_uint_eq(json_members(whole), 3);
	struct str inside = json_inside(value), element;
	ck_assert(json_next(&inside, &element) && str_eq(element, STR("1")));
	ck_assert(json_next(&inside, &element) && str_eq(element, STR("\"x\"")));
	ck_assert(json_next(&inside, &element) && str_eq(element, STR("{}")));
	ck_assert(!json_next(&inside, &element));
	ck_assert_uint_eq(json_members(STR("{}")), 0);
	ck_assert_uint_eq(json_members(STR("[]")), 0);
	ck_assert(!json_member(STR("[]"), STR("a"), &value));
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *text;
		double number;
	} rows[] = {{"0", 0}, {"-1.5", -1.5}, {"1700000000.123", 1700000000.123}, {"17e8", 1.7e9}, {"1.7E+9", 1.7e9},
	    {"25e-1", 2.5}, {"1e-400", 0}};
	double number;
	int64_t n;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(json_number(str_of(rows[i].text), &number), "%s", rows[i].text);
		ck_assert_msg(
		    number > rows[i].number - 1e-6 && number < rows[i].number + 1e-6, "%s: %f", rows[i].text, number);
	}
	ck_assert(!json_number(STR("1e999"), &number));
	ck_assert(!json_number(STR("null"), &number));
	ck_assert(!json_number(STR("\"1\""), &number));
	ck_assert(json_int(STR("-9223372036854775808"), &n) && n == INT64_MIN);
	ck_assert(json_int(STR("9223372036854775807"), &n) && n == INT64_MAX);
	ck_assert(!json_int(STR("9223372036854775808"), &n));
	ck_assert(!json_int(STR("1.0"), &n) && !json_int(STR("1e2"), &n) && !json_int(STR("\"1\""), &n) &&
		  !json_int(STR(""), &n));
}
END_TEST

START_TEST(strings_there_and_back)
{
	static const struct str rows[] = {
	    STR(""), STR("a\"\\/\b\f\n\r\t\x01z"), STR("\0"), STR("\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\x9e")};
	char coded[256], back[256];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str whole, text = str_make(coded, (size_t)(json_encode(rows[i], coded) - coded));
		ck_assert_uint_eq(text.n, json_encoded(rows[i]));
		ck_assert(json_whole(text, &whole));
		ck_assert(str_eq(str_make(back, (size_t)(json_decode(text, back) - back)), rows[i]));
	}
	ck_assert_uint_eq(json_encoded(STR("\xff")), 0);
	struct str escaped = STR("\"\\u00e9\\ud83c\\udf5e\\u0000\"");
	ck_assert(
	    str_eq(str_make(back, (size_t)(json_decode(escaped, back) - back)), STR("\xc3\xa9\xf0\x9f\x8d\x9e\0")));
}
END_TEST

START_TEST(base64_there_and_back)
{
	static const struct {
		struct str bytes, text;
	} rows[] = {{STR(""), STR("")}, {STR("f"), STR("Zg==")}, {STR("fo"), STR("Zm8=")}, {STR("foo"), STR("Zm9v")},
	    {STR("foobar"), STR("Zm9vYmFy")}, {STR("\xff\xfe\xfd\0"), STR("//79AA==")}};
	static const char *const bad[] = {
	    "Z", "Zg=", "Zg", "====", "Zg==Zg==", "Z===", "Zm=v", "Zm8\n", "Zm9-", "Zm9vno!!"};
	char room[64];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = str_make(room, (size_t)(base64_encode(rows[i].bytes, room) - room));
		ck_assert(str_eq(text, rows[i].text));
		ck_assert_uint_eq(base64_encoded(rows[i].bytes.n), text.n);
		ck_assert_uint_eq(base64_decoded(rows[i].text), rows[i].bytes.n);
		ck_assert(
		    str_eq(str_make(room, (size_t)(base64_decode(text, room) - room)), rows[i].bytes)); /* in place */
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(base64_decoded(str_of(bad[i])) == BASE64_INVALID, "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/json");
	TCase *c = tcase_create("json");
	tcase_add_test(c, what_is_json);
	tcase_add_test(c, depth_is_limited);
	tcase_add_test(c, members_and_elements);
	tcase_add_test(c, numbers);
	tcase_add_test(c, strings_there_and_back);
	tcase_add_test(c, base64_there_and_back);
	suite_add_tcase(s, c);
	return suite_run(s);
}
