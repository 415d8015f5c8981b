/* Pages, methods and parameters: what is refused, and with which words. */
#include "bench.h"

START_TEST(what_is_refused_and_why)
{
	static const struct {
		const char *sentence, *line;
		int status;
		const char *word;
	} rows[] = {
	    {"an unknown page names the nearest", "POST /purg url=/x", 404, "\"nearest\":\"/purge\""},
	    {"and all that there are", "GET /nothing-like-it", 404, "\"path\":\"/metrics\""},
	    {"a page ends where it ends", "GET /stats/", 404, "\"nearest\":\"/stats\""},
	    {"a purge is no GET", "GET /purge all=1", 405, "POST"},
	    {"figures are no POST", "POST /stats", 405, "GET, HEAD"},
	    {"methods have their case", "get /stats", 405, "GET, HEAD"},
	    {"an unknown parameter names the nearest", "POST /purge ulr=/x", 400, "did you mean \\\"url\\\""},
	    {"an unescaped URL is explained", "POST /purge url=http://h/a?b=1&zzzzzzzz=2", 400, "--data-urlencode"},
	    {"a page without parameters says so", "GET /stats verbose", 400, "takes no parameters"},
	    {"a parameter twice", "POST /purge url=/a&url=/b", 400, "given twice"},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_msg(
		    bench_ask(&b, rows[i].line) == rows[i].status, "%s: %d", rows[i].sentence, b.answer.status);
		ck_assert_msg(
		    bench_has(&b, rows[i].word), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&b.answer.body)));
		ck_assert_msg((b.answer.allow != NULL) == (rows[i].status == 405), "%s: Allow", rows[i].sentence);
		ck_assert_msg(bench_text(&b, "error")[0] != '\0', "%s: no error", rows[i].sentence);
	}
	ck_assert_uint_eq(b.purges, 0);
	bench_close(&b);
}
END_TEST

START_TEST(the_index_lists_every_page)
{
	struct bench b;
	bench_open(&b);
	ck_assert_int_eq(bench_ask(&b, "GET /"), 200);
	const cJSON *pages = cJSON_GetObjectItem(b.json, "pages"), *page;
	ck_assert_int_eq(cJSON_GetArraySize(pages), 12);
	cJSON_ArrayForEach(page, pages)
	{
		ck_assert_str_ne(cJSON_GetObjectItem(page, "help")->valuestring, "");
		ck_assert(cJSON_IsArray(cJSON_GetObjectItem(page, "params")));
	}
	ck_assert_str_eq(bench_text(&b, "version"), LARDER_VERSION);
	bench_close(&b);
}
END_TEST

START_TEST(health_tells_life_and_readiness_apart)
{
	static const struct {
		const char *sentence, *line;
		bool ready;
		int status;
	} rows[] = {
	    {"alive and ready", "GET /health", true, 200},
	    {"alive while draining", "GET /health", false, 200},
	    {"ready", "GET /health ready", true, 200},
	    {"not ready", "GET /health ready", false, 503},
	    {"a value that says yes", "HEAD /health ready=1", false, 503},
	    {"a value that says no", "GET /health ready=0", false, 200},
	    {"a value that says nothing", "GET /health ready=perhaps", true, 400},
	};
	struct bench b;
	bench_open(&b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		b.ready = rows[i].ready;
		ck_assert_msg(bench_ask(&b, rows[i].line) == rows[i].status, "%s", rows[i].sentence);
	}
	bench_close(&b);
}
END_TEST

START_TEST(a_reload_tells_all_errors)
{
	struct bench b;
	bench_open(&b);
	b.reload_text = "a warning\n";
	ck_assert_int_eq(bench_ask(&b, "POST /reload"), 200);
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(b.json, "reloaded")));
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(b.json, "warnings")), 1);
	b.reload_err = ERR_INVALID;
	b.reload_text = "p.ini:1: \"quoted\"\np.ini:2: second\n";
	ck_assert_int_eq(bench_ask(&b, "POST /reload"), 422);
	ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(b.json, "reloaded")));
	const cJSON *errors = cJSON_GetObjectItem(b.json, "errors");
	ck_assert_int_eq(cJSON_GetArraySize(errors), 2);
	ck_assert_str_eq(cJSON_GetArrayItem(errors, 0)->valuestring, "p.ini:1: \"quoted\"");
	b.reload_err = ERR_BUSY;
	b.reload_text = "";
	ck_assert_int_eq(bench_ask(&b, "POST /reload"), 503);
	ck_assert_str_ne(bench_text(&b, "error"), "");
	bench_close(&b);
}
END_TEST

START_TEST(settings_are_json_without_secrets)
{
	struct bench b;
	bench_open(&b);
	ck_assert_int_eq(bench_ask(&b, "GET /config"), 200);
	ck_assert(bench_has(&b, "http://127.0.0.1:8000"));
	ck_assert(!bench_has(&b, "very-secret-token"));
	bench_close(&b);
}
END_TEST

START_TEST(an_answer_beyond_the_limit_is_an_error_and_not_half_a_text)
{
	struct bench b;
	bench_open(&b);
	buf_free(&b.answer.body);
	buf_init(&b.answer.body, 200);
	ck_assert_int_eq(bench_ask(&b, "GET /"), 500);
	ck_assert(bench_has(&b, "larger than the limit"));
	bench_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin");
	TCase *t = tcase_create("admin");
	tcase_add_test(t, what_is_refused_and_why);
	tcase_add_test(t, the_index_lists_every_page);
	tcase_add_test(t, health_tells_life_and_readiness_apart);
	tcase_add_test(t, a_reload_tells_all_errors);
	tcase_add_test(t, settings_are_json_without_secrets);
	tcase_add_test(t, an_answer_beyond_the_limit_is_an_error_and_not_half_a_text);
	suite_add_tcase(s, t);
	return suite_run(s);
}
