/* The JSON of GET /stats: the hit ratio first, whatever names routes have. */
#include "metrics/metrics.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "suite.h"

static const char *code(unsigned reason)
{
	return reason ? "hit" : "none";
}

static void add_requests(struct metrics *m, struct str route, enum outcome outcome, unsigned n)
{
	struct metrics_request r = {.route = metrics_route(m, route),
	    .outcome = outcome,
	    .reason = 1,
	    .status = 200,
	    .total_us = 30,
	    .upstream_us = -1,
	    .bytes = 5};
	for (unsigned i = 0; i < n; i++)
		metrics_request(metrics_worker(m, 0), &r);
}

static cJSON *stats_of(struct metrics *m, const struct metrics_extra *extra, unsigned n)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	metrics_write_json(m, extra, n, &b);
	ck_assert(!b.overflow);
	ck_assert(str_starts(buf_str(&b), STR("{\"hit_ratio\":")));
	cJSON *json = cJSON_ParseWithLength(b.p, b.n);
	ck_assert_msg(json != NULL, "not JSON: %.*s", STR_ARG(buf_str(&b)));
	buf_free(&b);
	return json;
}

static double number(const cJSON *o, const char *a, const char *b, const char *c)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, a);
	if (b)
		v = cJSON_GetObjectItemCaseSensitive(v, b);
	if (c)
		v = cJSON_GetObjectItemCaseSensitive(v, c);
	ck_assert_msg(cJSON_IsNumber(v), "no number: %s %s %s", a, b ? b : "", c ? c : "");
	return v->valuedouble;
}

START_TEST(ratios_are_of_what_was_looked_up_and_of_all)
{
	struct metrics *m = metrics_new(1, 2, code);
	add_requests(m, STR("api"), OUTCOME_HIT, 5);
	add_requests(m, STR("api"), OUTCOME_STALE, 1);
	add_requests(m, STR("api"), OUTCOME_MISS, 1);
	add_requests(m, STR("api"), OUTCOME_COLLAPSED, 1);
	add_requests(m, STR("\"odd\" \xff"), OUTCOME_PASS, 2);
	cJSON *json = stats_of(m, NULL, 0);
	ck_assert_double_eq(number(json, "hit_ratio", NULL, NULL), 0.75);
	ck_assert_double_eq(number(json, "offload", NULL, NULL), 0.7);
	ck_assert_double_eq(number(json, "requests", NULL, NULL), 10);
	ck_assert_double_eq(number(json, "outcomes", "pass", NULL), 2);
	ck_assert_double_eq(number(json, "statuses", "2xx", NULL), 10);
	ck_assert_double_eq(number(json, "reasons", "hit", NULL), 10);
	ck_assert_double_eq(number(json, "routes", "api", "hit_ratio"), 0.75);
	ck_assert_double_eq(number(json, "routes", "api", "requests"), 8);
	ck_assert_double_eq(number(json, "latency", "hit", "count"), 6);
	ck_assert_double_eq(number(json, "latency", "hit", "p99_us"), 50);
	ck_assert_double_eq(number(json, "counters", "requests_total", NULL), 10);
	const cJSON *latency = cJSON_GetObjectItemCaseSensitive(json, "latency");
	const cJSON *pass = cJSON_GetObjectItemCaseSensitive(latency, "upstream");
	ck_assert(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(pass, "p50_us")));
	cJSON_Delete(json);
	metrics_free(&m);
}
END_TEST

START_TEST(nothing_counted_is_still_json)
{
	struct metrics *m = metrics_new(1, 2, code);
	cJSON *json = stats_of(m, NULL, 0);
	ck_assert_double_eq(number(json, "hit_ratio", NULL, NULL), 0);
	cJSON_Delete(json);
	metrics_free(&m);
}
END_TEST

START_TEST(quantiles_are_upper_bounds)
{
	struct metrics *m = metrics_new(1, 2, code);
	for (unsigned i = 0; i < 90; i++)
		metrics_observe(metrics_worker(m, 0), HISTOGRAM_HIT, 15);
	for (unsigned i = 0; i < 9; i++)
		metrics_observe(metrics_worker(m, 0), HISTOGRAM_HIT, 900);
	metrics_observe(metrics_worker(m, 0), HISTOGRAM_HIT, 4000);
	cJSON *json = stats_of(m, NULL, 0);
	ck_assert_double_eq(number(json, "latency", "hit", "p50_us"), 20);
	ck_assert_double_eq(number(json, "latency", "hit", "p90_us"), 20);
	ck_assert_double_eq(number(json, "latency", "hit", "p99_us"), 1000);
	cJSON_Delete(json);
	metrics_free(&m);
}
END_TEST

START_TEST(figures_of_the_cache_and_others_stand_apart)
{
	struct metrics *m = metrics_new(1, 2, code);
	struct metrics_extra extra[] = {
	    {STR("larder_in_flight"), STR("."), STR("upstream"), STR("a"), false, 1},
	    {STR("larder_cache_bytes"), STR("."), STR_NONE, STR_NONE, false, 123456789012},
	    {STR("larder_in_flight"), STR("."), STR("upstream"), STR("b"), false, 2},
	    {STR("larder_odd"), STR("."), STR_NONE, STR_NONE, false, INFINITY},
	};
	cJSON *json = stats_of(m, extra, 4);
	ck_assert_double_eq(number(json, "cache", "bytes", NULL), 123456789012);
	ck_assert_double_eq(number(json, "figures", "in_flight", "b"), 2);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "cache")), 1);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "figures")), 2);
	cJSON_Delete(json);
	metrics_free(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("json");
	tcase_add_test(t, ratios_are_of_what_was_looked_up_and_of_all);
	tcase_add_test(t, nothing_counted_is_still_json);
	tcase_add_test(t, quantiles_are_upper_bounds);
	tcase_add_test(t, figures_of_the_cache_and_others_stand_apart);
	suite_add_tcase(s, t);
	return suite_run(s);
}
