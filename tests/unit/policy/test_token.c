#include "fields.h"

#include "base/mem.h"
#include "policy/token.h"

static struct arena arena;
static struct str names[] = {STR("csrf"), STR("XSRF-TOKEN")};
static struct route route;

static void setup(void)
{
	arena_init(&arena, 0);
	route = route_of_tests();
	route.token_cookie = (struct str_list){names, COUNT_OF(names)};
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(set_cookies_of_tokens)
{
	static const struct {
		const char *what, *field;
		bool is_token;
	} rows[] = {
	    {"the token", "csrf=0123; Path=/", true},
	    {"the other one", "XSRF-TOKEN=0123", true},
	    {"blanks around the name", " csrf = 0123", true},
	    {"deleted", "csrf=; Max-Age=0", true},
	    {"names have a case (RFC 6265 5.4)", "CSRF=0123", false},
	    {"another cookie", "sid=0123", false},
	    {"a longer name", "csrf2=0123", false},
	    {"a name alone", "csrf", false},
	    {"an attribute of that name", "sid=1; csrf=2", false},
	    {"nothing", "", false},
	};
	struct route plain = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(
		    policy_is_token_cookie(&route, str_of(rows[i].field)) == rows[i].is_token, "%s", rows[i].what);
		ck_assert_msg(!policy_is_token_cookie(&plain, str_of(rows[i].field)), "%s: no tokens", rows[i].what);
	}
}
END_TEST

START_TEST(token_paths)
{
	static const struct {
		const char *what, *path;
		bool is_token_path;
	} rows[] = {
	    {"the path", "/api/csrf-token", true},
	    {"a slash at the end", "/api/csrf-token/", true},
	    {"slashes twice", "//api///csrf-token", true},
	    {"an escaped slash", "/api%2Fcsrf-token%2F", true},
	    {"another case", "/API/Csrf-Token", true},
	    {"the name of a format", "/api/csrf-token.css", true},
	    {"a parameter of the path", "/api/csrf-token;a.css", true},
	    {"a blank behind it", "/api/csrf-token%20", true},
	    {"a path behind it", "/api/csrf-token/a.css", true},
	    {"behind a script", "/index.php/api/csrf-token", true},
	    {"behind a script in a folder", "/public/index.PHP//api/csrf-token/", true},
	    {"the other path", "/t", true},
	    {"a longer name", "/api/csrf-tokens", false},
	    {"a name that goes on", "/api/csrf-token-list", false},
	    {"in a folder", "/blog/api/csrf-token", false},
	    {"its beginning", "/api/csrf", false},
	    {"the folder", "/api/", false},
	    {"a script alone", "/index.php/", false},
	    {"a script and another page", "/index.php/blog", false},
	    {"a name that begins with the other path", "/team", false},
	    {"the front page", "/", false},
	    {"no path", "", false},
	};
	struct str paths[] = {STR("/api/csrf-token"), STR("/t/")}, front = STR("/");
	struct str_list list = {paths, COUNT_OF(paths)}, of_front = {&front, 1}, none = {0};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str path = str_of(rows[i].path);
		ck_assert_msg(policy_is_token_path(&list, path) == rows[i].is_token_path, "%s", rows[i].what);
		ck_assert_msg(!policy_is_token_path(&none, path), "%s: there are none", rows[i].what);
	}
	ck_assert(policy_is_token_path(&of_front, STR("/")));
	ck_assert(!policy_is_token_path(&of_front, STR("/blog")));
}
END_TEST

START_TEST(token_cookies_are_hidden)
{
	static const struct {
		const char *what, *fields, *left;
		bool hidden;
	} rows[] = {
	    {"alone", "Host: h\nCookie: csrf=1", "Host: h\n", true},
	    {"first", "Cookie: csrf=1; sid=2", "Cookie: sid=2\n", true},
	    {"last", "Cookie: sid=2; csrf=1", "Cookie: sid=2\n", true},
	    {"between", "Cookie: a=1; csrf=1; b=2", "Cookie: a=1; b=2\n", true},
	    {"both tokens", "Cookie: XSRF-TOKEN=1; a=1; csrf=1", "Cookie: a=1\n", true},
	    {"twice", "Cookie: csrf=1; a=1; csrf=1", "Cookie: a=1\n", true},
	    {"several fields become one", "Cookie: a=1; csrf=1\nHost: h\ncookie: b=2", "Cookie: a=1; b=2\nHost: h\n",
		true},
	    {"without blanks", "Cookie: a=1;csrf=1;b=2;c=3", "Cookie: a=1; b=2; c=3\n", true},
	    {"what is no cookie stays", "Cookie: csrf; csrf=1; x", "Cookie: csrf; x\n", true},
	    {"quotes stay", "Cookie: a=\"b c\"; csrf=1", "Cookie: a=\"b c\"\n", true},
	    {"none", "Cookie: a=1;b=2", "Cookie: a=1;b=2\n", false},
	    {"names have a case", "Cookie: CSRF=1", "Cookie: CSRF=1\n", false},
	    {"in a value", "Cookie: a=csrf=1", "Cookie: a=csrf=1\n", false},
	    {"no cookies", "Host: h", "Host: h\n", false},
	};
	struct route plain = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].fields, &arena), same = fields_of(rows[i].fields, &arena);
		bool hidden = policy_hide_cookies(&route, &h, &arena);
		ck_assert_msg(hidden == rows[i].hidden, "%s", rows[i].what);
		ck_assert_msg(
		    strcmp(text_of(&h, &arena), rows[i].left) == 0, "%s: %s", rows[i].what, text_of(&h, &arena));
		ck_assert_msg(!policy_hide_cookies(&plain, &same, &arena), "%s: no tokens", rows[i].what);
	}
}
END_TEST

START_TEST(visitors_have_their_own)
{
	static const struct {
		const char *what, *fields, *own; /* NULL: none */
	} rows[] = {
	    {"of the stored shape", "Cookie: sid=1; csrf=0123456789abcdef", "0123456789abcdef"},
	    {"twice the same", "Cookie: csrf=0123456789abcdef; csrf=0123456789abcdef", "0123456789abcdef"},
	    {"on another line", "Cookie: a=1\nCookie: csrf=ffffffffffffffff", "ffffffffffffffff"},
	    {"none", "Cookie: sid=0123456789abcdef", NULL},
	    {"another name", "Cookie: XSRF-TOKEN=0123456789abcdef", NULL},
	    {"empty", "Cookie: csrf=", NULL},
	    {"longer", "Cookie: csrf=0123456789abcdef0", NULL},
	    {"shorter", "Cookie: csrf=0123456789abcde", NULL},
	    {"of another alphabet", "Cookie: csrf=0123456789abcdeg", NULL},
	    {"quoted", "Cookie: csrf=\"0123456789abcdef\"", NULL},
	    {"markup", "Cookie: csrf=\"><script>a()//", NULL},
	    {"no cookies", "", NULL},
	};
	struct hole_value value = {.kind = HOLE_TOKEN, .cookie = names[0]};
	ck_assert_int_eq(hole_shape_of(STR("00000000000000aa"), &value.shape), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].fields, &arena);
		struct str own = policy_own_token(&value, &h);
		ck_assert_msg((own.p != NULL) == (rows[i].own != NULL) && str_eq(own, str_of(rows[i].own)), "%s: %.*s",
		    rows[i].what, STR_ARG(own));
	}
	struct headers h = fields_of("Cookie: csrf=0123456789abcdef", &arena);
	value.kind = HOLE_SESSION;
	ck_assert_msg(!policy_own_token(&value, &h).p, "a session's is in no cookie");
}
END_TEST

START_TEST(a_route_has_tokens_by_cookie_or_field)
{
	struct route plain = route_of_tests(), by_field = route_of_tests();
	by_field.token_field = (struct str_list){names, 1};
	ck_assert(policy_has_tokens(&route));
	ck_assert(policy_has_tokens(&by_field));
	ck_assert(!policy_has_tokens(&plain));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/token");
	TCase *t = tcase_create("token");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, set_cookies_of_tokens);
	tcase_add_test(t, token_paths);
	tcase_add_test(t, token_cookies_are_hidden);
	tcase_add_test(t, visitors_have_their_own);
	tcase_add_test(t, a_route_has_tokens_by_cookie_or_field);
	suite_add_tcase(s, t);
	return suite_run(s);
}
