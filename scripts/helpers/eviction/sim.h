/* The simulator of eviction (scripts/simulate_eviction): traces of requests, and policies that they are played to. */
#ifndef LARDER_EVICTION_SIM_H
#define LARDER_EVICTION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace {
	uint32_t *ids;	 /* what is asked for, in order */
	uint32_t *sizes; /* by id: bytes in the cache, with what is around them */
	size_t n;
	uint32_t n_ids;
};

struct workload {
	const char *name;
	double zipf;
	unsigned objects, requests;
	double wonders; /* share of requests for what nobody asks for again */
	unsigned scan_every, scan_length; /* requests between scans, of objects that were never seen */
	unsigned shift_every; /* requests until the popularity of an eighth of the objects moves */
	double median, sigma; /* sizes are log-normal; sigma 0: constant */
	int correlated; /* 1: popular ones are small; -1: large */
	size_t bytes;	/* of the cache */
};

void trace_make(const struct workload *w, uint32_t seed, struct trace *t);
void trace_free(struct trace *t);

struct policy {
	const char *name;
	void *(*make)(const struct trace *t, size_t bytes);
	bool (*ask)(void *p, uint32_t id); /* a hit; else it was fetched, and put into the cache */
	void (*end)(void *p);
	const char *bytes, *hit; /* of an object, done at a hit: for the table */
};

extern const struct policy policies[];

static inline uint32_t sim_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	uint64_t x = *state ^ *state >> 33;
	return (uint32_t)((x * 0xff51afd7ed558ccdu) >> 32);
}

#endif
