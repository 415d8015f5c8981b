/* One computation a key, among the threads of a process that ask for it at the same time.
 *
 *	thread 1:  missing -> nobody computes -> looks again, still missing -> fn -> stores -> tells, leaves
 *	thread 2:       missing -> somebody computes -> waits ............................... -> copies the value
 *	thread 3:       missing -> waits ...  and where thread 1 failed: nobody computes -> its turn
 *
 * The second look is for the thread whose first one was before another stored the value, and whose question whether somebody computes came
 * after. A computation is counted: by its thread and by those who wait, the last of whom frees it. */
#include "lib/remember.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "lib/cache.h"
#include "lib/json.h"

struct computing {
	struct computing *next;
	struct str key; /* its thread's, which is there as long as it is listed */
	pthread_t thread;
	pthread_cond_t ended;
	unsigned users;
	bool done;
	struct text json; /* p NULL: it failed */
};

int lib_check_json(struct str text, struct str *whole)
{
	if (text.n > LARDER_VALUE_MAX)
		return lib_fail(
		    LARDER_TOO_LARGE, "a value of %zu bytes: at most %d are stored", text.n, LARDER_VALUE_MAX);
	if (!text.p || !json_whole(text, whole))
		return lib_fail(LARDER_INVALID, "the text is not JSON (or nested deeper than %d)", JSON_DEPTH);
	return LARDER_OK;
}

static void result_take(larder_result *r, struct text *json)
{
	free(r->json.p);
	r->json = *json;
}

int larder_result_set(larder_result *r, const void *value, size_t n)
{
	struct text json;
	int status = lib_encode(str_make(value, n), &json);
	if (status == LARDER_OK)
		result_take(r, &json);
	return status;
}

int larder_result_set_json(larder_result *r, const char *json, size_t n)
{
	struct str whole;
	int status = lib_check_json(str_make(json, n), &whole);
	if (status != LARDER_OK)
		return status;
	struct text copy = {.p = alloc_try_copy(whole), .n = whole.n};
	if (!copy.p)
		return lib_no_memory();
	result_take(r, &copy);
	return LARDER_OK;
}

/* --- under the lock of the cache --- */

static struct computing *find(larder_cache *c, struct str key)
{
	struct computing *k = c->computing;
	while (k && !str_eq(k->key, key))
		k = k->next;
	return k;
}

static void leave(struct computing *k)
{
	if (--k->users > 0)
		return;
	pthread_cond_destroy(&k->ended);
	free(k->json.p);
	free(k);
}

/* In a child that was forked from within, it is not listed. */
static void unlist(larder_cache *c, struct computing *k)
{
	struct computing **at = &c->computing;
	while (*at && *at != k)
		at = &(*at)->next;
	if (*at)
		*at = k->next;
}

/* Until it has ended: LARDER_OK with a copy, LARDER_MISSING when it failed. */
static int await(larder_cache *c, struct computing *k, struct text *out)
{
	if (pthread_equal(k->thread, pthread_self()))
		return lib_fail(LARDER_DEADLOCK, "%s", larder_strerror(LARDER_DEADLOCK));
	k->users++;
	while (!k->done)
		pthread_cond_wait(&k->ended, &c->lock);
	int status = LARDER_MISSING;
	if (k->json.p) {
		*out = (struct text){.p = alloc_try_copy(str_make(k->json.p, k->json.n)), .n = k->json.n};
		status = out->p ? LARDER_OK : lib_no_memory();
	}
	leave(k);
	return status;
}

static struct computing *begin(larder_cache *c, struct str key)
{
	struct computing *k = alloc_try_zero(sizeof(*k));
	if (!k)
		return NULL;
	if (pthread_cond_init(&k->ended, NULL) != 0) {
		free(k);
		return NULL;
	}
	k->key = key;
	k->thread = pthread_self();
	k->users = 1;
	k->next = c->computing;
	c->computing = k;
	return k;
}

/* --- without it --- */

/* LARDER_OK with the value as JSON, or what fn returned, or a status. */
static int compute(larder_cache *c, struct str key, int64_t ttl_ms, larder_compute *fn, void *context, struct text *out)
{
	larder_result result = {.json = {.p = NULL}};
	if (lib_told("remember", c->backend->ops->get(c->backend, key, out)) == LARDER_OK)
		return LARDER_OK;
	int failed = fn(context, &result);
	if (failed == 0 && !result.json.p)
		failed = lib_fail(LARDER_INVALID, "the computation gave no value");
	if (failed != 0) {
		free(result.json.p);
		return failed;
	}
	struct lib_value v = {.json = str_make(result.json.p, result.json.n), .ttl_ms = ttl_ms};
	(void)lib_told("remember", c->backend->ops->set(c->backend, key, &v)); /* for larder_last_error */
	*out = result.json;
	return LARDER_OK;
}

/* As the one who computes. */
static int lead(
    larder_cache *c, struct computing *k, int64_t ttl_ms, larder_compute *fn, void *context, struct text *out)
{
	int status = compute(c, k->key, ttl_ms, fn, context, out);
	pthread_mutex_lock(&c->lock);
	unlist(c, k);
	k->done = true;
	/* Where there is no memory for a second copy, the others find it in the cache, or compute. */
	if (status == LARDER_OK && k->users > 1)
		k->json = (struct text){.p = alloc_try_copy(str_make(out->p, out->n)), .n = out->n};
	pthread_cond_broadcast(&k->ended);
	leave(k);
	pthread_mutex_unlock(&c->lock);
	return status;
}

static int remember(
    larder_cache *c, struct str key, int64_t ttl_ms, larder_compute *fn, void *context, struct text *out)
{
	for (;;) {
		if (lib_told("remember", c->backend->ops->get(c->backend, key, out)) == LARDER_OK)
			return LARDER_OK;
		pthread_mutex_lock(&c->lock);
		struct computing *other = find(c, key), *own = NULL;
		int status = LARDER_OK;
		if (other)
			status = await(c, other, out);
		else
			own = begin(c, key);
		pthread_mutex_unlock(&c->lock);
		if (own)
			return lead(c, own, ttl_ms, fn, context, out);
		if (!other)
			return lib_no_memory();
		if (status != LARDER_MISSING)
			return status;
	}
}

int larder_remember(
    larder_cache *c, const char *key, double ttl, larder_compute *fn, void *context, void **value, size_t *n)
{
	struct str k;
	int64_t ttl_ms = 0;
	struct text out = {.p = NULL};
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = lib_ttl(ttl, &ttl_ms);
	status = lib_told("remember", status);
	if (status == LARDER_OK)
		status = remember(c, k, ttl_ms, fn, context, &out);
	if (status == LARDER_OK)
		lib_decode(&out);
	*value = status == LARDER_OK ? out.p : NULL;
	if (n)
		*n = status == LARDER_OK ? out.n : 0;
	return status;
}
