/* larder stats: GET /stats as a table that a person reads, the figure that matters first. Parts without figures are left out. */
#include "cli/cli.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum { ROWS_MAX = 20 }; /* of routes and reasons; the busiest */

static double number(const cJSON *object, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);
	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

/* 12,345,678 */
static void write_count(struct buf *out, double v, int width)
{
	char digits[32], grouped[48];
	int n = snprintf(digits, sizeof(digits), "%.0f", v > 0 ? v : 0), at = 0;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			grouped[at++] = ',';
		grouped[at++] = digits[i];
	}
	buf_addf(out, "%*.*s", width, at, grouped);
}

static void write_bytes(struct buf *out, double v)
{
	static const char *const units[] = {"B", "K", "M", "G", "T"};
	size_t unit = 0;
	for (; v >= 1024 && unit + 1 < COUNT_OF(units); unit++)
		v /= 1024;
	buf_addf(out, v < 10 && unit ? "%.1f%s" : "%.0f%s", v, units[unit]);
}

/* 20us, 5ms, 2s; "-" where there is none */
static void write_time(struct buf *out, const cJSON *us, int width)
{
	char text[32] = "-";
	if (cJSON_IsNumber(us)) {
		double v = us->valuedouble;
		if (v >= 1000000)
			snprintf(text, sizeof(text), "%gs", v / 1000000);
		else if (v >= 1000)
			snprintf(text, sizeof(text), "%gms", v / 1000);
		else
			snprintf(text, sizeof(text), "%gus", v);
	}
	buf_addf(out, "%*s", width, text);
}

/* Names come from the operator's file, over a socket: nothing of them steers the terminal. */
static void write_name(struct buf *out, const char *name, int width)
{
	int n = 0;
	for (const char *c = name ? name : ""; *c; c++, n++)
		buf_addc(out, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
	buf_addf(out, "%*s", n < width ? width - n : 1, "");
}

static void write_summary(const cJSON *stats, struct buf *out)
{
	const cJSON *outcomes = cJSON_GetObjectItemCaseSensitive(stats, "outcomes");
	const cJSON *figures = cJSON_GetObjectItemCaseSensitive(stats, "figures");
	double requests = number(stats, "requests");
	double looked_up = requests - number(outcomes, "pass") - number(outcomes, "error");
	buf_addf(out, "hit ratio   %5.1f %%  of ", 100 * number(stats, "hit_ratio"));
	write_count(out, looked_up, 0);
	buf_addf(out, " requests looked up\noffload     %5.1f %%  of ", 100 * number(stats, "offload"));
	write_count(out, requests, 0);
	buf_addf(out, " requests cost the origin nothing\n");
	int64_t up = (int64_t)number(figures, "uptime_seconds");
	buf_addf(out, "up          %lldd %02d:%02d:%02d\n", (long long)(up / 86400), (int)(up / 3600 % 24),
	    (int)(up / 60 % 60), (int)(up % 60));
}

static void write_cache(const cJSON *stats, struct buf *out)
{
	const cJSON *cache = cJSON_GetObjectItemCaseSensitive(stats, "cache");
	buf_add(out, STR("cache       "));
	write_count(out, number(cache, "entries"), 0);
	buf_add(out, STR(" entries, "));
	write_bytes(out, number(cache, "bytes"));
	buf_add(out, STR(" of "));
	write_bytes(out, number(cache, "limit_bytes"));
	buf_add(out, STR("; evicted "));
	write_count(out, number(cache, "evicted_total"), 0);
	buf_add(out, STR(", expired "));
	write_count(out, number(cache, "expired_total"), 0);
	buf_add(out, STR(", purged "));
	write_count(out, number(cache, "purged_total"), 0);
	buf_add(out, STR(", invalidated "));
	write_count(out, number(cache, "invalidated_total"), 0);
	buf_addc(out, '\n');
}

/* The members of an object, those with most first. */
struct rows {
	const cJSON **v;
	int n;
};

static double weight(const cJSON *item)
{
	return cJSON_IsNumber(item) ? item->valuedouble : number(item, "requests");
}

static int compare_rows(const void *a, const void *b)
{
	double x = weight(*(const cJSON *const *)a), y = weight(*(const cJSON *const *)b);
	return (x < y) - (x > y);
}

static struct rows rows_of(const cJSON *object)
{
	struct rows rows = {NULL, 0};
	int n = cJSON_GetArraySize(object);
	rows.v = mem_alloc(((size_t)n + 1) * sizeof(*rows.v));
	const cJSON *item;
	cJSON_ArrayForEach(item, object) rows.v[rows.n++] = item;
	qsort(rows.v, (size_t)rows.n, sizeof(*rows.v), compare_rows);
	return rows;
}

static void write_more(const struct rows *rows, struct buf *out)
{
	if (rows->n > ROWS_MAX)
		buf_addf(out, "  and %d more (--json has all)\n", rows->n - ROWS_MAX);
}

static void write_routes(const cJSON *stats, struct buf *out)
{
	static const char *const columns[] = {"hit", "stale", "revalidated", "collapsed", "miss", "pass", "error"};
	struct rows rows = rows_of(cJSON_GetObjectItemCaseSensitive(stats, "routes"));
	if (rows.n) {
		buf_add(out, STR("\nroute                      requests  hit %"));
		for (size_t i = 0; i < COUNT_OF(columns); i++)
			buf_addf(out, "%13s", columns[i]);
		buf_addc(out, '\n');
	}
	for (int i = 0; i < rows.n && i < ROWS_MAX; i++) {
		const cJSON *outcomes = cJSON_GetObjectItemCaseSensitive(rows.v[i], "outcomes");
		write_name(out, rows.v[i]->string, 22);
		write_count(out, number(rows.v[i], "requests"), 13);
		buf_addf(out, "%7.1f", 100 * number(rows.v[i], "hit_ratio"));
		for (size_t k = 0; k < COUNT_OF(columns); k++)
			write_count(out, number(outcomes, columns[k]), 13);
		buf_addc(out, '\n');
	}
	write_more(&rows, out);
	free(rows.v);
}

static void write_latency(const cJSON *stats, struct buf *out)
{
	const cJSON *latency = cJSON_GetObjectItemCaseSensitive(stats, "latency"), *item;
	bool any = false;
	cJSON_ArrayForEach(item, latency)
	{
		if (number(item, "count") < 1)
			continue;
		if (!any)
			buf_add(out,
			    STR("\nlatency, at most                count     half of them   9 in 10   99 in 100\n"));
		any = true;
		write_name(out, item->string, 22);
		write_count(out, number(item, "count"), 15);
		write_time(out, cJSON_GetObjectItemCaseSensitive(item, "p50_us"), 17);
		write_time(out, cJSON_GetObjectItemCaseSensitive(item, "p90_us"), 10);
		write_time(out, cJSON_GetObjectItemCaseSensitive(item, "p99_us"), 12);
		buf_addc(out, '\n');
	}
}

static void write_reasons(const cJSON *stats, struct buf *out)
{
	struct rows rows = rows_of(cJSON_GetObjectItemCaseSensitive(stats, "reasons"));
	if (rows.n)
		buf_add(out, STR("\nreason                     requests\n"));
	for (int i = 0; i < rows.n && i < ROWS_MAX; i++) {
		write_name(out, rows.v[i]->string, 22);
		write_count(out, weight(rows.v[i]), 13);
		buf_addc(out, '\n');
	}
	write_more(&rows, out);
	free(rows.v);
}

int cli_write_stats(struct str json, struct buf *out)
{
	cJSON *stats = cJSON_ParseWithLength(json.p, json.n);
	if (!cJSON_IsObject(stats) || !cJSON_HasObjectItem(stats, "hit_ratio")) {
		cJSON_Delete(stats);
		return ERR_PROTOCOL;
	}
	write_summary(stats, out);
	write_cache(stats, out);
	write_routes(stats, out);
	write_latency(stats, out);
	write_reasons(stats, out);
	cJSON_Delete(stats);
	return ERR_OK;
}
