/* leak_sample: which pages are asked for once more, how a stranger asks, and what is the same page. */
#include "fields.h"

#include "base/mem.h"
#include "policy/sample.h"
#include "policy/vary.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

static struct str lang[] = {STR("lang"), STR("theme")}, tokens[] = {STR("csrftoken")},
		  patterns[] = {STR("X-User-*"), STR("X-Key")};
static struct ttl_status found[] = {{302, 1000}};

static struct route route_of_sample(void)
{
	struct route route = route_of_tests();
	route.ttl_ms = 60000;
	route.leak_guard = true;
	return route;
}

/* What is known of that answer when it is stored. */
static struct stored stored_of(const struct route *route, int status, const char *request, const char *response)
{
	struct stored s = {.status = status};
	struct http_request r = request_of(request, &arena);
	struct headers fields = fields_of(response, &arena);
	ck_assert_int_eq(vary_nominate(route, &r, &fields, &arena, &s.vary), REASON_NONE);
	return s;
}

START_TEST(which_pages)
{
	static const struct {
		const char *what;
		int status;
		const char *request, *response;
		bool without_ttl, with_tokens, samples;
	} rows[] = {
	    {"a page of a route with ttl", 200, "Cookie: sid=1", "", false, false, true},
	    {"one whose lifetime the origin says", 200, "", "Cache-Control: max-age=9", true, false, false},
	    {"a status that ttl does not speak of", 404, "", "", false, false, false},
	    {"one of ttl_status", 302, "", "", true, false, true},
	    {"one that varies by all cookies is its visitor's", 200, "Cookie: sid=1", "Vary: Cookie", false, false,
		false},
	    {"but not without any", 200, "", "Vary: Cookie", false, false, true},
	    {"nor when they are tokens, which are hidden", 200, "Cookie: csrftoken=1", "Vary: Cookie", false, true,
		true},
	    {"nor when it is one that others have", 200, "Cookie: lang=de", "", false, false, true},
	    {"others than tokens are not hidden", 200, "Cookie: csrftoken=1; sid=1", "Vary: Cookie", false, true,
		false},
	    {"one that varies by the credential is its owner's", 200, "Authorization: Basic YTpi",
		"Vary: Authorization", false, false, false},
	    {"one that would, and has none", 200, "", "Vary: Authorization", false, false, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route route = route_of_sample();
		route.vary_cookie = (struct str_list){lang, COUNT_OF(lang)};
		route.ttl_status = found;
		route.n_ttl_status = COUNT_OF(found);
		if (rows[i].without_ttl)
			route.ttl_ms = -1;
		if (rows[i].with_tokens)
			route.token_cookie = (struct str_list){tokens, COUNT_OF(tokens)};
		struct stored s = stored_of(&route, rows[i].status, rows[i].request, rows[i].response);
		ck_assert_msg(policy_may_sample(&route, &s) == rows[i].samples, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(no_partial_page)
{
	struct range run = {0, 9};
	struct route route = route_of_sample();
	struct stored s = {.status = 200, .n_runs = 1, .runs = &run};
	ck_assert(!policy_may_sample(&route, &s));
	s.n_runs = 0;
	ck_assert(policy_may_sample(&route, &s));
}
END_TEST

START_TEST(how_a_stranger_asks)
{
	static const struct {
		const char *what, *request, *vary, *asks;
		bool guard_off;
	} rows[] = {
	    {"nothing personal stays", "Accept: */*\nCookie: sid=1\nAuthorization: Basic YTpi\nAccept-Encoding: br", "",
		"Accept: */*\nAccept-Encoding: br\n", false},
	    {"in no spelling", "COOKIE: sid=1\nauthorization: x\nCookie: a=b\nx-user-name: bob", "", "", false},
	    {"cookies that others have as well do", "Cookie: sid=1; lang=de; x=2;theme=dark", "",
		"Cookie: lang=de; theme=dark\n", false},
	    {"from all fields, in one", "Cookie: sid=1; lang=de\nAccept: */*\nCookie: theme=dark; lang=en", "",
		"Cookie: lang=de; theme=dark; lang=en\nAccept: */*\n", false},
	    {"fields of leak_patterns go", "X-User-Name: bob\nX-Key: 1\nX-Keys: 2", "", "X-Keys: 2\n", false},
	    {"but for those that the page varies by", "X-User-Name: bob\nX-Key: 1", "x-key", "X-Key: 1\n", false},
	    {"and where the guard is off", "X-User-Name: bob\nX-Key: 1\nCookie: a=b", "",
		"X-User-Name: bob\nX-Key: 1\n", true},
	    {"conditions and Range go: the whole is wanted",
		"If-None-Match: \"a\"\nIf-Modified-Since: " NOW_TEXT "\nRange: bytes=0-1\nIf-Range: \"a\"\nVia: 1.1 x",
		"", "Via: 1.1 x\n", false},
	    {"nothing was there", "", "", "", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route route = route_of_sample();
		struct stored s = {.status = 200};
		struct headers h = fields_of(rows[i].request, &arena);
		route.leak_guard = !rows[i].guard_off;
		route.vary_cookie = (struct str_list){lang, COUNT_OF(lang)};
		route.leak_patterns = (struct str_list){patterns, COUNT_OF(patterns)};
		if (rows[i].vary[0])
			headers_add(&s.vary, &arena, str_of(rows[i].vary), STR("1"));
		policy_make_stranger(&route, &s, &h, &arena);
		const char *asks = text_of(&h, &arena);
		ck_assert_msg(strcmp(asks, rows[i].asks) == 0, "%s: asks with\n%s", rows[i].what, asks);
	}
}
END_TEST

START_TEST(who_is_a_stranger)
{
	static const struct {
		const char *what, *request;
		bool is_stranger;
	} rows[] = {
	    {"who sends nothing of his own", "Accept: */*\nX-Forwarded-For: 192.0.2.1", true},
	    {"who has a cookie is none", "Cookie: sid=1", false},
	    {"but one that others have as well", "Cookie: lang=de; theme=dark", true},
	    {"or a token, which tells the origin nothing", "Cookie: csrftoken=1", true},
	    {"or both and no other", "Cookie: csrftoken=1\nCookie: lang=de", true},
	    {"one among others counts", "Cookie: lang=de; sid=1", false},
	    {"so does a credential", "Authorization: Basic YTpi", false},
	    {"and a field of leak_patterns", "X-User-Name: bob", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route route = route_of_sample();
		struct stored s = {.status = 200};
		struct headers h = fields_of(rows[i].request, &arena);
		route.vary_cookie = (struct str_list){lang, COUNT_OF(lang)};
		route.token_cookie = (struct str_list){tokens, COUNT_OF(tokens)};
		route.leak_patterns = (struct str_list){patterns, COUNT_OF(patterns)};
		ck_assert_msg(policy_is_stranger(&route, &s, &h) == rows[i].is_stranger, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(which_fields_differ)
{
	static const struct {
		const char *what, *a, *b, *differs;
	} rows[] = {
	    {"the same", "Content-Type: text/html\nETag: \"a\"", "Content-Type: text/html\nETag: \"a\"", ""},
	    {"what differs between any two answers", "Date: " NOW_TEXT "\nX-Request-Id: 1\nETag: \"a\"\nAge: 1",
		"X-Request-Id: 2", ""},
	    {"another type", "Content-Type: text/html", "Content-Type: text/plain", "Content-Type"},
	    {"none at all", "Content-Type: text/html", "", "Content-Type"},
	    {"somebody's page", "Location: /users/bob", "Location: /login", "Location"},
	    {"another language", "Content-Language: de", "Content-Language: en", "Content-Language"},
	    {"a field more", "Link: </a>", "Link: </a>\nLink: </b>", "Link"},
	    {"in two lines or one", "Link: </a>, </b>", "Link: </a>\nLink: </b>", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers a = fields_of(rows[i].a, &arena), b = fields_of(rows[i].b, &arena);
		struct str one = policy_sample_differs(&a, &b, &arena), other = policy_sample_differs(&b, &a, &arena);
		ck_assert_msg(str_eq(one, str_of(rows[i].differs)), "%s: \"%.*s\"", rows[i].what, STR_ARG(one));
		ck_assert_msg(str_eq(one, other), "%s: not so the other way round", rows[i].what);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/sample");
	TCase *c = tcase_create("sample");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, which_pages);
	tcase_add_test(c, no_partial_page);
	tcase_add_test(c, how_a_stranger_asks);
	tcase_add_test(c, who_is_a_stranger);
	tcase_add_test(c, which_fields_differ);
	return suite_run(s);
}
