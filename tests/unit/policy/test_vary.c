#include "fields.h"

#include "base/mem.h"
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

static struct str cookies[] = {STR("lang"), STR("Theme")};
static struct str fields[] = {STR("Accept-Language"), STR("X-Device")};

static enum reason nominate(
    const struct route *route, const char *vary, const char *request_fields, struct headers *out)
{
	struct http_request request = request_of(request_fields, &arena);
	struct headers response = fields_of(vary, &arena);
	return vary_nominate(route, &request, &response, &arena, out);
}

START_TEST(what_a_response_varies_by)
{
	static const struct {
		const char *what, *vary, *request, *nominated;
		enum reason reason;
	} rows[] = {
	    {"nothing", "", "Foo: 1", "", REASON_NONE},
	    {"an empty Vary (RFC 9110 12.5.5)", "Vary:", "Foo: 1", "", REASON_NONE},
	    {"a field and its value (RFC 9111 4.1)", "Vary: Foo", "Foo: 1", "foo: 1\n", REASON_NONE},
	    {"a field that is absent", "Vary: Foo", "Bar: 1", "foo\n", REASON_NONE},
	    {"a field that is empty", "Vary: Foo", "Foo:", "foo: \n", REASON_NONE},
	    {"names in any case, each once, in order", "Vary: foo, BAR, Foo", "Foo: 1\nbar: 2", "bar: 2\nfoo: 1\n",
		REASON_NONE},
	    {"several lines", "Vary: foo\nVary: bar", "Foo: 1", "bar\nfoo: 1\n", REASON_NONE},
	    {"RFC 9111 4.1-1: * never matches", "Vary: *", "", "", REASON_NOT_VARY_STAR},
	    {"* twice", "Vary: *, *", "", "", REASON_NOT_VARY_STAR},
	    {"* behind a name", "Vary: Foo, *", "", "", REASON_NOT_VARY_STAR},
	    {"* before a name", "Vary: *, Foo", "", "", REASON_NOT_VARY_STAR},
	    {"* behind an empty member", "Vary: , *", "", "", REASON_NOT_VARY_STAR},
	    {"* on another line", "Vary:\nVary: *", "", "", REASON_NOT_VARY_STAR},
	    {"what is no name cannot be compared", "Vary: Foo;Bar", "", "", REASON_NOT_VARY_INVALID},
	    {"what the proxy writes by the client's address", "Vary: X-Forwarded-For", "", "", REASON_NOT_VARY_CLIENT},
	    {"the same, standardised (RFC 7239)", "Vary: accept, FORWARDED", "", "", REASON_NOT_VARY_CLIENT},
	};
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers out;
		enum reason reason = nominate(&route, rows[i].vary, rows[i].request, &out);
		ck_assert_msg(reason == rows[i].reason, "%s: %s", rows[i].what, reason_code(reason));
		if (reason == REASON_NONE)
			ck_assert_msg(strcmp(text_of(&out, &arena), rows[i].nominated) == 0, "%s: %s", rows[i].what,
			    text_of(&out, &arena));
	}
}
END_TEST

START_TEST(the_route_adds_fields_and_cookies)
{
	struct route route = route_of_tests();
	struct headers out;
	route.vary = (struct str_list){fields, COUNT_OF(fields)};
	route.vary_cookie = (struct str_list){cookies, COUNT_OF(cookies)};
	ck_assert_int_eq(
	    nominate(&route, "Vary: accept-language", "Cookie: a=b; lang=de\nAccept-Language: DE", &out), REASON_NONE);
	ck_assert_str_eq(text_of(&out, &arena), "accept-language: de\ncookie:Theme\ncookie:lang: de\nx-device\n");
}
END_TEST

START_TEST(override_lifts_vary_star)
{
	struct route route = route_of_tests();
	struct headers out;
	route.override = OVERRIDE_VARY_STAR;
	ck_assert_int_eq(nominate(&route, "Vary: *, Foo, X-Forwarded-For", "Foo: 1", &out), REASON_NONE);
	ck_assert_str_eq(text_of(&out, &arena), "foo: 1\n");
}
END_TEST

struct match_row {
	const char *what, *vary, *first, *second;
	bool match;
};

static void check_matches(const struct match_row *rows, size_t n)
{
	struct route route = route_of_tests();
	for (const struct match_row *r = rows; r < rows + n; r++) {
		struct headers nominated, first = fields_of(r->first, &arena), second = fields_of(r->second, &arena);
		const char *vary = arena_printf(&arena, "Vary: %s", r->vary).p;
		ck_assert_msg(nominate(&route, vary, r->first, &nominated) == REASON_NONE, "%s", r->what);
		ck_assert_msg(vary_matches(&nominated, &second) == r->match, "%s", r->what);
		/* What is stored must at least match itself. */
		ck_assert_msg(vary_matches(&nominated, &first), "%s: itself", r->what);
	}
}

START_TEST(any_field)
{
	static const struct match_row rows[] = {
	    {"RFC 9111 4-3, 4.1-1: the same value", "Foo", "Foo: 1", "Foo: 1", true},
	    {"RFC 9111 4-3, 4.1-1: another value", "Foo", "Foo: 1", "Foo: 2", false},
	    {"a longer value", "Foo", "Foo: 1", "Foo: 12", false},
	    {"a shorter value", "Foo", "Foo: 12", "Foo: 1", false},
	    {"the case of an unknown value matters", "Foo", "Foo: a", "Foo: A", false},
	    {"RFC 9111 4.1-1: absent then", "Foo", "", "Foo: 1", false},
	    {"RFC 9111 4.1-1: absent now", "Foo", "Foo: 1", "", false},
	    {"RFC 9111 4.1-1: absent both times", "Foo", "", "", true},
	    {"RFC 9111 4.1-1: absent is not empty", "Foo", "", "Foo:", false},
	    {"RFC 9111 4.1-1: empty is not absent", "Foo", "Foo:", "", false},
	    {"empty both times", "Foo", "Foo:", "Foo:", true},
	    {"other fields do not matter", "Foo", "Foo: 1\nOther: 2", "Foo: 1\nOther: 3", true},
	    {"two fields", "Foo, Bar", "Foo: 1\nBar: abc", "Bar: abc\nFoo: 1", true},
	    {"RFC 9111 4.1-1: two fields, one differs", "Foo, Bar", "Foo: 1\nBar: abc", "Bar: abd\nFoo: 1", false},
	    {"three fields, one absent both times", "Foo, Bar, Baz", "Foo: 1\nBaz: 789", "Foo: 1\nBaz: 789", true},
	    {"two fields that swap their values", "Foo, Bar", "Foo: 1\nBar: 2", "Foo: 2\nBar: 1", false},
	    {"RFC 9111 4.1-1: blanks at commas", "Foo", "Foo: 1,2", "Foo:  1,\t2 ", true},
	    {"RFC 9111 4.1-1: blanks before commas", "Foo", "Foo: 1 , 2", "Foo: 1,2", true},
	    {"several lines are one list (9110 5.3)", "Foo", "Foo: 1, 2", "Foo: 1\nFoo: 2", true},
	    {"in their order", "Foo", "Foo: 1, 2", "Foo: 2\nFoo: 1", false},
	    {"blanks elsewhere matter", "Foo", "Foo: a b", "Foo: a  b", false},
	    {"blanks in quotes matter (9110 5.6.4)", "Foo", "Foo: \"a, b\"", "Foo: \"a,b\"", false},
	    {"an escaped quote ends no string", "Foo", "Foo: \"a\\\" , b\"", "Foo: \"a\\\",b\"", false},
	    {"empty members may mean something", "Foo", "Foo: 1,,2", "Foo: 1,2", false},

	};
	check_matches(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(accept_encoding)
{
	static const struct match_row rows[] = {
	    {"Accept-Encoding: order", "Accept-Encoding", "Accept-Encoding: gzip, br", "Accept-Encoding: br,gzip",
		true},
	    {"Accept-Encoding: case", "Accept-Encoding", "Accept-Encoding: GZIP", "Accept-Encoding: gzip", true},
	    {"Accept-Encoding: lines", "Accept-Encoding", "Accept-Encoding: gzip\nAccept-Encoding: br",
		"Accept-Encoding: br, gzip", true},
	    {"Accept-Encoding: q=1 is the default (9110 12.4.2)", "Accept-Encoding", "Accept-Encoding: gzip;q=1.000",
		"Accept-Encoding: gzip", true},
	    {"Accept-Encoding: digits of weights", "Accept-Encoding", "Accept-Encoding: gzip; Q=0.50",
		"Accept-Encoding: gzip;q=0.5", true},
	    {"Accept-Encoding: weights matter", "Accept-Encoding", "Accept-Encoding: gzip;q=0.5",
		"Accept-Encoding: gzip;q=0.05", false},
	    {"Accept-Encoding: 0 forbids", "Accept-Encoding", "Accept-Encoding: gzip;q=0", "Accept-Encoding: gzip",
		false},
	    {"Accept-Encoding: 0.000 is 0", "Accept-Encoding", "Accept-Encoding: gzip;q=0.000",
		"Accept-Encoding: gzip;q=0", true},
	    {"Accept-Encoding: x-gzip is gzip (9110 8.4.1.3)", "Accept-Encoding", "Accept-Encoding: x-gzip",
		"Accept-Encoding: gzip", true},
	    {"Accept-Encoding: repetitions", "Accept-Encoding", "Accept-Encoding: gzip, gzip", "Accept-Encoding: gzip",
		true},
	    {"Accept-Encoding: empty members (9110 5.6.1.2)", "Accept-Encoding", "Accept-Encoding: ,gzip,,",
		"Accept-Encoding: gzip", true},
	    {"Accept-Encoding: a name with two weights keeps its order", "Accept-Encoding",
		"Accept-Encoding: gzip;q=0, gzip", "Accept-Encoding: gzip, gzip;q=0", false},
	    {"Accept-Encoding: a refused coding is as one not named (9110 12.5.3)", "Accept-Encoding",
		"Accept-Encoding: gzip, br;q=0", "Accept-Encoding: gzip", true},
	    {"Accept-Encoding: identity is refused by name only (9110 12.5.3)", "Accept-Encoding",
		"Accept-Encoding: gzip, identity;q=0", "Accept-Encoding: gzip", false},
	    {"Accept-Encoding: beside a star, to refuse one is another matter (9110 12.5.3)", "Accept-Encoding",
		"Accept-Encoding: *, br;q=0", "Accept-Encoding: *", false},
	    {"Accept-Encoding: empty is not absent (9110 12.5.3)", "Accept-Encoding", "Accept-Encoding:", "", false},
	    {"Accept-Encoding: a subset is another", "Accept-Encoding", "Accept-Encoding: br, gzip",
		"Accept-Encoding: gzip", false},
	    {"Accept-Encoding: what cannot be read stays as it is", "Accept-Encoding", "Accept-Encoding: gzip;x=1, br",
		"Accept-Encoding: br, gzip;x=1", false},
	    {"Accept-Encoding: and equals itself", "Accept-Encoding", "Accept-Encoding: gzip;x=1 , br",
		"Accept-Encoding: gzip;x=1,br", true},

	};
	check_matches(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(accept_language)
{
	static const struct match_row rows[] = {
	    {"Accept-Language: order (9110 12.5.4)", "Accept-Language", "Accept-Language: en, de",
		"Accept-Language: de, en", true},
	    {"Accept-Language: case", "Accept-Language", "Accept-Language: en, de", "Accept-Language: eN, De", true},
	    {"Accept-Language: blanks", "Accept-Language", "Accept-Language: en, de", "Accept-Language:  en ,   de",
		true},
	    {"Accept-Language: blanks at the weight", "Accept-Language", "Accept-Language: en;q=0.8",
		"Accept-Language: en ; q=0.8", true},
	    {"Accept-Language: order by weight", "Accept-Language", "Accept-Language: da, en-gb;q=0.8, en;q=0.7",
		"Accept-Language: en;q=0.70, da, EN-GB;q=0.8", true},
	    {"Accept-Language: all digits are read", "Accept-Language", "Accept-Language: en;q=0.789, de",
		"Accept-Language: de, en;q=0.789", true},
	    {"Accept-Language: thousandths matter", "Accept-Language", "Accept-Language: en;q=0.789",
		"Accept-Language: en;q=0.788", false},
	    {"Accept-Language: tenths of nothing", "Accept-Language", "Accept-Language: en;q=0.",
		"Accept-Language: en;q=0", true},
	    {"Accept-Language: weights matter", "Accept-Language", "Accept-Language: en;q=0.8, de",
		"Accept-Language: en, de;q=0.8", false},
	    {"Accept-Language: a wrong weight is none to sort by", "Accept-Language", "Accept-Language: en;q=2, de",
		"Accept-Language: de, en;q=2", false},
	    {"Accept-Language: four digits are too many (9110 12.4.2)", "Accept-Language",
		"Accept-Language: en;q=0.1234, de", "Accept-Language: de, en;q=0.1234", false},

	};
	check_matches(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(a_stored_language_that_is_wanted_first)
{
	static const struct {
		const char *what, *vary, *first, *response, *second;
		bool prefers;
	} rows[] = {
	    {"RFC 9111 4.1: the heaviest range asks for the stored language", "Accept-Language",
		"Accept-Language: en, de", "Content-Language: de", "Accept-Language: fr;q=0.5, de;q=1.0", true},
	    {"in any case", "Accept-Language", "Accept-Language: en", "Content-Language: DE", "Accept-Language: de",
		true},
	    {"whatever the first one asked for", "Accept-Language", "", "Content-Language: de", "Accept-Language: de",
		true},
	    {"another language", "Accept-Language", "Accept-Language: en, de", "Content-Language: en",
		"Accept-Language: fr;q=0.5, de", false},
	    {"the second choice is the origin's to make", "Accept-Language", "Accept-Language: en, de",
		"Content-Language: de", "Accept-Language: fr, de;q=0.5", false},
	    {"two first choices", "Accept-Language", "Accept-Language: de", "Content-Language: de",
		"Accept-Language: de, fr", false},
	    {"a range is no tag of its own (RFC 4647 3.3.1)", "Accept-Language", "Accept-Language: en",
		"Content-Language: de-CH", "Accept-Language: de", false},
	    {"content in two languages", "Accept-Language", "Accept-Language: en", "Content-Language: de, fr",
		"Accept-Language: de", false},
	    {"content in two languages, in two fields", "Accept-Language", "Accept-Language: en",
		"Content-Language: de\nContent-Language: fr", "Accept-Language: de", false},
	    {"content in no language", "Accept-Language", "Accept-Language: en", "X: 1", "Accept-Language: de", false},
	    {"other fields must match", "Accept-Language, Foo", "Accept-Language: en\nFoo: 1", "Content-Language: de",
		"Accept-Language: de\nFoo: 2", false},
	    {"other fields do match", "Accept-Language, Foo", "Accept-Language: en\nFoo: 1", "Content-Language: de",
		"Accept-Language: de\nFoo: 1", true},
	    {"it does not vary by language", "Foo", "Foo: 1", "Content-Language: de", "Accept-Language: de\nFoo: 1",
		false},
	    {"no wish", "Accept-Language", "Accept-Language: de", "Content-Language: de", "", false},
	};
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers nominated, request = fields_of(rows[i].second, &arena);
		struct headers response = fields_of(rows[i].response, &arena);
		const char *vary = arena_printf(&arena, "Vary: %s", rows[i].vary).p;
		ck_assert_int_eq(nominate(&route, vary, rows[i].first, &nominated), REASON_NONE);
		ck_assert_msg(
		    vary_prefers_language(&nominated, &request, &response) == rows[i].prefers, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(fields_compared_byte_by_byte)
{
	static const struct match_row rows[] = {
	    {"Cookie: byte by byte", "Cookie", "Cookie: a=1; b=2", "Cookie: a=1; b=2", true},
	    {"Cookie: order matters", "Cookie", "Cookie: a=1; b=2", "Cookie: b=2; a=1", false},
	    {"Cookie: blanks matter", "Cookie", "Cookie: a=1,2", "Cookie: a=1, 2", false},
	    {"Cookie: several lines (9113 8.2.3)", "Cookie", "Cookie: a=1; b=2", "Cookie: a=1\nCookie: b=2", true},
	    {"Cookie: none is not some", "Cookie", "", "Cookie: a=1", false},
	    {"Authorization: byte by byte", "Authorization",
		"Authorization: Basic eA==", "Authorization: Basic eA= =", false},
	};
	check_matches(rows, COUNT_OF(rows));
}
END_TEST

START_TEST(cookies_match)
{
	static const struct {
		const char *what, *first, *second;
		bool match;
	} rows[] = {
	    {"the same", "Cookie: lang=de", "Cookie: session=1; lang=de", true},
	    {"another value", "Cookie: lang=de", "Cookie: lang=en", false},
	    {"absent both times", "Cookie: a=b", "", true},
	    {"absent then", "", "Cookie: lang=de", false},
	    {"empty is not absent", "", "Cookie: lang=", false},
	    {"names have a case (RFC 6265 5.4)", "Cookie: lang=de", "Cookie: LANG=de", false},
	    {"a name that ends so is another", "Cookie: lang=de", "Cookie: xlang=de", false},
	    {"a name alone is no cookie of that name", "", "Cookie: lang", true},
	    {"any line", "Cookie: lang=de", "Cookie: a=b\nCookie: lang=de", true},
	    {"two of them: both count", "Cookie: lang=de", "Cookie: lang=de; lang=en", false},
	    {"two of them: in their order", "Cookie: lang=de; lang=en", "Cookie: lang=en; lang=de", false},
	    {"a value with an equals sign", "Cookie: lang=a=b", "Cookie: x=1;lang=a=b", true},
	};
	struct route route = route_of_tests();
	route.vary_cookie = (struct str_list){cookies, 1};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers nominated, second = fields_of(rows[i].second, &arena);
		ck_assert_int_eq(nominate(&route, "", rows[i].first, &nominated), REASON_NONE);
		ck_assert_msg(vary_matches(&nominated, &second) == rows[i].match, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(token_cookies_make_no_variants)
{
	static const struct {
		const char *what, *first, *second;
		bool match;
	} rows[] = {
	    {"tokens of two visitors", "Cookie: csrf=1", "Cookie: csrf=2", true},
	    {"a token and none", "Cookie: csrf=1", "", true},
	    {"none and a token", "", "Cookie: csrf=1", true},
	    {"two token cookies", "Cookie: csrf=1", "Cookie: old=2; csrf=3", true},
	    {"another cookie differs", "Cookie: csrf=1; lang=de", "Cookie: csrf=1; lang=en", false},
	    {"another cookie is not there", "Cookie: csrf=1; lang=de", "Cookie: csrf=1", false},
	    {"another cookie behind or before", "Cookie: csrf=1; lang=de", "Cookie: lang=de; csrf=2", true},
	    {"another cookie on another line", "Cookie: csrf=1; lang=de", "Cookie: lang=de\nCookie: csrf=2", true},
	    {"the order of others matters", "Cookie: a=1; csrf=1; b=2", "Cookie: b=2; a=1", false},
	    {"names have a case (RFC 6265 5.4)", "Cookie: CSRF=1", "Cookie: CSRF=2", false},
	    {"a name that ends so is another", "Cookie: xcsrf=1", "Cookie: xcsrf=2", false},
	    {"a name alone is no token", "Cookie: csrf", "", false},
	    {"others without a value count", "Cookie: a; csrf=1", "Cookie: b", false},
	    {"many blanks and semicolons", "Cookie: a=1;b=2;c=3;csrf=4;d=5", "Cookie: ;; a=1 ; b=2; c=3;d=5;", true},
	    {"blanks within matter", "Cookie: a=1,2", "Cookie: a=1, 2", false},
	};
	static struct str tokens[] = {STR("csrf"), STR("old")};
	struct route route = route_of_tests();
	route.token_cookie = (struct str_list){tokens, COUNT_OF(tokens)};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers nominated, mine;
		struct headers first = fields_of(rows[i].first, &arena), second = fields_of(rows[i].second, &arena);
		ck_assert_int_eq(nominate(&route, "Vary: Cookie", rows[i].first, &nominated), REASON_NONE);
		ck_assert_uint_eq(nominated.n, 1);
		ck_assert(str_eq(nominated.v[0].name, STR("cookie-without:csrf,old")));
		ck_assert_msg(vary_matches(&nominated, &second) == rows[i].match, "%s", rows[i].what);
		ck_assert_msg(vary_matches(&nominated, &first), "%s: itself", rows[i].what);
		/* Two that match have one signature. */
		vary_values(&nominated, &second, &arena, &mine);
		bool same = (mine.v[0].value.p != NULL) == (nominated.v[0].value.p != NULL) &&
			    str_eq(mine.v[0].value, nominated.v[0].value);
		ck_assert_msg(same == rows[i].match, "%s: values", rows[i].what);
	}
}
END_TEST

START_TEST(what_a_route_with_tokens_varies_by)
{
	static struct str tokens[] = {STR("csrf")}, fields_of_route[] = {STR("Cookie"), STR("Accept-Encoding")};
	static const char request[] = "Cookie: a=1; csrf=2\nAccept-Encoding: gzip";
	struct route route = route_of_tests();
	struct headers out;
	route.token_cookie = (struct str_list){tokens, 1};
	/* It was asked for without Accept-Encoding. */
	ck_assert_int_eq(nominate(&route, "Vary: cookie, Accept-Encoding, Accept", request, &out), REASON_NONE);
	ck_assert_str_eq(text_of(&out, &arena), "accept\ncookie-without:csrf: a=1\n");
	/* What the ini names counts; of Cookie the token is left out all the same. */
	route.vary = (struct str_list){fields_of_route, 2};
	ck_assert_int_eq(nominate(&route, "", request, &out), REASON_NONE);
	ck_assert_str_eq(text_of(&out, &arena), "accept-encoding: gzip\ncookie-without:csrf: a=1\n");
	/* Tokens of a session are in no cookie of their own. */
	route = route_of_tests();
	route.token_field = (struct str_list){tokens, 1};
	ck_assert_int_eq(nominate(&route, "Vary: cookie, Accept-Encoding", request, &out), REASON_NONE);
	ck_assert_str_eq(text_of(&out, &arena), "cookie: a=1; csrf=2\n");
}
END_TEST

START_TEST(nominated_names_that_are_cookies)
{
	ck_assert(vary_is_cookie(STR("cookie")));
	ck_assert(vary_is_cookie(STR("cookie:lang")));
	ck_assert(vary_is_cookie(STR("cookie-without:csrf")));
	ck_assert(!vary_is_cookie(STR("cookie2")));
	ck_assert(!vary_is_cookie(STR("accept")));
}
END_TEST

/* More members than are sorted: compared as they stand, on both sides. */
START_TEST(long_lists_still_match_themselves)
{
	struct str text = STR("Accept-Language: a0");
	for (int i = 1; i < 200; i++)
		text = arena_printf(&arena, "%.*s, a%d;q=0.%d", STR_ARG(text), i, i % 10);
	struct route route = route_of_tests();
	struct headers nominated, same = fields_of(text.p, &arena);
	ck_assert_int_eq(nominate(&route, "Vary: accept-language", text.p, &nominated), REASON_NONE);
	ck_assert(vary_matches(&nominated, &same));
	same.v[0].value.n--;
	ck_assert(!vary_matches(&nominated, &same));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/vary");
	TCase *t = tcase_create("vary");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_a_response_varies_by);
	tcase_add_test(t, the_route_adds_fields_and_cookies);
	tcase_add_test(t, override_lifts_vary_star);
	tcase_add_test(t, any_field);
	tcase_add_test(t, accept_encoding);
	tcase_add_test(t, accept_language);
	tcase_add_test(t, a_stored_language_that_is_wanted_first);
	tcase_add_test(t, fields_compared_byte_by_byte);
	tcase_add_test(t, cookies_match);
	tcase_add_test(t, token_cookies_make_no_variants);
	tcase_add_test(t, what_a_route_with_tokens_varies_by);
	tcase_add_test(t, nominated_names_that_are_cookies);
	tcase_add_test(t, long_lists_still_match_themselves);
	suite_add_tcase(s, t);
	return suite_run(s);
}
