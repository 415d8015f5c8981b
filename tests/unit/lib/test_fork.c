/* Processes: they count together, and a child goes on with the caches of its parent without touching its connections. */
#include "lib/place.h"

#include <pthread.h>
#include <stdatomic.h>

enum { CHILDREN = 4, ROUNDS = 500 };

/* ASan's allocator does not look after its locks at a fork, as the C library's does: a child of busy threads may hang in it. */
enum { BUSY = MEM_IS_SANITIZED ? 0 : 4 };

static void expect_good_end(pid_t child)
{
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %d", status);
}

START_TEST(processes_count_together)
{
	pid_t children[CHILDREN];
	int64_t n = 0;
	larder_cache *c = place_open(_i, "processes");
	ck_assert_int_eq(larder_incr(c, "n", 0, 0, NULL), LARDER_OK);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		/* Half of them with the parent's cache, half with their own. */
		larder_cache *own = i % 2 ? place_open(_i, "processes") : c;
		for (int k = 0; k < ROUNDS; k++) {
			if (larder_incr(own, "n", 1, 0, NULL) != LARDER_OK)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++)
		ck_assert_int_eq(larder_incr(c, "n", 1, 0, NULL), LARDER_OK);
	for (int i = 0; i < CHILDREN; i++)
		expect_good_end(children[i]);
	ck_assert_int_eq(larder_incr(c, "n", 0, 0, &n), LARDER_OK);
	ck_assert_int_eq(n, (CHILDREN + 1) * ROUNDS);
	larder_close(c);
}
END_TEST

/* Each sets keys of its own, far more than there may be. */
START_TEST(processes_keep_the_bound_together)
{
	enum { BOUND = 64 };
	pid_t children[CHILDREN];
	char key[32];
	larder_options o = place_options(_i, "bound");
	o.max_entries = BOUND;
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] != 0)
			continue;
		larder_cache *own = NULL;
		int failed = larder_open(&o, &own) != LARDER_OK;
		for (int k = 0; k < ROUNDS && !failed; k++) {
			snprintf(key, sizeof(key), "%d-%d", i, k);
			failed = larder_set(own, key, "v", 1, 0) != LARDER_OK;
		}
		_exit(failed);
	}
	for (int i = 0; i < CHILDREN; i++)
		expect_good_end(children[i]);
	larder_cache *c = place_open(_i, "bound");
	int there = 0;
	for (int i = 0; i < CHILDREN * ROUNDS; i++) {
		snprintf(key, sizeof(key), "%d-%d", i / ROUNDS, i % ROUNDS);
		there += larder_has(c, key);
	}
	ck_assert_int_le(there, BOUND);
	ck_assert_int_ge(there, BOUND / 2);
	larder_close(c);
}
END_TEST

static larder_cache *cache;
static atomic_bool stop, wrong;

static void *use(void *ctx)
{
	char key[16];
	snprintf(key, sizeof(key), "%d", (int)(intptr_t)ctx);
	while (!atomic_load(&stop)) {
		void *value = NULL;
		if (larder_set(cache, key, key, strlen(key), 0) != LARDER_OK ||
		    larder_get(cache, key, &value, NULL) != LARDER_OK || strcmp(value, key) != 0 ||
		    larder_forget(cache, key) != LARDER_OK)
			atomic_store(&wrong, true);
		larder_free(value);
	}
	return NULL;
}

static int compute(void *context, larder_result *result)
{
	return larder_result_set(result, "made", 4);
}

/* Also for a computation that another thread of the parent has begun. */
static int compute_and_fork(void *context, larder_result *result)
{
	pid_t *child = context;
	*child = fork();
	if (*child == 0) {
		void *value;
		int status = larder_remember(cache, "deep", 0, compute, NULL, &value, NULL);
		_exit(status == LARDER_OK ? 0 : 1);
	}
	return larder_result_set(result, "x", 1);
}

START_TEST(children_go_on_while_threads_work)
{
	pthread_t threads[4];
	cache = place_open(_i, "busy");
	atomic_store(&stop, false);
	for (intptr_t i = 0; i < BUSY; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use, (void *)i), 0);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork(); /* no check in the child: Check has locks */
		if (child == 0) {
			void *value;
			bool good = larder_set(cache, "c", "v", 1, 60) == LARDER_OK &&
				    larder_get(cache, "c", &value, NULL) == LARDER_OK &&
				    larder_incr(cache, "i", 1, 0, NULL) == LARDER_OK &&
				    larder_forget(cache, "c") == LARDER_OK;
			larder_close(cache);
			_exit(good ? 0 : 1);
		}
		expect_good_end(child);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < BUSY; i++)
		pthread_join(threads[i], NULL);
	ck_assert(!atomic_load(&wrong));
	pid_t child = -1;
	void *value;
	ck_assert_int_eq(larder_remember(cache, "deep", 0, compute_and_fork, &child, &value, NULL), LARDER_OK);
	larder_free(value);
	expect_good_end(child);
	larder_close(cache);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/fork");
	TCase *c = tcase_create("processes");
	tcase_set_timeout(c, 120);
	tcase_add_unchecked_fixture(c, place_make, place_remove);
	tcase_add_loop_test(c, processes_count_together, PLACE_FILE, PLACES);
	tcase_add_loop_test(c, processes_keep_the_bound_together, PLACE_FILE, PLACES);
	tcase_add_loop_test(c, children_go_on_while_threads_work, 0, PLACES);
	suite_add_tcase(s, c);
	return suite_run(s);
}
