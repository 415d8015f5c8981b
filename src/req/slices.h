/* The body of an answer put together of pieces that nobody copies: runs of a stored body, and texts between them. */
#ifndef LARDER_REQ_SLICES_H
#define LARDER_REQ_SLICES_H

#include "base/arena.h"
#include "tier/body.h"

struct slices {
	struct str *v; /* none is empty */
	unsigned n, max;
	uint64_t bytes;
	/* The stored body, and the segment that holds the byte at `at`: what is taken in order is found without a search. */
	struct str *segments;
	unsigned n_segments, segment;
	uint64_t at; /* where that segment begins */
};

/* `body` is complete and outlives the slices; all else lies in `a`. Room is made for `texts` texts and `runs` runs. */
void slices_init(struct slices *s, struct arena *a, const struct body *body, size_t texts, size_t runs);
/* Borrows the text. Nothing is added for an empty one. */
void slices_add_text(struct slices *s, struct str text);
/* The stored bytes from `offset` on; they are all there. Runs may come in any order. */
void slices_add_run(struct slices *s, uint64_t offset, uint64_t length);
#endif
