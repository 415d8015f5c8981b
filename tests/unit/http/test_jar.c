/* Which cookies a client has, and which it has after an answer. */
#include "suite.h"

#include "http/jar.h"

enum { NOW_S = 1700000000 };

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

static struct headers fields(const char *name, const char *lines)
{
	struct headers h = {0};
	struct str rest = str_of(lines), line;
	while (str_cut(&rest, '\n', &line))
		if (line.n > 0)
			headers_add(&h, &arena, str_of(name), line);
	return h;
}

static void check_text(const char *what, struct jar *j, const char *expected)
{
	struct str text = jar_text(j, &arena);
	ck_assert_msg(str_eq(text, str_of(expected)), "%s: \"%.*s\", not \"%s\"", what, STR_ARG(text), expected);
}

START_TEST(what_a_visitor_has)
{
	static const struct {
		const char *what, *cookies, *text;
		bool fits, tells;
	} rows[] = {
	    {"none", "", "", true, false},
	    {"one that is long tells", "sid=0123456789abcdef", "sid=0123456789abcdef;", true, true},
	    {"one that is not does not", "sid=0123456789abcde", "sid=0123456789abcde;", true, false},
	    {"the order does not count", "b=2; a=1", "a=1;b=2;", true, false},
	    {"several fields", "b=2\na=1", "a=1;b=2;", true, false},
	    {"measuring scripts stay out", "_ga=GA1.1.1234567890.1234567890; _ga_X1=GS1.1.17000000; a=1", "a=1;", true,
		false},
	    {"but not what looks a little like them", "ga=0123456789abcdef", "ga=0123456789abcdef;", true, true},
	    {"the same one twice", "a=1; a=1", "a=1;", true, false},
	    {"two values of one name tell nobody", "sid=0123456789abcdef; sid=0123456789abcdee", "", false, false},
	    {"an empty value", "a=", "a=;", true, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct headers request = fields("Cookie", rows[i].cookies);
		struct jar j;
		ck_assert_msg(jar_read(&request, &j) == rows[i].fits, "%s: fits", rows[i].what);
		ck_assert_msg(jar_tells(&j) == rows[i].tells, "%s: tells", rows[i].what);
		check_text(rows[i].what, &j, rows[i].text);
	}
}
END_TEST

START_TEST(a_jar_has_a_bound)
{
	struct headers request = {0};
	struct jar j;
	for (unsigned i = 0; i < JAR_MAX; i++)
		headers_add(&request, &arena, STR("Cookie"), arena_printf(&arena, "c%u=1", i));
	ck_assert(jar_read(&request, &j));
	ck_assert_uint_eq(j.n, JAR_MAX);
	struct headers answer = fields("Set-Cookie", "one=0123456789abcdef");
	bool is_long;
	ck_assert_int_eq(jar_apply(&j, &answer, STR("/"), NOW_S, &is_long), JAR_CHANGED);
	ck_assert(!jar_tells(&j));
	headers_add(&request, &arena, STR("Cookie"), STR("one=more"));
	ck_assert(!jar_read(&request, &j));
	ck_assert_uint_eq(j.n, 0);
}
END_TEST

#define OLD "0123456789abcdef"
#define NEW "fedcba9876543210"

START_TEST(what_an_answer_makes_of_it)
{
	static const struct {
		const char *what, *before, *set, *after;
		enum jar_change change;
		bool is_long;
	} rows[] = {
	    {"nothing is set", "sid=" OLD, "", "sid=" OLD ";", JAR_SAME, false},
	    {"a session is renewed", "sid=" OLD "; a=1", "sid=" NEW "; Path=/; HttpOnly", "a=1;sid=" NEW ";",
		JAR_RENEWED, true},
	    {"two cookies are renewed (Laravel)", "XSRF-TOKEN=" OLD "; laravel_session=" OLD,
		"XSRF-TOKEN=" NEW "; path=/\nlaravel_session=" NEW "; path=/; httponly",
		"XSRF-TOKEN=" NEW ";laravel_session=" NEW ";", JAR_RENEWED, true},
	    {"a first session", "", "sid=" NEW, "sid=" NEW ";", JAR_CHANGED, true},
	    {"what many have may become one's own", "sid=guest", "sid=" NEW, "sid=" NEW ";", JAR_CHANGED, true},
	    {"one renewed, one new", "sid=" OLD, "sid=" NEW "\nb=2", "b=2;sid=" NEW ";", JAR_CHANGED, true},
	    {"what is set is short", "sid=" OLD, "theme=dark", "sid=" OLD ";theme=dark;", JAR_CHANGED, false},
	    {"Max-Age=0 removes", "sid=" OLD "; a=1", "sid=x; Max-Age=0", "a=1;", JAR_CHANGED, false},
	    {"a negative one as well", "sid=" OLD, "sid=x; Max-Age=-5", "", JAR_CHANGED, false},
	    {"RFC 6265 5.3: Max-Age before Expires", "", "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
		"a=1;", JAR_CHANGED, false},
	    {"a Max-Age beyond all numbers is no removal", "a=1",
		"a=2; Max-Age=99999999999999999999; Expires=Thu, 01 Jan 1970 00:00:01 GMT", "a=2;", JAR_CHANGED, false},
	    {"nor is a negative one a life", "a=1", "a=2; Max-Age=-99999999999999999999", "", JAR_CHANGED, false},
	    {"a Max-Age that is none is passed by", "a=1", "a=2; Max-Age=1h", "a=2;", JAR_CHANGED, false},
	    {"Expires in the past removes", "a=1", "a=2; Expires=Thu, 01 Jan 1970 00:00:01 GMT", "", JAR_CHANGED,
		false},
	    {"the same with dashes", "a=1", "a=2; expires=Thu, 01-Jan-1970 00:00:01 GMT", "", JAR_CHANGED, false},
	    {"RFC 6265 5.1.1: the parts in another order", "a=1", "a=2; expires=1970 00:00:01 01 jan", "", JAR_CHANGED,
		false},
	    {"Expires to come keeps", "a=1", "a=2; Expires=Wed, 01 Jan 2031 00:00:01 GMT", "a=2;", JAR_CHANGED, false},
	    {"to remove what is not there", "", "a=2; Max-Age=0", "", JAR_CHANGED, false},
	    {"one for another path", "sid=" OLD, "sid=" NEW "; Path=/admin", "sid=" OLD ";", JAR_CHANGED, false},
	    {"RFC 6265 5.1.4: one for the page's path", "", "a=1; Path=/blog", "a=1;", JAR_CHANGED, false},
	    {"the same with its slash", "", "a=1; Path=/blog/", "a=1;", JAR_CHANGED, false},
	    {"the beginning of a name is no path", "", "a=1; Path=/blo", "", JAR_CHANGED, false},
	    {"a Path that is none", "", "a=1; Path=here", "a=1;", JAR_CHANGED, false},
	    {"a field that is no cookie", "sid=" OLD, "nonsense", "sid=" OLD ";", JAR_CHANGED, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct headers request = fields("Cookie", rows[i].before), answer = fields("Set-Cookie", rows[i].set);
		struct jar j;
		bool is_long;
		ck_assert(jar_read(&request, &j));
		enum jar_change change = jar_apply(&j, &answer, STR("/blog/1"), NOW_S, &is_long);
		ck_assert_msg(change == rows[i].change, "%s: change %d", rows[i].what, change);
		ck_assert_msg(is_long == rows[i].is_long, "%s: long", rows[i].what);
		check_text(rows[i].what, &j, rows[i].after);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/jar");
	TCase *t = tcase_create("jar");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_a_visitor_has);
	tcase_add_test(t, a_jar_has_a_bound);
	tcase_add_test(t, what_an_answer_makes_of_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
