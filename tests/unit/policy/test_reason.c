#include "suite.h"

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

/* RFC 9211 2.2 */
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
	ck_assert(!reason_is_of_request(REASON_NOT_PRIVATE));
	ck_assert(!reason_is_of_request(REASON_NOT_SET_COOKIE));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/reason");
	TCase *t = tcase_create("reason");
	tcase_add_test(t, every_reason_has_a_token_and_a_sentence);
	tcase_add_test(t, no_two_reasons_share_a_code);
	tcase_add_test(t, an_advice_is_sentences);
	tcase_add_test(t, fwd_is_a_registered_token);
	tcase_add_test(t, refusals_of_the_request_say_nothing_about_the_url);
	suite_add_tcase(s, t);
	return suite_run(s);
}
