/* GDSF with a heap: the yardstick. And the same with perfect memory of frequencies of what left. */
#include <stdlib.h>
#include "policies.h"
struct gdsf {
	const struct trace *t;
	size_t bytes, used;
	double clock, *worth;
	uint32_t *freq, *at, *heap, n; /* at: 1 + place */
	bool remembers;
};
static void *gdsf_make(const struct trace *t, size_t bytes)
{
	struct gdsf *g = calloc(1, sizeof(*g));
	*g = (struct gdsf){.t = t, .bytes = bytes};
	g->worth = calloc(t->n_ids, sizeof(double));
	g->freq = calloc(t->n_ids, sizeof(uint32_t));
	g->at = calloc(t->n_ids, sizeof(uint32_t));
	g->heap = calloc(t->n_ids + 1, sizeof(uint32_t));
	return g;
}
static void *gdsfm_make(const struct trace *t, size_t bytes)
{
	struct gdsf *g = gdsf_make(t, bytes);
	g->remembers = true;
	return g;
}
static void gdsf_end(void *p)
{
	struct gdsf *g = p;
	free(g->worth);
	free(g->freq);
	free(g->at);
	free(g->heap);
	free(g);
}
static void place(struct gdsf *g, uint32_t i, uint32_t id)
{
	g->heap[i] = id;
	g->at[id] = i + 1;
}
static void sift(struct gdsf *g, uint32_t i)
{
	uint32_t id = g->heap[i];
	while (i > 0 && g->worth[g->heap[(i - 1) / 2]] > g->worth[id]) {
		place(g, i, g->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		uint32_t k = 2 * i + 1;
		if (k >= g->n)
			break;
		if (k + 1 < g->n && g->worth[g->heap[k + 1]] < g->worth[g->heap[k]])
			k++;
		if (g->worth[g->heap[k]] >= g->worth[id])
			break;
		place(g, i, g->heap[k]);
		i = k;
	}
	place(g, i, id);
}
static bool gdsf_ask(void *p, uint32_t id)
{
	struct gdsf *g = p;
	if (g->at[id]) {
		g->freq[id]++;
		g->worth[id] = g->clock + (double)g->freq[id] / g->t->sizes[id];
		sift(g, g->at[id] - 1);
		return true;
	}
	while (g->used + g->t->sizes[id] > g->bytes) {
		uint32_t victim = g->heap[0];
		g->clock = g->worth[victim];
		g->used -= g->t->sizes[victim];
		g->at[victim] = 0;
		uint32_t last = g->heap[--g->n];
		if (g->n > 0) {
			g->heap[0] = last;
			sift(g, 0);
		}
	}
	g->freq[id] = g->remembers ? g->freq[id] + 1 : 1;
	g->worth[id] = g->clock + (double)g->freq[id] / g->t->sizes[id];
	g->heap[g->n++] = id;
	g->used += g->t->sizes[id];
	sift(g, g->n - 1);
	return false;
}
const struct policy policy_gdsf = {"GDSF", gdsf_make, gdsf_ask, gdsf_end, "24", "moves in a heap: a lock written"};
const struct policy policy_gdsfm = {"GDSF+memory", gdsfm_make, gdsf_ask, gdsf_end, "24", "moves in a heap: a lock written"};
