#include "fields.h"

#include "base/mem.h"
#include <stdio.h>

#include "policy/storable.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

static struct storable_out store(const struct route *route, const char *request_fields, int status, const char *fields)
{
	static struct str targeted[] = {STR("CDN-Cache-Control")};
	struct conf_cache cache = cache_of_tests();
	cache.targeted_control = (struct str_list){targeted, COUNT_OF(targeted)};
	struct http_request request = request_of(request_fields, &arena);
	struct http_response response = response_of(status, fields, &arena);
	struct storable_in in = {
	    .cache = &cache,
	    .route = route,
	    .request = &request,
	    .response = &response,
	    .request_ms = NOW_MS,
	    .response_ms = NOW_MS,
	};
	struct storable_out out;
	policy_storable(&in, &arena, &out);
	ck_assert_int_eq(response.headers.n, fields_of(fields, &arena).n); /* the visitor's own copy is whole */
	return out;
}

struct row {
	const char *what, *request;
	int status;
	const char *response;
	enum reason reason;
};

static void check_rows(const struct route *route, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct storable_out out = store(route, rows[i].request, rows[i].status, rows[i].response);
		ck_assert_msg(out.reason == rows[i].reason, "%s: %s", rows[i].what, reason_code(out.reason));
		ck_assert_msg(out.store == (rows[i].reason == REASON_STORED), "%s", rows[i].what);
	}
}

#define FRESH "Cache-Control: max-age=60\n"
#define AUTH  "Authorization: Basic eDp5"
#define CDN   "CDN-Cache-Control: "
#define DAY   "Sat, 05 Nov 1994 08:49:37 GMT"

START_TEST(without_a_ttl_the_rfc_decides)
{
	static const struct row rows[] = {
	    {"RFC 9111 3-7: explicit freshness", "", 200, FRESH, REASON_STORED},
	    {"RFC 9111 3-7: s-maxage", "", 200, "Cache-Control: s-maxage=60", REASON_STORED},
	    {"RFC 9111 3-7: Expires", "", 200, "Expires: Sun, 06 Nov 1994 09:49:37 GMT", REASON_STORED},
	    {"RFC 9111 3-2: any final status with explicit freshness: 201", "", 201, FRESH, REASON_STORED},
	    {"302 (3)", "", 302, FRESH, REASON_STORED},
	    {"400 (3)", "", 400, FRESH, REASON_STORED},
	    {"500 (3)", "", 500, FRESH, REASON_STORED},
	    {"an unknown status (3)", "", 299, FRESH, REASON_STORED},
	    {"another unknown status (3)", "", 599, FRESH, REASON_STORED},
	    {"RFC 9111 3-2: 1xx are not final", "", 103, FRESH, REASON_NOT_RESPONSE},
	    {"RFC 9111 3-3: a 304 by itself", "", 304, FRESH, REASON_NOT_RESPONSE},
	    {"RFC 9111 3-3, 3.3-1: a 206 without a range that is understood", "", 206, FRESH, REASON_NOT_PARTIAL},
	    {"RFC 9111 3-7: 302 without freshness", "", 302, "Last-Modified: " DAY, REASON_NOT_STATUS},
	    {"RFC 9111 3-7: 201 without freshness", "", 201, "Last-Modified: " DAY, REASON_NOT_STATUS},
	    {"RFC 9111 3-7: 599 without freshness", "", 599, "Last-Modified: " DAY, REASON_NOT_STATUS},
	    {"RFC 9111 3-7: 599 with public", "", 599, "Cache-Control: public\nLast-Modified: " DAY, REASON_STORED},
	    {"RFC 9111 3-7: 404, guessed", "", 404, "Last-Modified: " DAY, REASON_STORED},
	    {"neither freshness nor validator", "", 200, "Content-Type: text/html", REASON_NOT_FRESH},
	    {"public is no freshness", "", 200, "Cache-Control: public", REASON_NOT_FRESH},
	    {"a validator is enough (4.3)", "", 200, "ETag: \"a\"", REASON_STORED},
	    {"a date that guesses nothing is a validator (4.3)", "", 200, "Last-Modified: " NOW_TEXT, REASON_STORED},
	    {"stale when it came (4.2)", "", 200, "Cache-Control: max-age=0", REASON_NOT_EXPIRED},
	    {"stale by Age (4.2.3)", "", 200, FRESH "Age: 60", REASON_NOT_EXPIRED},
	    {"RFC 9111 5.3-1: stale by an invalid Expires", "", 200, "Expires: 0", REASON_NOT_INVALID},
	    {"RFC 9111 4.2.1: two Expires that differ", "", 200,
		"Expires: Sun, 06 Nov 2050 09:49:37 GMT\nExpires: Sun, 06 Nov 2050 09:49:38 GMT", REASON_NOT_INVALID},
	    {"RFC 9111 4.2.1: a max-age that is no number", "", 200, "Cache-Control: max-age='3600'",
		REASON_NOT_INVALID},
	    {"RFC 9111 4.2.2-1: nothing is guessed beside it", "", 404, "Cache-Control: max-age=x\nLast-Modified: " DAY,
		REASON_NOT_INVALID},
	    {"RFC 9111 4.2.1: an Expires counts beside it", "", 404,
		"Cache-Control: max-age=x\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", REASON_STORED},
	    {"RFC 9111 4.2.1: s-maxage=0 beside max-age", "", 200, "Cache-Control: s-maxage=0, max-age=100",
		REASON_NOT_EXPIRED},
	    {"RFC 9111 5.2: blanks around the equals sign", "", 200, "Cache-Control: max-age = 5", REASON_NOT_INVALID},
	    {"RFC 9110 5.6.1.2: empty list elements", "", 200, "Cache-Control: ,,max-age=5,,", REASON_STORED},
	    {"RFC 9110 5.6.1.2: tabs around list elements", "", 200, "Cache-Control: \tx\t,\tmax-age=5\t",
		REASON_STORED},
	    {"RFC 9111 3: 299 with explicit freshness", "", 299, FRESH, REASON_STORED},
	    {"RFC 9111 3: 499 with explicit freshness", "", 499, FRESH, REASON_STORED},
	    {"RFC 9111 3: 204 with explicit freshness", "", 204, FRESH, REASON_STORED},
	    {"RFC 9110 15: 999 with explicit freshness", "", 999, FRESH, REASON_STORED},
	    {"RFC 9111 3: Expires for a status that is not heuristic", "", 503,
		"Expires: Sun, 06 Nov 1994 09:49:37 GMT", REASON_STORED},
	    {"stale, with a validator", "", 200, "Cache-Control: max-age=0\nETag: \"a\"", REASON_STORED},
	    {"validators of a 404 confirm nothing (9110 15.4.5)", "", 404, "Cache-Control: max-age=0\nETag: \"a\"",
		REASON_NOT_EXPIRED},
	    {"nor do those of a 300 (9110 15.4.5)", "", 300, "Cache-Control: max-age=0\nETag: \"a\"",
		REASON_NOT_EXPIRED},
	    {"stale, but served while it is renewed (5861 3)", "", 200,
		"Cache-Control: max-age=0, stale-while-revalidate=9", REASON_STORED},
	    {"RFC 9111 3-4, 5.2.2.5-1: no-store", "", 200, "Cache-Control: no-store, max-age=60", REASON_NOT_NO_STORE},
	    {"RFC 9111 3-4: no-store on another line", "", 200, FRESH "Cache-Control: no-store", REASON_NOT_NO_STORE},
	    {"RFC 9111 3-5, 5.2.2.7-1: private", "", 200, "Cache-Control: private, max-age=60", REASON_NOT_PRIVATE},
	    {"RFC 9111 5.2.2.7-2: private with field names, nothing is stored at all", "", 200,
		"Cache-Control: private=\"x\", max-age=60", REASON_NOT_PRIVATE},
	    {"RFC 9111 5.2.2.3-2: must-understand lifts no-store", "", 200,
		"Cache-Control: must-understand, no-store, max-age=60", REASON_STORED},
	    {"RFC 9111 5.2.2.3-2: for redirects too", "", 302, "Cache-Control: must-understand, no-store, max-age=60",
		REASON_STORED},
	    {"RFC 9111 5.2.2.3-2: 303", "", 303, "Cache-Control: must-understand, no-store, max-age=60", REASON_STORED},
	    {"RFC 9111 5.2.2.3-2: 307", "", 307, "Cache-Control: must-understand, no-store, max-age=60", REASON_STORED},
	    {"RFC 9111 5.2.2.3-2: not where the status is unknown", "", 299,
		"Cache-Control: must-understand, no-store, max-age=60", REASON_NOT_NO_STORE},
	    {"RFC 9111 5.2.2.3-2: 400 is understood", "", 400, "Cache-Control: must-understand, no-store, max-age=60",
		REASON_STORED},
	    {"RFC 9111 5.2.2.3-2: 503 is understood", "", 503, "Cache-Control: must-understand, no-store, max-age=60",
		REASON_STORED},
	    {"RFC 6585 4: 429 is not", "", 429, "Cache-Control: must-understand, no-store, max-age=60",
		REASON_NOT_NO_STORE},
	    {"RFC 6585 4: so must-understand forbids it", "", 429, "Cache-Control: must-understand, max-age=60",
		REASON_NOT_MUST_UNDERSTAND},
	    {"RFC 9111 3-3: 499 is not", "", 499, "Cache-Control: must-understand, max-age=60",
		REASON_NOT_MUST_UNDERSTAND},
	    {"RFC 9111 3-3: must-understand forbids unknown statuses", "", 599,
		"Cache-Control: must-understand, max-age=60", REASON_NOT_MUST_UNDERSTAND},
	    {"no-cache with a validator (5.2.2.4)", "", 200, "Cache-Control: no-cache\nETag: \"a\"", REASON_STORED},
	    {"no-cache without one", "", 200, "Cache-Control: no-cache, max-age=60", REASON_NOT_NO_CACHE},
	    {"RFC 9111 5.2.1.5-1: request no-store", "Cache-Control: no-store", 200, FRESH,
		REASON_NOT_REQUEST_NO_STORE},
	    {"request no-cache does not matter here (5.2.1.4)", "Cache-Control: no-cache", 200, FRESH, REASON_STORED},
	    {"RFC 9111 3-6, 3.5-1: Authorization", AUTH, 200, FRESH, REASON_NOT_AUTHORIZATION},
	    {"RFC 9111 3-6: Authorization with Expires", AUTH, 200, "Expires: Sun, 06 Nov 1994 09:49:37 GMT",
		REASON_NOT_AUTHORIZATION},
	    {"RFC 9111 3-6: Authorization with public", AUTH, 200, FRESH "Cache-Control: public", REASON_STORED},
	    {"RFC 9111 3-6: Authorization with must-revalidate", AUTH, 200, FRESH "Cache-Control: must-revalidate",
		REASON_STORED},
	    {"RFC 9111 3-6: Authorization with s-maxage", AUTH, 200, "Cache-Control: s-maxage=60", REASON_STORED},
	    {"RFC 9111 3-6: Authorization with a bad s-maxage", AUTH, 200, FRESH "Cache-Control: s-maxage=x",
		REASON_NOT_AUTHORIZATION},
	    {"RFC 9111 3-6: Authorization with proxy-revalidate", AUTH, 200, FRESH "Cache-Control: proxy-revalidate",
		REASON_NOT_AUTHORIZATION},
	    {"a Cookie in the request does not matter (7.3)", "Cookie: a=b", 200, FRESH, REASON_STORED},
	    {"Set-Cookie (set_cookie = refuse)", "", 200, FRESH "Set-Cookie: a=b", REASON_NOT_SET_COOKIE},
	    {"RFC 9111 4.1-1: Vary: *", "", 200, FRESH "Vary: Foo, *", REASON_NOT_VARY_STAR},
	    {"Vary: X-Forwarded-For", "", 200, FRESH "Vary: X-Forwarded-For", REASON_NOT_VARY_CLIENT},
	    {"what forbids is told first", AUTH, 200, "Cache-Control: private\nVary: *", REASON_NOT_PRIVATE},
	};
	struct route route = route_of_tests();
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(a_targeted_field_decides_alone)
{
	static const struct row rows[] = {
	    {"RFC 9213 2.2-2: it stores what Cache-Control forbids", "", 200,
		"Cache-Control: no-store\n" CDN "max-age=60", REASON_STORED},
	    {"RFC 9213 2.2-1: it forbids what Cache-Control allows", "", 200, FRESH CDN "no-store",
		REASON_NOT_NO_STORE},
	    {"RFC 9213 2.2-4: private", "", 200, FRESH CDN "private", REASON_NOT_PRIVATE},
	    {"RFC 9213 2.2-4: private with field names", "", 200, FRESH CDN "private=\"x\"", REASON_NOT_PRIVATE},
	    {"RFC 9213 2.2-4: no-cache makes max-age inoperative", "", 200, FRESH CDN "max-age=60, no-cache",
		REASON_NOT_NO_CACHE},
	    {"RFC 9213 2.2-5: must-understand", "", 599, CDN "max-age=60, must-understand", REASON_NOT_MUST_UNDERSTAND},
	    {"RFC 9111 3.5: public for a request with Authorization", AUTH, 200, CDN "public, max-age=60",
		REASON_STORED},
	    {"RFC 9213 2.2-2: a public that Cache-Control has does not count", AUTH, 200,
		"Cache-Control: public\n" CDN "max-age=60", REASON_NOT_AUTHORIZATION},
	    {"RFC 9213 2.2-2: nor does its s-maxage", AUTH, 200, "Cache-Control: s-maxage=60\n" CDN "max-age=60",
		REASON_NOT_AUTHORIZATION},
	    {"RFC 9213 2.1-1: one that does not parse leaves it to Cache-Control", "", 200, FRESH CDN "no-store=1",
		REASON_STORED},
	};
	struct route route = route_of_tests();
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

/* The ttl of a route: @cache_page. */
START_TEST(ttl_stores_whatever_freshness_says)
{
	static const struct row rows[] = {
	    {"nothing said", "", 200, "Content-Type: text/html", REASON_STORED},
	    {"max-age=0", "", 200, "Cache-Control: max-age=0", REASON_STORED},
	    {"no-cache", "", 200, "Cache-Control: no-cache, must-revalidate", REASON_STORED},
	    {"Expires in the past", "", 200, "Expires: " DAY, REASON_STORED},
	    {"an old page", "", 200, "Cache-Control: max-age=60\nAge: 3600", REASON_STORED},
	    {"not for a 404: the RFC decides", "", 404, "Content-Type: text/html", REASON_NOT_FRESH},
	    {"which may allow it", "", 404, FRESH, REASON_STORED},
	    {"nor for a 500", "", 500, "Content-Type: text/html", REASON_NOT_STATUS},
	    {"ttl_status: a 302", "", 302, "Cache-Control: no-cache", REASON_STORED},
	    {"ttl_status names no 206", "", 206, "", REASON_NOT_PARTIAL},
	    {"private is held back", "", 200, "Cache-Control: private", REASON_NOT_PRIVATE},
	    {"no-store is held back", "", 200, "Cache-Control: no-store", REASON_NOT_NO_STORE},
	    {"the request's no-store too", "Cache-Control: no-store", 200, "", REASON_NOT_REQUEST_NO_STORE},
	    {"Authorization is held back", AUTH, 200, "", REASON_NOT_AUTHORIZATION},
	    {"unless the response may be shared (3.5)", AUTH, 200, "Cache-Control: public", REASON_STORED},
	    {"Vary: * is held back", "", 200, "Vary: *", REASON_NOT_VARY_STAR},
	    {"Set-Cookie is held back", "", 200, "Set-Cookie: a=b", REASON_NOT_SET_COOKIE},
	};
	struct ttl_status ttl_status[] = {{302, 10000}, {206, 10000}};
	struct route route = route_of_tests();
	route.ttl_ms = 60000;
	route.ttl_status = ttl_status;
	route.n_ttl_status = COUNT_OF(ttl_status);
	check_rows(&route, rows, COUNT_OF(rows));
}
END_TEST

START_TEST(override_lifts_what_it_names)
{
	static const struct {
		unsigned override;
		const char *request, *response;
		enum reason without;
	} rows[] = {
	    {OVERRIDE_PRIVATE, "", FRESH "Cache-Control: private", REASON_NOT_PRIVATE},
	    {OVERRIDE_NO_STORE, "", FRESH "Cache-Control: no-store", REASON_NOT_NO_STORE},
	    {OVERRIDE_NO_STORE, "Cache-Control: no-store", FRESH, REASON_NOT_REQUEST_NO_STORE},
	    {OVERRIDE_AUTHORIZATION, AUTH, FRESH, REASON_NOT_AUTHORIZATION},
	    {OVERRIDE_VARY_STAR, "", FRESH "Vary: *", REASON_NOT_VARY_STAR},
	};
	const unsigned all = OVERRIDE_PRIVATE | OVERRIDE_NO_STORE | OVERRIDE_AUTHORIZATION | OVERRIDE_VARY_STAR;
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		route.override = rows[i].override;
		ck_assert_msg(store(&route, rows[i].request, 200, rows[i].response).store, "%zu", i);
		route.override = all & ~rows[i].override;
		ck_assert_msg(
		    store(&route, rows[i].request, 200, rows[i].response).reason == rows[i].without, "%zu", i);
	}
}
END_TEST

/* Django's @never_cache, with everything named. */
START_TEST(ttl_with_overrides_beats_never_cache)
{
	struct route route = route_of_tests();
	route.ttl_ms = 60000;
	route.override = OVERRIDE_PRIVATE | OVERRIDE_NO_STORE;
	struct storable_out out = store(&route, "", 200,
	    "Expires: " DAY "\nCache-Control: max-age=0, no-cache, no-store, must-revalidate, private");
	ck_assert(out.store);
	ck_assert_int_eq(out.stored.lifetime_ms, 60000);
	ck_assert(!out.stored.no_cache);
	ck_assert(out.stored.must_revalidate);
}
END_TEST

START_TEST(a_request_cannot_keep_its_answer_out_where_the_route_ignores_it)
{
	struct route route = route_of_tests();
	ck_assert_int_eq(store(&route, "Cache-Control: no-store", 200, FRESH).reason, REASON_NOT_REQUEST_NO_STORE);
	route.client_cache_control = CLIENT_IGNORE;
	ck_assert(store(&route, "Cache-Control: no-store", 200, FRESH).store);
	ck_assert_int_eq(store(&route, AUTH "\nCache-Control: no-store", 200, FRESH).reason, REASON_NOT_AUTHORIZATION);
}
END_TEST

START_TEST(methods)
{
	static const struct {
		const char *what;
		enum http_method method;
		enum reason reason;
	} rows[] = {
	    {"a GET is understood", METHOD_GET, REASON_STORED},
	    {"RFC 9111 3-1: a HEAD brings nothing to store", METHOD_HEAD, REASON_NOT_HEAD},
	    {"RFC 9111 3-1: POST (its answer is stored for a GET by RFC 9110 9.3.3, as one to that)", METHOD_POST,
		REASON_NOT_RESPONSE},
	    {"RFC 9111 3-1: PUT", METHOD_PUT, REASON_NOT_RESPONSE},
	    {"RFC 9111 3-1: DELETE", METHOD_DELETE, REASON_NOT_RESPONSE},
	    {"RFC 9111 3-1: OPTIONS", METHOD_OPTIONS, REASON_NOT_RESPONSE},
	    {"RFC 9111 3-1: an unknown method", METHOD_OTHER, REASON_NOT_RESPONSE},
	};
	struct conf_cache cache = cache_of_tests();
	struct route route = route_of_tests();
	struct http_request request = request_of("", &arena);
	struct http_response response = response_of(200, FRESH, &arena);
	struct storable_in in = {.cache = &cache, .route = &route, .request = &request, .response = &response};
	struct storable_out out;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		request.method = rows[i].method;
		policy_storable(&in, &arena, &out);
		ck_assert_msg(out.reason == rows[i].reason, "%s: %s", rows[i].what, reason_code(out.reason));
		ck_assert_msg(out.store == (rows[i].reason == REASON_STORED), "%s", rows[i].what);
	}
}
END_TEST

START_TEST(what_is_remembered)
{
	static const struct {
		const char *what, *response;
		int64_t lifetime_s, swr_s, sie_s;
		bool must_revalidate, no_cache;
	} rows[] = {
	    {"the route's windows (RFC 5861)", FRESH, 60, 5, 7, false, false},
	    {"the response's are closer", FRESH "Cache-Control: stale-while-revalidate=1, stale-if-error=2", 60, 1, 2,
		false, false},
	    {"0 forbids", FRESH "Cache-Control: stale-while-revalidate=0, stale-if-error=0", 60, 0, 0, false, false},
	    {"RFC 9111 5.2.2.2-1: must-revalidate, never stale", FRESH "Cache-Control: must-revalidate", 60, 0, 0, true,
		false},
	    {"RFC 9111 5.2.2.8-1: proxy-revalidate, never stale", FRESH "Cache-Control: proxy-revalidate", 60, 0, 0,
		true, false},
	    {"RFC 9111 5.2.2.10-1: s-maxage, never stale", "Cache-Control: s-maxage=60, stale-while-revalidate=9", 60,
		0, 0, true, false},
	    {"RFC 9111 4.2.1: max-age=0 with stale-while-revalidate and must-revalidate",
		"Cache-Control: max-age=0, must-revalidate, stale-while-revalidate=60\nETag: \"a\"", 0, 0, 0, true,
		false},
	    {"RFC 9111 4.2.4-1: no-cache, never stale", FRESH "Cache-Control: no-cache\nETag: \"a\"", 60, 0, 0, false,
		true},
	    {"never fresh: the route's swr is not for it", "Cache-Control: max-age=0\nETag: \"a\"", 0, 0, 7, false,
		false},
	    {"never fresh, but allowed by the response", "Cache-Control: max-age=0, stale-while-revalidate=3", 0, 3, 0,
		false, false},
	    {"no word about freshness", "ETag: \"a\"", 0, 0, 7, false, false},
	};
	struct route route = route_of_tests();
	route.swr_ms = 5000;
	route.sie_ms = 7000;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct storable_out out = store(&route, "", 200, rows[i].response);
		const struct stored *s = &out.stored;
		ck_assert_msg(out.store, "%s: %s", rows[i].what, reason_code(out.reason));
		ck_assert_msg(s->lifetime_ms == rows[i].lifetime_s * 1000, "%s", rows[i].what);
		ck_assert_msg(s->swr_ms == rows[i].swr_s * 1000, "%s: swr %ld", rows[i].what, (long)s->swr_ms);
		ck_assert_msg(s->sie_ms == rows[i].sie_s * 1000, "%s: sie %ld", rows[i].what, (long)s->sie_ms);
		ck_assert_msg(s->must_revalidate == rows[i].must_revalidate, "%s", rows[i].what);
		ck_assert_msg(s->no_cache == rows[i].no_cache, "%s", rows[i].what);
		ck_assert_msg(s->status == 200 && s->response_ms == NOW_MS, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(how_long_an_unreachable_origin_is_stood_in_for)
{
	static const struct {
		const char *what, *response;
		int64_t window_s;
	} rows[] = {
	    {"RFC 9111 4.2.4-2: a disconnected cache may serve what is stale", FRESH, 3600},
	    {"RFC 9111 4.2.4: what was guessed to be fresh too", "Last-Modified: " DAY, 3600},
	    {"RFC 9111 4.2.4: what was stale when it came too", "Cache-Control: max-age=0\nETag: \"a\"", 3600},
	    {"RFC 9111 4.2.4-1: not what must-revalidate forbids", FRESH "Cache-Control: must-revalidate", 0},
	    {"RFC 9111 4.2.4-1: not what proxy-revalidate forbids", FRESH "Cache-Control: proxy-revalidate", 0},
	    {"RFC 9111 4.2.4-1: not what s-maxage forbids", "Cache-Control: s-maxage=60", 0},
	    {"RFC 9111 4.2.4-1: not what no-cache forbids", FRESH "Cache-Control: no-cache\nETag: \"a\"", 0},
	    {"RFC 5861 4-1: stale-if-error is the limit to staleness", FRESH "Cache-Control: stale-if-error=5", 5},
	    {"RFC 5861 4-1: none at all is a limit", FRESH "Cache-Control: stale-if-error=0", 0},
	    {"RFC 5861 4: a longer one is more than the route gives", FRESH "Cache-Control: stale-if-error=9999", 9999},
	    {"what nobody called fresh may be made for one visitor", "ETag: \"a\"", 0},
	};
	struct route route = route_of_tests();
	route.unreachable_ms = 3600000;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct storable_out out = store(&route, "", 200, rows[i].response);
		ck_assert_msg(out.store, "%s: %s", rows[i].what, reason_code(out.reason));
		ck_assert_msg(out.stored.unreachable_ms == rows[i].window_s * 1000, "%s: %ld ms", rows[i].what,
		    (long)out.stored.unreachable_ms);
	}
	route.unreachable_ms = 0;
	ck_assert_int_eq(store(&route, "", 200, FRESH).stored.unreachable_ms, 0);
}
END_TEST

START_TEST(a_route_default_does_not_cache_what_nobody_called_cacheable)
{
	struct route route = route_of_tests();
	route.swr_ms = 60000;
	route.sie_ms = 60000;
	ck_assert_int_eq(store(&route, "", 200, "Content-Type: text/html").reason, REASON_NOT_FRESH);
	ck_assert_int_eq(store(&route, "", 200, "Cache-Control: max-age=0").reason, REASON_NOT_EXPIRED);
}
END_TEST

START_TEST(under_a_ttl_s_maxage_and_no_cache_are_gone_altogether)
{
	struct route route = route_of_tests();
	route.ttl_ms = 60000;
	route.swr_ms = 5000;
	struct storable_out out = store(&route, "", 200, "Cache-Control: s-maxage=1, no-cache");
	ck_assert(!out.stored.must_revalidate && !out.stored.no_cache);
	ck_assert_int_eq(out.stored.swr_ms, 5000);
	out = store(&route, "", 200, "Cache-Control: proxy-revalidate");
	ck_assert(out.stored.must_revalidate);
	ck_assert_int_eq(out.stored.swr_ms, 0);
}
END_TEST

START_TEST(validators)
{
	static const struct {
		const char *what, *response, *etag;
		int64_t modified_s;
	} rows[] = {
	    {"none", FRESH, "", -1},
	    {"strong (RFC 9110 8.8.3)", FRESH "ETag: \"a\"", "\"a\"", -1},
	    {"weak (8.8.3)", FRESH "ETag: W/\"a\"", "W/\"a\"", -1},
	    {"an empty tag is one (8.8.3)", FRESH "ETag: \"\"", "\"\"", -1},
	    {"two tags are none", FRESH "ETag: \"a\"\nETag: \"b\"", "", -1},
	    {"Last-Modified (8.8.2)", FRESH "Last-Modified: " NOW_TEXT, "", NOW_S},
	    {"no date", FRESH "Last-Modified: now", "", -1},
	    {"two dates", FRESH "Last-Modified: " DAY "\nLast-Modified: " NOW_TEXT, "", -1},
	};
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct storable_out out = store(&route, "", 200, rows[i].response);
		ck_assert_msg(str_eq(out.stored.etag, str_of(rows[i].etag)), "%s", rows[i].what);
		ck_assert_msg(out.stored.last_modified_s == rows[i].modified_s, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(what_is_stored)
{
	static const struct {
		const char *what;
		enum set_cookie_mode mode;
		const char *response, *stored;
	} rows[] = {
	    {"RFC 9111 3.1-1: unknown fields, order and repetitions", SET_COOKIE_REFUSE,
		FRESH "x-b: 1\nX-A: 2\nDate: " NOW_TEXT "\nx-B: 3",
		FRESH "x-b: 1\nX-A: 2\nDate: " NOW_TEXT "\nx-B: 3\n"},
	    {"fields of the connection (3.1)", SET_COOKIE_REFUSE,
		"Connection: a, close\nA: 1\nB: 2\nKeep-Alive: 5\nTE: x\nUpgrade: y\nTransfer-Encoding: z\n"
		"Proxy-Connection: q\nDate: " NOW_TEXT "\n" FRESH,
		"B: 2\nDate: " NOW_TEXT "\n" FRESH},
	    {"RFC 9111 3.1-2: fields of the proxy's hop", SET_COOKIE_REFUSE,
		FRESH "Proxy-Authenticate: a\nProxy-Authentication-Info: b\nProxy-Authorization: c\nDate: " NOW_TEXT,
		FRESH "Date: " NOW_TEXT "\n"},
	    {"RFC 9111 4-6: Age is made anew", SET_COOKIE_REFUSE, FRESH "Age: 5\nDate: " NOW_TEXT,
		FRESH "Date: " NOW_TEXT "\n"},
	    {"a Date is added (9110 6.6.1)", SET_COOKIE_REFUSE, FRESH, FRESH "Date: " NOW_TEXT "\n"},
	    {"set_cookie = strip", SET_COOKIE_STRIP, FRESH "Set-Cookie: a=b\nX: 1\nset-cookie: c=d\nDate: " NOW_TEXT,
		FRESH "X: 1\nDate: " NOW_TEXT "\n"},
	    {"set_cookie = keep (7.3)", SET_COOKIE_KEEP, FRESH "Set-Cookie: a=b\nSet-Cookie: c=d\nDate: " NOW_TEXT,
		FRESH "Set-Cookie: a=b\nSet-Cookie: c=d\nDate: " NOW_TEXT "\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct route route = route_of_tests();
		route.set_cookie = rows[i].mode;
		struct storable_out out = store(&route, "", 200, rows[i].response);
		ck_assert_msg(out.store, "%s: %s", rows[i].what, reason_code(out.reason));
		ck_assert_msg(strcmp(text_of(&out.headers, &arena), rows[i].stored) == 0, "%s:\n%s", rows[i].what,
		    text_of(&out.headers, &arena));
	}
}
END_TEST

START_TEST(nominated_fields_are_remembered)
{
	struct route route = route_of_tests();
	struct storable_out out = store(&route, "Foo: 1 , 2", 200, FRESH "Vary: Foo, Bar");
	ck_assert_str_eq(text_of(&out.stored.vary, &arena), "bar\nfoo: 1,2\n");
}
END_TEST

START_TEST(ttl_status_is_the_closer_word)
{
	struct ttl_status ttl_status[] = {{404, 10000}, {200, 5000}};
	struct route route = route_of_tests();
	route.ttl_ms = 60000;
	route.ttl_status = ttl_status;
	route.n_ttl_status = COUNT_OF(ttl_status);
	ck_assert_int_eq(store(&route, "", 404, FRESH).stored.lifetime_ms, 10000);
	ck_assert_int_eq(store(&route, "", 200, FRESH).stored.lifetime_ms, 5000);
	struct storable_out out = store(&route, "", 301, FRESH);
	ck_assert_int_eq(out.stored.lifetime_ms, 60000);
	ck_assert_str_eq(out.stored.lifetime_source, "max-age");
}
END_TEST

START_TEST(tags)
{
	static char too_long[POLICY_TAG_MAX + 64];
	static const struct {
		const char *what, *fields, *tags;
		unsigned max;
	} rows[] = {
	    {"none", "Foo: a", "", 9},
	    {"Cache-Tag by commas", "Cache-Tag: a, b c ,d", "a|b c|d|", 9},
	    {"Surrogate-Key by blanks", "Surrogate-Key: a  b d,e", "a|b|d,e|", 9},
	    {"both, several lines, each once", "cache-tag: a,b\nSurrogate-Key: b c\nCache-Tag: c,d", "a|b|c|d|", 9},
	    {"tags have a case", "Cache-Tag: a, A", "a|A|", 9},
	    {"empty ones are none", "Cache-Tag: ,, a,\nSurrogate-Key:", "a|", 9},
	    {"no more than wanted", "Cache-Tag: a, b, c", "a|b|", 2},
	    {"none wanted", "Cache-Tag: a", "", 0},
	    {"those that nobody can purge", too_long, "a|b|", 9},
	};
	snprintf(too_long, sizeof(too_long), "Cache-Tag: a, %0*d, b", POLICY_TAG_MAX + 1, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].fields, &arena);
		struct str_list list = policy_tags(&h, &arena, rows[i].max);
		struct str text = STR("");
		for (unsigned t = 0; t < list.n; t++)
			text = arena_printf(&arena, "%.*s%.*s|", STR_ARG(text), STR_ARG(list.v[t]));
		ck_assert_msg(str_eq(text, str_of(rows[i].tags)), "%s: %.*s", rows[i].what, STR_ARG(text));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/storable");
	TCase *t = tcase_create("storable");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, without_a_ttl_the_rfc_decides);
	tcase_add_test(t, a_targeted_field_decides_alone);
	tcase_add_test(t, ttl_stores_whatever_freshness_says);
	tcase_add_test(t, override_lifts_what_it_names);
	tcase_add_test(t, ttl_with_overrides_beats_never_cache);
	tcase_add_test(t, a_request_cannot_keep_its_answer_out_where_the_route_ignores_it);
	tcase_add_test(t, methods);
	tcase_add_test(t, what_is_remembered);
	tcase_add_test(t, how_long_an_unreachable_origin_is_stood_in_for);
	tcase_add_test(t, a_route_default_does_not_cache_what_nobody_called_cacheable);
	tcase_add_test(t, under_a_ttl_s_maxage_and_no_cache_are_gone_altogether);
	tcase_add_test(t, validators);
	tcase_add_test(t, what_is_stored);
	tcase_add_test(t, nominated_fields_are_remembered);
	tcase_add_test(t, ttl_status_is_the_closer_word);
	tcase_add_test(t, tags);
	suite_add_tcase(s, t);
	return suite_run(s);
}
