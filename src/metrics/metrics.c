/* Counting: one struct a worker, written by its thread with relaxed stores, added up by whoever reads.
 *
 * A count costs a load and a store: there is one writer, so nothing needs a locked instruction. A reader sees each
 * figure at some recent moment, not all of them at the same one. What a worker keeps is bounded: fixed arrays, and one
 * small block a route, made when the worker first sees a request of it.
 *
 * Route names are registered by one thread at a time and never forgotten, so that counters go on over a reload. A name is
 * published before the count of names that covers it; readers look at names below that count only.
 *
 * Not done here: the text forms (prometheus.c, json.c). */
#include "metrics/metrics.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "metrics/sums.h"

const int64_t metrics__bounds_us[METRICS_BOUNDS] = {10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000,
    100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000};

static const struct {
	const char *label;
	enum histogram histogram;
} outcomes[OUTCOME_COUNT] = {
#define OUTCOME(name, label, histogram) {label, histogram},
#include "metrics/metrics.def"
};

struct histogram_counts {
	atomic_uint_fast64_t buckets[METRICS_BUCKETS];
	atomic_uint_fast64_t sum_us;
};

/* Workers make theirs at the same time, in the same arena. */
struct route_counts {
	char front[64]; /* no cache line is shared with a neighbour on the heap */
	atomic_uint_fast64_t outcomes[OUTCOME_COUNT];
	atomic_uint_fast64_t bytes;
	char back[64];
};

struct metrics_worker {
	char front[64]; /* the same */
	atomic_uint_fast64_t values[METRIC_COUNT];
	struct histogram_counts histograms[HISTOGRAM_COUNT];
	atomic_uint_fast64_t classes[METRICS_CLASSES];
	_Atomic(struct route_counts *) routes[METRICS_MAX_ROUTES];
	atomic_uint_fast64_t *reasons;
	unsigned n_reasons;
	char back[64];
};

struct route_name {
	size_t n;
	char p[];
};

/* The last slot is for all names that came too late. */
enum { OTHER = METRICS_MAX_ROUTES - 1, NAME_TABLE = 2 * METRICS_MAX_ROUTES };

struct metrics {
	unsigned n_workers, n_reasons;
	const char *(*reason_code)(unsigned reason);
	struct metrics_worker **workers;
	atomic_uint n_names;
	struct route_name *names[METRICS_MAX_ROUTES];
	uint16_t by_name[NAME_TABLE]; /* open addressing; slot + 1, 0 is free. The registering thread's. */
};

const char *outcome_name(enum outcome o)
{
	return (unsigned)o < OUTCOME_COUNT ? outcomes[o].label : "unknown";
}

/* One writer: a plain load and store of an atomic, so that readers on other threads are defined. */
static void count(atomic_uint_fast64_t *a, uint64_t n)
{
	atomic_store_explicit(a, atomic_load_explicit(a, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t counted(atomic_uint_fast64_t *a)
{
	return atomic_load_explicit(a, memory_order_relaxed);
}

static struct metrics_worker *worker_new(unsigned n_reasons)
{
	struct metrics_worker *w = mem_zalloc(sizeof(*w));
	w->reasons = mem_zalloc((n_reasons ? n_reasons : 1) * sizeof(*w->reasons));
	w->n_reasons = n_reasons;
	return w;
}

static void worker_free(struct metrics_worker *w)
{
	for (unsigned i = 0; i < METRICS_MAX_ROUTES; i++)
		free(atomic_load_explicit(&w->routes[i], memory_order_relaxed));
	free(w->reasons);
	free(w);
}

struct metrics *metrics_new(unsigned n_workers, unsigned n_reasons, const char *(*reason_code)(unsigned reason))
{
	struct metrics *m = mem_zalloc(sizeof(*m));
	m->n_workers = n_workers;
	m->n_reasons = n_reasons;
	m->reason_code = reason_code;
	m->workers = mem_zalloc((n_workers ? n_workers : 1) * sizeof(struct metrics_worker *));
	for (unsigned i = 0; i < n_workers; i++)
		m->workers[i] = worker_new(n_reasons);
	return m;
}

void metrics_free(struct metrics **m)
{
	if (!*m)
		return;
	for (unsigned i = 0; i < (*m)->n_workers; i++)
		worker_free((*m)->workers[i]);
	free((*m)->workers);
	unsigned n = atomic_load_explicit(&(*m)->n_names, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		free((*m)->names[i]);
	free(*m);
	*m = NULL;
}

struct metrics_worker *metrics_worker(struct metrics *m, unsigned index)
{
	assert(index < m->n_workers);
	return m->workers[index];
}

/* FNV-1a: names come from the operator's file, and there are 4095 at most. */
static unsigned name_hash(struct str name)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h % NAME_TABLE;
}

unsigned metrics_route(struct metrics *m, struct str name)
{
	unsigned at = name_hash(name);
	for (; m->by_name[at]; at = (at + 1) % NAME_TABLE) {
		const struct route_name *known = m->names[m->by_name[at] - 1];
		if (str_eq(str_make(known->p, known->n), name))
			return m->by_name[at] - 1u;
	}
	unsigned slot = atomic_load_explicit(&m->n_names, memory_order_relaxed);
	if (slot >= OTHER)
		return OTHER;
	struct route_name *added = mem_alloc(sizeof(*added) + name.n);
	added->n = name.n;
	if (name.n)
		memcpy(added->p, name.p, name.n);
	m->names[slot] = added;
	m->by_name[at] = (uint16_t)(slot + 1);
	atomic_store_explicit(&m->n_names, slot + 1, memory_order_release);
	return slot;
}

void metrics_add(struct metrics_worker *w, enum metric m, int64_t n)
{
	assert((unsigned)m < METRIC_COUNT);
	count(&w->values[m], (uint64_t)n); /* a gauge goes down by wrapping: the sum is read as signed */
}

void metrics_observe(struct metrics_worker *w, enum histogram h, int64_t us)
{
	assert((unsigned)h < HISTOGRAM_COUNT);
	if (us < 0)
		us = 0;
	unsigned i = 0;
	while (i < METRICS_BOUNDS && us > metrics__bounds_us[i])
		i++;
	count(&w->histograms[h].buckets[i], 1);
	count(&w->histograms[h].sum_us, (uint64_t)us);
}

static struct route_counts *route_counts(struct metrics_worker *w, unsigned slot)
{
	struct route_counts *c = atomic_load_explicit(&w->routes[slot], memory_order_relaxed);
	if (!c) {
		c = mem_zalloc(sizeof(*c));
		atomic_store_explicit(&w->routes[slot], c, memory_order_release);
	}
	return c;
}

void metrics_request(struct metrics_worker *w, const struct metrics_request *r)
{
	assert((unsigned)r->outcome < OUTCOME_COUNT && r->route < METRICS_MAX_ROUTES && r->reason < w->n_reasons);
	struct route_counts *route = route_counts(w, r->route);
	count(&route->outcomes[r->outcome], 1);
	count(&route->bytes, r->bytes);
	count(&w->reasons[r->reason], 1);
	count(&w->classes[r->status >= 100 && r->status <= 599 ? r->status / 100 : 0], 1);
	metrics_inc(w, METRIC_REQUESTS);
	count(&w->values[METRIC_BYTES_OUT], r->bytes);
	metrics_observe(w, outcomes[r->outcome].histogram, r->total_us);
	if (r->upstream_us >= 0)
		metrics_observe(w, HISTOGRAM_UPSTREAM, r->upstream_us);
}

static void sum_worker(struct metrics_worker *w, struct metrics_sums *out)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++)
		out->values[i] = (int64_t)((uint64_t)out->values[i] + counted(&w->values[i]));
	for (unsigned h = 0; h < HISTOGRAM_COUNT; h++) {
		struct metrics_histogram_sums *s = &out->histograms[h];
		for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
			uint64_t n = counted(&w->histograms[h].buckets[i]);
			s->buckets[i] += n;
			s->count += n; /* from the buckets, so that both agree whenever they are read */
		}
		s->sum_us += counted(&w->histograms[h].sum_us);
	}
	for (unsigned i = 0; i < METRICS_CLASSES; i++)
		out->classes[i] += counted(&w->classes[i]);
	for (unsigned i = 0; i < out->n_reasons; i++)
		out->reasons[i] += counted(&w->reasons[i]);
}

/* Adds one route up; false when it had no request. */
static bool sum_route(struct metrics *m, unsigned slot, struct metrics_route_sums *out)
{
	bool used = false;
	*out = (struct metrics_route_sums){0};
	for (unsigned i = 0; i < m->n_workers; i++) {
		struct route_counts *c = atomic_load_explicit(&m->workers[i]->routes[slot], memory_order_acquire);
		if (!c)
			continue;
		used = true;
		for (unsigned o = 0; o < OUTCOME_COUNT; o++)
			out->outcomes[o] += counted(&c->outcomes[o]);
		out->bytes += counted(&c->bytes);
	}
	return used;
}

void metrics__sums_read(struct metrics *m, struct metrics_sums *out)
{
	*out = (struct metrics_sums){.n_reasons = m->n_reasons};
	size_t n_reasons = m->n_reasons ? m->n_reasons : 1;
	out->reasons = mem_zalloc(n_reasons * sizeof(*out->reasons));
	out->reason_codes = mem_zalloc(n_reasons * sizeof(*out->reason_codes));
	for (unsigned i = 0; i < m->n_reasons; i++)
		out->reason_codes[i] = m->reason_code(i);
	for (unsigned i = 0; i < m->n_workers; i++)
		sum_worker(m->workers[i], out);

	unsigned n_names = atomic_load_explicit(&m->n_names, memory_order_acquire);
	out->routes = mem_zalloc((n_names + 1) * sizeof(*out->routes));
	for (unsigned slot = 0; slot <= n_names; slot++) {
		bool last = slot == n_names;
		struct metrics_route_sums *r = &out->routes[out->n_routes];
		if (!sum_route(m, last ? OTHER : slot, r))
			continue;
		r->name = last ? STR("(other)") : str_make(m->names[slot]->p, m->names[slot]->n);
		out->n_routes++;
		for (unsigned o = 0; o < OUTCOME_COUNT; o++)
			out->outcomes[o] += r->outcomes[o];
	}
}

void metrics__sums_free(struct metrics_sums *s)
{
	free(s->reasons);
	free(s->reason_codes);
	free(s->routes);
	*s = (struct metrics_sums){0};
}

void metrics__add_figure(struct buf *out, double value)
{
	const double exact = (double)((uint64_t)1 << 53);
	if (value > -exact && value < exact && value == (double)(int64_t)value)
		buf_addf(out, "%lld", (long long)value);
	else
		buf_addf(out, "%.15g", value);
}
