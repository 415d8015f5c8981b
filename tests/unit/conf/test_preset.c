/* What `token` makes of the lists of a route. */
#include "conf/preset.h"

#include "conf_fixture.h"

static struct buf text;

static const char *list(const struct str_list *l)
{
	buf_reset(&text);
	for (unsigned i = 0; i < l->n; i++)
		(void)buf_addf(&text, "%s%.*s", i ? " " : "", STR_ARG(l->v[i]));
	(void)buf_addc(&text, '\0');
	return text.p;
}

static const struct row {
	const char *says, *lines, *cookies, *fields;
	bool of_session;
} rows[] = {
    {"no token is looked for by default", "", "", "", false},
    {"Asok's token is a cookie", "token = asok", "asok_csrf", "", false},
    {"Django's field is filled from its cookie", "token = django", "csrftoken", "csrfmiddlewaretoken", false},
    {"Laravel's belongs to the session", "token = laravel", "", "_token csrf-token", true},
    {"and Rails' too", "token = rails\ntoken_path = /t", "", "authenticity_token csrf-token", true},
    {"the file adds to the preset", "token = django\ntoken_cookie = mine\ntoken_field = a, b", "csrftoken mine",
	"csrfmiddlewaretoken a b", false},
    {"a preset may stand among the cookies", "token_cookie = mine, django", "csrftoken mine", "csrfmiddlewaretoken",
	false},
    {"but nothing twice", "token = asok\ntoken_cookie = asok_csrf, a, a", "asok_csrf a", "", false},
    {"names differ by case", "token_cookie = a, A", "a A", "", false},
    {"cookies need no preset", "token_cookie = a\ntoken_field = f", "a", "f", false},
    {"a path without a preset means the session", "token_field = f\ntoken_path = /t", "", "f", true},
    {"a path without a field means nothing", "token_cookie = a\ntoken_path = /t", "a", "", false},
    {"a path does not change where Django's comes from", "token = django\ntoken_path = /t", "csrftoken",
	"csrfmiddlewaretoken", false},
};

START_TEST(completes)
{
	const struct row *row = &rows[_i];
	struct buf ini;
	buf_init(&ini, 4096);
	(void)buf_addf(&ini, "%s[route /a]\n%s\n", UPSTREAM, row->lines);
	(void)buf_addc(&ini, '\0');
	const struct route *r = &load_good(ini.p)->routes[0];
	ck_assert_msg(strcmp(list(&r->token_cookie), row->cookies) == 0, "%s: cookies %s", row->says, text.p);
	ck_assert_msg(strcmp(list(&r->token_field), row->fields) == 0, "%s: fields %s", row->says, text.p);
	ck_assert_msg(r->token_of_session == row->of_session, "%s", row->says);
	buf_free(&ini);
}
END_TEST

START_TEST(paths_of_tokens_are_gathered)
{
	struct conf *c = load_good(UPSTREAM "[route /a/*]\ntoken = rails\ntoken_path = /x/../%63srf?a=b\n"
					    "[route /b/*]\ntoken = laravel\ntoken_path = /t\n"
					    "[route /c/*]\nttl = 1s\n");
	ck_assert_str_eq(list(&c->token_paths), "/csrf /t");
}
END_TEST

START_TEST(every_route_has_the_defaults)
{
	struct conf *c = load_good(UPSTREAM "[route x]\nmatch = ~ ^/x\ntoken = asok\nleak_sample = 0.5%\nttl = 1s\n");
	const struct route *x = &c->routes[0], *last = &c->routes[1];
	ck_assert(x->leak_guard && x->csp_nonce == CSP_NONCE_REFRESH && x->leak_sample == 50);
	ck_assert(last->leak_guard && last->csp_nonce == CSP_NONCE_REFRESH && last->leak_sample == 0);
	ck_assert(last->token == TOKEN_NONE && last->token_cookie.n == 0 && last->token_field.n == 0);
	ck_assert(last->token_path.n == 0 && !last->token_of_session);
	ck_assert(last->leak_allow.n == 0 && last->leak_patterns.n == 0);
}
END_TEST

START_TEST(a_framework_is_known_by_its_cookie)
{
	ck_assert(str_eq(conf_token_by_cookie(STR("csrftoken")), STR("django")));
	ck_assert(str_eq(conf_token_by_cookie(STR("asok_csrf")), STR("asok")));
	ck_assert(str_eq(conf_token_by_cookie(STR("XSRF-TOKEN")), STR("laravel")));
	ck_assert(!conf_token_by_cookie(STR("sessionid")).p && !conf_token_by_cookie(STR("")).p);
	ck_assert(!conf_token_by_cookie(STR("CSRFTOKEN")).p);
}
END_TEST

static void start(void)
{
	fixture_start();
	buf_init(&text, 4096);
}

static void stop(void)
{
	fixture_stop();
	buf_free(&text);
}

int main(void)
{
	Suite *s = suite_create("conf/preset");
	TCase *t = tcase_create("preset");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, completes, 0, COUNT(rows));
	tcase_add_test(t, paths_of_tokens_are_gathered);
	tcase_add_test(t, every_route_has_the_defaults);
	tcase_add_test(t, a_framework_is_known_by_its_cookie);
	suite_add_tcase(s, t);
	return suite_run(s);
}
