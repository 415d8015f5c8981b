/* Deadlines of one worker, in ms of any clock that the caller passes in. Most are set and cleared thousands of times for
 * each time that one is due, so setting is O(1): a list per duration, which is sorted by itself. One thread. */
#ifndef LARDER_WORKER_DEADLINE_H
#define LARDER_WORKER_DEADLINE_H

#include <stdint.h>

#include "base/list.h"

struct deadline_class;

/* Embedded in its owner; all zero but `fire` before the first use. */
struct deadline {
	struct list link; /* not linked: not set */
	int64_t at_ms;
	void (*fire)(struct deadline *d); /* it is cleared when this is called */
};

struct deadlines {
	struct deadline_class *classes;
	unsigned n_classes;
};

/* d is due at now_ms + after_ms; set anew when it was set already. */
void deadline_set(struct deadlines *all, struct deadline *d, int64_t now_ms, int64_t after_ms);
/* Harmless when it is not set. */
void deadline_clear(struct deadline *d);
/* Fires what is due. Any deadline may be set and cleared meanwhile. */
void deadlines_run(struct deadlines *all, int64_t now_ms);
/* When the earliest is due; INT64_MAX: none is set. */
int64_t deadlines_next(const struct deadlines *all);
/* Clears all without firing, and frees. */
void deadlines_free(struct deadlines *all);

#endif
