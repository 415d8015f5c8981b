/* A few threads that do what may wait for a disk, and a queue before them that is bounded by count and by bytes. A job lies in what it
 * is about (CONTAINER_OF gives that back) and is gone from the pool when its function is called: that may free it or add it again. */
#ifndef LARDER_TIER_IO_POOL_H
#define LARDER_TIER_IO_POOL_H

#include "base/err.h"

#include <stddef.h>

struct io_job {
	struct io_job *next;
	void (*fn)(struct io_job *job); /* on a thread of the pool */
	size_t bytes;			/* memory that it keeps while it waits */
};

struct io_pool;

/* Starts the threads (one at least). ERR_IO: the system gives no thread. */
int io_pool_new(unsigned threads, unsigned max_jobs, size_t max_bytes, struct io_pool **out) MUST_CHECK;
/* Takes job->fn and job->bytes as they are. ERR_OK, or ERR_BUSY: so many are waiting (one that is larger than max_bytes finds room in an
 * empty queue). Any thread, does not block; so all below that add. */
int io_pool_add(struct io_pool *p, struct io_job *job) MUST_CHECK;
/* For what must not get lost, whatever waits. */
void io_pool_add_always(struct io_pool *p, struct io_job *job);
/* The same, before all that waits but those that came here earlier. */
void io_pool_add_urgent(struct io_pool *p, struct io_job *job);
/* For what can wait: done when nothing else is there to do, and now and then all the same. Those that still wait when the pool is closed
 * are dropped: their owner sees to them. */
void io_pool_add_idle(struct io_pool *p, struct io_job *job);
/* Another bound of bytes, for jobs that come. */
void io_pool_resize(struct io_pool *p, size_t max_bytes);
/* Carries out what waits (but the idle jobs) and ends the threads. From its beginning on io_pool_add answers ERR_BUSY; nobody calls the others
 * but the jobs themselves. Blocks. */
void io_pool_stop(struct io_pool *p);
/* Stops it, if that was not done, and frees. Nobody else uses it any more. */
void io_pool_close(struct io_pool **p);

#endif
