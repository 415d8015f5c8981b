/* One computation a key: threads that ask at once, failures, and a thread that asks for what it computes. */
#include "lib/place.h"
#include "must.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 16 };

static larder_cache *cache;

/* A computation that waits until others wait for it. */
struct slow {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int asked; /* threads that are about to ask */
	int calls;
	int fail_first; /* so many calls fail */
};

static struct slow slow = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static int compute_slowly(void *context, larder_result *result)
{
	struct slow *s = context;
	char text[32];
	pthread_mutex_lock(&s->lock);
	int call = ++s->calls;
	while (s->asked < THREADS)
		pthread_cond_wait(&s->changed, &s->lock);
	bool fails = call <= s->fail_first;
	pthread_mutex_unlock(&s->lock);
	poll(NULL, 0, 20); /* the last of them is on its way; whether it arrives changes nothing but what is shown */
	if (fails)
		return 70 + call;
	int n = snprintf(text, sizeof(text), "of call %d", call);
	return larder_result_set(result, text, (size_t)n);
}

struct asker {
	pthread_t thread;
	int status;
	char value[32];
};

static void *ask(void *ctx)
{
	struct asker *a = ctx;
	void *value;
	size_t n;
	pthread_mutex_lock(&slow.lock);
	slow.asked++;
	pthread_cond_broadcast(&slow.changed);
	pthread_mutex_unlock(&slow.lock);
	a->status = larder_remember(cache, "k", 60, compute_slowly, &slow, &value, &n);
	snprintf(a->value, sizeof(a->value), "%s", a->status == LARDER_OK ? (char *)value : "");
	larder_free(value);
	return NULL;
}

static void ask_all(int backend, const char *name, int fail_first, struct asker askers[THREADS])
{
	cache = place_open(backend, name);
	larder_forget(cache, "k");
	slow.asked = slow.calls = 0;
	slow.fail_first = fail_first;
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(askers[i].thread, NULL);
}

START_TEST(threads_that_ask_at_once_compute_once)
{
	struct asker askers[THREADS];
	ask_all(_i, "once", 0, askers);
	ck_assert_int_eq(slow.calls, 1);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(askers[i].status, LARDER_OK);
		ck_assert_str_eq(askers[i].value, "of call 1");
	}
	larder_close(cache);
}
END_TEST

START_TEST(who_fails_is_told_and_the_others_try_in_turn)
{
	struct asker askers[THREADS];
	int failed = 0, good = 0;
	ask_all(_i, "failing", 2, askers);
	ck_assert_int_eq(slow.calls, 3);
	for (int i = 0; i < THREADS; i++) {
		failed += askers[i].status == 71 || askers[i].status == 72;
		good += askers[i].status == LARDER_OK && strcmp(askers[i].value, "of call 3") == 0;
	}
	ck_assert_int_eq(failed, 2);
	ck_assert_int_eq(good, THREADS - 2);
	larder_close(cache);
}
END_TEST

static int set_nothing(void *context, larder_result *result)
{
	return 0;
}

static int set_bad(void *context, larder_result *result)
{
	ck_assert_int_eq(larder_result_set_json(result, "{", 1), LARDER_INVALID);
	ck_assert_int_eq(larder_result_set_json(result, "[1]", 3), LARDER_OK);
	return larder_result_set(result, "last", 4);
}

static int ask_again(void *context, larder_result *result)
{
	void *value;
	ck_assert_int_eq(larder_remember(cache, "k", 0, set_bad, NULL, &value, NULL), LARDER_DEADLOCK);
	ck_assert_ptr_null(value);
	/* Another key is another matter. */
	ck_assert_int_eq(larder_remember(cache, "other", 0, set_bad, NULL, &value, NULL), LARDER_OK);
	larder_free(value);
	return larder_result_set(result, NULL, 0);
}

START_TEST(what_a_computation_may_do)
{
	void *value;
	size_t n = 9;
	cache = place_open(_i, "may");
	ck_assert_int_eq(larder_remember(cache, "k", 60, set_nothing, NULL, &value, &n), LARDER_INVALID);
	ck_assert_ptr_null(value);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(larder_has(cache, "k"), 0);
	ck_assert_int_eq(larder_remember(cache, "k", -1, set_bad, NULL, &value, &n), LARDER_INVALID);
	ck_assert_int_eq(larder_remember(cache, "k", 60, ask_again, NULL, &value, &n), LARDER_OK);
	ck_assert_uint_eq(n, 0);
	larder_free(value);
	ck_assert_int_eq(larder_has(cache, "k"), 1);
	larder_close(cache);
}
END_TEST

/* A cache that is out of order does not stand in the way. */
START_TEST(without_a_server_it_is_computed)
{
	larder_options o = place_options(PLACE_REDIS, "away");
	void *value;
	o.url = "redis://127.0.0.1:1";
	ck_assert_int_eq(larder_open(&o, &cache), LARDER_OK);
	ck_assert_int_eq(larder_remember(cache, "k", 60, set_bad, NULL, &value, NULL), LARDER_OK);
	ck_assert_str_eq(value, "last");
	larder_free(value);
	ck_assert_int_eq(larder_get(cache, "k", &value, NULL), LARDER_CONNECT);
	larder_close(cache);
}
END_TEST

static void *count(void *ctx)
{
	for (int i = 0; i < 1000; i++)
		must(larder_incr(cache, "n", 1, 0, NULL) == LARDER_OK, "not counted");
	return NULL;
}

START_TEST(sixteen_threads_count)
{
	pthread_t threads[THREADS];
	int64_t n = 0;
	cache = place_open(_i, "threads");
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(larder_incr(cache, "n", 0, 0, &n), LARDER_OK);
	ck_assert_int_eq(n, 16000);
	larder_close(cache);
}
END_TEST

/* Everything at once on few keys: for the sanitizers. */
static void *everything(void *ctx)
{
	static const char *const tags[] = {"t", "u"};
	unsigned seed = (unsigned)(uintptr_t)ctx;
	char key[8];
	for (int i = 0; i < 300; i++) {
		void *value = NULL;
		seed = seed * 1103515245 + 12345;
		snprintf(key, sizeof(key), "%u", seed >> 20 & 7);
		switch (seed >> 16 & 7) {
		case 0:
			larder_forget(cache, key);
			break;
		case 1:
			larder_set_tagged(cache, key, "value", 5, 60, tags, 1 + (seed >> 24 & 1));
			break;
		case 2:
			larder_forget_tag(cache, tags[seed >> 24 & 1]);
			break;
		case 3:
			if (i % 20 == 0)
				larder_flush(cache);
			break;
		default:
			if (larder_get(cache, key, &value, NULL) == LARDER_OK)
				must(strcmp(value, "value") == 0, "another value");
			larder_free(value);
			if (seed >> 24 & 1)
				larder_set(cache, key, "value", 5, 0);
		}
	}
	return NULL;
}

START_TEST(everything_at_once)
{
	pthread_t threads[8];
	larder_options o = place_options(_i, "everything");
	o.max_entries = 5;
	ck_assert_int_eq(larder_open(&o, &cache), LARDER_OK);
	for (uintptr_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, everything, (void *)i), 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	larder_close(cache);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/remember");
	TCase *c = tcase_create("threads");
	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, place_make, place_remove);
	tcase_add_loop_test(c, threads_that_ask_at_once_compute_once, 0, PLACES);
	tcase_add_loop_test(c, who_fails_is_told_and_the_others_try_in_turn, 0, PLACES);
	tcase_add_loop_test(c, what_a_computation_may_do, 0, PLACES);
	tcase_add_test(c, without_a_server_it_is_computed);
	tcase_add_loop_test(c, sixteen_threads_count, 0, PLACES);
	tcase_add_loop_test(c, everything_at_once, 0, PLACES);
	suite_add_tcase(s, c);
	return suite_run(s);
}
