/* The setting behind a verdict, with its place: where it was set, and only where it had the last word. */
#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "policy/rule.h"

static struct conf *load(const char *ini)
{
	char path[] = "/tmp/test-rule-XXXXXX";
	struct buf errors;
	struct conf *c = NULL;
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, ini, str_of(ini).n), (ssize_t)str_of(ini).n);
	close(fd);
	buf_init(&errors, 1 << 16);
	struct conf_source source = {.path = path};
	int err = conf_load(&source, &c, &errors);
	ck_assert_msg(err == ERR_OK, "%.*s", STR_ARG(buf_str(&errors)));
	unlink(path);
	buf_free(&errors);
	return c;
}

static const char ini[] = "[upstream]\n"
			  "url = http://127.0.0.1:1\n"
			  "[cache]\n"
			  "max_object = 1M\n"
			  "heuristic_percent = 20\n"
			  "heuristic_max = 1h\n"
			  "pass_ttl = 1m\n"
			  "[route /a]\n"
			  "cache = off\n"
			  "ttl = 60s\n"
			  "ttl_status = 404 0s\n"
			  "override = private\n"
			  "set_cookie = strip\n"
			  "max_object = 1K\n"
			  "stale_while_revalidate = 30s\n"
			  "stale_if_error = 1h\n"
			  "stale_if_unreachable = 1h\n"
			  "client_cache_control = honour\n"
			  "vary = Accept-Language\n"
			  "vary_cookie = lang\n"
			  "[route /b]\n"
			  "ttl = 1s\n"
			  "token = django\n"
			  "csp_nonce = refresh\n"
			  "leak_patterns = X-User\n"
			  "leak_sample = 1%\n"
			  "[route /c]\n"
			  "token_cookie = c\n"
			  "token_field = f\n"
			  "token_path = /t\n";

/* "12 cache": the line and the option. */
static bool is_setting(struct conf_setting s, const char *want)
{
	if (!want || !s.name)
		return !want && !s.name;
	struct str line = str_of(want), rest;
	size_t blank = str_index(line, ' ');
	rest = str_skip(line, blank + 1);
	size_t colon = s.source.n;
	while (colon > 0 && s.source.p[colon - 1] != ':')
		colon--;
	return str_eq(str_skip(s.source, colon), str_take(line, blank)) && str_eq(str_of(s.name), rest);
}

START_TEST(the_setting_that_made_a_verdict)
{
	static const struct stored by_ttl = {.status = 200, .lifetime_source = "ttl"};
	static const struct stored of_404 = {.status = 404, .lifetime_source = "ttl"};
	static const struct stored guessed = {.status = 200, .lifetime_source = "heuristic", .lifetime_ms = 60000};
	static const struct stored capped = {.status = 200, .lifetime_source = "heuristic", .lifetime_ms = 3600000};
	static const struct stored own = {.status = 200, .lifetime_source = "max-age"};
	static const struct stored lifted = {
	    .status = 200, .lifetime_source = "ttl", .by_route = STORED_BY_PRIVATE | STORED_BY_COOKIE};
	static const struct stored cookie = {.status = 200, .lifetime_source = "max-age", .by_route = STORED_BY_COOKIE};
	static const struct stored stale = {.status = 200,
	    .lifetime_source = "max-age",
	    .by_route = STORED_BY_SWR | STORED_BY_SIE | STORED_BY_UNREACHABLE};
	static const struct {
		const char *sentence;
		unsigned route; /* 0: /a, 1: /b, 2: /c, 3: the one at the end, where nothing is set */
		enum reason reason;
		int status;
		const struct stored *stored;
		const char *want;
	} rows[] = {
	    {"cache = off", 0, REASON_PASS_ROUTE, 0, NULL, "9 cache"},
	    {"a regex that gave up is no cache = off", 3, REASON_PASS_ROUTE, 0, NULL, NULL},
	    {"ttl", 0, REASON_HIT, 200, &by_ttl, "10 ttl"},
	    {"ttl has run out", 0, REASON_MISS_STALE, 200, &by_ttl, "10 ttl"},
	    {"ttl_status is the closer word", 0, REASON_HIT, 404, &of_404, "11 ttl_status"},
	    {"ttl_status = 404 0s stores nothing", 0, REASON_NOT_EXPIRED, 404, NULL, "11 ttl_status"},
	    {"a status without ttl has expired by its own fields", 0, REASON_NOT_EXPIRED, 410, NULL, NULL},
	    {"what the response said itself", 0, REASON_HIT, 200, &own, NULL},
	    {"a guess", 3, REASON_STORED, 200, &guessed, "5 heuristic_percent"},
	    {"a guess that was cut", 3, REASON_STORED, 200, &capped, "6 heuristic_max"},
	    {"override comes before ttl", 0, REASON_STORED, 200, &lifted, "12 override"},
	    {"a cookie was stripped", 0, REASON_STORED, 200, &cookie, "13 set_cookie"},
	    {"a cookie was refused", 0, REASON_NOT_SET_COOKIE, 200, NULL, "13 set_cookie"},
	    {"by default", 3, REASON_NOT_SET_COOKIE, 200, NULL, NULL},
	    {"max_object of the route", 0, REASON_NOT_TOO_LARGE, 200, NULL, "14 max_object"},
	    {"max_object of [cache]", 3, REASON_NOT_TOO_LARGE, 200, NULL, "4 max_object"},
	    {"served stale by the route", 0, REASON_HIT_STALE, 200, &stale, "15 stale_while_revalidate"},
	    {"served stale by the response", 0, REASON_HIT_STALE, 200, &own, NULL},
	    {"an error hidden by the route", 0, REASON_HIT_STALE_ERROR, 200, &stale, "16 stale_if_error"},
	    {"an outage bridged by the route", 0, REASON_HIT_STALE_UNREACHABLE, 200, &stale, "17 stale_if_unreachable"},
	    {"clients are honoured", 0, REASON_MISS_REQUEST, 200, &own, "18 client_cache_control"},
	    {"clients are honoured, no-store", 0, REASON_NOT_REQUEST_NO_STORE, 200, NULL, "18 client_cache_control"},
	    {"how long it is remembered", 0, REASON_PASS_REMEMBERED, 0, NULL, "7 pass_ttl"},
	    {"no rule", 0, REASON_MISS, 0, NULL, NULL},
	};
	struct conf *c = load(ini);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct rule_in in = {c, &c->routes[rows[i].route], rows[i].reason, rows[i].status, rows[i].stored};
		struct conf_setting s = conf_setting_of(c, in.route, rule_of(&in));
		ck_assert_msg(is_setting(s, rows[i].want), "%s: %.*s %s", rows[i].sentence, STR_ARG(s.source),
		    s.name ? s.name : "none");
	}
	conf_release(&c);
}
END_TEST

START_TEST(the_setting_that_made_a_variant)
{
	struct conf *c = load(ini);
	ck_assert(is_setting(
	    conf_setting_of(c, &c->routes[0], rule_of_variant(&c->routes[0], STR("accept-language"))), "19 vary"));
	ck_assert(is_setting(
	    conf_setting_of(c, &c->routes[0], rule_of_variant(&c->routes[0], STR("cookie:lang"))), "20 vary_cookie"));
	ck_assert(is_setting(
	    conf_setting_of(c, &c->routes[0], rule_of_variant(&c->routes[0], STR("accept-encoding"))), NULL));
	ck_assert(is_setting(
	    conf_setting_of(c, &c->routes[1], rule_of_variant(&c->routes[1], STR("accept-language"))), NULL));
	conf_release(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/rule");
	TCase *t = tcase_create("rule");
	tcase_add_test(t, the_setting_that_made_a_verdict);
	tcase_add_test(t, the_setting_that_made_a_variant);
	suite_add_tcase(s, t);
	return suite_run(s);
}
