/* The nearest of several words, for "did you mean". */
#ifndef LARDER_BASE_NEAREST_H
#define LARDER_BASE_NEAREST_H

#include "base/str.h"

struct nearest {
	struct str given, word; /* word.p NULL: none is near */
	unsigned distance;
};

/* Starts the search for a word that may be wrong by half. */
struct nearest nearest_to(struct str given);
/* Words are in lower case; `given` may have any. */
void nearest_offer(struct nearest *n, struct str word);

#endif
