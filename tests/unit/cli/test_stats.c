/* The table of larder stats. */
#include "cli/cli.h"
#include "suite.h"

static const char sample[] =
    "{\"hit_ratio\":0.9731,\"offload\":0.9,\"requests\":1234567,\"outcomes\":{\"pass\":4567,\"error\":0},"
    "\"routes\":{\"quiet\":{\"hit_ratio\":0,\"requests\":1,\"outcomes\":{\"miss\":1}},"
    "\"busy\\u001b[2J\":{\"hit_ratio\":0.5,\"requests\":1000,\"outcomes\":{\"hit\":500}}},"
    "\"reasons\":{\"hit\":1200000},"
    "\"latency\":{\"hit\":{\"count\":10,\"p50_us\":20,\"p90_us\":5000,\"p99_us\":2000000},"
    "\"miss\":{\"count\":0},\"pass\":{\"count\":1,\"p50_us\":null}},"
    "\"cache\":{\"entries\":12345,\"bytes\":1572864,\"limit_bytes\":268435456,\"evicted_total\":7},"
    "\"figures\":{\"uptime_seconds\":93784}}";

START_TEST(a_person_can_read_it)
{
	struct buf b;
	buf_init(&b, 65536);
	ck_assert_int_eq(cli_write_stats(str_make(sample, sizeof(sample) - 1), &b), ERR_OK);
	static const char *const parts[] = {
	    "97.3 %  of 1,230,000 requests looked up",
	    "up          1d 02:03:04\n",
	    "12,345 entries, 1.5M of 256M; evicted 7,",
	    "busy?[2J ",
	    "20us",
	    "5ms",
	    "2s",
	    "1,200,000",
	};
	ck_assert(str_starts(buf_str(&b), STR("hit ratio")));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_msg(str_find(buf_str(&b), str_of(parts[i])) < b.n, "not there: %s in\n%.*s", parts[i],
		    STR_ARG(buf_str(&b)));
	ck_assert_msg(str_find(buf_str(&b), STR("busy")) < str_find(buf_str(&b), STR("quiet")), "the busiest first");
	ck_assert_msg(str_find(buf_str(&b), STR("\nmiss ")) == b.n, "parts without figures are left out");
	buf_free(&b);
}
END_TEST

START_TEST(what_is_no_such_answer_is_refused)
{
	static const char *const texts[] = {"", "{", "[]", "{}", "\"hit_ratio\"", "<html>"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf b;
		buf_init(&b, 65536);
		ck_assert_msg(cli_write_stats(str_of(texts[i]), &b) == ERR_PROTOCOL, "%s", texts[i]);
		buf_free(&b);
	}
}
END_TEST

START_TEST(odd_members_do_no_harm)
{
	struct buf b;
	buf_init(&b, 65536);
	ck_assert_int_eq(
	    cli_write_stats(STR("{\"hit_ratio\":\"x\",\"routes\":[1,{}],\"latency\":{\"hit\":7},\"reasons\":3}"), &b),
	    ERR_OK);
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stats");
	TCase *t = tcase_create("stats");
	tcase_add_test(t, a_person_can_read_it);
	tcase_add_test(t, what_is_no_such_answer_is_refused);
	tcase_add_test(t, odd_members_do_no_harm);
	suite_add_tcase(s, t);
	return suite_run(s);
}
