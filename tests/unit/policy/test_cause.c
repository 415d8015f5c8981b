/* What decided, in the words of the message, and never a secret. */
#include "suite.h"

#include "base/mem.h"
#include "policy/cause.h"
#include "fields.h"

static struct str targeted[] = {STR("Larder-Cache-Control"), STR("CDN-Cache-Control")};
static const struct conf_cache cache = {.targeted_control = {targeted, 2}};
static struct str token[] = {STR("mine")};
static const struct route route = {.ttl_ms = -1, .token_cookie = {token, 1}};

START_TEST(what_made_a_refusal)
{
	static const struct {
		const char *sentence;
		enum reason why;
		const char *response, *cause;
	} rows[] = {
	    {"the field, as it came", REASON_NOT_PRIVATE, "Cache-Control: private, max-age=0\n",
		"Cache-Control: private, max-age=0"},
	    {"several lines as one", REASON_NOT_NO_STORE, "Cache-Control: no-store\nCache-Control: no-cache\n",
		"Cache-Control: no-store, no-cache"},
	    {"a targeted field comes before Cache-Control", REASON_NOT_NO_STORE,
		"Cache-Control: max-age=60\nCDN-Cache-Control: no-store\n", "CDN-Cache-Control: no-store"},
	    {"the first one of the settings", REASON_NOT_PRIVATE,
		"CDN-Cache-Control: max-age=60\nLarder-Cache-Control: private\n", "Larder-Cache-Control: private"},
	    {"not one that is invalid, and so ignored (RFC 9213 2.2)", REASON_NOT_NO_STORE,
		"CDN-Cache-Control: max-age=\"60\"\nCache-Control: no-store\n", "Cache-Control: no-store"},
	    {"not one that this cache is not to obey", REASON_NOT_NO_STORE,
		"Surrogate-Control: max-age=60\nCache-Control: no-store\n", "Cache-Control: no-store"},
	    {"Expires decides where Cache-Control names no age", REASON_NOT_EXPIRED,
		"Cache-Control: public\nExpires: Thu, 01 Jan 1970 00:00:00 GMT\n",
		"Expires: Thu, 01 Jan 1970 00:00:00 GMT"},
	    {"max-age comes before Expires (RFC 9111 5.3)", REASON_NOT_EXPIRED,
		"Cache-Control: max-age=0\nExpires: Thu, 01 Jan 2026 00:00:00 GMT\n", "Cache-Control: max-age=0"},
	    {"Pragma of a response means nothing (RFC 9111 5.4)", REASON_NOT_FRESH, "Pragma: no-cache\n", ""},
	    {"a cookie's name, never its value", REASON_NOT_SET_COOKIE, "Set-Cookie: session=SECRET; Path=/; Secure\n",
		"Set-Cookie: session"},
	    {"all of their names", REASON_NOT_SET_COOKIE, "Set-Cookie: a=SECRET\nset-cookie: b=SECRET\n",
		"Set-Cookie: a, b"},
	    {"what has no name may be the secret itself", REASON_NOT_SET_COOKIE, "Set-Cookie: SECRET\n",
		"Set-Cookie: (unnamed)"},
	    {"a cookie of another reason is not looked at", REASON_NOT_PRIVATE,
		"Set-Cookie: a=SECRET\nCache-Control: private\n", "Cache-Control: private"},
	    {"Vary", REASON_NOT_VARY_STAR, "Vary: *\nCache-Control: max-age=60\n", "Vary: *"},
	    {"how large it is, when it said so", REASON_NOT_TOO_LARGE, "Content-Length: 1000\n",
		"Content-Length: 1000"},
	    {"nothing, when it did not", REASON_NOT_TOO_LARGE, "", ""},
	    {"no credential", REASON_NOT_AUTHORIZATION, "", "Authorization in the request"},
	    {"Expires alone", REASON_NOT_EXPIRED, "Expires: 0\n", "Expires: 0"},
	    {"the cookie that is a framework's token", REASON_NOT_CSRF_TOKEN,
		"Set-Cookie: sid=SECRET\nSet-Cookie: csrftoken=SECRET\n", "Set-Cookie: csrftoken"},
	    {"the cookie that is the route's token", REASON_NOT_TOKEN_SHAPE,
		"Set-Cookie: sid=SECRET\nSet-Cookie: mine=SECRET\n", "Set-Cookie: mine"},
	    {"a coding that nobody undoes", REASON_NOT_CODING, "Content-Encoding: zstd\n", "Content-Encoding: zstd"},
	    {"no field at all", REASON_NOT_FRESH, "Content-Type: text/html\n", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena a;
		arena_init(&a, 0);
		struct http_response response = {.status = 200};
		response.headers = fields_of(rows[i].response, &a);
		struct str cause = cause_of_refusal(&cache, &route, rows[i].why, &response, &a);
		ck_assert_msg(str_eq(cause, str_of(rows[i].cause)), "%s: %.*s", rows[i].sentence, STR_ARG(cause));
		arena_free(&a);
	}
}
END_TEST

START_TEST(no_reason_tells_a_secret)
{
	for (int why = 0; why < REASON_COUNT; why++) {
		struct arena a;
		arena_init(&a, 0);
		struct http_response response = {.status = 200};
		response.headers = fields_of("Set-Cookie: session=SECRET\nSet-Cookie2: SECRET\n", &a);
		struct str cause = cause_of_refusal(&cache, &route, (enum reason)why, &response, &a);
		ck_assert_msg(str_find(cause, STR("SECRET")) == cause.n, "%s", reason_code((enum reason)why));
		arena_free(&a);
	}
}
END_TEST

START_TEST(what_was_found)
{
	static const struct {
		enum reason why;
		const char *cause;
	} rows[] = {
	    {REASON_NOT_LEAK_COOKIE, "the value of the request's cookie sid"},
	    {REASON_NOT_LEAK_SET_COOKIE, "the value of Set-Cookie: sid"},
	    {REASON_NOT_LEAK_FIELD, "the value of the request's field sid"},
	    {REASON_NOT_LEAK_AUTHORIZATION, "the credential of the request's sid"},
	    {REASON_NOT_TOKEN_SHAPE, "the value of sid"},
	};
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str cause = cause_of_leak(rows[i].why, STR("sid"), &a);
		ck_assert_msg(str_eq(cause, str_of(rows[i].cause)), "%.*s", STR_ARG(cause));
	}
	arena_free(&a);
}
END_TEST

START_TEST(where_freshness_came_from)
{
	static const struct {
		const char *source, *fields, *cause;
	} rows[] = {
	    {"ttl", "Cache-Control: max-age=1\n", "ttl of the route"},
	    {"max-age", "Cache-Control: max-age=60\nExpires: 0\n", "Cache-Control: max-age=60"},
	    {"Expires", "Expires: Thu, 01 Jan 2026 00:00:00 GMT\n", "Expires: Thu, 01 Jan 2026 00:00:00 GMT"},
	    {"heuristic", "", "Last-Modified (heuristic)"},
	    {"none", "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena a;
		arena_init(&a, 0);
		struct headers h;
		struct stored s = {.lifetime_source = rows[i].source};
		h = fields_of(rows[i].fields, &a);
		struct str cause = cause_of_lifetime(&cache, &s, &h, &a);
		ck_assert_msg(str_eq(cause, str_of(rows[i].cause)), "%s: %.*s", rows[i].source, STR_ARG(cause));
		arena_free(&a);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/cause");
	TCase *t = tcase_create("cause");
	tcase_add_test(t, what_made_a_refusal);
	tcase_add_test(t, no_reason_tells_a_secret);
	tcase_add_test(t, what_was_found);
	tcase_add_test(t, where_freshness_came_from);
	suite_add_tcase(s, t);
	return suite_run(s);
}
