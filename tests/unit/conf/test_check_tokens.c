/* What is said about tokens and the leak guard of a route. Lines 1 and 2 are the upstream, 3 is [route /a]. */
#include "conf_fixture.h"

#define WARNS(line, text) "t.ini:" line ": warning: [route /a] " text "\n"
#define FAILS(line, text) "t.ini:" line ": [route /a] " text "\n"

#define NO_PATH                                                                                                        \
	"the token belongs to the session, so a page with a form is not stored without token_path = /PATH, where the " \
	"app tells it"
#define NO_STRIP                                                                                                       \
	"its pages set other cookies too, and set_cookie = refuse (the default) stores none that does; set_cookie = "  \
	"strip leaves them to the visitor who caused the fetch"
#define NO_EFFECT "it has no effect with leak_guard = off"

static const struct row {
	const char *says, *lines, *problems; /* NULL: nothing is said */
} rows[] = {
    {"Asok as it should be", "ttl = 60s\ntoken = asok\nset_cookie = strip", NULL},
    {"Django sets no other cookie by itself", "ttl = 60s\ntoken = django", NULL},
    {"Laravel as it should be", "ttl = 60s\ntoken = laravel\ntoken_path = /t\noverride = private\nset_cookie = strip",
	NULL},
    {"Rails as it should be", "ttl = 60s\ntoken = rails\ntoken_path = /t\noverride = private\nset_cookie = strip",
	NULL},
    {"Asok's other cookies", "ttl = 60s\ntoken = asok", WARNS("5", "token = asok: asok: " NO_STRIP)},
    {"who writes refuse means it", "ttl = 60s\ntoken = asok\nset_cookie = refuse", NULL},
    {"a framework of sessions without a path", "token = rails\nset_cookie = strip",
	WARNS("4", "token = rails: rails: " NO_PATH)},
    {"a private framework under a ttl", "ttl = 60s\ntoken = rails\ntoken_path = /t\nset_cookie = strip",
	WARNS("5", "token = rails: rails sends Cache-Control: private with every page whose action does not call "
		   "expires_in: such a page is not stored; override = private says that it is the same for everybody "
		   "but for its tokens")},
    {"another override does not help",
	"ttl = 60s\ntoken = laravel\ntoken_path = /t\nset_cookie = strip\noverride = no-store",
	WARNS("5", "token = laravel: laravel sends Cache-Control: private with every page of the web group: such a "
		   "page is not stored; override = private says that it is the same for everybody but for its tokens")},
    {"without a ttl the app has the word", "token = laravel\ntoken_path = /t\nset_cookie = strip", NULL},
    {"a misspelled framework", "token = lavarel",
	FAILS("4", "token = lavarel: \"lavarel\" is none of the words; allowed: none, asok, django, laravel or rails "
		   "(did you mean \"laravel\"?)")},
    {"a path that nobody needs", "token = django\ntoken_path = /t",
	WARNS("5", "token_path = /t: it has no effect: no token of this route belongs to a session")},
    {"a path alone", "token_path = /t",
	WARNS("4", "token_path = /t: it has no effect: no token of this route belongs to a session")},
    {"a field of another framework's session", "token_field = f\ntoken_path = /t", NULL},
    {"a field that nothing fills", "token_field = f",
	FAILS("4", "token_field = f: nothing says what is filled in: name the cookie in token_cookie, or in token_path "
		   "where the app tells the token of a session")},
    {"the token's cookie in the key", "token = django\nvary_cookie = lang, csrftoken",
	FAILS("5",
	    "vary_cookie = lang, csrftoken: csrftoken is a token cookie too: a page of his own for each visitor, "
	    "or one for all with his token filled in, not both")},
    {"another cookie in the key", "token = django\nvary_cookie = lang", NULL},
    {"a preset among the cookies", "token_cookie = django, mine", NULL},
    {"the route's own preset among them", "token = django\ntoken_cookie = django", NULL},
    {"two presets", "token = django\ntoken_cookie = mine, rails",
	FAILS("5", "token_cookie = mine, rails: rails is another preset than django: a route has one")},
    {"a star in a token cookie", "token_cookie = csrf_*",
	WARNS("4", "token_cookie = csrf_*: csrf_*: the * stands for itself here, name each cookie")},
    {"a star in an allowed cookie", "leak_allow = _ga*",
	WARNS("4", "leak_allow = _ga*: _ga*: the * stands for itself here, name each cookie")},
    {"a cookie that cannot be", "token_cookie = a b",
	FAILS("4", "token_cookie = a b: \"a b\" is not a name of a cookie; allowed: none, or cookie names")},
    {"too many of them", "token_cookie = a, b, c, d, e, f, g, h, i",
	FAILS("4", "token_cookie = a, b, c, d, e, f, g, h, i: more than 8 token cookies")},
    {"a token's page with all its cookies", "token = asok\nset_cookie = keep",
	WARNS("5", "set_cookie = keep: keep: the cookies of a stored page, but for the tokens, are given to every "
		   "visitor, that of a session too (did you mean strip?)")},
    {"no guard", "leak_guard = off",
	WARNS("4", "leak_guard = off: a page that holds one visitor's cookie or credential is stored and given "
		   "to everybody")},
    {"what belongs to a guard that is off", "leak_guard = off\nleak_allow = a\nleak_patterns = X-*",
	WARNS("4", "leak_guard = off: a page that holds one visitor's cookie or credential is stored and given "
		   "to everybody") WARNS("5", "leak_allow = a: " NO_EFFECT)
	    WARNS("6", "leak_patterns = X-*: " NO_EFFECT)},
    {"yes for a switch", "leak_guard = no",
	FAILS("4", "leak_guard = no: neither on nor off; allowed: on or off (did you mean \"off\"?)")},
    {"a sample without a ttl", "leak_sample = 1%",
	WARNS("4",
	    "leak_sample = 1%: it has no effect without a ttl: where the origin's headers decide, it says itself "
	    "what is private")},
    {"a sample of errors", "ttl_status = 404 10s\nleak_sample = 1%", NULL},
    {"a sample that is a number", "ttl = 1s\nleak_sample = 1",
	FAILS("5",
	    "leak_sample = 1: the percent sign is missing; allowed: a percentage with at most two decimals, such "
	    "as 0.5%, from 0% to 100% (did you mean \"1%\"?)")},
    {"tokens of what is not cached", "cache = off\ntoken = asok\nleak_guard = off",
	WARNS("5", "token = asok: it has no effect with cache = off")
	    WARNS("6", "leak_guard = off: it has no effect with cache = off")},
};

START_TEST(says)
{
	const struct row *row = &rows[_i];
	struct buf text;
	buf_init(&text, 4096);
	(void)buf_addf(&text, "%s[route /a]\n%s\n", UPSTREAM, row->lines);
	(void)buf_addc(&text, '\0');
	int err = load(text.p);
	const char *expected = row->problems ? row->problems : "";
	ck_assert_msg(strcmp(problems.p, expected) == 0, "%s:\n%s", row->says, problems.p);
	bool only_warnings = !row->problems || strstr(row->problems, "warning: ");
	ck_assert_msg(err == (only_warnings ? ERR_OK : ERR_INVALID), "%s", row->says);
	buf_free(&text);
}
END_TEST

START_TEST(the_default_route_is_judged_too)
{
	ck_assert_int_eq(load(UPSTREAM "[route default]\nleak_guard = off\n"), ERR_OK);
	ck_assert_str_eq(problems.p, "t.ini:4: warning: [route default] leak_guard = off: a page that holds one "
				     "visitor's cookie or credential is stored and given to everybody\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/check_tokens");
	TCase *t = tcase_create("check_tokens");
	tcase_add_checked_fixture(t, fixture_start, fixture_stop);
	tcase_add_loop_test(t, says, 0, COUNT(rows));
	tcase_add_test(t, the_default_route_is_judged_too);
	suite_add_tcase(s, t);
	return suite_run(s);
}
