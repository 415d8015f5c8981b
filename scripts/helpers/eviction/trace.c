/* Traces: Zipf by the inverse of the sums, ranks shuffled to ids, sizes log-normal with a lower and an upper bound. All from one seed. */
#include <math.h>
#include <stdlib.h>

#include "sim.h"

#define SIZE_MIN_ 256
#define SIZE_MAX_ (1 << 20)
#define OVERHEAD  300

static double uniform(uint64_t *random)
{
	return (sim_random(random) + 0.5) / 4294967296.0;
}

static uint32_t some_size(const struct workload *w, uint64_t *random)
{
	double gauss = sqrt(-2 * log(uniform(random))) * cos(6.283185307179586 * uniform(random));
	double size = w->median * exp(w->sigma * gauss);
	return (uint32_t)(size < SIZE_MIN_ ? SIZE_MIN_ : size > SIZE_MAX_ ? SIZE_MAX_ : size) + OVERHEAD;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static double *zipf_sums(const struct workload *w)
{
	double *sums = malloc(w->objects * sizeof(double)), sum = 0;
	for (unsigned i = 0; i < w->objects; i++)
		sums[i] = sum += pow(i + 1, -w->zipf);
	for (unsigned i = 0; i < w->objects; i++)
		sums[i] /= sum;
	return sums;
}

static uint32_t rank_of(const double *sums, unsigned n, double x)
{
	unsigned low = 0, high = n - 1;
	while (low < high) {
		unsigned mid = (low + high) / 2;
		if (sums[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void trace_make(const struct workload *w, uint32_t seed, struct trace *t)
{
	uint64_t random = seed * 7919u + 1;
	double *sums = zipf_sums(w);
	uint32_t *object = malloc(w->objects * sizeof(uint32_t)); /* by rank */
	*t = (struct trace){.n = w->requests, .n_ids = w->objects};
	t->ids = malloc(w->requests * sizeof(uint32_t));
	t->sizes = malloc(((size_t)w->objects + w->requests) * sizeof(uint32_t));
	for (unsigned i = 0; i < w->objects; i++) {
		object[i] = i;
		t->sizes[i] = some_size(w, &random);
	}
	if (w->correlated)
		qsort(t->sizes, w->objects, sizeof(uint32_t), by_size);
	for (unsigned i = 0, j = w->objects - 1; w->correlated < 0 && i < j; i++, j--) {
		uint32_t size = t->sizes[i];
		t->sizes[i] = t->sizes[j];
		t->sizes[j] = size;
	}
	unsigned scan = 0;
	for (unsigned i = 0; i < w->requests; i++) {
		if (w->shift_every && i % w->shift_every == w->shift_every - 1) {
			for (unsigned k = 0; k < w->objects / 8; k++) {
				unsigned a = rank_of(sums, w->objects, uniform(&random)), b = sim_random(&random) % w->objects;
				uint32_t was = object[a];
				object[a] = object[b];
				object[b] = was;
			}
		}
		if (w->scan_every && i % w->scan_every == w->scan_every - 1)
			scan = w->scan_length;
		if (scan > 0 || uniform(&random) < w->wonders) {
			scan -= scan > 0;
			t->sizes[t->n_ids] = some_size(w, &random);
			t->ids[i] = t->n_ids++;
		} else {
			t->ids[i] = object[rank_of(sums, w->objects, uniform(&random))];
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
