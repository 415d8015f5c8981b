/* GET /why: the question as it is read, and both forms of the answer, from a scripted finding. */
#include "bench.h"

#include <stdio.h>

#include "admin/page.h"

static struct why found;
static struct why_ask asked;
static char asked_text[512];
static const struct route *of_tokens; /* stands for the first one; NULL: it stands for itself */

static void tell(void *ctx, const struct why_ask *ask, struct arena *a, struct why *out)
{
	struct bench *b = ctx;
	asked = *ask;
	int n = snprintf(asked_text, sizeof(asked_text), "%.*s %.*s://%.*s%.*s", STR_ARG(ask->method),
	    STR_ARG(ask->scheme), STR_ARG(ask->host), STR_ARG(ask->target));
	for (uint32_t i = 0; i < ask->headers.n; i++)
		n += snprintf(asked_text + n, sizeof(asked_text) - (size_t)n, " | %.*s: %.*s",
		    STR_ARG(ask->headers.v[i].name), STR_ARG(ask->headers.v[i].value));
	*out = found;
	out->conf = b->conf;
	out->route = of_tokens ? of_tokens : &b->conf->routes[0]; /* [route /plain/x] with query = none */
}

static void open_bench(struct bench *b)
{
	bench_open(b);
	b->env.why = tell;
	of_tokens = NULL;
	found = (struct why){.method = STR("GET"),
	    .scheme = STR("http"),
	    .host = STR("h"),
	    .path = STR("/a"),
	    .key = STR("GET http://h/a"),
	    .kind = WHY_FETCH,
	    .reason = REASON_MISS,
	    .may_store = true};
}

START_TEST(what_is_asked)
{
	static const struct {
		const char *sentence, *line, *asked; /* asked NULL: refused */
	} rows[] = {
	    {"a URL", "GET /why url=http://h/a?b", "GET http://h/a?b"},
	    {"a URL without a path", "GET /why url=https://h", "GET https://h/"},
	    {"a query without a path", "GET /why url=http://h?b", "GET http://h/?b"},
	    {"a fragment stays with the client", "GET /why url=http://h/a%23b", "GET http://h/a"},
	    {"a path and its host", "GET /why url=/a&host=h", "GET http://h/a"},
	    {"a path and Host", "GET /why url=/a&header=host:+h:81", "GET http://h:81/a"},
	    {"fields in their order", "GET /why url=http://h/a&header=A:b&header=C:++d+",
		"GET http://h/a | A: b | C: d"},
	    {"a method", "GET /why url=http://h/a&method=HEAD", "HEAD http://h/a"},
	    {"nothing", "GET /why", NULL},
	    {"a path alone", "GET /why url=/a", NULL},
	    {"two hosts", "GET /why url=http://h/a&header=Host:h", NULL},
	    {"Host twice", "GET /why url=/a&header=Host:h&header=Host:h", NULL},
	    {"a bad Host", "GET /why url=/a&header=Host:a/b", NULL},
	    {"a field without colon", "GET /why url=http://h/a&header=abc", NULL},
	    {"a field without name", "GET /why url=http://h/a&header=:abc", NULL},
	    {"a field of two lines", "GET /why url=http://h/a&header=A:b%0d%0aC:d", NULL},
	    {"a purge", "GET /why url=http://h/a&method=PURGE", NULL},
	    {"a method that is none", "GET /why url=http://h/a&method=", NULL},
	    {"a URL twice", "GET /why url=http://h/a&url=http://h/b", NULL},
	    {"an unknown form", "GET /why url=http://h/a&format=xml", NULL},
	    {"a POST", "POST /why url=http://h/a", NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		open_bench(&b);
		asked_text[0] = '\0';
		int status = bench_ask(&b, rows[i].line);
		ck_assert_msg((status == 200) == (rows[i].asked != NULL), "%s: %d", rows[i].sentence, status);
		if (rows[i].asked)
			ck_assert_str_eq(asked_text, rows[i].asked);
		else
			ck_assert_msg(!asked_text[0] && bench_text(&b, "error")[0], "%s", rows[i].sentence);
		bench_close(&b);
	}
}
END_TEST

static const cJSON *member(const struct bench *b, const char *object, const char *name)
{
	return cJSON_GetObjectItem(cJSON_GetObjectItem(b->json, object), name);
}

START_TEST(the_verdict_as_json)
{
	struct bench b;
	open_bench(&b);
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a"), 200);
	ck_assert_str_eq(member(&b, "verdict", "kind")->valuestring, "miss");
	ck_assert_str_eq(member(&b, "verdict", "code")->valuestring, "uri-miss");
	ck_assert(cJSON_IsTrue(member(&b, "verdict", "may_store")));
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(b.json, "last")));
	ck_assert_str_eq(member(&b, "route", "name")->valuestring, "/plain/*");
	const cJSON *option = cJSON_GetArrayItem(member(&b, "route", "options"), 0);
	ck_assert_str_eq(cJSON_GetObjectItem(option, "option")->valuestring, "query");
	ck_assert_str_eq(cJSON_GetObjectItem(option, "value")->valuestring, "none");
	ck_assert_ptr_nonnull(strstr(cJSON_GetObjectItem(option, "source")->valuestring, ":6"));
	bench_close(&b);
}
END_TEST

static struct header vary[] = {{STR("accept-language"), STR("de")}, {STR("cookie:session"), STR("SECRET")}};
static struct why_field differs[] = {
    {STR("accept-language"), STR("de"), STR_NONE}, {STR("cookie:session"), STR("SECRET"), STR("SECRET")}};
static struct str tags[] = {STR("news")};
static struct why_variant variant = {
    .stored = {.status = 200, .lifetime_source = "max-age", .etag = STR("\"e\""), .vary = {vary, 2, 2}},
    .reason = REASON_HIT,
    .age_ms = 61500,
    .ttl_ms = -500,
    .size = 12,
    .tags = tags,
    .n_tags = 1,
    .differs = differs,
    .n_differs = 2,
};

START_TEST(variants_differences_and_no_secrets)
{
	static struct header fields[] = {{STR("Cookie"), STR("session=SECRET")}, {STR("X-Auth-Token"), STR("SECRET")}};
	struct bench b;
	open_bench(&b);
	found.reason = REASON_MISS_VARY;
	found.request = (struct headers){fields, 2, 2};
	found.variants = &variant;
	found.n_variants = 1;
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a"), 200);
	const cJSON *v = cJSON_GetArrayItem(cJSON_GetObjectItem(b.json, "variants"), 0);
	ck_assert_int_eq(cJSON_GetObjectItem(v, "age")->valueint, 61);
	ck_assert_int_eq(cJSON_GetObjectItem(v, "ttl")->valueint, -1); /* down, as in Cache-Status */
	const cJSON *d = cJSON_GetArrayItem(cJSON_GetObjectItem(v, "differs"), 0);
	ck_assert_str_eq(cJSON_GetObjectItem(d, "stored")->valuestring, "de");
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(d, "asked")));
	ck_assert(bench_has(&b, "(hidden)") && !bench_has(&b, "SECRET"));
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
	ck_assert(bench_has(&b, "not for this request: accept-language is \"de\" there, absent here"));
	ck_assert(bench_has(&b, "age 1m 1s, stale since 0s (by max-age); tags news"));
	ck_assert(bench_has(&b, "(hidden)") && !bench_has(&b, "SECRET"));
	bench_close(&b);
}
END_TEST

START_TEST(what_is_filled_in_for_each_visitor)
{
	static struct why_hole holes[] = {
	    {HOLE_TOKEN, STR("asok_csrf"), 3}, {HOLE_NONCE, STR(""), 2}, {HOLE_SESSION, STR(""), 1}};
	struct bench b;
	open_bench(&b);
	struct why_variant v = variant;
	v.holes = holes;
	v.n_holes = COUNT_OF(holes);
	found.variants = &v;
	found.n_variants = 1;
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
	ck_assert(bench_has(&b, "- filled in for each visitor: token asok_csrf 3, nonce 2, session token 1\n"));
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a"), 200);
	const cJSON *told =
	    cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(b.json, "variants"), 0), "holes");
	ck_assert_int_eq(cJSON_GetArraySize(told), 3);
	const cJSON *first = cJSON_GetArrayItem(told, 0), *second = cJSON_GetArrayItem(told, 1);
	ck_assert_str_eq(cJSON_GetObjectItem(first, "kind")->valuestring, "token");
	ck_assert_str_eq(cJSON_GetObjectItem(first, "cookie")->valuestring, "asok_csrf");
	ck_assert_int_eq(cJSON_GetObjectItem(first, "places")->valueint, 3);
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(second, "cookie")));
	found.variants = &variant;
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
	ck_assert(!bench_has(&b, "filled in for"));
	bench_close(&b);
}
END_TEST

START_TEST(what_fields_do_on_a_page_with_tokens)
{
	static struct str cookie[] = {STR("csrftoken")};
	static const struct {
		const char *sentence, *name, *value;
		bool of_session, is_stored, varies; /* of what is stored by Cookie */
		const char *text;
	} rows[] = {
	    {"his token", "Cookie", "a=1; csrftoken=SECRET", false, true, false,
		"Cookie has the visitor's token, which is filled in; makes no other difference"},
	    {"a token beside what makes the variant", "Cookie", "csrftoken=SECRET", false, true, true,
		"Cookie chooses the variant, and has the visitor's token, which is filled in"},
	    {"other cookies", "Cookie", "a=SECRET", false, true, false, "Cookie makes no difference"},
	    {"other cookies that make the variant", "Cookie", "a=SECRET", false, true, true,
		"Cookie chooses the variant: the page varies by it"},
	    {"his session", "Cookie", "a=SECRET", true, true, false,
		"Cookie tells the session whose token is filled in; makes no other difference"},
	    {"a tag is of what he got", "If-None-Match", "\"a\"", false, true, false,
		"If-None-Match is compared with what is filled in for this visitor"},
	    {"a date tells nothing", "If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", false, true, false,
		"If-Modified-Since is ignored: the page differs by visitor"},
	    {"no part of it", "Range", "bytes=0-9", false, true, false,
		"Range is ignored: a page that differs by visitor is sent whole"},
	    {"nor before it is stored", "Range", "bytes=0-9", false, false, false, "Range is ignored"},
	};
	static struct why_hole hole = {HOLE_TOKEN, STR("csrftoken"), 1};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct header field = {str_of(rows[i].name), str_of(rows[i].value)};
		struct header by_cookie = {STR("cookie:a"), STR_NONE};
		struct bench b;
		open_bench(&b);
		struct route route = b.conf->routes[0];
		route.token_cookie = (struct str_list){cookie, 1};
		route.token_of_session = rows[i].of_session;
		of_tokens = &route;
		struct why_variant v = {.stored = {.status = 200, .lifetime_source = "ttl"},
		    .chosen = true,
		    .matches = true,
		    .holes = &hole,
		    .n_holes = 1};
		v.stored.vary = (struct headers){&by_cookie, rows[i].varies, 1};
		found.request = (struct headers){&field, 1, 1};
		found.variants = &v;
		found.n_variants = rows[i].is_stored;
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
		ck_assert_msg(
		    bench_has(&b, rows[i].text), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
		ck_assert_msg(!bench_has(&b, "SECRET"), "%s", rows[i].sentence);
		bench_close(&b);
	}
}
END_TEST

START_TEST(the_last_answer_and_what_to_change)
{
	static const struct {
		const char *sentence;
		struct why_last last;
		enum why_kind kind;
		enum reason reason;
		const char *text, *advice; /* advice NULL: none */
	} rows[] = {
	    {"a refusal tells what to change, with the route and its line",
		{.reason = REASON_NOT_SET_COOKIE,
		    .status = 200,
		    .ago_ms = 17000,
		    .passes_ms = 103000,
		    .cause = STR("Set-Cookie: session")},
		WHY_PASS, REASON_PASS_REMEMBERED, "17s ago, status 200: not stored: The response sets a cookie",
		"`set_cookie = strip` into [route /plain/*] ("},
	    {"how much longer requests pass", {.reason = REASON_NOT_PRIVATE, .status = 200, .passes_ms = 103000},
		WHY_PASS, REASON_PASS_REMEMBERED,
		"For 1m 43s more, requests for it go to the origin without waiting for one another.", "max-age=60"},
	    {"the field that decided is the one to change",
		{.reason = REASON_NOT_NO_STORE, .status = 200, .cause = STR("CDN-Cache-Control: no-store")}, WHY_FETCH,
		REASON_MISS, "CDN-Cache-Control: no-store", "let the app send `CDN-Cache-Control: max-age=60` instead"},
	    {"a cookie names its framework",
		{.reason = REASON_NOT_CSRF_TOKEN, .status = 200, .cause = STR("Set-Cookie: csrftoken")}, WHY_PASS,
		REASON_PASS_REMEMBERED, "Set-Cookie: csrftoken", "`token = django` and"},
	    {"another one does not", {.reason = REASON_NOT_CSRF_TOKEN, .cause = STR("Set-Cookie: _csrf")}, WHY_FETCH,
		REASON_MISS, "(csrf-token)", "`token_cookie = _csrf` and"},
	    {"nor do two of them", {.reason = REASON_NOT_CSRF_TOKEN, .cause = STR("Set-Cookie: _csrf, csrf")},
		WHY_FETCH, REASON_MISS, "(csrf-token)", "`token_cookie = NAME` and"},
	    {"what was found is what to name",
		{.reason = REASON_NOT_LEAK_COOKIE,
		    .status = 200,
		    .cause = STR("the value of the request's cookie sid")},
		WHY_FETCH, REASON_MISS, "the value of the request's cookie sid", "`leak_allow = sid`"},
	    {"unless it is no name", {.reason = REASON_NOT_LEAK_COOKIE, .cause = STR("the value of x\"y")}, WHY_FETCH,
		REASON_MISS, "(leak-cookie)", "`leak_allow = NAME`"},
	    {"a failure has no status", {.reason = REASON_ERROR_CONNECT, .ago_ms = 3700000}, WHY_FETCH, REASON_MISS,
		"1h 1m ago: not stored: No connection to the upstream.", "Is the app running"},
	    {"a purge is no one's fault", {.reason = REASON_STORED, .status = 200, .gone = WHY_GONE_PURGED}, WHY_FETCH,
		REASON_MISS, "has taken it away since", NULL},
	    {"short lives can be longer", {.reason = REASON_STORED, .gone = WHY_GONE_EXPIRED}, WHY_FETCH, REASON_MISS,
		"Its freshness ended", "ttl = 60s"},
	    {"room can be greater", {.reason = REASON_STORED, .gone = WHY_GONE_DROPPED}, WHY_FETCH, REASON_MISS,
		"dropped to make room", "memory_size"},
	    {"nothing known: ask once", {0}, WHY_FETCH, REASON_MISS, "No answer for this key is remembered.",
		"Ask for the page once"},
	    {"a rule speaks for itself", {.reason = REASON_NOT_PRIVATE}, WHY_PASS, REASON_PASS_ROUTE,
		"pass: The route has cache = off. (route-off)", "Remove `cache = off`"},
	    {"a hit needs no advice", {.reason = REASON_STORED}, WHY_STORED, REASON_HIT, "hit: A fresh", NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		open_bench(&b);
		found.last = rows[i].last;
		found.kind = rows[i].kind;
		found.reason = rows[i].reason;
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
		ck_assert_str_eq(b.answer.content_type, "text/plain; charset=utf-8");
		ck_assert_msg(
		    bench_has(&b, rows[i].text), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=json"), 200);
		const cJSON *advice = cJSON_GetArrayItem(cJSON_GetObjectItem(b.json, "advice"), 0);
		ck_assert_msg((advice != NULL) == (rows[i].advice != NULL), "%s", rows[i].sentence);
		if (advice)
			ck_assert_msg(strstr(advice->valuestring, rows[i].advice), "%s: %s", rows[i].sentence,
			    advice->valuestring);
		bench_close(&b);
	}
}
END_TEST

/* Whatever the verdict: both forms can be made, lines stay short, and no mark is left unfilled. */
START_TEST(every_reason_can_be_told)
{
	for (int reason = 1; reason < REASON_COUNT; reason++) {
		struct bench b;
		open_bench(&b);
		found.reason = (enum reason)reason;
		found.last.reason = (enum reason)reason;
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a"), 200);
		ck_assert(!bench_has(&b, "{route}") && !bench_has(&b, "{status}") && !bench_has(&b, "{token}") &&
			  !bench_has(&b, "{name}"));
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
		ck_assert(!bench_has(&b, "{route}") && !bench_has(&b, "{status}") && !bench_has(&b, "{token}") &&
			  !bench_has(&b, "{name}"));
		struct str rest = buf_str(&b.answer.body), line;
		while (str_cut(&rest, '\n', &line))
			ck_assert_msg(line.n <= 120, "%.*s", STR_ARG(line));
		bench_close(&b);
	}
}
END_TEST

START_TEST(nothing_of_a_field_steers_the_terminal)
{
	static struct header bell[] = {{STR("x-a"), STR("\033[31m\a")}};
	struct bench b;
	open_bench(&b);
	struct why_variant v = variant;
	v.matches = true;
	v.n_differs = 0;
	v.stored.vary = (struct headers){bell, 1, 1};
	found.variants = &v;
	found.n_variants = 1;
	ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
	ck_assert(!bench_has(&b, "\033") && !bench_has(&b, "\a") && bench_has(&b, "?[31m"));
	bench_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("why");
	TCase *t = tcase_create("why");
	tcase_add_test(t, what_is_asked);
	tcase_add_test(t, the_verdict_as_json);
	tcase_add_test(t, variants_differences_and_no_secrets);
	tcase_add_test(t, what_is_filled_in_for_each_visitor);
	tcase_add_test(t, what_fields_do_on_a_page_with_tokens);
	tcase_add_test(t, the_last_answer_and_what_to_change);
	tcase_add_test(t, every_reason_can_be_told);
	tcase_add_test(t, nothing_of_a_field_steers_the_terminal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
