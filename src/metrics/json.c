/* GET /stats: the sums as one JSON object, the figure that matters first.
 *
 * Written straight into the buffer: with thousands of routes a tree of values would cost more than the text. Every
 * member is preceded by its comma, so the helpers carry whether one is due. */
#include "metrics/metrics.h"

#include <math.h>

#include "metrics/sums.h"

static const char *const metric_names[METRIC_COUNT] = {
#define COUNTER(name, prom, help) prom,
#define GAUGE(name, prom, help)	  prom,
#include "metrics/metrics.def"
};

/* NULL: the one of the upstream. */
static const char *const histogram_kinds[HISTOGRAM_COUNT] = {
#define HISTOGRAM(name, prom, kind, help) kind,
#include "metrics/metrics.def"
};

/* An object under way: `first` until it has a member. */
struct object {
	struct buf *out;
	bool first;
};

static void add_name(struct object *o, struct str name)
{
	if (!o->first)
		buf_addc(o->out, ',');
	o->first = false;
	buf_addc(o->out, '"');
	buf_add_json(o->out, name);
	buf_add(o->out, STR("\":"));
}

static struct object open_object(struct buf *out)
{
	buf_addc(out, '{');
	return (struct object){out, true};
}

static struct object open_member(struct object *parent, const char *name)
{
	add_name(parent, str_of(name));
	return open_object(parent->out);
}

static void close_object(struct object *o)
{
	buf_addc(o->out, '}');
}

static void add_count(struct object *o, const char *name, uint64_t value)
{
	add_name(o, str_of(name));
	buf_add_u64(o->out, value);
}

static void add_number(struct object *o, struct str name, double value)
{
	add_name(o, name);
	if (isfinite(value))
		metrics__add_figure(o->out, value);
	else
		buf_add(o->out, STR("null")); /* RFC 8259 6 has no Infinity */
}

static void add_share(struct object *o, const char *name, uint64_t part, uint64_t whole)
{
	add_name(o, str_of(name));
	buf_addf(o->out, "%.4f", whole ? (double)part / (double)whole : 0.0);
}

static void add_shares(struct object *o, const uint64_t outcomes[OUTCOME_COUNT])
{
	uint64_t hits = outcomes[OUTCOME_HIT] + outcomes[OUTCOME_STALE];
	uint64_t looked_up =
	    hits + outcomes[OUTCOME_REVALIDATED] + outcomes[OUTCOME_COLLAPSED] + outcomes[OUTCOME_MISS];
	uint64_t all = looked_up + outcomes[OUTCOME_PASS] + outcomes[OUTCOME_ERROR];
	add_share(o, "hit_ratio", hits, looked_up);
	add_share(o, "offload", hits + outcomes[OUTCOME_COLLAPSED], all);
	add_count(o, "requests", all);
}

static void add_outcomes(struct object *parent, const uint64_t outcomes[OUTCOME_COUNT])
{
	struct object o = open_member(parent, "outcomes");
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		add_count(&o, outcome_name(i), outcomes[i]);
	close_object(&o);
}

static void add_statuses(struct object *parent, const struct metrics_sums *s)
{
	static const char *const names[METRICS_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
	struct object o = open_member(parent, "statuses");
	for (unsigned i = 0; i < METRICS_CLASSES; i++)
		add_count(&o, names[i], s->classes[i]);
	close_object(&o);
}

static void add_routes(struct object *parent, const struct metrics_sums *s)
{
	struct object routes = open_member(parent, "routes");
	for (unsigned i = 0; i < s->n_routes; i++) {
		add_name(&routes, s->routes[i].name);
		struct object o = open_object(parent->out);
		add_shares(&o, s->routes[i].outcomes);
		add_outcomes(&o, s->routes[i].outcomes);
		add_count(&o, "bytes", s->routes[i].bytes);
		close_object(&o);
	}
	close_object(&routes);
}

static void add_reasons(struct object *parent, const struct metrics_sums *s)
{
	struct object o = open_member(parent, "reasons");
	for (unsigned i = 0; i < s->n_reasons; i++)
		if (s->reasons[i])
			add_count(&o, s->reason_codes[i], s->reasons[i]);
	close_object(&o);
}

/* The upper bound of the bucket in which the quantile lies; null when it is beyond the last bound or nothing came. */
static void add_quantile(struct object *o, const char *name, const struct metrics_histogram_sums *s, unsigned percent)
{
	add_name(o, str_of(name));
	uint64_t wanted = s->count - s->count * (100 - percent) / 100, seen = 0;
	for (unsigned i = 0; i < METRICS_BOUNDS && s->count; i++) {
		seen += s->buckets[i];
		if (seen >= wanted) {
			buf_addf(o->out, "%lld", (long long)metrics__bounds_us[i]);
			return;
		}
	}
	buf_add(o->out, STR("null"));
}

static void add_buckets(struct object *o, const struct metrics_histogram_sums *s)
{
	add_name(o, STR("buckets"));
	buf_addc(o->out, '[');
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		buf_add(o->out, i ? STR(",[") : STR("["));
		if (i < METRICS_BOUNDS)
			buf_addf(o->out, "%lld", (long long)metrics__bounds_us[i]);
		else
			buf_add(o->out, STR("null"));
		buf_addf(o->out, ",%llu]", (unsigned long long)s->buckets[i]);
	}
	buf_addc(o->out, ']');
}

static void add_latency(struct object *parent, const struct metrics_sums *s)
{
	struct object latency = open_member(parent, "latency");
	for (unsigned h = 0; h < HISTOGRAM_COUNT; h++) {
		struct object o = open_member(&latency, histogram_kinds[h] ? histogram_kinds[h] : "upstream");
		add_count(&o, "count", s->histograms[h].count);
		add_count(&o, "sum_us", s->histograms[h].sum_us);
		add_quantile(&o, "p50_us", &s->histograms[h], 50);
		add_quantile(&o, "p90_us", &s->histograms[h], 90);
		add_quantile(&o, "p99_us", &s->histograms[h], 99);
		add_buckets(&o, &s->histograms[h]);
		close_object(&o);
	}
	close_object(&latency);
}

static struct str without(struct str name, struct str prefix)
{
	return str_starts(name, prefix) ? str_skip(name, prefix.n) : name;
}

static void add_counters(struct object *parent, const struct metrics_sums *s)
{
	struct object o = open_member(parent, "counters");
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		add_name(&o, without(str_of(metric_names[i]), STR("larder_")));
		buf_addf(o.out, "%lld", (long long)s->values[i]);
	}
	close_object(&o);
}

/* Those of a name with labels become one object: "upstream_in_flight": {"default": 3, "api": 0}. */
static void add_extra_family(
    struct object *o, struct str name, const struct metrics_extra *extra, unsigned i, unsigned n_extra)
{
	if (!extra[i].label_name.p) {
		add_number(o, name, extra[i].value);
		return;
	}
	add_name(o, name);
	struct object labels = open_object(o->out);
	for (unsigned j = i; j < n_extra; j++)
		if (str_eq(extra[j].prom_name, extra[i].prom_name))
			add_number(&labels, extra[j].label_value, extra[j].value);
	close_object(&labels);
}

static void add_extras(
    struct object *parent, const char *member, bool of_cache, const struct metrics_extra *extra, unsigned n_extra)
{
	struct str prefix = STR("larder_cache_");
	struct object o = open_member(parent, member);
	for (unsigned i = 0; i < n_extra; i++) {
		bool seen = false;
		for (unsigned j = 0; j < i && !seen; j++)
			seen = str_eq(extra[j].prom_name, extra[i].prom_name);
		if (seen || str_starts(extra[i].prom_name, prefix) != of_cache)
			continue;
		struct str name = without(extra[i].prom_name, of_cache ? prefix : STR("larder_"));
		add_extra_family(&o, name, extra, i, n_extra);
	}
	close_object(&o);
}

void metrics_write_json(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out)
{
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	struct object o = open_object(out);
	add_shares(&o, s.outcomes);
	add_outcomes(&o, s.outcomes);
	add_statuses(&o, &s);
	add_routes(&o, &s);
	add_reasons(&o, &s);
	add_latency(&o, &s);
	add_counters(&o, &s);
	add_extras(&o, "cache", true, extra, n_extra);
	add_extras(&o, "figures", false, extra, n_extra);
	close_object(&o);
	metrics__sums_free(&s);
}
