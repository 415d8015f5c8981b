/* Holds what the process takes near what the memory tier may. The budget counts what is allocated; between that lies what was freed and cannot
 * be given back, because something in the same page is still in use. When there is much of it, as after large pages have come in place of
 * many small ones, the tier may use less for a while. */
#ifndef LARDER_TIER_RESIDENT_H
#define LARDER_TIER_RESIDENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"

enum resident_asked { LOOK_NOT, LOOK_SOME_TIME, LOOK_NOW };

struct resident {
	struct budget *budget;
	atomic_size_t size;    /* what is allowed */
	atomic_size_t stored;  /* bytes since the last look began */
	atomic_size_t granted; /* the budget's limit, as the last look has left it */
	size_t others;	       /* private memory that is not malloc's: stacks, data */
	size_t stuck;	       /* the thread's: what a trim has left; 0: there was no need of one */
	pthread_mutex_t lock;  /* of what follows; nobody takes another one under it */
	pthread_cond_t wake;
	enum resident_asked asked;
	unsigned looks; /* so many have begun */
	bool has_thread, ending;
	int64_t try_us; /* to start the thread again, from then on */
	pthread_t thread;
};

void resident__init(struct resident *r, struct budget *budget);
/* Nobody else uses it any more. Waits for a look that has begun: many milliseconds. */
void resident__destroy(struct resident *r);
/* A new size; the budget's limit is that, or a part less where it is 16 MB or more. */
void resident__set(struct resident *r, size_t size);
/* So many bytes were stored: has the thread look when they have become a part of the size, and lowers the budget's limit where it does not keep
 * pace. Any thread; does not wait for a look. */
void resident__stored(struct resident *r, size_t bytes);
/* Has the thread look, unless the last look is not paid for: it may take many milliseconds. Called again and again, it takes
 * a hundredth of the time at most. Any thread; does not wait. */
void resident__look(struct resident *r);

#endif
