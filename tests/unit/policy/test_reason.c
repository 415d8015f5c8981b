/* The table of reasons: whole, without doubles, and docs/reasons.md is made from it. After a change of reason.def:
 * REASONS_UPDATE=1 build/tests/test-policy-reason writes the page anew. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/headers.h"
#include "policy/reason.h"

static bool is_fwd_token(const char *fwd)
{
	static const char *const known[] = {
	    "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(fwd, known[i]) == 0)
			return true;
	}
	return false;
}

START_TEST(every_reason_has_a_token_and_a_sentence)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *code = reason_code((enum reason)i);
		struct str sentence = str_of(reason_sentence((enum reason)i));
		ck_assert_msg(is_token(str_of(code)), "%d: %s", i, code);
		ck_assert_msg(sentence.n > 10 && sentence.p[0] >= 'A' && sentence.p[0] <= 'Z', "%s", code);
		ck_assert_msg(str_ends(sentence, STR(".")), "%s: a sentence ends with a full stop", code);
	}
}
END_TEST

START_TEST(no_two_reasons_share_a_code)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		for (int j = i + 1; j < REASON_COUNT; j++)
			ck_assert_str_ne(reason_code((enum reason)i), reason_code((enum reason)j));
	}
}
END_TEST

START_TEST(personal_reasons_stand_together)
{
	static const char *const codes[] = {
	    "csrf-token", "token-", "nonce-", "leak-", "too-many-holes", "content-coding"};
	for (int i = 0; i < REASON_COUNT; i++) {
		bool named = false;
		struct str code = str_of(reason_code((enum reason)i));
		for (size_t k = 0; k < COUNT_OF(codes); k++)
			named |= str_starts(code, str_of(codes[k]));
		const char *fwd = reason_fwd((enum reason)i);
		named &= !fwd || strcmp(fwd, "bypass") != 0; /* of a request */
		ck_assert_msg(reason_is_personal((enum reason)i) == named, "%.*s", STR_ARG(code));
	}
}
END_TEST

START_TEST(an_advice_is_sentences)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *advice = reason_advice((enum reason)i);
		if (!advice)
			continue;
		struct str text = str_of(advice);
		ck_assert_msg(text.p[0] >= 'A' && text.p[0] <= 'Z', "%s", reason_code((enum reason)i));
		ck_assert_msg(str_ends(text, STR(".")), "%s", reason_code((enum reason)i));
	}
}
END_TEST

/* RFC 9211 2.2-1: the most specific one. */
START_TEST(fwd_is_a_registered_token)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *fwd = reason_fwd((enum reason)i);
		ck_assert_msg(!fwd || is_fwd_token(fwd), "%s", reason_code((enum reason)i));
	}
	ck_assert_ptr_null(reason_fwd(REASON_HIT));
	ck_assert_ptr_null(reason_fwd(REASON_ERROR_TIMEOUT));
	ck_assert_str_eq(reason_fwd(REASON_MISS_VARY), "vary-miss");
	ck_assert_str_eq(reason_fwd(REASON_PASS_METHOD), "method");
	ck_assert_str_eq(reason_fwd(REASON_PASS_ROUTE), "bypass");
}
END_TEST

START_TEST(refusals_of_the_request_say_nothing_about_the_url)
{
	ck_assert(reason_is_of_request(REASON_NOT_AUTHORIZATION));
	ck_assert(reason_is_of_request(REASON_NOT_REQUEST_NO_STORE));
	ck_assert(reason_is_of_request(REASON_NOT_HEAD));
	ck_assert(reason_is_of_request(REASON_NOT_LEAK_COOKIE));
	ck_assert(reason_is_of_request(REASON_NOT_LEAK_AUTHORIZATION));
	ck_assert(reason_is_of_request(REASON_NOT_LEAK_FIELD));
	ck_assert(reason_is_of_request(REASON_NOT_CODING));
	ck_assert(!reason_is_of_request(REASON_NOT_TOKEN_ELSEWHERE));
	ck_assert(!reason_is_of_request(REASON_NOT_LEAK_SET_COOKIE));
	ck_assert(!reason_is_of_request(REASON_NOT_LEAK_SAMPLE));
	ck_assert(!reason_is_of_request(REASON_NOT_TOKEN_SHAPE));
	ck_assert(!reason_is_of_request(REASON_NOT_PRIVATE));
	ck_assert(!reason_is_of_request(REASON_NOT_SET_COOKIE));
}
END_TEST

static const char page_head[] =
    "# Reasons\n\n"
    "Every verdict has one of these codes: in the access log (`reason=`), as the detail of "
    "`Cache-Status`, as a label of\n"
    "`larder_requests_by_reason_total`, and in `larder why URL`, which puts the route with "
    "its file and line in the place of\n"
    "`{route}` (and the status in that of `{status}`, the option that knows the token in that of `{token}`, "
    "the cookie in that of `{name}`). *fwd* says why the request went to "
    "the origin (RFC 9211 2.2). This page is "
    "made from `src/policy/reason.def`.\n\n"
    "| code | fwd | what it says | what to change |\n|---|---|---|---|\n";

static void add_cell(struct buf *out, const char *text)
{
	buf_addc(out, ' ');
	for (const char *c = text ? text : ""; *c; c++) {
		if (*c == '|')
			buf_addc(out, '\\');
		buf_addc(out, *c);
	}
	buf_add(out, text ? STR(" |") : STR("|"));
}

static void write_page(struct buf *out)
{
	buf_add(out, str_of(page_head));
	for (int i = 1; i < REASON_COUNT; i++) {
		enum reason r = (enum reason)i;
		buf_addf(out, "| `%s` |", reason_code(r));
		add_cell(out, reason_fwd(r));
		add_cell(out, reason_sentence(r));
		add_cell(out, reason_advice(r));
		buf_addc(out, '\n');
	}
}

/* Tests run in the build folder or below it; by hand also at the top. */
static FILE *open_page(const char *mode)
{
	static const char *const tops[] = {"", "../", "../../", "../../../"};
	for (size_t i = 0; i < COUNT_OF(tops); i++) {
		char path[64];
		snprintf(path, sizeof(path), "%smeson_options.txt", tops[i]);
		FILE *top = fopen(path, "r");
		if (!top)
			continue;
		fclose(top);
		snprintf(path, sizeof(path), "%sdocs/reasons.md", tops[i]);
		return fopen(path, mode);
	}
	return NULL;
}

START_TEST(the_page_is_made_from_the_table)
{
	static char there[1 << 17];
	struct buf made;
	buf_init(&made, sizeof(there));
	write_page(&made);
	ck_assert(!made.overflow);
	if (getenv("REASONS_UPDATE")) {
		FILE *f = open_page("w");
		ck_assert_ptr_nonnull(f);
		ck_assert_uint_eq(fwrite(made.p, 1, made.n, f), made.n);
		ck_assert_int_eq(fclose(f), 0);
	}
	FILE *f = open_page("r");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(there, 1, sizeof(there), f);
	fclose(f);
	ck_assert_msg(str_eq(str_make(there, n), buf_str(&made)),
	    "docs/reasons.md differs from reason.def: REASONS_UPDATE=1 build/tests/test-policy-reason writes it anew");
	buf_free(&made);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/reason");
	TCase *t = tcase_create("reason");
	tcase_add_test(t, every_reason_has_a_token_and_a_sentence);
	tcase_add_test(t, no_two_reasons_share_a_code);
	tcase_add_test(t, personal_reasons_stand_together);
	tcase_add_test(t, an_advice_is_sentences);
	tcase_add_test(t, the_page_is_made_from_the_table);
	tcase_add_test(t, fwd_is_a_registered_token);
	tcase_add_test(t, refusals_of_the_request_say_nothing_about_the_url);
	suite_add_tcase(s, t);
	return suite_run(s);
}
