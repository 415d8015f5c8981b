/* A look compares what is resident with what is allocated. The difference is waste:
 *
 *	|<-- others -->|<------------ live ------------>|<--- waste --->|      = resident
 *	               |<------- used ------->| the rest of the program |
 *
 * A part of the size is not lent to pages at all: it is for the waste that there always is, and for what the rest of the program keeps for
 * pages (the memory of verdicts, tables of workers). Measured with small pages that come and go at 32 MB: 0.9 MB and 0.6 MB.
 *
 * Used and waste together may be a part more than the size. Beyond it, first what can be given back is given back (a trim, which stops others
 * in malloc for milliseconds: hence not again before there is more to give back); then the budget's limit goes below what is used, so that
 * entries leave until their pages become free, down to an eighth of the size. With the waste the limit goes back to what it was.
 *
 * To tell what lives, glibc walks over all that is free, and nobody gets memory from its arenas meanwhile: 120 ms for the 400,000 holes of
 * 800,000 small pages. So it is done on a thread of its own: who serves what is stored goes on. The looks that nothing was stored for take a
 * PAUSE-th of the time at most.
 *
 *	resident__look, resident__stored -> asked -> (the thread) look -> the budget's limit
 *	            ^ starts the thread, if it is the first
 *
 * Small tiers are let alone: a megabyte of waste is no matter, but would be too much of them. They have no thread. */
#include "tier/resident.h"

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/thread.h"
#include "tier/shmem.h"

#define SIZE_MIN      (16 * (size_t)1024 * 1024)
#define BESIDE_PARTS  20 /* of the size: what pages do not get */
#define LOOK_PARTS    64 /* of the size: what is stored between two looks */
#define MOST_PARTS    2	 /* of those: what may be stored before a look begins */
#define ALLOWED_PARTS 16 /* of the size: what may be held beyond it */
#define FLOOR_PARTS   8	 /* of the size: what always may be used */
#define HASTE	      8	 /* pages become free only when most of what lies in them has left */
#define PAUSE	      100
#define TRY_EACH_US   ((int64_t)1000000)
#define AGAIN_PARTS   32 /* of the size: what more of it there must be for another trim */

static size_t for_pages(size_t size)
{
	return size < SIZE_MIN ? size : size - size / BESIDE_PARTS;
}

static void grant(struct resident *r, size_t limit)
{
	atomic_store_explicit(&r->granted, limit, memory_order_relaxed);
	atomic_store_explicit(&r->budget->limit, limit, memory_order_relaxed);
}

void resident__set(struct resident *r, size_t size)
{
	atomic_store_explicit(&r->size, size, memory_order_relaxed);
	grant(r, for_pages(size));
}

/* Shared memory is in the budget, but neither among what is resident here nor in the heap. */
static size_t used_of_heap(const struct resident *r)
{
	size_t used = atomic_load_explicit(&r->budget->used, memory_order_relaxed), shared = shmem__charged();
	return used > shared ? used - shared : 0;
}

/* 0 also when it cannot be told. */
static size_t waste(const struct resident *r, size_t allowed)
{
	size_t resident = heap_resident(), used = used_of_heap(r);
	if (resident <= r->others + used + allowed) /* the cheap answer */
		return 0;
	size_t live = heap_live();
	return live >= used && resident > r->others + live ? resident - r->others - live : 0;
}

static size_t limit_for(size_t size, size_t used, size_t held)
{
	size_t most = size + size / ALLOWED_PARTS, least = size / FLOOR_PARTS;
	if (held > most) {
		size_t less = HASTE * (held - most);
		return used > least + less ? used - less : least;
	}
	size_t limit = used + (most - held), usual = for_pages(size);
	return limit > usual ? usual : limit > least ? limit : least;
}

static void look(struct resident *r, size_t size)
{
	size_t allowed = size / ALLOWED_PARTS, much = waste(r, allowed);
	size_t used = atomic_load_explicit(&r->budget->used, memory_order_relaxed);
	if (used + much > size && much > allowed && much > r->stuck + size / AGAIN_PARTS) {
		heap_trim();
		much = waste(r, allowed);
		r->stuck = much;
	}
	if (much <= allowed)
		r->stuck = 0;
	grant(r, much > allowed ? limit_for(size, used, used + much) : for_pages(size));
}

/* Returns the time from which on one may look without need. */
static int64_t look_now(struct resident *r)
{
	int64_t began_us = clock_mono_us();
	size_t size = atomic_load_explicit(&r->size, memory_order_relaxed);
	if (size >= SIZE_MIN)
		look(r, size);
	/* It may be another one by now. */
	size_t newer = atomic_load_explicit(&r->size, memory_order_relaxed);
	if (newer != size)
		resident__set(r, newer);
	int64_t now_us = clock_mono_us();
	return now_us + PAUSE * (now_us - began_us);
}

/* The thread */

static void *work(void *arg)
{
	struct resident *r = arg;
	int64_t again_us = 0;
	pthread_mutex_lock(&r->lock);
	while (!r->ending) {
		if (r->asked == LOOK_NOT) {
			pthread_cond_wait(&r->wake, &r->lock);
			continue;
		}
		bool looks = r->asked == LOOK_NOW || clock_mono_us() >= again_us;
		r->asked = LOOK_NOT;
		if (!looks)
			continue;
		r->looks++;
		atomic_store_explicit(&r->stored, 0, memory_order_relaxed);
		pthread_mutex_unlock(&r->lock);
		again_us = look_now(r);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* With the lock. Where the system gives no thread, who asks a second later tries again. */
static void ask(struct resident *r, enum resident_asked what)
{
	int64_t now_us = clock_mono_us();
	if (!r->has_thread && now_us >= r->try_us) {
		r->has_thread = thread_start(&r->thread, NULL, work, r) == ERR_OK;
		r->try_us = now_us + TRY_EACH_US;
		if (!r->has_thread)
			log_warning(
			    "memory", "no thread to look after resident memory: it may grow beyond memory_size");
	}
	if (r->asked < what)
		r->asked = what;
	pthread_cond_signal(&r->wake);
}

/* The door */

void resident__init(struct resident *r, struct budget *budget)
{
	*r = (struct resident){.budget = budget, .others = heap_others()};
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->wake, NULL);
}

void resident__destroy(struct resident *r)
{
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	if (r->has_thread)
		pthread_join(r->thread, NULL);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
}

void resident__look(struct resident *r)
{
	if (atomic_load_explicit(&r->size, memory_order_relaxed) < SIZE_MIN)
		return;
	pthread_mutex_lock(&r->lock);
	ask(r, LOOK_SOME_TIME);
	pthread_mutex_unlock(&r->lock);
}

/* With the lock. */
static void lower(struct resident *r, size_t size, size_t by)
{
	size_t granted = atomic_load_explicit(&r->granted, memory_order_relaxed), least = size / FLOOR_PARTS;
	size_t limit = granted > least + by ? granted - by : least;
	if (limit < atomic_load_explicit(&r->budget->limit, memory_order_relaxed))
		atomic_store_explicit(&r->budget->limit, limit, memory_order_relaxed);
}

/* Only who makes it a part asks: the others need not take the lock. Who stores faster than is looked might fill what is to be given back, and
 * no loop can wait for a look: as much as comes beyond two parts has to leave, until it is known. */
void resident__stored(struct resident *r, size_t bytes)
{
	size_t before = atomic_fetch_add_explicit(&r->stored, bytes, memory_order_relaxed), now = before + bytes;
	size_t size = atomic_load_explicit(&r->size, memory_order_relaxed), part = size / LOOK_PARTS;
	if (size < SIZE_MIN || now < part || (before >= part && now < MOST_PARTS * part))
		return;
	pthread_mutex_lock(&r->lock);
	ask(r, LOOK_NOW);
	if (r->has_thread && now > MOST_PARTS * part)
		lower(r, size, now - MOST_PARTS * part);
	pthread_mutex_unlock(&r->lock);
}
