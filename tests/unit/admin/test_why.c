/* GET /why: the question as it is read, and both forms of the answer, from a scripted finding. */
#include "bench.h"

#include <stdio.h>

#include "admin/page.h"

static struct why found;
static struct why_ask asked;
static char asked_text[512];

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
	out->route = &b->conf->routes[0]; /* [route /plain/x] with query = none */
}

static void open_bench(struct bench *b)
{
	bench_open(b);
	b->env.why = tell;
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
		ck_assert(!bench_has(&b, "{route}") && !bench_has(&b, "{status}"));
		ck_assert_int_eq(bench_ask(&b, "GET /why url=http://h/a&format=text"), 200);
		ck_assert(!bench_has(&b, "{route}") && !bench_has(&b, "{status}"));
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
	tcase_add_test(t, the_last_answer_and_what_to_change);
	tcase_add_test(t, every_reason_can_be_told);
	tcase_add_test(t, nothing_of_a_field_steers_the_terminal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
