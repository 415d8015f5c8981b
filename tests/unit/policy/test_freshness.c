#include "fields.h"

#include "base/mem.h"
#include "policy/freshness.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* The request took delay_ms; the head came at NOW. */
static struct freshness freshness_at_now(int status, const char *fields, int64_t ttl_ms, int64_t delay_ms)
{
	struct conf_cache cache = cache_of_tests();
	struct http_response response = response_of(status, fields, &arena);
	struct cc_response cc;
	cc_read_response(&response.headers, &cc);
	struct freshness_in in = {
	    .cache = &cache,
	    .response = &response,
	    .cc = &cc,
	    .ttl_ms = ttl_ms,
	    .request_ms = NOW_MS - delay_ms,
	    .response_ms = NOW_MS,
	};
	return freshness_of(&in);
}

#define DATE  "Date: Sun, 06 Nov 1994 08:49:37 GMT\n"
#define HOUR  "Sun, 06 Nov 1994 09:49:37 GMT"
#define DAY   "Sat, 05 Nov 1994 08:49:37 GMT" /* ago */
#define YEARS "Wed, 06 Nov 1985 08:49:37 GMT"

struct lifetime_row {
	const char *what;
	int status;
	const char *fields;
	int64_t lifetime_s;
	const char *source;
	bool is_explicit;
};

static void check_lifetimes(const struct lifetime_row *rows, size_t n)
{
	for (const struct lifetime_row *r = rows; r < rows + n; r++) {
		struct freshness f = freshness_at_now(r->status, r->fields, -1, 0);
		ck_assert_msg(f.lifetime_ms == r->lifetime_s * 1000, "%s: %ld ms", r->what, (long)f.lifetime_ms);
		ck_assert_msg(strcmp(f.source, r->source) == 0, "%s: %s", r->what, f.source);
		ck_assert_msg(f.is_explicit == r->is_explicit, "%s", r->what);
	}
}

START_TEST(explicit_lifetimes)
{
	static const struct lifetime_row rows[] = {
	    {"RFC 9111 5.3-3: s-maxage first", 200, DATE "Cache-Control: max-age=1, s-maxage=60\nExpires: " HOUR, 60,
		"s-maxage", true},
	    {"RFC 9111 5.3-2: then max-age", 200, DATE "Cache-Control: max-age=60\nExpires: " HOUR, 60, "max-age",
		true},
	    {"RFC 9111 5.3-2: max-age beats a past Expires", 200, DATE "Cache-Control: max-age=60\nExpires: " DAY, 60,
		"max-age", true},
	    {"RFC 9111 5.3-2: max-age beats an invalid Expires", 200, DATE "Cache-Control: max-age=60\nExpires: 0", 60,
		"max-age", true},
	    {"RFC 9111 5.3-2: max-age=0 beats a future Expires", 200, DATE "Cache-Control: max-age=0\nExpires: " HOUR,
		0, "max-age", true},
	    {"RFC 9111 5.3-3: s-maxage beats max-age=0 and a past Expires", 200,
		DATE "Cache-Control: max-age=0, s-maxage=60\nExpires: " DAY, 60, "s-maxage", true},
	    {"Expires minus Date (4.2.1)", 200, DATE "Expires: " HOUR, 3600, "Expires", true},
	    {"Expires minus a Date that is slow (4.2.1)", 200, "Date: " DAY "\nExpires: " HOUR, 90000, "Expires", true},
	    {"Expires minus a Date that is fast (4.2.1)", 200, "Date: Sun, 06 Nov 1994 09:49:27 GMT\nExpires: " HOUR,
		10, "Expires", true},
	    {"Expires equal to Date (4.2.1)", 200, DATE "Expires: " NOW_TEXT, 0, "Expires", true},
	    {"Expires before Date (4.2.1)", 200, "Date: " HOUR "\nExpires: " NOW_TEXT, 0, "Expires", true},
	    {"without Date the arrival counts (4.2.1)", 200, "Expires: " HOUR, 3600, "Expires", true},
	    {"an invalid Date is as good as none (4.2.1)", 200, "Date: foo\nExpires: " HOUR, 3600, "Expires", true},
	    {"RFC 9111 5.3-1: Expires: 0 is in the past", 200, DATE "Expires: 0", 0, "Expires", true},
	    {"RFC 9111 5.3-1: an empty Expires is in the past", 200, DATE "Expires:", 0, "Expires", true},
	    {"RFC 9111 5.3-1: Expires: -1 is in the past", 200, DATE "Expires: -1", 0, "Expires", true},
	    {"RFC 9111 4.2-4: another zone makes it invalid", 200, DATE "Expires: Sun, 06 Nov 1994 09:49:37 UTC", 0,
		"Expires", true},
	    {"RFC 9111 4.2-1: lower case gmt does not", 200, DATE "Expires: sun, 06 nov 1994 09:49:37 gmt", 3600,
		"Expires", true},
	    {"rfc850 form (9110 5.6.7)", 200, DATE "Expires: Sunday, 06-Nov-94 09:49:37 GMT", 3600, "Expires", true},
	    {"asctime form (9110 5.6.7)", 200, DATE "Expires: Sun Nov  6 09:49:37 1994", 3600, "Expires", true},
	    {"the same Expires twice is one (4.2.1)", 200, DATE "Expires: " HOUR "\nExpires: " HOUR, 3600, "Expires",
		true},
	    {"two that differ are in the past (4.2.1)", 200, DATE "Expires: " HOUR "\nExpires: " DAY, 0, "Expires",
		true},
	    {"RFC 9111 1.2.2-1: an Expires far away is bounded", 200, DATE "Expires: Sun, 21 Nov 9286 04:46:39 GMT",
		CC_FOREVER_S, "Expires", true},
	    {"RFC 9111 4.2.2-1: an invalid Expires is never guessed over", 200, DATE "Expires: 0\nLast-Modified: " DAY,
		0, "Expires", true},
	    {"RFC 9111 4.2.2-1: an invalid max-age is never guessed over", 200,
		DATE "Cache-Control: max-age='9'\nLast-Modified: " DAY, 0, "none", true},
	    {"an invalid max-age is absent: Expires counts", 200, DATE "Cache-Control: max-age='9'\nExpires: " HOUR,
		3600, "Expires", true},
	    {"an invalid s-maxage is absent: max-age counts", 200, DATE "Cache-Control: s-maxage=x, max-age=5", 5,
		"max-age", true},
	    {"RFC 9111 4.2.1: s-maxage=0 before max-age", 200, DATE "Cache-Control: max-age=100, s-maxage=0", 0,
		"s-maxage", true},
	    {"RFC 9111 5.3-2: max-age in another case hides Expires", 200,
		DATE "cache-control: MAX-AGE=5\nExpires: " HOUR, 5, "max-age", true},
	    {"RFC 9111 4.2.1: Expires with two Dates counts from the arrival", 200,
		DATE "Date: " HOUR "\nExpires: " HOUR, 3600, "Expires", true},
	    {"RFC 9111 4.2.1: a list of dates is none", 200, DATE "Expires: " HOUR ", " HOUR, 0, "Expires", true},
	    {"RFC 9110 5.6.7: one digit of the hour missing", 200, DATE "Expires: Sun, 06 Nov 1994 9:49:37 GMT", 0,
		"Expires", true},
	    {"RFC 9110 5.6.7: two blanks", 200, DATE "Expires: Sun, 06  Nov  1994 09:49:37 GMT", 0, "Expires", true},
	};
	check_lifetimes(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(guessed_lifetimes)
{
	static const struct lifetime_row rows[] = {
	    {"nothing at all (4.2.2)", 200, DATE, 0, "none", false},
	    {"10 % since Last-Modified (4.2.2)", 200, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"at most the configured time (4.2.2)", 200, DATE "Last-Modified: " YEARS, 86400, "heuristic", false},
	    {"Last-Modified now: no guess (4.2.2)", 200, DATE "Last-Modified: " NOW_TEXT, 0, "none", false},
	    {"Last-Modified to come: no guess (4.2.2)", 200, DATE "Last-Modified: " HOUR, 0, "none", false},
	    {"Last-Modified that is no date: no guess (4.2.2)", 200, DATE "Last-Modified: yesterday", 0, "none", false},
	    {"ETag is nothing to guess from (4.2.2)", 200, DATE "ETag: \"a\"", 0, "none", false},
	    {"203 (9110 15.1)", 203, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"204 (9110 15.1)", 204, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"300 (9110 15.1)", 300, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"301 (9110 15.1)", 301, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"308 (9110 15.1)", 308, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"404 (9110 15.1)", 404, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"405 (9110 15.1)", 405, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"410 (9110 15.1)", 410, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"414 (9110 15.1)", 414, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"501 (9110 15.1)", 501, DATE "Last-Modified: " DAY, 8640, "heuristic", false},
	    {"not 201 (9110 15.1)", 201, DATE "Last-Modified: " DAY, 0, "none", false},
	    {"not 302 (9110 15.1)", 302, DATE "Last-Modified: " DAY, 0, "none", false},
	    {"not 403 (9110 15.1)", 403, DATE "Last-Modified: " DAY, 0, "none", false},
	    {"not 503 (9110 15.1)", 503, DATE "Last-Modified: " DAY, 0, "none", false},
	    {"not 599 (9110 15.1)", 599, DATE "Last-Modified: " DAY, 0, "none", false},
	    {"599 with public (5.2.2.9)", 599, DATE "Cache-Control: public\nLast-Modified: " DAY, 8640, "heuristic",
		false},
	};
	check_lifetimes(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(initial_ages)
{
	static const struct {
		const char *what, *fields;
		int64_t delay_ms, age_ms;
	} rows[] = {
	    {"new (RFC 9111 4.2.3)", DATE, 0, 0},
	    {"the delay counts (4.2.3)", DATE, 2000, 2000},
	    {"Age (5.1)", DATE "Age: 30", 0, 30000},
	    {"RFC 9111 4.2.3-1: Age counts from the request on", DATE "Age: 30", 1500, 31500},
	    {"Date in the past (4.2.3 apparent_age)", "Date: Sun, 06 Nov 1994 08:49:27 GMT", 0, 10000},
	    {"the larger of both (4.2.3)", "Date: Sun, 06 Nov 1994 08:49:27 GMT\nAge: 3", 0, 10000},
	    {"Date to come (4.2.3)", "Date: " HOUR, 0, 0},
	    {"no Date", "", 0, 0},
	    {"a clock that went back", DATE, -5000, 0},
	    {"RFC 9111 5.1-1: the first of a list", DATE "Age: 7200, 0", 0, 7200000},
	    {"RFC 9111 5.1-1: the first of a list, the other way round", DATE "Age: 0,7200", 0, 0},
	    {"RFC 9111 5.1-1: the first of two lines", DATE "Age: 0\nAge: 7200", 0, 0},
	    {"RFC 9111 5.1-1: the first of two lines, old", DATE "Age: 7200\nAge: 0", 0, 7200000},
	    {"RFC 9111 5.1-1: the first member, whatever follows", DATE "Age: 60, x", 0, 60000},
	    {"RFC 9111 5.1-1, 5.1-2: a bad first line hides the second", DATE "Age: x\nAge: 60", 0, 0},
	    {"RFC 9111 1.2.2: leading zeros", DATE "Age: 0060", 0, 60000},
	    {"RFC 9111 5.1-2: a quoted one is ignored", DATE "Age: \"60\"", 0, 0},
	    {"RFC 9111 5.1-2: a sign makes it invalid", DATE "Age: +60", 0, 0},
	    {"RFC 9111 4.2.3: Date to come, with Age", "Date: " HOUR "\nAge: 30", 0, 30000},
	    {"RFC 9111 4.2.3: two Dates are none", DATE "Date: " DAY, 0, 0},
	    {"RFC 9111 5.1-2: letters are ignored", DATE "Age: abc", 0, 0},
	    {"RFC 9111 5.1-2: a negative one is ignored", DATE "Age: -7200", 0, 0},
	    {"RFC 9111 5.1-2: a fraction is ignored", DATE "Age: 7200.0", 0, 0},
	    {"RFC 9111 5.1-2: parameters are ignored with it", DATE "Age: 7200;foo=111", 0, 0},
	    {"RFC 9111 5.1-1, 5.1-2: an invalid first member hides the second", DATE "Age: a, 60", 0, 0},
	    {"RFC 9111 5.1-2: an empty one is ignored", DATE "Age:", 0, 0},
	    {"RFC 9111 1.2.2-1: a huge one is old", DATE "Age: 99999999999999999999999", 0, CC_FOREVER_S * 1000},
	    {"RFC 9111 1.2.2-1: and does not overflow with the delay", DATE "Age: 2147483648", 9000,
		CC_FOREVER_S * 1000},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct freshness f = freshness_at_now(200, rows[i].fields, -1, rows[i].delay_ms);
		ck_assert_msg(f.initial_age_ms == rows[i].age_ms, "%s: %ld ms", rows[i].what, (long)f.initial_age_ms);
	}
}
END_TEST

/* The ttl of a route: the page lives that long from its arrival, and its Age stays honest. */
START_TEST(ttl_replaces_all_the_origin_says)
{
	static const struct {
		const char *what, *fields;
		int64_t delay_ms, age_ms, lifetime_ms;
	} rows[] = {
	    {"nothing said", "", 0, 0, 60000},
	    {"a slow page begins at 0", DATE, 2000, 0, 60000},
	    {"max-age=0", DATE "Cache-Control: max-age=0", 0, 0, 60000},
	    {"no-cache", DATE "Cache-Control: no-cache", 0, 0, 60000},
	    {"a longer max-age", DATE "Cache-Control: s-maxage=900, max-age=900", 0, 0, 60000},
	    {"Expires in the past", DATE "Expires: " DAY, 0, 0, 60000},
	    {"Date in the past", "Date: " DAY, 0, 0, 60000},
	    {"an Age is shown, and shortens nothing", DATE "Age: 100", 0, 100000, 160000},
	    {"an Age with the delay", DATE "Age: 100", 2000, 102000, 162000},
	    {"an invalid Age is none", DATE "Age: x", 2000, 0, 60000},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct freshness f = freshness_at_now(200, rows[i].fields, 60000, rows[i].delay_ms);
		ck_assert_msg(f.lifetime_ms == rows[i].lifetime_ms, "%s", rows[i].what);
		ck_assert_msg(f.initial_age_ms == rows[i].age_ms, "%s", rows[i].what);
		ck_assert_msg(f.is_explicit && strcmp(f.source, "ttl") == 0, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(a_ttl_of_nothing_is_a_ttl)
{
	struct freshness f = freshness_at_now(200, "Cache-Control: max-age=60", 0, 0);
	ck_assert_int_eq(f.lifetime_ms, 0);
	ck_assert_str_eq(f.source, "ttl");
}
END_TEST

START_TEST(dates_know_no_parts_of_seconds)
{
	struct conf_cache cache = cache_of_tests();
	struct http_response response = response_of(200, DATE, &arena);
	struct cc_response cc;
	cc_read_response(&response.headers, &cc);
	struct freshness_in in = {
	    .cache = &cache,
	    .response = &response,
	    .cc = &cc,
	    .ttl_ms = -1,
	    .request_ms = NOW_MS + 990,
	    .response_ms = NOW_MS + 999,
	};
	ck_assert_int_eq(freshness_of(&in).initial_age_ms, 9);
}
END_TEST

/* RFC 9111 4.2.3: corrected_initial_age + resident_time */
START_TEST(age_grows_while_stored)
{
	struct stored s = {.response_ms = NOW_MS, .initial_age_ms = 5000};
	ck_assert_int_eq(freshness_age_ms(&s, NOW_MS), 5000);
	ck_assert_int_eq(freshness_age_ms(&s, NOW_MS + 1234), 6234);
	/* A clock that jumps back makes nothing younger than it came. */
	ck_assert_int_eq(freshness_age_ms(&s, NOW_MS - 99999), 5000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/freshness");
	TCase *t = tcase_create("freshness");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, explicit_lifetimes);
	tcase_add_test(t, guessed_lifetimes);
	tcase_add_test(t, initial_ages);
	tcase_add_test(t, ttl_replaces_all_the_origin_says);
	tcase_add_test(t, a_ttl_of_nothing_is_a_ttl);
	tcase_add_test(t, dates_know_no_parts_of_seconds);
	tcase_add_test(t, age_grows_while_stored);
	suite_add_tcase(s, t);
	return suite_run(s);
}
