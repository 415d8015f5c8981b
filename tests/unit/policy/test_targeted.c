#include "fields.h"

#include "base/mem.h"
#include "policy/freshness.h"
#include "policy/targeted.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* What was read, as one line: the field that decides, then what it says. */
static const char *verdict(const struct cc_response *cc)
{
	struct str s = arena_printf(&arena, "%.*s:", STR_ARG(cc->targeted));
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
	    {"max-age", cc->max_age_s},
	    {"s-maxage", cc->s_maxage_s},
	    {"swr", cc->stale_while_revalidate_s},
	    {"sie", cc->stale_if_error_s},
	};
	const struct {
		const char *name;
		bool on;
	} flags[] = {
	    {"public", cc->public},
	    {"private", cc->private},
	    {"no-cache", cc->no_cache},
	    {"no-store", cc->no_store},
	    {"must-revalidate", cc->must_revalidate},
	    {"proxy-revalidate", cc->proxy_revalidate},
	    {"must-understand", cc->must_understand},
	    {"invalid", cc->has_invalid_age},
	};
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		if (numbers[i].value != CC_ABSENT)
			s = arena_printf(
			    &arena, "%.*s %s=%lld", STR_ARG(s), numbers[i].name, (long long)numbers[i].value);
	}
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (flags[i].on)
			s = arena_printf(&arena, "%.*s %s", STR_ARG(s), flags[i].name);
	}
	return arena_str(&arena, s).p;
}

struct row {
	const char *what, *fields, *verdict;
};

static void check_rows(struct str *names, unsigned n, const struct row *rows, size_t n_rows)
{
	struct conf_cache cache = cache_of_tests();
	cache.targeted_control = (struct str_list){names, n};
	cache.surrogate = STR("larder");
	for (const struct row *r = rows; r < rows + n_rows; r++) {
		struct headers h = fields_of(r->fields, &arena);
		struct cc_response cc;
		targeted_read(&cache, &h, &arena, &cc);
		ck_assert_msg(strcmp(verdict(&cc), r->verdict) == 0, "%s: %s", r->what, verdict(&cc));
	}
}

static struct str by_default[] = {STR("Larder-Cache-Control"), STR("CDN-Cache-Control")};

#define CC  "Cache-Control: max-age=1\n"
#define CDN "CDN-Cache-Control: "

START_TEST(which_field_decides)
{
	static const struct row rows[] = {
	    {"no targeted field: RFC 9111", CC, ": max-age=1"},
	    {"RFC 9213 2.2-2: the targeted field, not Cache-Control", CC CDN "max-age=60",
		"CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 2.2-2: also where it is shorter", "Cache-Control: max-age=60\n" CDN "max-age=1",
		"CDN-Cache-Control: max-age=1"},
	    {"RFC 9213 2.2-2: also over no-store", "Cache-Control: no-store, private\n" CDN "max-age=60",
		"CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 2.2: also to forbid", CC CDN "no-store", "CDN-Cache-Control: no-store"},
	    {"RFC 9213 2.2-1: the first of the list, wherever it stands",
		CDN "max-age=60\nLarder-Cache-Control: max-age=5\n" CC, "Larder-Cache-Control: max-age=5"},
	    {"RFC 9213 2.2-1: nothing is mixed", CDN "no-store\nLarder-Cache-Control: max-age=5",
		"Larder-Cache-Control: max-age=5"},
	    {"RFC 9213 2.2-1: the next one where the first is not valid",
		"Larder-Cache-Control: max-age=\n" CDN "max-age=60\n" CC, "CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 2.2-1: the next one where the first is empty", "Larder-Cache-Control:\n" CDN "max-age=60\n" CC,
		"CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 2.2-3: one that is not on the list changes nothing", CC "Example-Cache-Control: max-age=60",
		": max-age=1"},
	    {"RFC 9213 2.4-1: a field is not known by its ending", CC "X-CDN-Cache-Control: max-age=60", ": max-age=1"},
	    {"RFC 9110 5.1: its name in any case", CC "cdn-CACHE-control: max-age=60", "CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 3.1: none says nothing, and is not empty", "Cache-Control: no-store\n" CDN "none",
		"CDN-Cache-Control:"},
	    {"RFC 9111 5.4: Pragma means nothing in a response", "Pragma: no-cache\n" CDN "max-age=60",
		"CDN-Cache-Control: max-age=60"},
	    {"Surrogate-Control is not on the list by default", CC "Surrogate-Control: max-age=60", ": max-age=1"},
	};
	check_rows(by_default, COUNT_OF(by_default), rows, COUNT_OF(rows));
}
END_TEST

START_TEST(what_a_dictionary_says)
{
	static const struct row rows[] = {
	    {"RFC 9213 2.2-4: max-age", CDN "max-age=0", "CDN-Cache-Control: max-age=0"},
	    {"RFC 9213 2.2-4: must-revalidate", CDN "must-revalidate", "CDN-Cache-Control: must-revalidate"},
	    {"RFC 9213 2.2-4: no-store", CDN "no-store", "CDN-Cache-Control: no-store"},
	    {"RFC 9213 2.2-4: no-cache", CDN "no-cache", "CDN-Cache-Control: no-cache"},
	    {"RFC 9213 2.2-4: private", CDN "private", "CDN-Cache-Control: private"},
	    {"RFC 9213 2.2-5: all others that Cache-Control may have",
		CDN "s-maxage=2, public, proxy-revalidate, must-understand, stale-while-revalidate=3, stale-if-error=4",
		"CDN-Cache-Control: s-maxage=2 swr=3 sie=4 public proxy-revalidate must-understand"},
	    {"RFC 9213 2.2: unknown ones are ignored, whatever they hold",
		CDN "foo, bar=(1 2), x=\"max-age=1\", max-age=60", "CDN-Cache-Control: max-age=60"},
	    {"RFC 9213 2.1: true may be written out", CDN "no-store=?1", "CDN-Cache-Control: no-store"},
	    {"RFC 9213 2.1: no-cache with field names", CDN "no-cache=\"a, b\"", "CDN-Cache-Control: no-cache"},
	    {"RFC 9213 2.1: private with field names", CDN "private=\"a\"", "CDN-Cache-Control: private"},
	    {"RFC 9213 2.1: parameters are ignored", CDN "max-age=60;x=1, no-cache;y",
		"CDN-Cache-Control: max-age=60 no-cache"},
	    {"RFC 9651 3.2: several lines are one dictionary", CDN "max-age=60\nX: y\ncdn-cache-control: no-cache",
		"CDN-Cache-Control: max-age=60 no-cache"},
	    {"RFC 9651 3.2: of two the last one counts", CDN "max-age=1, max-age=60", "CDN-Cache-Control: max-age=60"},
	    {"RFC 9651 3.3.1: leading zeros", CDN "max-age=0060", "CDN-Cache-Control: max-age=60"},
	    {"RFC 9111 1.2.2-1: a huge number is 2^31", CDN "max-age=99999999999",
		"CDN-Cache-Control: max-age=2147483648"},
	};
	check_rows(by_default, COUNT_OF(by_default), rows, COUNT_OF(rows));
}
END_TEST

/* Each stands beside Cache-Control: max-age=1, which then decides. */
START_TEST(fields_that_are_ignored)
{
	static const struct {
		const char *what, *field;
	} rows[] = {
	    {"RFC 9213 2.1-1: empty", CDN},
	    {"RFC 9213 2.1-1: blanks alone", CDN "  "},
	    {"RFC 9213 2.1-1: does not parse", CDN "max-age=60, &&&"},
	    {"RFC 9651 3.2: names have no upper case", CDN "MaX-aGe=60"},
	    {"RFC 9651 4.2.2: a blank before the equals sign", CDN "max-age =60"},
	    {"RFC 9651 4.2.2: a blank behind it", CDN "max-age= 60"},
	    {"RFC 9651 4.2.2: a comma at the end", CDN "max-age=60,"},
	    {"RFC 9651 4.2.2: an empty member", CDN "max-age=60,,no-cache"},
	    {"RFC 9651 3.3.1: more than 15 digits", CDN "max-age=1000000000000000"},
	    {"RFC 9651 4.2: one bad line of two", CDN "max-age=60\n" CDN "="},
	    {"RFC 9213 2.1-2: max-age that is a String", CDN "max-age=\"60\""},
	    {"RFC 9213 2.1-2: max-age that is a Token", CDN "max-age=a60"},
	    {"RFC 9213 2.1-2: max-age that is a Decimal", CDN "max-age=60.0"},
	    {"RFC 9213 2.1-2: max-age that is a Date", CDN "max-age=@60"},
	    {"RFC 9213 2.1-2: max-age that is Boolean", CDN "max-age"},
	    {"RFC 9213 2.1-2: max-age that is an inner list", CDN "max-age=(60)"},
	    {"RFC 9213 2.1-2: a negative max-age", CDN "max-age=-60"},
	    {"RFC 9213 2.1-2: s-maxage of another type", CDN "max-age=60, s-maxage=x"},
	    {"RFC 9213 2.1-2: stale-while-revalidate of another type", CDN "max-age=60, stale-while-revalidate"},
	    {"RFC 9213 2.1-2: no-store with a number", CDN "no-store=1"},
	    {"RFC 9213 2.1-2: no-store that is not true", CDN "no-store=?0"},
	    {"RFC 9213 2.1-2: no-store with a String", CDN "no-store=\"a\""},
	    {"RFC 9213 2.1-2: no-cache that is not true", CDN "no-cache=?0"},
	    {"RFC 9213 2.1-2: private with a Token", CDN "private=a"},
	    {"RFC 9213 2.1-2: must-revalidate with an inner list", CDN "must-revalidate=()"},
	    {"RFC 9213 2.1: one wrong type among others", CDN "no-store, max-age=\"60\""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row row = {rows[i].what, arena_printf(&arena, CC "%s", rows[i].field).p, ": max-age=1"};
		check_rows(by_default, COUNT_OF(by_default), &row, 1);
	}
}
END_TEST

START_TEST(an_empty_list_is_rfc_9111)
{
	static const struct row row = {"targeted_control = none", CC CDN "max-age=60", ": max-age=1"};
	check_rows(NULL, 0, &row, 1);
}
END_TEST

#define SC "Surrogate-Control: "

START_TEST(surrogate_control)
{
	static const struct row rows[] = {
	    {"decides over Cache-Control", CC SC "max-age=60", "Surrogate-Control: max-age=60"},
	    {"also to forbid", CC SC "no-store", "Surrogate-Control: no-store"},
	    {"behind those before it in the list", CDN "max-age=5\n" SC "max-age=60", "CDN-Cache-Control: max-age=5"},
	    {"names in any case", SC "MaX-aGe=60, No-Store", "Surrogate-Control: max-age=60 no-store"},
	    {"a target that is us", SC "max-age=60;larder", "Surrogate-Control: max-age=60"},
	    {"us among others, in any case", SC "max-age=60; other ;LARDER", "Surrogate-Control: max-age=60"},
	    {"a target that is another", CC SC "max-age=60;other", ": max-age=1"},
	    {"each directive has its own", SC "max-age=60;other, max-age=5;larder", "Surrogate-Control: max-age=5"},
	    {"a semicolon without a name", SC "max-age=60;", "Surrogate-Control: max-age=60"},
	    {"a semicolon in a quoted string", SC "content=\"ESI/1.0;x\", max-age=60", "Surrogate-Control: max-age=60"},
	    {"an escaped quote", SC "content=\"\\\";x\", max-age=60", "Surrogate-Control: max-age=60"},
	    {"the time it may be served stale", SC "max-age=60+30", "Surrogate-Control: max-age=60"},
	    {"unknown ones are ignored, and decide", CC SC "foobar", "Surrogate-Control:"},
	    {"a number that is none", CC SC "max-age =60", "Surrogate-Control: invalid"},
	    {"empty", CC SC, ": max-age=1"},
	    {"commas alone", CC SC ",,", ": max-age=1"},
	};
	struct str names[] = {STR("CDN-Cache-Control"), STR("surrogate-control")};
	struct str upper[] = {STR("CDN-Cache-Control"), STR("Surrogate-Control")};
	check_rows(upper, COUNT_OF(upper), rows, COUNT_OF(rows));
	struct conf_cache cache = {.targeted_control = {names, COUNT_OF(names)}};
	ck_assert(targeted_has_surrogate(&cache));
	cache.targeted_control.n = 1;
	ck_assert(!targeted_has_surrogate(&cache));
}
END_TEST

START_TEST(expires_beside_a_targeted_field)
{
	static const struct {
		const char *what, *fields;
		int64_t lifetime_s;
		const char *source;
	} rows[] = {
	    {"RFC 9213 2.2-2: Expires is ignored", CDN "public\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", 0, "none"},
	    {"RFC 9213 2.2-2: also where it is past", CDN "max-age=60\nExpires: 0", 60, "max-age"},
	    {"RFC 9213 2.2: it is no freshness that forbids to guess",
		CDN "none\nExpires: 0\nLast-Modified: Sat, 05 Nov 1994 08:49:37 GMT", 8640, "heuristic"},
	    {"RFC 9213 2.1: it counts beside one that does not parse",
		CDN "max-age=\"60\"\nExpires: Sun, 06 Nov 1994 09:49:37 GMT", 3600, "Expires"},
	};
	struct conf_cache cache = cache_of_tests();
	cache.targeted_control = (struct str_list){by_default, COUNT_OF(by_default)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response response = response_of(200, rows[i].fields, &arena);
		struct cc_response cc;
		targeted_read(&cache, &response.headers, &arena, &cc);
		struct freshness f = freshness_of(&(struct freshness_in){.cache = &cache,
		    .response = &response,
		    .cc = &cc,
		    .ttl_ms = -1,
		    .request_ms = NOW_MS,
		    .response_ms = NOW_MS});
		ck_assert_msg(f.lifetime_ms == rows[i].lifetime_s * 1000, "%s: %ld", rows[i].what, (long)f.lifetime_ms);
		ck_assert_msg(strcmp(f.source, rows[i].source) == 0, "%s: %s", rows[i].what, f.source);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/targeted");
	TCase *t = tcase_create("targeted");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, which_field_decides);
	tcase_add_test(t, what_a_dictionary_says);
	tcase_add_test(t, fields_that_are_ignored);
	tcase_add_test(t, an_empty_list_is_rfc_9111);
	tcase_add_test(t, surrogate_control);
	tcase_add_test(t, expires_beside_a_targeted_field);
	suite_add_tcase(s, t);
	return suite_run(s);
}
