/* Plays the workloads to the policies and prints the tables, in Markdown. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define MB	    ((size_t)1 << 20)
#define COUNT(list) (sizeof(list) / sizeof(*(list)))
#define COMMON	    .objects = 200000, .requests = 1000000, .median = 10000, .spread = 1.2, .bytes = 64 * MB

/* The first two are the case that other caches were measured with: from empty, as short as that. */
#define MEASURED .zipf = 0.9, .objects = 200000, .requests = 143000, .median = 3000, .spread = 1.7, .bytes = 32 * MB

static const struct workload workloads[] = {
    {.name = "measured case, 32 MB", MEASURED},
    {.name = "measured case, half wonders", MEASURED, .wonders = 0.5},
    {.name = "Zipf 0.7", COMMON, .zipf = 0.7},
    {.name = "Zipf 0.9", COMMON, .zipf = 0.9},
    {.name = "Zipf 1.1", COMMON, .zipf = 1.1},
    {.name = "0.9, half wonders", COMMON, .zipf = 0.9, .wonders = 0.5},
    {.name = "0.9, scans", COMMON, .zipf = 0.9, .scan_every = 30000},
    {.name = "0.9, shifting", COMMON, .zipf = 0.9, .shift_every = 20000},
    {.name = "1.1, shifting fast", COMMON, .zipf = 1.1, .shift_every = 5000},
    {.name = "0.9, popular is small", COMMON, .zipf = 0.9, .correlated = 1},
    {.name = "0.9, popular is large", COMMON, .zipf = 0.9, .correlated = -1},
    {.name = "0.9, all of 2 KB, 32 MB",
	.objects = 200000,
	.requests = 1000000,
	.median = 2000,
	.bytes = 32 * MB,
	.zipf = 0.9},
    {.name = "0.9, in 4 MB",
	.objects = 200000,
	.requests = 300000,
	.median = 10000,
	.spread = 1.2,
	.bytes = 4 * MB,
	.zipf = 0.9},
    {.name = "0.9, in 256 MB",
	.objects = 200000,
	.requests = 1000000,
	.median = 10000,
	.spread = 1.2,
	.bytes = 256 * MB,
	.zipf = 0.9},
};

static const struct policy *const policies[] = {&policy_endless, &policy_lru, &policy_sieve, &policy_s3fifo,
    &policy_tinylfu, &policy_gdsf, &policy_larder, &policy_no_ghosts, &policy_in_turn};

struct ratio {
	double objects, bytes;
};

void *sim_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return p;
}

uint64_t sim_mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static struct ratio play(const struct policy *p, const struct trace *t, size_t bytes)
{
	void *cache = p->open(t, bytes);
	double hits = 0, hit_bytes = 0, all_bytes = 0;
	for (size_t i = 0; i < t->n; i++) {
		bool hit = p->ask(cache, t->ids[i]);
		all_bytes += t->sizes[t->ids[i]];
		hit_bytes += hit ? t->sizes[t->ids[i]] : 0;
		hits += hit;
	}
	p->close(cache);
	return (struct ratio){100 * hits / (double)t->n, 100 * hit_bytes / all_bytes};
}

static void print_head(const char *what)
{
	printf("| %s |", what);
	for (size_t k = 0; k < COUNT(policies); k++)
		printf(" %s |", policies[k]->name);
	printf("\n| --- |");
	for (size_t k = 0; k < COUNT(policies); k++)
		printf(" ---: |");
	printf("\n");
}

int main(void)
{
	static struct ratio ratios[COUNT(workloads)][COUNT(policies)];
	for (size_t i = 0; i < COUNT(workloads); i++) {
		struct trace t;
		trace_make(&workloads[i], &t);
		for (size_t k = 0; k < COUNT(policies); k++)
			ratios[i][k] = play(policies[k], &t, workloads[i].bytes);
		trace_free(&t);
	}
	for (int bytes = 0; bytes < 2; bytes++) {
		print_head(bytes ? "% of the bytes" : "% of the requests");
		for (size_t i = 0; i < COUNT(workloads); i++) {
			printf("| %s |", workloads[i].name);
			for (size_t k = 0; k < COUNT(policies); k++)
				printf(" %.1f |", bytes ? ratios[i][k].bytes : ratios[i][k].objects);
			printf("\n");
		}
		printf("\n");
	}
	printf("| policy | bytes an object | a hit |\n| --- | --- | --- |\n");
	for (size_t k = 1; k < COUNT(policies) - 2; k++)
		printf("| %s | %s | %s |\n", policies[k]->name, policies[k]->metadata, policies[k]->at_hit);
	return 0;
}
