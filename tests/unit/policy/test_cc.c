#include "fields.h"

#include "base/mem.h"
#include "policy/cc.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define NO CC_ABSENT

START_TEST(lifetimes_of_responses)
{
	static const struct {
		const char *what, *fields;
		int64_t max_age, s_maxage;
		bool invalid;
	} rows[] = {
	    {"no field (RFC 9111 5.2)", "", NO, NO, false},
	    {"an empty field (9110 5.6.1.2)", "Cache-Control:", NO, NO, false},
	    {"RFC 9111 5.2.2-1: max-age", "Cache-Control: max-age=3600", 3600, NO, false},
	    {"0 is a number (1.2.2)", "Cache-Control: max-age=0", 0, NO, false},
	    {"RFC 9111 5.2.2-1: s-maxage beside max-age", "Cache-Control: s-maxage=10, max-age=60", 60, 10, false},
	    {"names in any case (5.2)", "cache-CONTROL: MaX-aGe=3600, S-MAXAGE=1", 3600, 1, false},
	    {"leading zeros (1.2.2)", "Cache-Control: max-age=003600", 3600, NO, false},
	    {"2^31-1 (1.2.2)", "Cache-Control: max-age=2147483647", 2147483647, NO, false},
	    {"RFC 9111 1.2.2-1: 2^31", "Cache-Control: max-age=2147483648", CC_FOREVER_S, NO, false},
	    {"RFC 9111 1.2.2-1: beyond 2^31 saturates", "Cache-Control: max-age=2147483649", CC_FOREVER_S, NO, false},
	    {"RFC 9111 1.2.2-1: beyond 2^64 saturates", "Cache-Control: max-age=99999999999999999999999", CC_FOREVER_S,
		NO, false},
	    {"the quoted-string form is accepted too (5.2)", "Cache-Control: max-age=\"3600\"", 3600, NO, false},
	    {"also where another's string looks like it (5.2)",
		"Cache-Control: extension=\"max-age=3600\", max-age=\"1\"", 1, NO, false},
	    {"a quoted fraction is none (1.2.2)", "Cache-Control: max-age=\"1.5\"", NO, NO, true},
	    {"nor is an empty string (1.2.2)", "Cache-Control: max-age=\"\"", NO, NO, true},
	    {"nor one with an escape (1.2.2)", "Cache-Control: max-age=\"36\\00\"", NO, NO, true},
	    {"nor a lone quote (9110 5.6.4)", "Cache-Control: max-age=\"", NO, NO, true},
	    {"nor a number before a string (5.2)", "Cache-Control: max-age=36\"00\"", NO, NO, true},
	    {"a single-quoted number is none (1.2.2)", "Cache-Control: max-age='3600'", NO, NO, true},
	    {"a negative number is none (1.2.2)", "Cache-Control: max-age=-3600", NO, NO, true},
	    {"a plus sign makes it none (1.2.2)", "Cache-Control: max-age=+3600", NO, NO, true},
	    {"a fraction is none (1.2.2)", "Cache-Control: max-age=3600.0", NO, NO, true},
	    {"letters before (4.2.1)", "Cache-Control: max-age=a3600", NO, NO, true},
	    {"letters behind (4.2.1)", "Cache-Control: max-age=3600a", NO, NO, true},
	    {"letters behind a huge number (4.2.1)", "Cache-Control: max-age=99999999999999999999999a", NO, NO, true},
	    {"no argument (5.2.2.1)", "Cache-Control: max-age", NO, NO, true},
	    {"an empty argument (5.2.2.1)", "Cache-Control: max-age=", NO, NO, true},
	    {"a blank before the equals sign (5.2)", "Cache-Control: max-age =60", NO, NO, true},
	    {"a blank behind it (5.2)", "Cache-Control: max-age= 60", NO, NO, true},
	    {"s-maxage that is no number", "Cache-Control: s-maxage=x, max-age=60", 60, NO, true},
	    {"the shorter of two, first (4.2.1)", "Cache-Control: max-age=1, max-age=1800", 1, NO, false},
	    {"the shorter of two, last (4.2.1)", "Cache-Control: max-age=1800, max-age=1", 1, NO, false},
	    {"the shorter of two lines (9110 5.3)", "Cache-Control: max-age=1800\nCache-Control: max-age=1", 1, NO,
		false},
	    {"several lines combine (9110 5.3)", "Cache-Control: max-age=9\nX: y\nCache-Control: s-maxage=1", 9, 1,
		false},
	    {"inside a quoted string, before (5.2)", "Cache-Control: extension=\"max-age=3600\", max-age=1", 1, NO,
		false},
	    {"inside a quoted string, behind (5.2)", "Cache-Control: max-age=1, extension=\"max-age=3600\"", 1, NO,
		false},
	    {"inside a quoted list (5.2)", "Cache-Control: extension=\"a, max-age=3600, b\"", NO, NO, false},
	    {"behind an escaped quote (9110 5.6.4)", "Cache-Control: x=\"a\\\", max-age=60\"", NO, NO, false},
	    {"RFC 9111 5.2.3-1: unknown ones are ignored", "Cache-Control: foobar, max-age=3600, x=1", 3600, NO, false},
	    {"RFC 9111 5.2.3-1: a longer name is another", "Cache-Control: max-ages=5, xmax-age=6", NO, NO, false},
	    {"empty elements (9110 5.6.1.2)", "Cache-Control: ,, max-age=5 ,,", 5, NO, false},
	    {"RFC 9110 5.6.3: tabs around an element", "Cache-Control: x,\tmax-age=5\t", 5, NO, false},
	    {"RFC 9110 5.6.4: a quoted string that does not end hides what follows", "Cache-Control: x=\"a, max-age=5",
		NO, NO, false},
	    {"RFC 9111 4.2.1: a number beside one that is none", "Cache-Control: max-age=x, max-age=5", 5, NO, true},
	    {"RFC 9111 1.2.2: a hexadecimal number is none", "Cache-Control: max-age=0x10", NO, NO, true},
	    {"RFC 9111 1.2.2: an exponent is none", "Cache-Control: max-age=1e3", NO, NO, true},
	    {"RFC 9111 5.2: a semicolon parts nothing", "Cache-Control: max-age=5; no-cache", NO, NO, true},
	    {"another field is not it", "X-Cache-Control: max-age=5", NO, NO, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cc_response cc;
		struct headers h = fields_of(rows[i].fields, &arena);
		cc_read_response(&h, &cc);
		ck_assert_msg(cc.max_age_s == rows[i].max_age, "%s: max-age %ld", rows[i].what, (long)cc.max_age_s);
		ck_assert_msg(cc.s_maxage_s == rows[i].s_maxage, "%s: s-maxage %ld", rows[i].what, (long)cc.s_maxage_s);
		ck_assert_msg(cc.has_invalid_age == rows[i].invalid, "%s", rows[i].what);
	}
}
END_TEST

/* One letter a flag: Public, pRivate, no-Cache, no-Store, Must-revalidate, proXy-revalidate, Understand. */
static const char *flags_of(const struct cc_response *cc)
{
	static char text[8];
	size_t n = 0;
	const struct {
		bool on;
		char letter;
	} all[] = {
	    {cc->public, 'P'},
	    {cc->private, 'R'},
	    {cc->no_cache, 'C'},
	    {cc->no_store, 'S'},
	    {cc->must_revalidate, 'M'},
	    {cc->proxy_revalidate, 'X'},
	    {cc->must_understand, 'U'},
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (all[i].on)
			text[n++] = all[i].letter;
	}
	text[n] = '\0';
	return text;
}

START_TEST(flags_of_responses)
{
	static const struct {
		const char *what, *fields, *flags;
	} rows[] = {
	    {"none", "Cache-Control: max-age=1", ""},
	    {"RFC 9111 5.2.2-1: public", "Cache-Control: public", "P"},
	    {"RFC 9111 5.2.2-1: private", "Cache-Control: private", "R"},
	    {"RFC 9111 5.2.2.7-2: private with names is taken for private", "Cache-Control: private=\"set-cookie, x\"",
		"R"},
	    {"RFC 9111 5.2.2-1: no-cache", "Cache-Control: no-cache", "C"},
	    {"no-cache with names is taken for no-cache (5.2.2.4)", "Cache-Control: no-cache=\"a, b\"", "C"},
	    {"no-cache in token form (5.2.2.4)", "Cache-Control: no-cache=a", "C"},
	    {"RFC 9111 5.2.2-1: no-store", "Cache-Control: no-store", "S"},
	    {"no-store in any case (5.2)", "Cache-Control: No-StOrE", "S"},
	    {"no-store with a senseless argument still forbids", "Cache-Control: no-store=1", "S"},
	    {"public with an argument does not permit (5.2.2.9)", "Cache-Control: public=1", ""},
	    {"RFC 9111 5.2.2-1: must-revalidate", "Cache-Control: must-revalidate", "M"},
	    {"RFC 9111 5.2.2-1: proxy-revalidate", "Cache-Control: proxy-revalidate", "X"},
	    {"RFC 9111 5.2.2-1: must-understand", "Cache-Control: must-understand, no-store", "SU"},
	    {"a blank hides nothing that forbids", "Cache-Control: private =\"x\"", "R"},
	    {"in a quoted string it is no directive (5.2)", "Cache-Control: ext=\"no-store, private\"", ""},
	    {"several lines (9110 5.3)", "Cache-Control: public\nCache-Control: no-cache", "PC"},
	    {"RFC 9111 5.2.3-1: only-if-cached means nothing here", "Cache-Control: only-if-cached", ""},
	    {"Pragma means nothing here (5.4)", "Pragma: no-cache", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cc_response cc;
		struct headers h = fields_of(rows[i].fields, &arena);
		cc_read_response(&h, &cc);
		ck_assert_msg(strcmp(flags_of(&cc), rows[i].flags) == 0, "%s: %s", rows[i].what, flags_of(&cc));
	}
}
END_TEST

START_TEST(stale_windows_of_responses)
{
	static const struct {
		const char *what, *fields;
		int64_t swr, sie;
	} rows[] = {
	    {"none", "Cache-Control: max-age=1", NO, NO},
	    {"both (RFC 5861 3, 4)", "Cache-Control: stale-while-revalidate=30, stale-if-error=1200", 30, 1200},
	    {"0 is said too (RFC 5861 3)", "Cache-Control: stale-while-revalidate=0", 0, NO},
	    {"the shorter of two (9111 4.2.1)", "Cache-Control: stale-if-error=9, stale-if-error=5", NO, 5},
	    {"no number, not said (9111 1.2.2)", "Cache-Control: stale-while-revalidate='30'", NO, NO},
	    {"without a number, not said", "Cache-Control: stale-if-error", NO, NO},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cc_response cc;
		struct headers h = fields_of(rows[i].fields, &arena);
		cc_read_response(&h, &cc);
		ck_assert_msg(cc.stale_while_revalidate_s == rows[i].swr, "%s", rows[i].what);
		ck_assert_msg(cc.stale_if_error_s == rows[i].sie, "%s", rows[i].what);
		ck_assert_msg(!cc.has_invalid_age, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(directives_of_requests)
{
	static const struct {
		const char *what, *fields;
		struct cc_request cc;
	} rows[] = {
	    {"none", "Accept: */*", {.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"max-age (RFC 9111 5.2.1.1)", "Cache-Control: max-age=5",
		{.max_age_s = 5, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"max-stale with a limit (5.2.1.2)", "Cache-Control: max-stale=7",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = 7, .stale_if_error_s = NO}},
	    {"max-stale without one (5.2.1.2)", "Cache-Control: max-stale",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = CC_FOREVER_S, .stale_if_error_s = NO}},
	    {"max-stale with nonsense is none (5.2.1.2)", "Cache-Control: max-stale=x",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"the stricter of two max-stale", "Cache-Control: max-stale, max-stale=3",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = 3, .stale_if_error_s = NO}},
	    {"min-fresh, the larger of two (5.2.1.3)", "Cache-Control: min-fresh=9, min-fresh=20",
		{.max_age_s = NO, .min_fresh_s = 20, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"no-cache (5.2.1.4)", "Cache-Control: no-cache",
		{.no_cache = true, .max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"no-store (5.2.1.5)", "Cache-Control: no-store",
		{.no_store = true, .max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"only-if-cached (5.2.1.7)", "Cache-Control: only-if-cached",
		{.only_if_cached = true,
		    .max_age_s = NO,
		    .min_fresh_s = NO,
		    .max_stale_s = NO,
		    .stale_if_error_s = NO}},
	    {"stale-if-error (RFC 5861 4)", "Cache-Control: stale-if-error=60",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = 60}},
	    {"several lines", "Cache-Control: max-age=5\nHost: x\nCache-Control: no-cache",
		{.no_cache = true, .max_age_s = 5, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"Pragma: no-cache (5.4)", "Pragma: no-cache",
		{.no_cache = true, .max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"Pragma in a list, in any case (5.4)", "PRAGMA: x, No-Cache",
		{.no_cache = true, .max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"Pragma beside Cache-Control is not looked at (5.4)", "Pragma: no-cache\nCache-Control: max-age=5",
		{.max_age_s = 5, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	    {"other pragmas (5.4)", "Pragma: unrecognised-extension",
		{.max_age_s = NO, .min_fresh_s = NO, .max_stale_s = NO, .stale_if_error_s = NO}},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cc_request cc;
		const struct cc_request *want = &rows[i].cc;
		struct headers h = fields_of(rows[i].fields, &arena);
		cc_read_request(&h, &cc);
		ck_assert_msg(cc.no_cache == want->no_cache && cc.no_store == want->no_store, "%s", rows[i].what);
		ck_assert_msg(cc.only_if_cached == want->only_if_cached, "%s", rows[i].what);
		ck_assert_msg(cc.max_age_s == want->max_age_s, "%s", rows[i].what);
		ck_assert_msg(cc.max_stale_s == want->max_stale_s, "%s", rows[i].what);
		ck_assert_msg(cc.min_fresh_s == want->min_fresh_s, "%s", rows[i].what);
		ck_assert_msg(cc.stale_if_error_s == want->stale_if_error_s, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(delta_seconds_leave_the_result_alone_when_invalid)
{
	int64_t v = 7;
	ck_assert(!cc_read_delta_seconds(STR(""), &v));
	ck_assert(!cc_read_delta_seconds(STR_NONE, &v));
	ck_assert(!cc_read_delta_seconds(STR(" 1"), &v));
	ck_assert_int_eq(v, 7);
	ck_assert(cc_read_delta_seconds(STR("18446744073709551616"), &v));
	ck_assert_int_eq(v, CC_FOREVER_S);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/cc");
	TCase *t = tcase_create("cc");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lifetimes_of_responses);
	tcase_add_test(t, flags_of_responses);
	tcase_add_test(t, stale_windows_of_responses);
	tcase_add_test(t, directives_of_requests);
	tcase_add_test(t, delta_seconds_leave_the_result_alone_when_invalid);
	suite_add_tcase(s, t);
	return suite_run(s);
}
