/* Counting and adding up: routes by name, buckets, what one request counts, and readers beside writers. */
#include "metrics/metrics.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "metrics/sums.h"
#include "suite.h"

static const char *code(unsigned reason)
{
	static const char *const codes[] = {"none", "hit", "miss"};
	return codes[reason];
}

START_TEST(a_request_counts_everywhere_once)
{
	struct metrics *m = metrics_new(2, 3, code);
	struct metrics_request r = {.route = metrics_route(m, STR("api")),
	    .outcome = OUTCOME_MISS,
	    .reason = 2,
	    .status = 404,
	    .total_us = 2500,
	    .upstream_us = 2000,
	    .bytes = 77};
	metrics_request(metrics_worker(m, 0), &r);
	metrics_request(metrics_worker(m, 1), &r);
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	ck_assert_int_eq(s.values[METRIC_REQUESTS], 2);
	ck_assert_int_eq(s.values[METRIC_BYTES_OUT], 154);
	ck_assert_uint_eq(s.outcomes[OUTCOME_MISS], 2);
	ck_assert_uint_eq(s.outcomes[OUTCOME_HIT], 0);
	ck_assert_uint_eq(s.reasons[2], 2);
	ck_assert_uint_eq(s.classes[4], 2);
	ck_assert_uint_eq(s.histograms[HISTOGRAM_MISS].count, 2);
	ck_assert_uint_eq(s.histograms[HISTOGRAM_MISS].sum_us, 5000);
	ck_assert_uint_eq(s.histograms[HISTOGRAM_UPSTREAM].sum_us, 4000);
	ck_assert_uint_eq(s.n_routes, 1);
	ck_assert(str_eq(s.routes[0].name, STR("api")));
	ck_assert_uint_eq(s.routes[0].outcomes[OUTCOME_MISS], 2);
	ck_assert_uint_eq(s.routes[0].bytes, 154);
	metrics__sums_free(&s);
	metrics_free(&m);
	ck_assert_ptr_null(m);
}
END_TEST

START_TEST(outcomes_go_to_their_histogram)
{
	static const struct {
		const char *sentence;
		enum outcome outcome;
		enum histogram histogram;
	} rows[] = {
	    {"a hit is a hit", OUTCOME_HIT, HISTOGRAM_HIT},
	    {"a stale answer waits for nobody, so it is a hit", OUTCOME_STALE, HISTOGRAM_HIT},
	    {"a revalidation waits for the origin", OUTCOME_REVALIDATED, HISTOGRAM_MISS},
	    {"a collapsed request waits for the origin", OUTCOME_COLLAPSED, HISTOGRAM_MISS},
	    {"a pass is a pass", OUTCOME_PASS, HISTOGRAM_PASS},
	    {"an error is kept apart", OUTCOME_ERROR, HISTOGRAM_ERROR},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct metrics *m = metrics_new(1, 1, code);
		struct metrics_request r = {.outcome = rows[i].outcome, .status = 200, .upstream_us = -1};
		metrics_request(metrics_worker(m, 0), &r);
		struct metrics_sums s;
		metrics__sums_read(m, &s);
		for (unsigned h = 0; h < HISTOGRAM_COUNT; h++)
			ck_assert_msg(s.histograms[h].count == (h == rows[i].histogram), "%s", rows[i].sentence);
		metrics__sums_free(&s);
		metrics_free(&m);
	}
}
END_TEST

START_TEST(times_fall_into_their_bucket)
{
	static const struct {
		const char *sentence;
		int64_t us;
		unsigned bucket;
	} rows[] = {
	    {"nothing is in the first", 0, 0},
	    {"a time before the start counts as nothing", -5, 0},
	    {"a bound belongs to its bucket", 10, 0},
	    {"one more is in the next", 11, 1},
	    {"the middle", 1500, 7},
	    {"the last bound", 100000000, METRICS_BOUNDS - 1},
	    {"beyond the last bound", 100000001, METRICS_BOUNDS},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct metrics *m = metrics_new(1, 1, code);
		metrics_observe(metrics_worker(m, 0), HISTOGRAM_HIT, rows[i].us);
		struct metrics_sums s;
		metrics__sums_read(m, &s);
		ck_assert_msg(s.histograms[HISTOGRAM_HIT].buckets[rows[i].bucket] == 1, "%s", rows[i].sentence);
		metrics__sums_free(&s);
		metrics_free(&m);
	}
}
END_TEST

START_TEST(a_gauge_goes_up_in_one_worker_and_down_in_another)
{
	struct metrics *m = metrics_new(2, 1, code);
	metrics_add(metrics_worker(m, 0), METRIC_CONNECTIONS_OPEN, 3);
	metrics_add(metrics_worker(m, 1), METRIC_CONNECTIONS_OPEN, -1);
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	ck_assert_int_eq(s.values[METRIC_CONNECTIONS_OPEN], 2);
	metrics__sums_free(&s);
	metrics_free(&m);
}
END_TEST

START_TEST(a_name_keeps_its_slot)
{
	struct metrics *m = metrics_new(1, 1, code);
	unsigned a = metrics_route(m, STR("a")), b = metrics_route(m, STR("b"));
	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(metrics_route(m, STR("a")), a);
	ck_assert_uint_eq(metrics_route(m, STR("")), metrics_route(m, STR("")));
	metrics_free(&m);
}
END_TEST

START_TEST(names_beyond_the_limit_share_the_last_slot)
{
	struct metrics *m = metrics_new(1, 1, code);
	char name[16];
	for (unsigned i = 0; i < METRICS_MAX_ROUTES + 10; i++) {
		size_t n = (size_t)snprintf(name, sizeof(name), "r%u", i);
		unsigned slot = metrics_route(m, str_make(name, n));
		ck_assert_uint_eq(slot, i < METRICS_MAX_ROUTES - 1 ? i : METRICS_MAX_ROUTES - 1);
	}
	ck_assert_uint_eq(metrics_route(m, STR("r4000")), 4000);
	struct metrics_request r = {.route = METRICS_MAX_ROUTES - 1, .status = 200, .upstream_us = -1};
	metrics_request(metrics_worker(m, 0), &r);
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	ck_assert_uint_eq(s.n_routes, 1);
	ck_assert(str_eq(s.routes[0].name, STR("(other)")));
	metrics__sums_free(&s);
	metrics_free(&m);
}
END_TEST

struct writer {
	struct metrics_worker *worker;
	unsigned n;
};

static void *write_requests(void *arg)
{
	struct writer *w = arg;
	for (unsigned i = 0; i < w->n; i++) {
		struct metrics_request r = {.route = i % 100, .outcome = OUTCOME_HIT, .status = 200, .upstream_us = 1};
		metrics_request(w->worker, &r);
	}
	return NULL;
}

START_TEST(readers_and_the_registry_run_beside_the_workers)
{
	struct metrics *m = metrics_new(2, 1, code);
	struct writer writers[2];
	pthread_t threads[2];
	char name[16];
	for (unsigned i = 0; i < 2; i++) {
		writers[i] = (struct writer){metrics_worker(m, i), 20000};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_requests, &writers[i]), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		metrics_route(m, str_make(name, (size_t)snprintf(name, sizeof(name), "r%u", i)));
		struct metrics_sums s;
		metrics__sums_read(m, &s);
		metrics__sums_free(&s);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	ck_assert_int_eq(s.values[METRIC_REQUESTS], 40000);
	ck_assert_uint_eq(s.outcomes[OUTCOME_HIT], 40000);
	metrics__sums_free(&s);
	metrics_free(&m);
}
END_TEST

START_TEST(figures_are_written_for_people)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {{0, "0"}, {7.857, "7.857"}, {86399.999, "86399.999"}, {9007199254740991.0, "9007199254740991"},
	    {0.5, "0.5"}, {-1, "-1"}, {1e300, "1e+300"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b;
		buf_init(&b, 64);
		metrics__add_figure(&b, rows[i].value);
		ck_assert_msg(str_eq(buf_str(&b), str_of(rows[i].text)), "%s", rows[i].text);
		buf_free(&b);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");
	tcase_add_test(t, a_request_counts_everywhere_once);
	tcase_add_test(t, outcomes_go_to_their_histogram);
	tcase_add_test(t, times_fall_into_their_bucket);
	tcase_add_test(t, a_gauge_goes_up_in_one_worker_and_down_in_another);
	tcase_add_test(t, a_name_keeps_its_slot);
	tcase_add_test(t, names_beyond_the_limit_share_the_last_slot);
	tcase_add_test(t, readers_and_the_registry_run_beside_the_workers);
	tcase_add_test(t, figures_are_written_for_people);
	suite_add_tcase(s, t);
	return suite_run(s);
}
