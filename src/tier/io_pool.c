/* One mutex, one condition, three queues in order of arrival.
 *
 *   add_urgent      -> | urgent | --+--> thread
 *   add, add_always -> | busy   | --+
 *   add_idle        -> | idle   | --+    takes an idle job when nothing else waits, and after each IDLE_EACH others: under
 *                                        steady load the idle ones come slowly, but they come
 *
 * A job that is running may add itself to the idle queue again: long work is cut into short steps so. When the pool is closed the urgent
 * and the busy queue are carried out to their end, and the idle one let go. */
#include "tier/io_pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

#define IDLE_EACH 32

struct queue {
	struct io_job *first, **end;
};

struct io_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue urgent, busy, idle;
	size_t jobs, bytes; /* that wait, but the idle ones */
	size_t max_jobs, max_bytes;
	unsigned since_idle;
	bool closing;
	unsigned n_threads;
	pthread_t threads[];
};

static void queue_add(struct queue *q, struct io_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
}

static struct io_job *queue_take(struct queue *q)
{
	struct io_job *job = q->first;
	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->end = &q->first;
	return job;
}

/* Under the lock. */
static struct io_job *next_job(struct io_pool *p)
{
	bool none_waits = !p->urgent.first && !p->busy.first;
	if (!p->closing && p->idle.first && (none_waits || p->since_idle >= IDLE_EACH)) {
		p->since_idle = 0;
		return queue_take(&p->idle);
	}
	struct io_job *job = queue_take(p->urgent.first ? &p->urgent : &p->busy);
	if (job) {
		p->jobs--;
		p->bytes -= job->bytes;
		p->since_idle++;
	}
	return job;
}

static void *work(void *arg)
{
	struct io_pool *p = arg;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct io_job *job = next_job(p);
		if (job) {
			pthread_mutex_unlock(&p->lock);
			job->fn(job);
			pthread_mutex_lock(&p->lock);
		} else if (p->closing) {
			break;
		} else {
			pthread_cond_wait(&p->more, &p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int io_pool_new(unsigned threads, unsigned max_jobs, size_t max_bytes, struct io_pool **out)
{
	threads = threads > 0 ? threads : 1;
	struct io_pool *p = mem_zalloc(sizeof(*p) + threads * sizeof(pthread_t));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	p->urgent.end = &p->urgent.first;
	p->busy.end = &p->busy.first;
	p->idle.end = &p->idle.first;
	p->max_jobs = max_jobs;
	p->max_bytes = max_bytes;
	while (p->n_threads < threads && pthread_create(&p->threads[p->n_threads], NULL, work, p) == 0)
		p->n_threads++;
	if (p->n_threads == 0)
		io_pool_close(&p);
	*out = p;
	return p ? ERR_OK : ERR_IO;
}

int io_pool_add(struct io_pool *p, struct io_job *job)
{
	pthread_mutex_lock(&p->lock);
	bool fits = !p->closing && p->jobs < p->max_jobs && (p->bytes == 0 || p->bytes + job->bytes <= p->max_bytes);
	if (fits) {
		queue_add(&p->busy, job);
		p->jobs++;
		p->bytes += job->bytes;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	return fits ? ERR_OK : ERR_BUSY;
}

static void add_whatever_waits(struct io_pool *p, struct queue *q, struct io_job *job)
{
	job->bytes = 0;
	pthread_mutex_lock(&p->lock);
	queue_add(q, job);
	p->jobs++;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void io_pool_add_always(struct io_pool *p, struct io_job *job)
{
	add_whatever_waits(p, &p->busy, job);
}

void io_pool_add_urgent(struct io_pool *p, struct io_job *job)
{
	add_whatever_waits(p, &p->urgent, job);
}

void io_pool_add_idle(struct io_pool *p, struct io_job *job)
{
	pthread_mutex_lock(&p->lock);
	queue_add(&p->idle, job);
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void io_pool_resize(struct io_pool *p, size_t max_bytes)
{
	pthread_mutex_lock(&p->lock);
	p->max_bytes = max_bytes;
	pthread_mutex_unlock(&p->lock);
}

void io_pool_stop(struct io_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (; p->n_threads > 0; p->n_threads--)
		pthread_join(p->threads[p->n_threads - 1], NULL);
}

void io_pool_close(struct io_pool **pool)
{
	struct io_pool *p = *pool;
	if (!p)
		return;
	io_pool_stop(p);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pool = NULL;
}
