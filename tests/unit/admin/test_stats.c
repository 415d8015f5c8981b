/* GET /stats and GET /metrics: the cache's figures and those of the rest of the process are in both. */
#include "bench.h"

static unsigned figures(void *ctx, struct metrics_extra *out, unsigned max)
{
	ck_assert_uint_gt(max, 100);
	out[0] = (struct metrics_extra){
	    STR("larder_upstream_in_flight"), STR("Requests in flight."), STR("upstream"), STR("default"), false, 4};
	return 1;
}

START_TEST(stats_are_json_with_the_ratio_first)
{
	struct bench b;
	bench_open(&b);
	b.env.figures = figures;
	ck_assert_int_eq(bench_ask(&b, "GET /stats"), 200);
	ck_assert(str_starts(buf_str(&b.answer.body), STR("{\"hit_ratio\":")));
	const cJSON *cache = cJSON_GetObjectItem(b.json, "cache"), *rest = cJSON_GetObjectItem(b.json, "figures");
	ck_assert_double_eq(cJSON_GetObjectItem(cache, "entries")->valuedouble, 5);
	ck_assert_double_eq(cJSON_GetObjectItem(cache, "limit_bytes")->valuedouble, 2000);
	ck_assert_double_eq(cJSON_GetObjectItem(cache, "evicted_total")->valuedouble, 7);
	ck_assert_double_eq(cJSON_GetObjectItem(rest, "uptime_seconds")->valuedouble, 60);
	const cJSON *in_flight = cJSON_GetObjectItem(rest, "upstream_in_flight");
	ck_assert_double_eq(cJSON_GetObjectItem(in_flight, "default")->valuedouble, 4);
	bench_close(&b);
}
END_TEST

START_TEST(metrics_are_prometheus_text)
{
	struct bench b;
	bench_open(&b);
	b.env.figures = figures;
	ck_assert_int_eq(bench_ask(&b, "GET /metrics"), 200);
	ck_assert_str_eq(b.answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
	ck_assert(bench_has(&b, "\n# TYPE larder_cache_evicted_total counter\nlarder_cache_evicted_total 7\n"));
	ck_assert(bench_has(&b, "\nlarder_cache_evicted_wonders_total 3\n"));
	ck_assert(bench_has(&b, "\nlarder_upstream_in_flight{upstream=\"default\"} 4\n"));
	ck_assert(bench_has(&b, "\nlarder_build_info{version=\"" LARDER_VERSION "\"} 1\n"));
	bench_close(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stats");
	TCase *t = tcase_create("stats");
	tcase_add_test(t, stats_are_json_with_the_ratio_first);
	tcase_add_test(t, metrics_are_prometheus_text);
	suite_add_tcase(s, t);
	return suite_run(s);
}
