/* GDSF as it was written down: a heap, exact worth, one for all. The yardstick. */
#include <stdlib.h>

#include "sim.h"

struct gdsf {
	const struct trace *t;
	size_t bytes, used;
	double clock;
	double *due;
	uint32_t *asked;
	uint32_t *place; /* in the heap, from 1; 0: not held */
	uint32_t *heap, n;
};

static void *open_gdsf(const struct trace *t, size_t bytes)
{
	struct gdsf *g = sim_alloc(1, sizeof(*g));
	*g = (struct gdsf){.t = t,
	    .bytes = bytes,
	    .due = sim_alloc(t->n_ids, sizeof(double)),
	    .asked = sim_alloc(t->n_ids, sizeof(uint32_t)),
	    .place = sim_alloc(t->n_ids, sizeof(uint32_t)),
	    .heap = sim_alloc(t->n_ids + 1, sizeof(uint32_t))};
	return g;
}

static void close_gdsf(void *cache)
{
	struct gdsf *g = cache;
	free(g->due);
	free(g->asked);
	free(g->place);
	free(g->heap);
	free(g);
}

static void put(struct gdsf *g, uint32_t at, uint32_t id)
{
	g->heap[at] = id;
	g->place[id] = at;
}

/* From 1 on; the parent of i is i / 2. */
static void sift(struct gdsf *g, uint32_t at)
{
	uint32_t id = g->heap[at];
	for (; at > 1 && g->due[g->heap[at / 2]] > g->due[id]; at /= 2)
		put(g, at, g->heap[at / 2]);
	for (uint32_t child; (child = 2 * at) <= g->n; at = child) {
		if (child < g->n && g->due[g->heap[child + 1]] < g->due[g->heap[child]])
			child++;
		if (g->due[g->heap[child]] >= g->due[id])
			break;
		put(g, at, g->heap[child]);
	}
	put(g, at, id);
}

static void drop_first(struct gdsf *g)
{
	uint32_t id = g->heap[1];
	g->clock = g->due[id];
	g->used -= g->t->sizes[id];
	g->place[id] = 0;
	g->heap[1] = g->heap[g->n--];
	if (g->n > 0)
		sift(g, 1);
}

static bool ask_gdsf(void *cache, uint32_t id)
{
	struct gdsf *g = cache;
	bool hit = g->place[id] > 0;
	while (!hit && g->used + g->t->sizes[id] > g->bytes)
		drop_first(g);
	if (!hit) {
		g->asked[id] = 0;
		g->used += g->t->sizes[id];
		put(g, ++g->n, id);
	}
	g->due[id] = g->clock + (double)++g->asked[id] / g->t->sizes[id];
	sift(g, g->place[id]);
	return hit;
}

const struct policy policy_gdsf = {
    "GDSF", open_gdsf, ask_gdsf, close_gdsf, "24", "moves in a heap, O(log n): a write lock"};
