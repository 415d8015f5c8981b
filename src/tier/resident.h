/* Holds what the process takes near what the memory tier may. The budget counts what is allocated; between that lies what was freed and cannot
 * be given back, because something in the same page is still in use. When there is much of it, as after large pages have come in place of
 * many small ones, the tier may use less for a while. */
#ifndef LARDER_TIER_RESIDENT_H
#define LARDER_TIER_RESIDENT_H

#include <pthread.h>
#include <stdint.h>

#include "base/budget.h"

struct resident {
	struct budget *budget;
	atomic_size_t size;   /* what is allowed */
	atomic_size_t stored; /* bytes since the last look */
	pthread_mutex_t looking;
	size_t others;	  /* private memory that is not malloc's: stacks, data */
	size_t stuck;	  /* what a trim has left; 0: there was no need of one */
	int64_t again_us; /* when resident__look may look again */
};

void resident__init(struct resident *r, struct budget *budget);
void resident__destroy(struct resident *r);
/* A new size; the budget's limit is that, or a part less where it is 16 MB or more. */
void resident__set(struct resident *r, size_t size);
/* So many bytes were stored: looks when they have become a part of the size, and waits for others who do when they are twice that. No
 * lock may be held. Any thread. */
void resident__stored(struct resident *r, size_t bytes);
/* Looks now, unless another thread does, or the last look is paid for: it may take many milliseconds. Called again and again, it takes
 * a hundredth of the time at most. */
void resident__look(struct resident *r);

#endif
