/* Leases: one computes, others wait, everything ends. The time is a number. */
#include "admin/leases.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "suite.h"

struct waiting {
	struct lease_waiter w;
	unsigned woken;
};

static void on_wake(struct lease_waiter *w)
{
	CONTAINER_OF(w, struct waiting, w)->woken++;
}

static struct waiting until(int64_t ms)
{
	return (struct waiting){.w = {.wake = on_wake, .until_ms = ms}};
}

static const struct str key = STR("k");

START_TEST(one_gets_it_and_the_others_wait)
{
	struct leases *l = leases_new();
	char token[LEASE_TOKEN], other[LEASE_TOKEN];
	struct waiting a = until(5000), b = until(5000);
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 0, token), ERR_OK);
	ck_assert_uint_eq(strlen(token), LEASE_TOKEN - 1);
	ck_assert_int_eq(leases_ask(l, STR("another"), 1000, NULL, 0, other), ERR_OK);
	ck_assert_str_ne(token, other);
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 10, other), ERR_TIMEOUT);
	ck_assert_int_eq(leases_ask(l, key, 1000, &a.w, 10, other), ERR_AGAIN);
	ck_assert_int_eq(leases_ask(l, key, 1000, &b.w, 20, other), ERR_AGAIN);
	ck_assert(leases_holds(l, key, str_of(token), 20));
	ck_assert(!leases_holds(l, key, str_of(other), 20));
	ck_assert(!leases_holds(l, key, STR(""), 20));
	ck_assert(!leases_end(l, key, str_of(other), 20));
	ck_assert(a.woken == 0 && b.woken == 0);
	ck_assert(leases_end(l, key, str_of(token), 20));
	ck_assert(a.woken == 1 && b.woken == 1);
	ck_assert(!leases_end(l, key, str_of(token), 20));
	/* Whoever asks again first has the next one. */
	ck_assert_int_eq(leases_ask(l, key, 1000, &b.w, 20, other), ERR_OK);
	ck_assert_int_eq(leases_ask(l, key, 1000, &a.w, 20, token), ERR_AGAIN);
	leases_stop(l);
	ck_assert_uint_eq(a.woken, 2);
	ck_assert_int_eq(leases_ask(l, key, 1000, &a.w, 20, token), ERR_CANCELLED);
	leases_free(&l);
}
END_TEST

START_TEST(everything_ends_at_its_time)
{
	struct leases *l = leases_new();
	char token[LEASE_TOKEN], other[LEASE_TOKEN];
	struct waiting short_one = until(300), long_one = until(5000);
	ck_assert_int_eq(leases_tick(l, 0), INT64_MAX);
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 0, token), ERR_OK);
	ck_assert_int_eq(leases_ask(l, key, 1000, &short_one.w, 0, other), ERR_AGAIN);
	ck_assert_int_eq(leases_ask(l, key, 1000, &long_one.w, 0, other), ERR_AGAIN);
	ck_assert_int_eq(leases_tick(l, 100), 300);
	ck_assert_int_eq(leases_tick(l, 300), 1000);
	ck_assert(short_one.woken == 1 && long_one.woken == 0);
	ck_assert_int_eq(leases_ask(l, key, 1000, &short_one.w, 300, other), ERR_TIMEOUT);
	ck_assert(!leases_holds(l, key, str_of(token), 1000));
	ck_assert_int_eq(leases_tick(l, 1000), INT64_MAX);
	ck_assert_uint_eq(long_one.woken, 1);
	/* One that is over does not stand in the way, though nobody has looked at it. */
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 2000, token), ERR_OK);
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 3000, other), ERR_OK);
	ck_assert(!leases_end(l, key, str_of(token), 3000));
	leases_free(&l);
}
END_TEST

START_TEST(a_void_one_proves_nothing_and_is_waited_for_until_it_is_woken)
{
	static const struct {
		const char *sentence;
		struct str key;
	} rows[] = {{"of one key", STR("k")}, {"of all", {NULL, 0}}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct leases *l = leases_new();
		char token[LEASE_TOKEN], other[LEASE_TOKEN];
		struct waiting a = until(5000);
		ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 0, token), ERR_OK);
		ck_assert_int_eq(leases_ask(l, key, 1000, &a.w, 0, other), ERR_AGAIN);
		leases_wake(l, rows[i].key);
		ck_assert_msg(leases_holds(l, key, str_of(token), 0), "%s: not void yet", rows[i].sentence);
		leases_void(l, rows[i].key);
		ck_assert_msg(!leases_holds(l, key, str_of(token), 0), "%s", rows[i].sentence);
		ck_assert_msg(!leases_holds(l, key, STR(""), 0), "%s: an empty token", rows[i].sentence);
		ck_assert_msg(a.woken == 0, "%s: woken too early", rows[i].sentence);
		leases_wake(l, rows[i].key);
		ck_assert_msg(a.woken == 1, "%s: not woken", rows[i].sentence);
		leases_free(&l);
	}
}
END_TEST

START_TEST(there_are_not_more_than_the_limits_say)
{
	struct leases *l = leases_new();
	static struct waiting many[LEASE_WAITERS_MAX + 1];
	char token[LEASE_TOKEN], name[16];
	for (int i = 0; i < LEASES_MAX; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		ck_assert_int_eq(leases_ask(l, str_of(name), 1000, NULL, 0, token), ERR_OK);
	}
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 0, token), ERR_FULL);
	for (int i = 0; i <= LEASE_WAITERS_MAX; i++) {
		many[i] = until(500);
		ck_assert_int_eq(leases_ask(l, STR("key 7"), 1000, &many[i].w, 0, token),
		    i < LEASE_WAITERS_MAX ? ERR_AGAIN : ERR_FULL);
	}
	ck_assert_int_eq(leases_tick(l, 1000), INT64_MAX);
	for (int i = 0; i < LEASE_WAITERS_MAX; i++)
		ck_assert_uint_eq(many[i].woken, 1);
	ck_assert_int_eq(leases_ask(l, key, 1000, NULL, 1000, token), ERR_OK);
	leases_free(&l);
}
END_TEST

struct signal {
	struct lease_waiter w;
	pthread_mutex_t lock;
	pthread_cond_t come;
	bool woken;
};

static void on_signal(struct lease_waiter *w)
{
	struct signal *s = CONTAINER_OF(w, struct signal, w);
	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_signal(&s->come);
	pthread_mutex_unlock(&s->lock);
}

START_TEST(the_thread_ends_what_is_over)
{
	struct leases *l = leases_new();
	struct signal s = {.w = {.wake = on_signal, .until_ms = INT64_MAX},
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .come = PTHREAD_COND_INITIALIZER};
	char token[LEASE_TOKEN];
	ck_assert_int_eq(leases_start(l), ERR_OK);
	/* Over since long, by the thread's clock. */
	ck_assert_int_eq(leases_ask(l, key, 1, NULL, -10, token), ERR_OK);
	int err = leases_ask(l, key, 1, &s.w, -10, token);
	pthread_mutex_lock(&s.lock);
	while (err == ERR_AGAIN && !s.woken) /* bounded by the test's own time */
		pthread_cond_wait(&s.come, &s.lock);
	pthread_mutex_unlock(&s.lock);
	leases_free(&l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leases");
	TCase *t = tcase_create("leases");
	tcase_add_test(t, one_gets_it_and_the_others_wait);
	tcase_add_test(t, everything_ends_at_its_time);
	tcase_add_test(t, a_void_one_proves_nothing_and_is_waited_for_until_it_is_woken);
	tcase_add_test(t, there_are_not_more_than_the_limits_say);
	tcase_add_test(t, the_thread_ends_what_is_over);
	suite_add_tcase(s, t);
	return suite_run(s);
}
