#include <stdio.h>
#include <stdlib.h>
#include "policies.h"
int main(int argc, char **argv)
{
	double sigma = argc > 1 ? atof(argv[1]) : 1, median = argc > 2 ? atof(argv[2]) : 10000;
	unsigned req = argc > 3 ? atoi(argv[3]) : 300000;
	struct workload ws[] = {{.name = "zipf 0.9", .zipf = 0.9, .objects = 200000, .requests = req, .median = median, .sigma = sigma, .bytes = 32 << 20},
	    {.name = "half wonders", .zipf = 0.9, .wonders = 0.5, .objects = 200000, .requests = req, .median = median, .sigma = sigma, .bytes = 32 << 20}};
	const struct policy *ps[] = {&policy_endless, &policy_lru, &policy_sieve, &policy_s3, &policy_gdsf, &policy_gdsfm};
	for (int i = 0; i < 2; i++) {
		struct trace t;
		trace_make(&ws[i], 1, &t);
		printf("%s:", ws[i].name);
		for (unsigned k = 0; k < sizeof(ps) / sizeof(*ps); k++) {
			void *p = ps[k]->make(&t, ws[i].bytes);
			unsigned hits = 0;
			for (size_t r = 0; r < t.n; r++)
				hits += ps[k]->ask(p, t.ids[r]);
			ps[k]->end(p);
			printf(" %s %.1f", ps[k]->name, 100.0 * hits / t.n);
		}
		puts("");
		trace_free(&t);
	}
}
