/* The pool of I/O threads: order, bounds, idle jobs, and that closing carries out what waits. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"
#include "tier/io_pool.h"
#include "must.h"

/* A job that holds its thread until it is let go. */
struct gate {
	struct io_job job;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool entered, open;
};

static void gate_run(struct io_job *job)
{
	struct gate *g = CONTAINER_OF(job, struct gate, job);
	pthread_mutex_lock(&g->lock);
	g->entered = true;
	pthread_cond_broadcast(&g->cond);
	while (!g->open)
		pthread_cond_wait(&g->cond, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_add(struct io_pool *p, struct gate *g)
{
	*g =
	    (struct gate){.job = {.fn = gate_run}, .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
	io_pool_add_always(p, &g->job);
}

static void gate_wait(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (!g->entered)
		pthread_cond_wait(&g->cond, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_shut(struct io_pool *p, struct gate *g)
{
	gate_add(p, g);
	gate_wait(g);
}

static void gate_let_go(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}

static atomic_uint ran, idle_ran;
static unsigned order[4];

struct numbered {
	struct io_job job;
	unsigned number;
};

static void note(struct io_job *job)
{
	unsigned at = atomic_fetch_add(&ran, 1);
	if (at < COUNT_OF(order))
		order[at] = CONTAINER_OF(job, struct numbered, job)->number;
}

static struct io_pool *open_pool(unsigned threads, unsigned max_jobs, size_t max_bytes)
{
	struct io_pool *p;
	must(io_pool_new(threads, max_jobs, max_bytes, &p) == ERR_OK, "no pool");
	atomic_store(&ran, 0);
	return p;
}

START_TEST(jobs_run_in_order_and_closing_carries_them_out)
{
	struct io_pool *p = open_pool(1, 10, 100);
	struct gate gate;
	gate_shut(p, &gate);
	struct numbered jobs[4];
	for (unsigned i = 0; i < 4; i++) {
		jobs[i] = (struct numbered){.job = {.fn = note}, .number = i};
		ck_assert_int_eq(io_pool_add(p, &jobs[i].job), ERR_OK);
	}
	ck_assert_uint_eq(atomic_load(&ran), 0);
	gate_let_go(&gate);
	io_pool_close(&p);
	ck_assert_ptr_null(p);
	ck_assert_uint_eq(atomic_load(&ran), 4);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(order[i], i);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	struct io_pool *p = open_pool(1, 3, 100);
	struct gate gate;
	gate_shut(p, &gate);
	static const struct {
		const char *what;
		size_t bytes;
		int err;
	} rows[] = {
	    {"more than there may be, in an empty queue", 1000, ERR_OK},
	    {"no room for bytes", 1, ERR_BUSY},
	};
	struct numbered jobs[8];
	for (unsigned i = 0; i < 2; i++) {
		jobs[i] = (struct numbered){.job = {.fn = note, .bytes = rows[i].bytes}};
		ck_assert_msg(io_pool_add(p, &jobs[i].job) == rows[i].err, "%s", rows[i].what);
	}
	gate_let_go(&gate);
	io_pool_close(&p);
	ck_assert_uint_eq(atomic_load(&ran), 1);

	p = open_pool(1, 3, 100);
	gate_shut(p, &gate);
	for (unsigned i = 0; i < 4; i++) {
		jobs[i] = (struct numbered){.job = {.fn = note, .bytes = 10}};
		ck_assert_int_eq(io_pool_add(p, &jobs[i].job), i < 3 ? ERR_OK : ERR_BUSY);
	}
	jobs[4] = (struct numbered){.job = {.fn = note}};
	io_pool_add_always(p, &jobs[4].job);
	gate_let_go(&gate);
	io_pool_close(&p);
	ck_assert_uint_eq(atomic_load(&ran), 4);

	p = open_pool(1, 3, 100);
	gate_shut(p, &gate);
	for (unsigned i = 0; i < 3; i++)
		jobs[i] = (struct numbered){.job = {.fn = note, .bytes = 100}};
	ck_assert_int_eq(io_pool_add(p, &jobs[0].job), ERR_OK);
	ck_assert_int_eq(io_pool_add(p, &jobs[1].job), ERR_BUSY);
	io_pool_resize(p, 200);
	ck_assert_int_eq(io_pool_add(p, &jobs[1].job), ERR_OK);
	io_pool_resize(p, 100);
	ck_assert_int_eq(io_pool_add(p, &jobs[2].job), ERR_BUSY);
	gate_let_go(&gate);
	io_pool_close(&p);
	ck_assert_uint_eq(atomic_load(&ran), 2);
}
END_TEST

START_TEST(urgent_jobs_come_first)
{
	struct io_pool *p = open_pool(1, 2, 100);
	struct gate gate;
	struct numbered jobs[4];
	gate_shut(p, &gate);
	for (unsigned i = 0; i < COUNT_OF(jobs); i++)
		jobs[i] = (struct numbered){.job = {.fn = note}, .number = i};
	ck_assert_int_eq(io_pool_add(p, &jobs[0].job), ERR_OK);
	ck_assert_int_eq(io_pool_add(p, &jobs[1].job), ERR_OK);
	io_pool_add_urgent(p, &jobs[2].job); /* whatever waits */
	io_pool_add_urgent(p, &jobs[3].job);
	gate_let_go(&gate);
	io_pool_close(&p);
	const unsigned expected[] = {2, 3, 0, 1};
	ck_assert_uint_eq(atomic_load(&ran), COUNT_OF(jobs));
	ck_assert_mem_eq(order, expected, sizeof(expected));
}
END_TEST

struct again {
	struct io_job job;
	struct io_pool *pool;
	unsigned left;
};

static void run_again(struct io_job *job)
{
	struct again *a = CONTAINER_OF(job, struct again, job);
	atomic_fetch_add(&idle_ran, 1);
	if (--a->left > 0)
		io_pool_add_idle(a->pool, job);
}

START_TEST(idle_jobs_come_last_but_they_come)
{
	struct io_pool *p = open_pool(1, 1000, 100);
	struct gate gate, last;
	gate_shut(p, &gate);
	atomic_store(&idle_ran, 0);
	struct again idle = {.job = {.fn = run_again}, .pool = p, .left = 1000000};
	io_pool_add_idle(p, &idle.job);
	struct numbered jobs[100];
	for (unsigned i = 0; i < COUNT_OF(jobs); i++) {
		jobs[i] = (struct numbered){.job = {.fn = note}};
		ck_assert_int_eq(io_pool_add(p, &jobs[i].job), ERR_OK);
	}
	gate_add(p, &last); /* behind them all */
	gate_let_go(&gate);
	gate_wait(&last);
	ck_assert_uint_eq(atomic_load(&ran), COUNT_OF(jobs));
	ck_assert_msg(atomic_load(&idle_ran) >= 1, "idle jobs starve");
	ck_assert_msg(atomic_load(&idle_ran) <= 10, "idle jobs hold up the others: %u", atomic_load(&idle_ran));
	gate_let_go(&last);
	io_pool_close(&p);
	ck_assert_msg(atomic_load(&idle_ran) < 1000000, "closing waited for idle jobs");
}
END_TEST

static void count(struct io_job *job)
{
	atomic_fetch_add(&ran, 1);
	free(job);
}

static void *add_many(void *pool)
{
	for (unsigned i = 0; i < 5000; i++) {
		struct io_job *job = mem_zalloc(sizeof *job);
		job->fn = count;
		io_pool_add_always(pool, job);
	}
	return NULL;
}

START_TEST(many_threads_add)
{
	struct io_pool *p = open_pool(4, 10, 10);
	pthread_t threads[4];
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		must(pthread_create(&threads[i], NULL, add_many, p) == 0, "no thread");
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	io_pool_close(&p);
	ck_assert_uint_eq(atomic_load(&ran), 20000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/io_pool");
	TCase *t = tcase_create("io_pool");
	tcase_add_test(t, jobs_run_in_order_and_closing_carries_them_out);
	tcase_add_test(t, the_queue_is_bounded);
	tcase_add_test(t, urgent_jobs_come_first);
	tcase_add_test(t, idle_jobs_come_last_but_they_come);
	tcase_add_test(t, many_threads_add);
	suite_add_tcase(s, t);
	return suite_run(s);
}
