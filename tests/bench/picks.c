/*
 * See picks.h. Zipf is drawn from a table of the cumulative shares by bisection: exact for every exponent, and the time it takes
 * is the load generator's own.
 */
#include "picks.h"

#include "bench.h"

#include <math.h>

enum { FIRST_WONDER = 1000000000 };

/* splitmix64: one step of the state, and its mixture. */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Between 0 and 1, without either. */
static double fraction(uint64_t *state)
{
	return ((double)(mix(state) >> 11) + 0.5) / 9007199254740992.0;
}

void picks_begin(struct picks *p)
{
	p->state = p->seed;
	if (p->kind != PICK_ZIPF)
		return;
	double sum = 0;
	p->cumulative = bench_zalloc(p->count, sizeof(*p->cumulative));
	for (uint64_t i = 0; i < p->count; i++) {
		sum += pow((double)(i + 1), -p->exponent);
		p->cumulative[i] = sum;
	}
}

static uint64_t zipf(struct picks *p)
{
	double at = fraction(&p->state) * p->cumulative[p->count - 1];
	uint64_t low = 0, high = p->count - 1;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (p->cumulative[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t picks_next(struct picks *p)
{
	if (p->wonders > 0 && fraction(&p->state) < p->wonders)
		return FIRST_WONDER + p->start + p->wonders_made++;
	switch (p->kind) {
	case PICK_UNIFORM:
		return p->start + mix(&p->state) % p->count;
	case PICK_ZIPF:
		return p->start + zipf(p);
	case PICK_SEQUENCE:
	default:
		return p->start + p->turn++ % p->count;
	}
}

uint64_t picks_size(const struct picks *p, uint64_t page)
{
	/* Box-Muller on two draws of the page's own number. */
	uint64_t state = page * 0x2545f4914f6cdd1du + 1;
	double radius = sqrt(-2 * log(fraction(&state)));
	double normal = radius * cos(6.283185307179586 * fraction(&state));
	double size = p->size_median * exp(p->size_sigma * normal);
	if (size >= (double)p->size_max)
		return p->size_max;
	return size < 1 ? 1 : (uint64_t)size;
}
