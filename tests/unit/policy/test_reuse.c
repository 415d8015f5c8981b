#include "fields.h"

#include "base/mem.h"
#include "policy/reuse.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

START_TEST(lookups)
{
	static const struct {
		const char *what;
		enum http_method method;
		const char *fields;
		bool cache, has_body;
		int minor;
		const char *target;
		enum reason reason;
	} rows[] = {
	    {"RFC 9111 4-2: a GET is looked up", METHOD_GET, "", true, false, 1, "/", REASON_NONE},
	    {"RFC 9111 4-2: a HEAD is looked up, for a stored GET", METHOD_HEAD, "", true, false, 1, "/", REASON_NONE},
	    {"an absolute target (RFC 9112 3.2.2)", METHOD_GET, "", true, false, 1, "http://h/", REASON_NONE},
	    {"RFC 9111 4-2, 4-7: a POST", METHOD_POST, "", true, true, 1, "/", REASON_PASS_METHOD},
	    {"RFC 9111 4-2: OPTIONS", METHOD_OPTIONS, "", true, false, 1, "*", REASON_PASS_METHOD},
	    {"RFC 9111 4-2, 4-7: an unknown method", METHOD_OTHER, "", true, false, 1, "/", REASON_PASS_METHOD},
	    {"a GET with a body (9110 9.3.1)", METHOD_GET, "", true, true, 1, "/", REASON_PASS_BODY},
	    {"a HEAD with a body (9110 9.3.2)", METHOD_HEAD, "", true, true, 1, "/", REASON_PASS_BODY},
	    {"cache = off", METHOD_GET, "", false, false, 1, "/", REASON_PASS_ROUTE},
	    {"cache = off comes first", METHOD_POST, "", false, true, 1, "/", REASON_PASS_ROUTE},
	    {"no path", METHOD_GET, "", true, false, 1, "*", REASON_PASS_TARGET},
	    {"Upgrade (9110 7.8)", METHOD_GET, "Connection: keep-alive, Upgrade\nUpgrade: websocket", true, false, 1,
		"/", REASON_PASS_UPGRADE},
	    {"Upgrade that Connection does not name (9110 7.8)", METHOD_GET, "Upgrade: websocket", true, false, 1, "/",
		REASON_NONE},
	    {"Upgrade with another Connection", METHOD_GET, "Connection: close\nUpgrade: websocket", true, false, 1,
		"/", REASON_NONE},
	    {"Upgrade of HTTP/1.0 (9110 7.8)", METHOD_GET, "Connection: upgrade\nUpgrade: websocket", true, false, 0,
		"/", REASON_NONE},
	    {"an offer of h2c (9113 3.1)", METHOD_GET, "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c", true, false,
		1, "/", REASON_NONE},
	    {"h2c or something else", METHOD_GET, "Connection: Upgrade\nUpgrade: h2c, websocket", true, false, 1, "/",
		REASON_PASS_UPGRADE},
	    {"Authorization is looked up (3.5)", METHOD_GET, "Authorization: Basic eDp5", true, false, 1, "/",
		REASON_NONE},
	    {"Range is looked up (14.2)", METHOD_GET, "Range: bytes=0-1", true, false, 1, "/", REASON_NONE},
	    {"RFC 9111 4.3.2-1: If-None-Match is looked up", METHOD_GET, "If-None-Match: \"a\"", true, false, 1, "/",
		REASON_NONE},
	    {"RFC 9111 4.3.2-2: If-Match is the origin's", METHOD_GET, "if-match: \"a\"", true, false, 1, "/",
		REASON_PASS_CONDITION},
	    {"RFC 9111 4.3.2-2: If-Unmodified-Since is the origin's", METHOD_GET, "If-Unmodified-Since: " NOW_TEXT,
		true, false, 1, "/", REASON_PASS_CONDITION},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route route = {.cache = rows[i].cache};
		struct http_request request = request_of(rows[i].fields, &arena);
		enum reason reason = REASON_COUNT;
		request.method = rows[i].method;
		request.has_body = rows[i].has_body;
		request.minor = rows[i].minor;
		request.target = str_of(rows[i].target);
		enum lookup lookup = policy_lookup(&route, &request, &reason);
		ck_assert_msg(reason == rows[i].reason, "%s", rows[i].what);
		ck_assert_msg((lookup == LOOKUP_YES) == (reason == REASON_NONE), "%s", rows[i].what);
	}
}
END_TEST

START_TEST(token_cookies_that_differ_pass)
{
	static struct str tokens[] = {STR("csrf"), STR("xsrf")};
	static const struct {
		const char *what, *fields;
		enum reason reason;
	} rows[] = {
	    {"none", "Cookie: a=1", REASON_NONE},
	    {"one", "Cookie: csrf=1; a=1", REASON_NONE},
	    {"two with one value", "Cookie: csrf=1; csrf=1", REASON_NONE},
	    {"two with two values", "Cookie: csrf=1; a=1; csrf=2", REASON_PASS_TOKENS},
	    {"on two lines", "Cookie: csrf=1\nCookie: csrf=2", REASON_PASS_TOKENS},
	    {"one of them empty", "Cookie: csrf=; csrf=2", REASON_PASS_TOKENS},
	    {"three, the last differs", "Cookie: xsrf=1; xsrf=1; xsrf=2", REASON_PASS_TOKENS},
	    {"two tokens of two names", "Cookie: csrf=1; xsrf=2", REASON_NONE},
	    {"others may come twice", "Cookie: a=1; a=2", REASON_NONE},
	};
	struct route route = route_of_tests();
	enum reason reason;
	route.token_cookie = (struct str_list){tokens, COUNT_OF(tokens)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_request request = request_of(rows[i].fields, &arena);
		enum lookup lookup = policy_lookup(&route, &request, &reason);
		ck_assert_msg(reason == rows[i].reason && (lookup == LOOKUP_YES) == (reason == REASON_NONE), "%s: %s",
		    rows[i].what, reason_code(reason));
	}
}
END_TEST

/* Each stored response came at NOW with no age and lives 60 s; the time is that many seconds later. */
struct reuse_row {
	const char *what, *request;
	int64_t after_s, swr_s, sie_s;
	bool must_revalidate, no_cache, purged;
	enum reuse reuse;
	enum reason reason;
	bool on_error;
};

static void check_rows(const struct reuse_row *rows, size_t n)
{
	struct route route = route_of_tests();
	for (const struct reuse_row *r = rows; r < rows + n; r++) {
		struct http_request request = request_of(r->request, &arena);
		struct stored s = {
		    .status = 200,
		    .response_ms = NOW_MS,
		    .lifetime_ms = 60000,
		    .swr_ms = r->swr_s * 1000,
		    .sie_ms = r->sie_s * 1000,
		    .must_revalidate = r->must_revalidate,
		    .no_cache = r->no_cache,
		    .last_modified_s = -1,
		};
		struct reuse_verdict v = policy_reuse(&route, &request, &s, r->purged, NOW_MS + r->after_s * 1000);
		ck_assert_msg(v.reuse == r->reuse, "%s: %d", r->what, v.reuse);
		ck_assert_msg(v.reason == r->reason, "%s: %s", r->what, reason_code(v.reason));
		ck_assert_msg(v.age_ms == r->after_s * 1000, "%s", r->what);
		ck_assert_msg(v.stale_if_error == r->on_error, "%s: on error", r->what);
		if (!r->purged)
			ck_assert_msg(v.ttl_ms == 60000 - v.age_ms, "%s: %ld", r->what, (long)v.ttl_ms);
	}
}

START_TEST(by_age)
{
	static const struct reuse_row rows[] = {
	    {"RFC 9111 4-5: fresh", "", 0, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"RFC 9111 4-5: in its last second", "", 59, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"RFC 9111 4-5: as old as its lifetime is stale", "", 60, 0, 0, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, false},
	    {"RFC 9111 4.2.4-2: stale", "", 99, 0, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE, false},
	    {"RFC 5861 3-1: stale while it is renewed", "", 89, 30, 0, 0, 0, 0, REUSE_STALE, REASON_HIT_STALE, false},
	    {"RFC 5861 3-2: no longer than the window", "", 90, 30, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE,
		false},
	    {"RFC 5861 4-1: if the origin fails", "", 89, 0, 30, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE, true},
	    {"RFC 5861 4-1: no longer than its window", "", 90, 0, 30, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE,
		false},
	    {"must-revalidate, fresh (5.2.2.2)", "", 59, 0, 0, 1, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"RFC 9111 5.2.2.2-1, 4.2.4-1: must-revalidate, stale", "", 60, 30, 30, 1, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, false},
	    {"RFC 9111 4-4, 5.2.2.4-1: no-cache, fresh", "", 1, 30, 30, 0, 1, 0, REUSE_REVALIDATE, REASON_MISS_NO_CACHE,
		false},
	    {"RFC 9111 4-4, 5.2.2.4-1: no-cache, stale", "", 61, 30, 30, 0, 1, 0, REUSE_REVALIDATE,
		REASON_MISS_NO_CACHE, false},
	    {"softly purged", "", 1, 0, 0, 0, 0, 1, REUSE_REVALIDATE, REASON_MISS_PURGED, false},
	    {"softly purged, with swr", "", 1, 1, 0, 0, 0, 1, REUSE_STALE, REASON_HIT_STALE, false},
	    {"softly purged, with sie", "", 1, 0, 1, 0, 0, 1, REUSE_REVALIDATE, REASON_MISS_PURGED, true},
	    {"softly purged, with must-revalidate", "", 1, 1, 1, 1, 0, 1, REUSE_REVALIDATE, REASON_MISS_PURGED, false},
	    {"softly purged and stale beyond all", "", 90, 9, 9, 0, 0, 1, REUSE_REVALIDATE, REASON_MISS_PURGED, false},
	};
	check_rows(rows, COUNT_OF(rows));
}
END_TEST

#define CC "Cache-Control: "

START_TEST(by_the_clients_wish)
{
	static const struct reuse_row rows[] = {
	    {"max-age, young enough (5.2.1.1)", CC "max-age=5", 5, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"max-age, too old (5.2.1.1)", CC "max-age=5", 6, 0, 0, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_REQUEST_MAX_AGE, true},
	    {"max-age=0 (5.2.1.1)", CC "max-age=0", 0, 0, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_REQUEST_MAX_AGE,
		true},
	    {"max-age that is no number", CC "max-age='0'", 6, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"min-fresh, enough (5.2.1.3)", CC "min-fresh=10", 50, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT, true},
	    {"min-fresh, not enough (5.2.1.3)", CC "min-fresh=10", 51, 0, 0, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_REQUEST_MIN_FRESH, true},
	    {"no-cache (5.2.1.4)", CC "no-cache", 1, 0, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_REQUEST, true},
	    {"Pragma (5.4)", "Pragma: no-cache", 1, 0, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_REQUEST, true},
	    {"no-store says nothing about what is stored (5.2.1.5)", CC "no-store", 1, 0, 0, 0, 0, 0, REUSE_FRESH,
		REASON_HIT, true},
	    {"max-stale, within (5.2.1.2)", CC "max-stale=10", 70, 0, 0, 0, 0, 0, REUSE_FRESH, REASON_HIT_MAX_STALE,
		false},
	    {"max-stale, beyond (5.2.1.2)", CC "max-stale=10", 71, 0, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE,
		false},
	    {"max-stale without a limit (5.2.1.2)", CC "max-stale", 9999, 0, 0, 0, 0, 0, REUSE_FRESH,
		REASON_HIT_MAX_STALE, false},
	    {"RFC 9111 5.2.2.2-2, 4.2.4-1: max-stale against must-revalidate", CC "max-stale", 61, 0, 0, 1, 0, 0,
		REUSE_REVALIDATE, REASON_MISS_STALE, false},
	    {"RFC 9111 4.2.4-1: max-stale against no-cache", CC "max-stale", 61, 0, 0, 0, 1, 0, REUSE_REVALIDATE,
		REASON_MISS_NO_CACHE, false},
	    {"max-stale does not undo a purge", CC "max-stale", 1, 0, 0, 0, 0, 1, REUSE_REVALIDATE, REASON_MISS_PURGED,
		false},
	    {"max-stale in the swr window renews too", CC "max-stale", 61, 9, 0, 0, 0, 0, REUSE_STALE, REASON_HIT_STALE,
		false},
	    {"max-age asks for no stale answer (5.2.1.1)", CC "max-age=999", 61, 9, 0, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, false},
	    {"unless max-stale is there too (5.2.1.1)", CC "max-age=999, max-stale=9", 61, 9, 0, 0, 0, 0, REUSE_STALE,
		REASON_HIT_STALE, false},
	    {"no-cache and swr", CC "no-cache", 61, 9, 0, 0, 0, 0, REUSE_REVALIDATE, REASON_MISS_STALE, false},
	    {"RFC 9111 5.2.1.7-1: only-if-cached, fresh", CC "only-if-cached", 1, 0, 0, 0, 0, 0, REUSE_FRESH,
		REASON_HIT, true},
	    {"RFC 9111 5.2.1.7-1: only-if-cached, stale", CC "only-if-cached", 61, 0, 0, 0, 0, 0, REUSE_UNSATISFIABLE,
		REASON_ERROR_ONLY_IF_CACHED, false},
	    {"only-if-cached, stale in the window", CC "only-if-cached", 61, 9, 0, 0, 0, 0, REUSE_STALE,
		REASON_HIT_STALE, false},
	    {"only-if-cached with max-stale", CC "only-if-cached, max-stale", 61, 0, 0, 0, 0, 0, REUSE_FRESH,
		REASON_HIT_MAX_STALE, false},
	    {"the request's stale-if-error (5861 4)", CC "stale-if-error=30", 89, 0, 5, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, true},
	    {"the response's is larger (5861 4)", CC "stale-if-error=1", 89, 0, 30, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, true},
	    {"RFC 9111 4.2.4-1: the request's against must-revalidate", CC "stale-if-error=30", 61, 0, 0, 1, 0, 0,
		REUSE_REVALIDATE, REASON_MISS_STALE, false},
	    {"RFC 9111 1.2.2-1: saturated numbers do not overflow",
		CC "max-age=99999999999, min-fresh=0, max-stale=99999999999", 99, 0, 0, 0, 0, 0, REUSE_REVALIDATE,
		REASON_MISS_STALE, false},
	    {"no-store and more on several lines", CC "no-transform\n" CC "max-age=1", 2, 0, 0, 0, 0, 0,
		REUSE_REVALIDATE, REASON_MISS_REQUEST_MAX_AGE, true},
	};
	check_rows(rows, COUNT_OF(rows));
}
END_TEST

/* Each lives 60 s and may be served for 30 s more when there is no answer, for 10 s when there is a bad one. */
START_TEST(when_the_origin_cannot_be_reached)
{
	static const struct {
		const char *what, *request;
		int64_t after_s;
		bool must_revalidate, no_cache, purged;
		bool on_error, unreachable;
	} rows[] = {
	    {"RFC 9111 4.2.4: disconnected, stale", "", 89, 0, 0, 0, false, true},
	    {"RFC 9111 4.2.4: no longer than the window", "", 90, 0, 0, 0, false, false},
	    {"RFC 9111 5.2.2.2-2, 5.2.2.8-1, 5.2.2.10-1: not with must-revalidate or its like", "", 60, 1, 0, 0, false,
		false},
	    {"RFC 9111 4.2.4-1: not with no-cache", "", 60, 0, 1, 0, false, false},
	    {"RFC 9111 4.2.4-1, 5.2.2.4-1: no-cache that is still fresh", "", 1, 0, 1, 0, false, false},
	    {"RFC 9111 5.2.2.2: must-revalidate that is still fresh", CC "no-cache", 1, 1, 0, 0, true, true},
	    {"RFC 9111 5.2.1.4: the client's no-cache is a wish", CC "no-cache", 70, 0, 0, 0, false, true},
	    {"RFC 9111 5.2.1.1: so is its max-age", CC "max-age=1", 70, 0, 0, 0, false, true},
	    {"RFC 5861 4: what may be served on an error may be here", "", 69, 0, 0, 0, true, true},
	    {"RFC 5861 4: the request's stale-if-error", CC "stale-if-error=300", 300, 0, 0, 0, true, true},
	    {"softly purged: stale from then on", "", 1, 0, 0, 1, true, true},
	};
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_request request = request_of(rows[i].request, &arena);
		struct stored s = {
		    .status = 200,
		    .response_ms = NOW_MS,
		    .lifetime_ms = 60000,
		    .sie_ms = 10000,
		    .unreachable_ms = 30000,
		    .must_revalidate = rows[i].must_revalidate,
		    .no_cache = rows[i].no_cache,
		    .last_modified_s = -1,
		};
		struct reuse_verdict v =
		    policy_reuse(&route, &request, &s, rows[i].purged, NOW_MS + rows[i].after_s * 1000);
		ck_assert_msg(v.stale_if_error == rows[i].on_error, "%s: on error", rows[i].what);
		ck_assert_msg(v.stale_if_unreachable == rows[i].unreachable, "%s", rows[i].what);
	}
}
END_TEST

/* RFC 9111 5.2.1: "They are advisory; caches MAY implement them, but are not required to." */
START_TEST(wishes_that_the_route_ignores)
{
	static const struct {
		const char *what, *request;
		int64_t after_s;
		enum reuse reuse;
		bool on_error;
	} rows[] = {
	    {"no-cache", CC "no-cache", 1, REUSE_FRESH, true},
	    {"Pragma", "Pragma: no-cache", 1, REUSE_FRESH, true},
	    {"max-age", CC "max-age=0", 1, REUSE_FRESH, true},
	    {"min-fresh", CC "min-fresh=100", 1, REUSE_FRESH, true},
	    {"max-stale", CC "max-stale", 60, REUSE_REVALIDATE, false},
	    {"only-if-cached", CC "only-if-cached", 60, REUSE_REVALIDATE, false},
	    {"stale-if-error", CC "stale-if-error=30", 60, REUSE_REVALIDATE, false},
	};
	struct route route = route_of_tests();
	route.client_cache_control = CLIENT_IGNORE;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_request request = request_of(rows[i].request, &arena);
		struct stored s = {.status = 200, .response_ms = NOW_MS, .lifetime_ms = 60000, .last_modified_s = -1};
		struct reuse_verdict v = policy_reuse(&route, &request, &s, false, NOW_MS + rows[i].after_s * 1000);
		ck_assert_msg(v.reuse == rows[i].reuse, "%s", rows[i].what);
		ck_assert_msg(v.stale_if_error == rows[i].on_error, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(initial_age_counts)
{
	struct route route = route_of_tests();
	struct http_request request = request_of("", &arena);
	struct stored s = {.status = 200, .response_ms = NOW_MS, .initial_age_ms = 50000, .lifetime_ms = 60000};
	struct reuse_verdict v = policy_reuse(&route, &request, &s, false, NOW_MS + 9000);
	ck_assert_int_eq(v.age_ms, 59000);
	ck_assert_int_eq(v.ttl_ms, 1000);
	ck_assert_int_eq(v.reuse, REUSE_FRESH);
	ck_assert_int_eq(policy_reuse(&route, &request, &s, false, NOW_MS + 10000).reuse, REUSE_REVALIDATE);
}
END_TEST

START_TEST(a_purge_takes_what_was_left)
{
	struct route route = route_of_tests();
	struct http_request request = request_of("", &arena);
	struct stored s = {.status = 200, .response_ms = NOW_MS, .lifetime_ms = 60000};
	ck_assert_int_eq(policy_reuse(&route, &request, &s, true, NOW_MS).ttl_ms, 0);
	ck_assert_int_eq(policy_reuse(&route, &request, &s, true, NOW_MS + 70000).ttl_ms, -10000);
}
END_TEST

START_TEST(misses)
{
	struct route route = route_of_tests();
	struct http_request request = request_of("", &arena);
	ck_assert_int_eq(policy_miss(&route, &request), REUSE_REVALIDATE);
	request = request_of("Cache-Control: max-age=0, only-if-cached", &arena);
	ck_assert_int_eq(policy_miss(&route, &request), REUSE_UNSATISFIABLE);
	route.client_cache_control = CLIENT_IGNORE;
	ck_assert_int_eq(policy_miss(&route, &request), REUSE_REVALIDATE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/reuse");
	TCase *t = tcase_create("reuse");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lookups);
	tcase_add_test(t, token_cookies_that_differ_pass);
	tcase_add_test(t, by_age);
	tcase_add_test(t, by_the_clients_wish);
	tcase_add_test(t, when_the_origin_cannot_be_reached);
	tcase_add_test(t, wishes_that_the_route_ignores);
	tcase_add_test(t, initial_age_counts);
	tcase_add_test(t, a_purge_takes_what_was_left);
	tcase_add_test(t, misses);
	suite_add_tcase(s, t);
	return suite_run(s);
}
