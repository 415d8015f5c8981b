/* The simulator of eviction (scripts/simulate_eviction): traces of requests, and the policies that they are played to. A test bench: bounds are
 * those of its own table, and memory that is missing ends it. */
#ifndef LARDER_EVICTION_SIM_H
#define LARDER_EVICTION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct workload {
	const char *name;
	double zipf;
	unsigned objects, requests;
	double wonders;	       /* share of the requests for what nobody asks for again */
	unsigned scan_every;   /* requests between scans: 10,000 objects, each asked for once */
	unsigned shift_every;  /* requests until an eighth of the ranks change places with any other; 0: never */
	double median, spread; /* of the sizes, log-normal; spread 0: all the same */
	int correlated;	       /* 1: what is popular is small; -1: it is large */
	size_t bytes;	       /* of the cache */
};

struct trace {
	uint32_t *ids;	 /* what is asked for, in order */
	uint32_t *sizes; /* by id: bytes in the cache, with what is around them */
	size_t n;
	uint32_t n_ids;
};

void trace_make(const struct workload *w, struct trace *t);
void trace_free(struct trace *t);

struct policy {
	const char *name;
	void *(*open)(const struct trace *t, size_t bytes);
	/* True: a hit. Else it is fetched, and room was made for it. */
	bool (*ask)(void *cache, uint32_t id);
	void (*close)(void *cache);
	const char *metadata, *at_hit; /* bytes an object, and what a hit does: for the table */
};

extern const struct policy policy_endless, policy_lru, policy_sieve, policy_s3fifo, policy_tinylfu, policy_gdsf,
    policy_larder, policy_no_ghosts, policy_in_turn;

/* Cleared, or the end. */
void *sim_alloc(size_t n, size_t size);
uint64_t sim_mix(uint64_t x);

#endif
