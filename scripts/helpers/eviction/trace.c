/* Traces. Ranks are drawn by the inverse of the sums of Zipf's weights; sizes are log-normal between bounds, with what an entry takes besides its
 * body. All comes from one seed, so that the same table comes out everywhere. */
#include <math.h>
#include <stdlib.h>

#include "sim.h"

enum { SMALLEST = 256, LARGEST = 1 << 20, AROUND = 300, SCAN = 10000, SHIFTED = 8 };

static double uniform(uint64_t *random)
{
	*random += 0x9e3779b97f4a7c15u;
	return ((double)(sim_mix(*random) >> 11) + 0.5) / 9007199254740992.0;
}

static uint32_t draw_size(const struct workload *w, uint64_t *random)
{
	double gauss = sqrt(-2 * log(uniform(random))) * cos(6.283185307179586 * uniform(random));
	double size = w->median * exp(w->spread * gauss);
	return (uint32_t)fmin(fmax(size, SMALLEST), LARGEST) + AROUND;
}

static int rising(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static int falling(const void *a, const void *b)
{
	return rising(b, a);
}

static double *sums_of(const struct workload *w)
{
	double *sums = sim_alloc(w->objects, sizeof(double)), sum = 0;
	for (unsigned i = 0; i < w->objects; i++)
		sums[i] = sum += pow(i + 1, -w->zipf);
	for (unsigned i = 0; i < w->objects; i++)
		sums[i] /= sum;
	return sums;
}

static unsigned draw_rank(const double *sums, unsigned n, uint64_t *random)
{
	double x = uniform(random);
	unsigned low = 0, high = n - 1;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (sums[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void shift(const struct workload *w, const double *sums, uint32_t *object, uint64_t *random)
{
	for (unsigned i = 0; i < w->objects / SHIFTED; i++) {
		unsigned a = draw_rank(sums, w->objects, random), b = (unsigned)(uniform(random) * w->objects);
		uint32_t was = object[a];
		object[a] = object[b];
		object[b] = was;
	}
}

static bool is_time(size_t i, unsigned every)
{
	return every > 0 && i % every == every - 1;
}

void trace_make(const struct workload *w, struct trace *t)
{
	uint64_t random = 1;
	double *sums = sums_of(w);
	uint32_t *object = sim_alloc(w->objects, sizeof(uint32_t)); /* by rank */
	*t = (struct trace){.n = w->requests, .n_ids = w->objects};
	t->ids = sim_alloc(t->n, sizeof(uint32_t));
	t->sizes = sim_alloc(t->n + w->objects, sizeof(uint32_t));
	for (unsigned i = 0; i < w->objects; i++) {
		object[i] = i;
		t->sizes[i] = draw_size(w, &random);
	}
	if (w->correlated)
		qsort(t->sizes, w->objects, sizeof(uint32_t), w->correlated > 0 ? rising : falling);
	unsigned scan = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (is_time(i, w->shift_every))
			shift(w, sums, object, &random);
		if (is_time(i, w->scan_every))
			scan = SCAN;
		if (scan > 0 || uniform(&random) < w->wonders) {
			scan -= scan > 0;
			t->sizes[t->n_ids] = draw_size(w, &random);
			t->ids[i] = t->n_ids++;
		} else {
			t->ids[i] = object[draw_rank(sums, w->objects, &random)];
		}
	}
	free(object);
	free(sums);
}

void trace_free(struct trace *t)
{
	free(t->ids);
	free(t->sizes);
}
