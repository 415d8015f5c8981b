/* The Prometheus text: what it says, and that Prometheus' own parser takes it (where python3-prometheus-client is). */
#include "metrics/metrics.h"

#include <stdio.h>

#include "suite.h"

static const char *code(unsigned reason)
{
	return reason ? "hit" : "none";
}

static void add_request(struct metrics *m, struct str route, enum outcome outcome, int status)
{
	struct metrics_request r = {.route = metrics_route(m, route),
	    .outcome = outcome,
	    .reason = 1,
	    .status = status,
	    .total_us = 30,
	    .upstream_us = -1,
	    .bytes = 5};
	metrics_request(metrics_worker(m, 0), &r);
}

static void write_all(struct buf *out)
{
	struct metrics *m = metrics_new(1, 2, code);
	add_request(m, STR("api"), OUTCOME_HIT, 200);
	add_request(m, STR("a\"b\\c\nd\x01\xff\xc3\xa9"), OUTCOME_MISS, 502);
	struct metrics_extra extra[] = {
	    {STR("larder_gate"), STR("In flight."), STR("upstream"), STR("a"), false, 1},
	    {STR("larder_cache_entries"), STR("Entries."), STR_NONE, STR_NONE, false, 7},
	    {STR("larder_gate"), STR("In flight."), STR("upstream"), STR("b"), false, 2.5},
	};
	metrics_write_prometheus(m, extra, 3, out);
	metrics_free(&m);
}

static bool has(const struct buf *b, struct str needle)
{
	return str_find(buf_str(b), needle) < b->n;
}

START_TEST(the_text_says_what_was_counted)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	write_all(&b);
	static const char *const lines[] = {
	    "\nlarder_requests_total 2\n",
	    "\nlarder_connections_open 0\n",
	    "\nlarder_route_requests_total{route=\"api\",outcome=\"hit\"} 1\n",
	    "{route=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\",outcome=\"miss\"} 1\n",
	    "\nlarder_requests_by_reason_total{reason=\"hit\"} 2\n",
	    "\nlarder_responses_total{class=\"5xx\"} 1\n",
	    "\nlarder_request_duration_seconds_bucket{kind=\"hit\",le=\"2e-05\"} 0\n",
	    "\nlarder_request_duration_seconds_bucket{kind=\"hit\",le=\"5e-05\"} 1\n",
	    "\nlarder_request_duration_seconds_bucket{kind=\"hit\",le=\"+Inf\"} 1\n",
	    "\nlarder_request_duration_seconds_sum{kind=\"hit\"} 0.000030\n",
	    "\nlarder_upstream_duration_seconds_bucket{le=\"100\"} 0\n",
	    "\nlarder_upstream_duration_seconds_count 0\n",
	    "\n# TYPE larder_gate gauge\nlarder_gate{upstream=\"a\"} 1\nlarder_gate{upstream=\"b\"} 2.5\n",
	    "\nlarder_cache_entries 7\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ck_assert_msg(has(&b, str_of(lines[i])), "not there: %s", lines[i]);
	ck_assert(!b.overflow);
	buf_free(&b);
}
END_TEST

START_TEST(its_own_parser_takes_it)
{
	if (system("/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null") != 0)
		return;
	FILE *parser = popen(
	    "/usr/bin/python3 -c '"
	    "import sys\n"
	    "from prometheus_client.parser import text_string_to_metric_families as parse\n"
	    "text = sys.stdin.buffer.read().decode()\n"
	    "families = list(parse(text))\n"
	    "names = [f.name for f in families]\n"
	    "assert len(names) == len(set(names)), names\n"
	    "samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}\n"
	    "assert samples[(\"larder_requests_total\", ())] == 2\n"
	    "assert any(\"\\n\" in v for (_, l) in samples for (_, v) in l)\n"
	    "assert all(f.type != \"unknown\" and f.documentation for f in families)'",
	    "w");
	ck_assert_ptr_nonnull(parser);
	struct buf b;
	buf_init(&b, 1 << 20);
	write_all(&b);
	ck_assert_uint_eq(fwrite(b.p, 1, b.n, parser), b.n);
	ck_assert_int_eq(pclose(parser), 0);
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prometheus");
	TCase *t = tcase_create("prometheus");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, the_text_says_what_was_counted);
	tcase_add_test(t, its_own_parser_takes_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
