#include "suite.h"

#include "base/mem.h"
#include "http/cookie.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* One field a line of `lines`, each of them a Cookie field unless it has a ':'. */
static struct headers request_of(const char *const *lines, size_t n)
{
	struct headers h = {0};
	for (size_t i = 0; i < n && lines[i]; i++) {
		struct str line = str_of(lines[i]);
		size_t colon = str_index(line, ':');
		if (colon < line.n)
			headers_add(&h, &arena, str_take(line, colon), str_trim(str_skip(line, colon + 1)));
		else
			headers_add(&h, &arena, STR("cookie"), line);
	}
	return h;
}

START_TEST(cookies_are_walked)
{
	static const struct {
		const char *what, *lines[3], *cookies;
	} rows[] = {
	    {"RFC 6265 4.2.1: pairs", {"SID=31d4d96e; lang=en-US"}, "[SID|31d4d96e][lang|en-US]"},
	    {"several fields (RFC 9113 8.2.3)", {"a=1", "Accept: x=y", "b=2; c=3"}, "[a|1][b|2][c|3]"},
	    {"another field first", {"Host: a=b", "a=1"}, "[a|1]"},
	    {"no cookies", {"Host: a=b"}, ""},
	    {"an empty field", {"Cookie:", "a=1"}, "[a|1]"},
	    {"what has no '=' is passed by", {"a; b=1; c"}, "[b|1]"},
	    {"nothing between semicolons", {";; a=1;;"}, "[a|1]"},
	    {"blanks around", {" a = 1 ;\tb\t=\t2"}, "[a|1][b|2]"},
	    {"quotes stay", {"a=\"x y\""}, "[a|\"x y\"]"},
	    {"a quote does not hide a semicolon", {"a=\"x; b=y\""}, "[a|\"x][b|y\"]"},
	    {"more '=' are of the value", {"a=b=c=="}, "[a|b=c==]"},
	    {"an empty value", {"a=; b="}, "[a|][b|]"},
	    {"an empty name", {"=x; a=1"}, "[|x][a|1]"},
	    {"a comma is of the value", {"a=1, b=2"}, "[a|1, b=2]"},
	    {"markup, bytes above 127", {"a=<b>\xc3\xa4"}, "[a|<b>\xc3\xa4]"},
	    {"the same name again", {"a=1; a=2"}, "[a|1][a|2]"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = request_of(rows[i].lines, COUNT_OF(rows[i].lines));
		struct str text = STR(""), rest = STR_NONE, name, value;
		uint32_t field = 0;
		while (cookie_next(&h, &field, &rest, &name, &value))
			text = arena_printf(&arena, "%.*s[%.*s|%.*s]", STR_ARG(text), STR_ARG(name), STR_ARG(value));
		ck_assert_msg(str_eq(text, str_of(rows[i].cookies)), "%s: %.*s", rows[i].what, STR_ARG(text));
		ck_assert_msg(!cookie_next(&h, &field, &rest, &name, &value), "%s: ends once", rows[i].what);
	}
}
END_TEST

START_TEST(parts_are_walked)
{
	static const char *const lines[] = {" a=1 ;b;; c", "Host: d=4", ";", "e=5"};
	struct headers h = request_of(lines, COUNT_OF(lines));
	struct str text = STR(""), rest = STR_NONE, part;
	uint32_t field = 0;
	while (cookie_next_part(&h, &field, &rest, &part))
		text = arena_printf(&arena, "%.*s[%.*s]", STR_ARG(text), STR_ARG(part));
	ck_assert_str_eq(text.p, "[a=1][b][c][e=5]");
}
END_TEST

START_TEST(cookies_are_found)
{
	static const struct {
		const char *what, *lines[3], *name;
		unsigned n;
		const char *value;
	} rows[] = {
	    {"one", {"a=1; b=2"}, "b", 1, "2"},
	    {"none", {"a=1; b=2"}, "c", 0, NULL},
	    {"the first of two", {"a=1; a=2"}, "a", 2, "1"},
	    {"the first of two fields", {"b=0; a=1", "a=2"}, "a", 2, "1"},
	    {"an empty first one", {"a=; a=2"}, "a", 2, ""},
	    {"names have a case", {"A=1"}, "a", 0, NULL},
	    {"not within another's name", {"xa=1; ax=2"}, "a", 0, NULL},
	    {"not within another's value", {"x=a=1"}, "a", 0, NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = request_of(rows[i].lines, COUNT_OF(rows[i].lines));
		struct str value = STR("untouched");
		unsigned n = cookie_find(&h, str_of(rows[i].name), &value);
		ck_assert_msg(n == rows[i].n, "%s: %u", rows[i].what, n);
		ck_assert_msg(str_eq(value, str_of(rows[i].value)) && (value.p != NULL) == (rows[i].value != NULL),
		    "%s: %.*s", rows[i].what, STR_ARG(value));
	}
}
END_TEST

START_TEST(set_cookies_are_read)
{
	static const struct {
		const char *what, *field;
		bool ok;
		const char *name, *value, *attributes;
	} rows[] = {
	    {"RFC 6265 5.2: a pair alone", "SID=31d4", true, "SID", "31d4", ""},
	    {"RFC 6265 5.2: attributes", "SID=31d4; Path=/; HttpOnly", true, "SID", "31d4", "; Path=/; HttpOnly"},
	    {"a ';' and nothing", "a=b;", true, "a", "b", ";"},
	    {"RFC 6265 5.2: blanks around", " a\t= b  ;Path=/", true, "a", "b", ";Path=/"},
	    {"more '=' are of the value", "a=b==; Path=/", true, "a", "b==", "; Path=/"},
	    {"quotes stay", "a=\"b\"; Path=/", true, "a", "\"b\"", "; Path=/"},
	    {"an empty value", "a=; Max-Age=0", true, "a", "", "; Max-Age=0"},
	    {"RFC 6265 5.2: no '='", "abc; Path=/", false, "", "", ""},
	    {"the '=' of an attribute is none", "abc; Path=/", false, "", "", ""},
	    {"RFC 6265 5.2: no name", "=b; Path=/", false, "", "", ""},
	    {"nothing", "", false, "", "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct set_cookie c;
		bool ok = set_cookie_read(str_of(rows[i].field), &c);
		ck_assert_msg(ok == rows[i].ok, "%s", rows[i].what);
		if (ok)
			ck_assert_msg(str_eq(c.name, str_of(rows[i].name)) && str_eq(c.value, str_of(rows[i].value)) &&
					  str_eq(c.attributes, str_of(rows[i].attributes)),
			    "%s: %.*s|%.*s|%.*s", rows[i].what, STR_ARG(c.name), STR_ARG(c.value),
			    STR_ARG(c.attributes));
	}
}
END_TEST

START_TEST(attributes_are_found)
{
	static const struct {
		const char *what, *field, *name, *value; /* NULL: not there */
	} rows[] = {
	    {"with a value", "a=b; Path=/x; Max-Age=60", "Max-Age", "60"},
	    {"the first", "a=b; Path=/x; Max-Age=60", "Path", "/x"},
	    {"RFC 6265 5.2: without case", "a=b; PATH=/x", "Path", "/x"},
	    {"without a value", "a=b; Secure; HttpOnly", "HttpOnly", ""},
	    {"blanks around", "a=b ;  Path = /x  ; Secure", "Path", "/x"},
	    {"no blank", "a=b;Path=/x;Secure", "Path", "/x"},
	    {"RFC 6265 5.3: the last counts", "a=b; Path=/x; Path=/y", "Path", "/y"},
	    {"more '=' are of the value", "a=b; Path=/x=y", "Path", "/x=y"},
	    {"not there", "a=b; Path=/x", "Domain", NULL},
	    {"not within another's name", "a=b; XPath=/x", "Path", NULL},
	    {"the pair is none", "Path=b", "Path", NULL},
	    {"the pair is none, with others", "Path=b; Secure", "Path", NULL},
	    {"a ';' and nothing", "a=b;", "Path", NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct set_cookie c;
		struct str value = STR_NONE;
		ck_assert_msg(set_cookie_read(str_of(rows[i].field), &c), "%s", rows[i].what);
		bool found = set_cookie_attribute(&c, str_of(rows[i].name), &value);
		ck_assert_msg(found == (rows[i].value != NULL), "%s", rows[i].what);
		if (found)
			ck_assert_msg(str_eq(value, str_of(rows[i].value)), "%s: %.*s", rows[i].what, STR_ARG(value));
	}
}
END_TEST

#define NOW_S 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */

START_TEST(lives_are_told)
{
	static const struct {
		const char *what, *field;
		bool has;
		int64_t life_s;
	} rows[] = {
	    {"neither: as long as the browser is open", "a=b; Path=/", false, 0},
	    {"RFC 6265 5.2.2: Max-Age", "a=b; Max-Age=60", true, 60},
	    {"RFC 6265 5.2.2: a Max-Age of nothing", "a=b; Max-Age=0", true, 0},
	    {"RFC 6265 5.2.2: a negative one is over", "a=b; Max-Age=-5", true, -1},
	    {"one beyond all numbers is long", "a=b; Max-Age=99999999999999999999", true, INT32_MAX},
	    {"a negative one beyond all numbers is over", "a=b; Max-Age=-99999999999999999999", true, -1},
	    {"RFC 6265 5.2.2: what is no number is no Max-Age", "a=b; Max-Age=1h", false, 0},
	    {"an empty Max-Age is none", "a=b; Max-Age=", false, 0},
	    {"RFC 6265 5.3: Max-Age before Expires", "a=b; Expires=Tue, 14 Nov 2023 22:13:30 GMT; Max-Age=60", true,
		60},
	    {"RFC 6265 5.2.1: Expires", "a=b; Expires=Tue, 14 Nov 2023 22:13:30 GMT", true, 10},
	    {"Expires in the past", "a=b; Expires=Tue, 14-Nov-2023 22:13:19 GMT", true, -1},
	    {"Expires where Max-Age is none", "a=b; Max-Age=x; Expires=Tue, 14 Nov 2023 22:13:30 GMT", true, 10},
	    {"RFC 6265 5.2.1: what is no date is no Expires", "a=b; Expires=soon", false, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct set_cookie c;
		int64_t life_s = 0;
		ck_assert_msg(set_cookie_read(str_of(rows[i].field), &c), "%s", rows[i].what);
		ck_assert_msg(set_cookie_life(&c, NOW_S, &life_s) == rows[i].has, "%s", rows[i].what);
		ck_assert_msg(life_s == rows[i].life_s, "%s: %lld", rows[i].what, (long long)life_s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/cookie");
	TCase *c = tcase_create("cookie");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, cookies_are_walked);
	tcase_add_test(c, parts_are_walked);
	tcase_add_test(c, cookies_are_found);
	tcase_add_test(c, set_cookies_are_read);
	tcase_add_test(c, attributes_are_found);
	tcase_add_test(c, lives_are_told);
	return suite_run(s);
}
