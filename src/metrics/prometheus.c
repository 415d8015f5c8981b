/* GET /metrics: the sums as Prometheus text, format 0.0.4.
 *
 * The format wants all samples of a family together behind one HELP and TYPE, labels escaped, and UTF-8. Route names
 * come from the operator's file and may hold any byte. */
#include "metrics/metrics.h"

#include "metrics/sums.h"

static const struct {
	const char *name, *help;
	bool counter;
} metric_rows[METRIC_COUNT] = {
#define COUNTER(name, prom, help) {prom, help, true},
#define GAUGE(name, prom, help)	  {prom, help, false},
#include "metrics/metrics.def"
};

static const struct {
	const char *name, *kind, *help;
} histogram_rows[HISTOGRAM_COUNT] = {
#define HISTOGRAM(name, prom, kind, help) {prom, kind, help},
#include "metrics/metrics.def"
};

/* The inside of a label value. Bytes that are not UTF-8 and control bytes become U+FFFD. */
static void add_label(struct buf *out, struct str s)
{
	while (s.n) {
		size_t n = str_utf8(s);
		unsigned char c = (unsigned char)s.p[0];
		if (c == '\n')
			buf_add(out, STR("\\n"));
		else if (n == 0 || c < 0x20 || c == 0x7f)
			buf_add(out, STR("\xef\xbf\xbd"));
		else if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else
			buf_add(out, str_take(s, n));
		s = str_skip(s, n ? n : 1);
	}
}

static void add_family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_labelled(struct buf *out, const char *name, const char *label, struct str value, uint64_t n)
{
	buf_addf(out, "%s{%s=\"", name, label);
	add_label(out, value);
	buf_add(out, STR("\"} "));
	buf_add_u64(out, n);
	buf_addc(out, '\n');
}

static void add_values(struct buf *out, const struct metrics_sums *s)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		add_family(out, metric_rows[i].name, metric_rows[i].counter ? "counter" : "gauge", metric_rows[i].help);
		buf_addf(out, "%s %lld\n", metric_rows[i].name, (long long)s->values[i]);
	}
}

static void add_routes(struct buf *out, const struct metrics_sums *s)
{
	const char *name = "larder_route_requests_total";
	add_family(out, name, "counter", "Requests finished, by route and by how they ended.");
	for (unsigned i = 0; i < s->n_routes; i++) {
		for (unsigned o = 0; o < OUTCOME_COUNT; o++) {
			buf_addf(out, "%s{route=\"", name);
			add_label(out, s->routes[i].name);
			buf_addf(out, "\",outcome=\"%s\"} ", outcome_name(o));
			buf_add_u64(out, s->routes[i].outcomes[o]);
			buf_addc(out, '\n');
		}
	}
	name = "larder_route_response_bytes_total";
	add_family(out, name, "counter", "Body bytes sent to clients, by route.");
	for (unsigned i = 0; i < s->n_routes; i++)
		add_labelled(out, name, "route", s->routes[i].name, s->routes[i].bytes);
}

static void add_reasons(struct buf *out, const struct metrics_sums *s)
{
	const char *name = "larder_requests_by_reason_total";
	add_family(out, name, "counter", "Requests finished, by the reason of their verdict.");
	for (unsigned i = 0; i < s->n_reasons; i++)
		if (s->reasons[i])
			add_labelled(out, name, "reason", str_of(s->reason_codes[i]), s->reasons[i]);
}

static void add_statuses(struct buf *out, const struct metrics_sums *s)
{
	const char *name = "larder_responses_total";
	add_family(out, name, "counter", "Responses sent, by class of status; \"none\" where the connection was cut.");
	add_labelled(out, name, "class", STR("none"), s->classes[0]);
	for (unsigned i = 1; i < METRICS_CLASSES; i++) {
		char label[] = {(char)('0' + i), 'x', 'x'};
		add_labelled(out, name, "class", str_make(label, sizeof(label)), s->classes[i]);
	}
}

static void add_histogram(struct buf *out, unsigned h, const struct metrics_histogram_sums *s)
{
	const char *name = histogram_rows[h].name, *kind = histogram_rows[h].kind;
	struct buf labels;
	buf_init(&labels, 128);
	if (kind)
		buf_addf(&labels, "kind=\"%s\"", kind);
	const char *comma = kind ? "," : "", *open = kind ? "{" : "", *close = kind ? "}" : "";
	uint64_t below = 0;
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		below += s->buckets[i]; /* buckets of this format are cumulative */
		buf_addf(out, "%s_bucket{%.*s%sle=\"", name, STR_ARG(buf_str(&labels)), comma);
		if (i < METRICS_BOUNDS)
			buf_addf(out, "%g", (double)metrics__bounds_us[i] / 1e6);
		else
			buf_add(out, STR("+Inf"));
		buf_addf(out, "\"} %llu\n", (unsigned long long)below);
	}
	buf_addf(out, "%s_sum%s%.*s%s %.6f\n", name, open, STR_ARG(buf_str(&labels)), close, (double)s->sum_us / 1e6);
	buf_addf(
	    out, "%s_count%s%.*s%s %llu\n", name, open, STR_ARG(buf_str(&labels)), close, (unsigned long long)s->count);
	buf_free(&labels);
}

static void add_histograms(struct buf *out, const struct metrics_sums *s)
{
	const char *family = "";
	for (unsigned h = 0; h < HISTOGRAM_COUNT; h++) {
		if (strcmp(family, histogram_rows[h].name) != 0)
			add_family(out, histogram_rows[h].name, "histogram", histogram_rows[h].help);
		family = histogram_rows[h].name;
		add_histogram(out, h, &s->histograms[h]);
	}
}

static void add_extra_sample(struct buf *out, const struct metrics_extra *e)
{
	buf_add(out, e->prom_name);
	if (e->label_name.p) {
		buf_addf(out, "{%.*s=\"", STR_ARG(e->label_name));
		add_label(out, e->label_value);
		buf_add(out, STR("\"}"));
	}
	buf_addc(out, ' ');
	metrics__add_figure(out, e->value);
	buf_addc(out, '\n');
}

/* Families are brought together, in whatever order the caller has gathered them. */
static void add_extras(struct buf *out, const struct metrics_extra *extra, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool seen = false;
		for (unsigned j = 0; j < i && !seen; j++)
			seen = str_eq(extra[j].prom_name, extra[i].prom_name);
		if (seen)
			continue;
		buf_addf(out, "# HELP %.*s %.*s\n# TYPE %.*s %s\n", STR_ARG(extra[i].prom_name), STR_ARG(extra[i].help),
		    STR_ARG(extra[i].prom_name), extra[i].counter ? "counter" : "gauge");
		for (unsigned j = i; j < n; j++)
			if (str_eq(extra[j].prom_name, extra[i].prom_name))
				add_extra_sample(out, &extra[j]);
	}
}

void metrics_write_prometheus(struct metrics *m, const struct metrics_extra *extra, unsigned n_extra, struct buf *out)
{
	struct metrics_sums s;
	metrics__sums_read(m, &s);
	add_values(out, &s);
	add_routes(out, &s);
	add_reasons(out, &s);
	add_statuses(out, &s);
	add_histograms(out, &s);
	add_extras(out, extra, n_extra);
	metrics__sums_free(&s);
}
