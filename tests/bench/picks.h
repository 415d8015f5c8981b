/*
 * Which page is asked next: the streams of numbers that the load generator asks with. All are made of a seed, so that every
 * server gets the same ones.
 */
#ifndef LARDER_TESTS_BENCH_PICKS_H
#define LARDER_TESTS_BENCH_PICKS_H

#include <stdint.h>

enum pick { PICK_SEQUENCE, PICK_UNIFORM, PICK_ZIPF };

struct picks {
	enum pick kind;
	uint64_t count;	    /* pages there are; PICK_SEQUENCE begins anew after them */
	uint64_t start;	    /* the number of the first page */
	uint64_t seed;	    /* of PICK_UNIFORM and PICK_ZIPF */
	double exponent;    /* of PICK_ZIPF: page k is asked in proportion to 1 / (k + 1)^exponent */
	double wonders;	    /* so large a part of all requests is for a page that nobody asks for again */
	double size_median; /* of the log-normal sizes; 0: every page has the size that the URL says */
	double size_sigma;  /* their standard deviation, of the logarithm */
	uint64_t size_max;  /* larger ones are cut to it */
	double *cumulative; /* private */
	uint64_t state, turn, wonders_made;
};

/* Makes the tables of what the fields above say; picks_next can be called then. */
void picks_begin(struct picks *p);

/* The number of the next page. Those of pages asked for once begin at 10^9. */
uint64_t picks_next(struct picks *p);

/* The size of a page in bytes where sizes are log-normal: the same for the same number, whatever the seed. At least 1. */
uint64_t picks_size(const struct picks *p, uint64_t page);

#endif
