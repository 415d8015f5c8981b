/* Places and queues, and both from several threads. */
#include "worker/gate.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "suite.h"

/* A mailbox of the simplest kind: what was posted last. */
static struct mail *letters[16];
static size_t n_letters;

static void post(void *worker, struct mail *m)
{
	ck_assert_ptr_eq(worker, letters);
	ck_assert(!m->queued);
	m->queued = true;
	letters[n_letters++] = m;
}

static void unpost(void *worker, struct mail *m)
{
	(void)worker;
	m->queued = false;
	for (size_t i = 0; i < n_letters; i++)
		if (letters[i] == m)
			letters[i] = NULL;
}

static struct conf_upstream upstream(const char *name, unsigned max, unsigned queue)
{
	return (struct conf_upstream){.name = str_of(name), .max_in_flight = max, .queue = queue};
}

struct fixture {
	struct gates *g;
	struct gate_ticket t[8];
};

static void set_up(struct fixture *f)
{
	*f = (struct fixture){.g = gates_new(post, unpost)};
	for (size_t i = 0; i < COUNT_OF(f->t); i++)
		f->t[i].worker = letters;
	n_letters = 0;
}

static void tear_down(struct fixture *f)
{
	for (size_t i = 0; i < COUNT_OF(f->t); i++)
		gate_leave(f->g, &f->t[i]);
	gates_free(&f->g);
}

START_TEST(first_come_first_served)
{
	struct fixture f;
	set_up(&f);
	struct conf_upstream u = upstream("a", 2, 2);
	static const int wanted[] = {ERR_OK, ERR_OK, ERR_AGAIN, ERR_AGAIN, ERR_BUSY};
	for (size_t i = 0; i < COUNT_OF(wanted); i++)
		ck_assert_int_eq(gate_enter(f.g, &u, &f.t[i]), wanted[i]);
	struct gate_figures figures;
	ck_assert_uint_eq(gates_read(f.g, &figures, 1), 1);
	ck_assert(str_eq(figures.name, STR("a")));
	ck_assert_uint_eq(figures.in_flight, 2);
	ck_assert_uint_eq(figures.waiting, 2);
	gate_leave(f.g, &f.t[1]);
	gate_leave(f.g, &f.t[1]); /* harmless */
	ck_assert_uint_eq(n_letters, 1);
	ck_assert_ptr_eq(letters[0], &f.t[2].mail);
	gate_leave(f.g, &f.t[0]);
	ck_assert_ptr_eq(letters[1], &f.t[3].mail);
	tear_down(&f);
}
END_TEST

START_TEST(leaving_the_queue)
{
	struct fixture f;
	set_up(&f);
	struct conf_upstream u = upstream("a", 1, 3);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(gate_enter(f.g, &u, &f.t[i]), i == 0 ? ERR_OK : ERR_AGAIN);
	gate_leave(f.g, &f.t[1]); /* waited too long */
	gate_leave(f.g, &f.t[0]);
	ck_assert_ptr_eq(letters[0], &f.t[2].mail);
	/* Its letter was posted, and then it is cancelled: the letter is taken back, the place goes on. */
	gate_leave(f.g, &f.t[2]);
	ck_assert_ptr_null(letters[0]);
	ck_assert_ptr_eq(letters[1], &f.t[3].mail);
	tear_down(&f);
}
END_TEST

START_TEST(names_have_gates_of_their_own)
{
	struct fixture f;
	set_up(&f);
	struct conf_upstream a = upstream("a", 1, 1), b = upstream("b", 1, 1);
	ck_assert_int_eq(gate_enter(f.g, &a, &f.t[0]), ERR_OK);
	ck_assert_int_eq(gate_enter(f.g, &b, &f.t[1]), ERR_OK);
	ck_assert_int_eq(gate_enter(f.g, &a, &f.t[2]), ERR_AGAIN);
	gate_leave(f.g, &f.t[1]);
	ck_assert_uint_eq(n_letters, 0);
	tear_down(&f);
}
END_TEST

START_TEST(new_limits_hold_at_once)
{
	struct fixture f;
	set_up(&f);
	struct conf_upstream one = upstream("a", 1, 4), three = upstream("a", 3, 4), any = upstream("a", 0, 4);
	ck_assert_int_eq(gate_enter(f.g, &one, &f.t[0]), ERR_OK);
	ck_assert_int_eq(gate_enter(f.g, &one, &f.t[1]), ERR_AGAIN);
	ck_assert_int_eq(gate_enter(f.g, &three, &f.t[2]), ERR_OK); /* after the one who waited */
	ck_assert_ptr_eq(letters[0], &f.t[1].mail);
	ck_assert_int_eq(gate_enter(f.g, &one, &f.t[3]), ERR_AGAIN);
	gate_leave(f.g, &f.t[0]);
	ck_assert_uint_eq(n_letters, 1); /* two are inside, one may be */
	ck_assert_int_eq(gate_enter(f.g, &any, &f.t[4]), ERR_OK);
	ck_assert_ptr_eq(letters[1], &f.t[3].mail);
	tear_down(&f);
}
END_TEST

/* Threads that all want in: never more inside than places, and nobody is forgotten. */
enum { THREADS = 4, ROUNDS = 2000, PLACES = 2 };

struct thread {
	pthread_t id;
	struct gates *g;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct mail *letter;
	atomic_int *inside, *most;
};

static void post_thread(void *worker, struct mail *m)
{
	struct thread *t = worker;
	pthread_mutex_lock(&t->lock);
	m->queued = true;
	t->letter = m;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void unpost_thread(void *worker, struct mail *m)
{
	struct thread *t = worker;
	pthread_mutex_lock(&t->lock);
	m->queued = false;
	t->letter = NULL;
	pthread_mutex_unlock(&t->lock);
}

static void await_letter(struct thread *t)
{
	pthread_mutex_lock(&t->lock);
	while (!t->letter)
		pthread_cond_wait(&t->cond, &t->lock);
	t->letter->queued = false;
	t->letter = NULL;
	pthread_mutex_unlock(&t->lock);
}

static void *run_thread(void *ctx)
{
	struct thread *t = ctx;
	struct conf_upstream u = upstream("a", PLACES, THREADS);
	struct gate_ticket ticket = {.worker = t};
	for (int i = 0; i < ROUNDS; i++) {
		int r = gate_enter(t->g, &u, &ticket);
		if (r == ERR_AGAIN && i % 3 == 0) { /* gives up, perhaps with the letter on its way */
			gate_leave(t->g, &ticket);
			continue;
		}
		if (r == ERR_AGAIN)
			await_letter(t);
		int inside = atomic_fetch_add(t->inside, 1) + 1;
		for (int most = atomic_load(t->most); inside > most;)
			if (atomic_compare_exchange_weak(t->most, &most, inside))
				break;
		sched_yield();
		atomic_fetch_sub(t->inside, 1);
		gate_leave(t->g, &ticket);
	}
	return NULL;
}

START_TEST(threads_share_the_places)
{
	struct gates *g = gates_new(post_thread, unpost_thread);
	struct thread t[THREADS];
	atomic_int inside = 0, most = 0;
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct thread){.g = g, .inside = &inside, .most = &most};
		pthread_mutex_init(&t[i].lock, NULL);
		pthread_cond_init(&t[i].cond, NULL);
		ck_assert_int_eq(pthread_create(&t[i].id, NULL, run_thread, &t[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i].id, NULL);
	ck_assert_int_eq(atomic_load(&inside), 0);
	ck_assert_int_le(atomic_load(&most), PLACES);
	ck_assert_int_ge(atomic_load(&most), 1);
	gates_free(&g); /* asserts that nobody is inside or waits */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gate");
	TCase *t = tcase_create("gate");
	tcase_add_test(t, first_come_first_served);
	tcase_add_test(t, leaving_the_queue);
	tcase_add_test(t, names_have_gates_of_their_own);
	tcase_add_test(t, new_limits_hold_at_once);
	tcase_add_test(t, threads_share_the_places);
	suite_add_tcase(s, t);
	return suite_run(s);
}
