/* Many operations under way at once, where one after the other would be a wait for each of 100,000: a batch is begun, awaited as a whole,
 * and then the next one is. */
#ifndef LARDER_TESTS_TIER_MANY_H
#define LARDER_TESTS_TIER_MANY_H

#include <sched.h>

#include "base/clock.h"
#include "tier/make.h"

enum { MANY = 500 };

struct many {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned left;
};

static inline void many_less(struct many *m)
{
	pthread_mutex_lock(&m->lock);
	if (--m->left == 0)
		pthread_cond_signal(&m->cond);
	pthread_mutex_unlock(&m->lock);
}

static inline void many_await(struct many *m)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	pthread_mutex_lock(&m->lock);
	while (m->left > 0)
		must(pthread_cond_timedwait(&m->cond, &m->lock, &until) == 0, "operations did not come back");
	pthread_mutex_unlock(&m->lock);
}

/* *all: MANY of them, of which the first n are begun with tier->ops->verb, or with `how`. */
#define MANY_OP(verb)                                                                                                  \
	struct many_##verb {                                                                                           \
		struct tier_##verb op;                                                                                 \
		int err;                                                                                               \
		struct many *whole;                                                                                    \
	};                                                                                                             \
	static inline void many_##verb##_done(struct tier_##verb *op, int err)                                         \
	{                                                                                                              \
		struct many_##verb *one = CONTAINER_OF(op, struct many_##verb, op);                                    \
		one->err = err;                                                                                        \
		many_less(one->whole);                                                                                 \
	}                                                                                                              \
	static inline void many_##verb##s(                                                                             \
	    struct tier *t, int (*how)(struct tier * t, struct tier_##verb * op), struct many_##verb *all, unsigned n) \
	{                                                                                                              \
		struct many m = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, n};                              \
		for (unsigned i = 0; i < n; i++) {                                                                     \
			all[i].whole = &m;                                                                             \
			all[i].op.done = many_##verb##_done;                                                           \
			int err = how ? how(t, &all[i].op) : tier_##verb(t, &all[i].op);                               \
			if (err != ERR_AGAIN)                                                                          \
				many_##verb##_done(&all[i].op, err);                                                   \
		}                                                                                                      \
		many_await(&m);                                                                                        \
	}
MANY_OP(get)
MANY_OP(put)
#undef MANY_OP

#endif
