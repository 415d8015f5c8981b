/* Nonces of a Content-Security-Policy: which are made anew. */
#include "fields.h"

#include "base/mem.h"
#include "policy/personal.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define CSP    "Content-Security-Policy: "
#define REPORT "Content-Security-Policy-Report-Only: "
#define N(c)   "'nonce-Ab34567" c "' "

static enum reason judge(const struct route *route, const char *fields, struct personal *out)
{
	struct http_request request = request_of("", &arena);
	struct http_response response = response_of(200, fields, &arena);
	struct personal_in in = {route, &request, &response, NOW_MS};
	struct headers kept = fields_of(fields, &arena);
	return policy_personal(&in, &arena, &kept, out);
}

START_TEST(which_nonces_are_refreshed)
{
	static const struct {
		const char *what, *fields;
		enum reason reason;
		unsigned n;
		const char *first;
	} rows[] = {
	    {"no policy", "X: 'nonce-Ab345678'", REASON_NONE, 0, NULL},
	    {"a policy without one", CSP "default-src 'self'", REASON_NONE, 0, NULL},
	    {"one", CSP "script-src 'self' 'nonce-Ab345678'; img-src *", REASON_NONE, 1, "Ab345678"},
	    {"whatever the case of the words", "content-security-policy: script-src 'NONCE-Ab345678'", REASON_NONE, 1,
		"Ab345678"},
	    {"of a policy that only reports", REPORT "script-src 'nonce-Ab345678'", REASON_NONE, 1, "Ab345678"},
	    {"one value in several directives", CSP "script-src " N("8") "; style-src " N("8"), REASON_NONE, 1,
		"Ab345678"},
	    {"and in several fields", CSP N("8") "\n" REPORT N("8"), REASON_NONE, 1, "Ab345678"},
	    {"several policies in one field", CSP N("8") ", script-src " N("9"), REASON_NONE, 2, "Ab345678"},
	    {"two values", CSP "script-src " N("8") "; style-src " N("9"), REASON_NONE, 2, "Ab345678"},
	    {"eight", CSP N("1") N("2") N("3") N("4") N("5") N("6") N("7") N("8"), REASON_NONE, 8, "Ab345671"},
	    {"nine are too many", CSP N("1") N("2") N("3") N("4") N("5") N("6") N("7") N("8") N("9"),
		REASON_NOT_NONCE_SHAPE, 0, NULL},
	    {"base64", CSP "'nonce-rAnd0m+/aa=='", REASON_NONE, 1, "rAnd0m+/aa=="},
	    {"base64url", CSP "'nonce-rAnd0m-_'", REASON_NONE, 1, "rAnd0m-_"},
	    {"7 characters stand in a page by chance", CSP "'nonce-Ab34567'", REASON_NOT_NONCE_SHAPE, 0, NULL},
	    {"of an odd alphabet", CSP "'nonce-Ab34567!'", REASON_NOT_NONCE_SHAPE, 0, NULL},
	    {"a word would be cut out of the page's text", CSP "'nonce-dashboard'", REASON_NOT_NONCE_SHAPE, 0, NULL},
	    {"a number too", CSP "'nonce-1234567890'", REASON_NOT_NONCE_SHAPE, 0, NULL},
	    {"hexadecimal digits", CSP "'nonce-0123abcd'", REASON_NONE, 1, "0123abcd"},
	    {"an empty one is none to browsers", CSP "'nonce-'", REASON_NONE, 0, NULL},
	    {"nor is one without its quote", CSP "script-src 'nonce-Ab345678; img-src 'self'", REASON_NONE, 0, NULL},
	    {"nor at the end", CSP "script-src 'nonce-Ab345678", REASON_NONE, 0, NULL},
	};
	struct route route = route_of_tests();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct personal out;
		enum reason why = judge(&route, rows[i].fields, &out);
		ck_assert_msg(why == rows[i].reason, "%s: %s", rows[i].what, reason_code(why));
		ck_assert_msg(out.n_values == rows[i].n, "%s: %u", rows[i].what, out.n_values);
		ck_assert_msg(!rows[i].first || (out.values[0].hole.kind == HOLE_NONCE &&
						    str_eq(out.values[0].text, str_of(rows[i].first))),
		    "%s", rows[i].what);
	}
}
END_TEST

START_TEST(a_nonce_of_more_than_512_characters_is_refused)
{
	struct route route = route_of_tests();
	struct personal out;
	struct str n = STR("");
	for (unsigned i = 0; i < HOLE_MAX / 8; i++)
		n = arena_printf(&arena, "%.*sabcd0123", STR_ARG(n));
	struct str whole = arena_printf(&arena, CSP "'nonce-%.*s'", STR_ARG(n));
	struct str longer = arena_printf(&arena, CSP "'nonce-%.*s0'", STR_ARG(n));
	ck_assert_int_eq(judge(&route, whole.p, &out), REASON_NONE);
	ck_assert_int_eq(judge(&route, longer.p, &out), REASON_NOT_NONCE_SHAPE);
}
END_TEST

START_TEST(a_token_that_is_the_nonce_as_well_is_one_value)
{
	struct str cookies[] = {STR("t")};
	struct route route = route_of_tests();
	struct personal out;
	route.token_cookie = (struct str_list){cookies, 1};
	ck_assert_int_eq(
	    judge(&route, "Set-Cookie: t=0123456789abcdef\n" CSP "'nonce-0123456789abcdef'", &out), REASON_NONE);
	ck_assert_uint_eq(out.n_values, 1);
	ck_assert_int_eq(out.values[0].hole.kind, HOLE_TOKEN);
}
END_TEST

START_TEST(a_route_that_keeps_nonces_looks_for_none)
{
	struct route route = route_of_tests();
	struct personal out;
	route.csp_nonce = CSP_NONCE_KEEP;
	ck_assert_int_eq(judge(&route, CSP "'nonce-x' 'nonce-Ab345678'", &out), REASON_NONE);
	ck_assert(personal_is_empty(&out));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/personal_nonce");
	TCase *t = tcase_create("personal_nonce");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, which_nonces_are_refreshed);
	tcase_add_test(t, a_nonce_of_more_than_512_characters_is_refused);
	tcase_add_test(t, a_token_that_is_the_nonce_as_well_is_one_value);
	tcase_add_test(t, a_route_that_keeps_nonces_looks_for_none);
	suite_add_tcase(s, t);
	return suite_run(s);
}
