/* A table of leases by key, each with the list of those who wait for it.
 *
 *   ask (nobody has it) -> [LEASED] -end, its time over-> gone, all who wait are woken and ask again: the value is there, or the first
 *   of them gets the lease. -void-> [VOID] (its token is worth nothing any more) -wake, its time over-> gone
 *
 * What a holder computes may be older than a value that somebody set or dropped meanwhile: void makes sure that it is not stored over it.
 * Nothing lives longer than its time, so the one lock and a walk over the few that there are, done by the thread when the next is due,
 * are enough. */
#include "admin/leases.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"

enum { BUCKETS = 1024 };

struct lease {
	struct lease *next;
	uint64_t hash;
	int64_t until_ms;
	char token[LEASE_TOKEN]; /* empty: void */
	struct list waiters;	 /* oldest first */
	struct str key;		 /* behind it */
};

struct leases {
	pthread_mutex_t lock;
	pthread_cond_t sooner; /* something is due before due_ms */
	int64_t due_ms;
	bool started, stopping;
	pthread_t thread;
	uint64_t seed;
	unsigned n, n_waiters;
	struct lease *buckets[BUCKETS];
};

struct leases *leases_new(void)
{
	struct leases *l = mem_zalloc(sizeof(*l));
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->sooner, &attr);
	pthread_condattr_destroy(&attr);
	l->due_ms = INT64_MAX;
	if (random_u64(&l->seed) != ERR_OK)
		l->seed = (uintptr_t)l;
	return l;
}

/* --- under the lock --- */

static struct lease **find(struct leases *l, struct str key)
{
	uint64_t hash = hash_str(key, l->seed);
	struct lease **at = &l->buckets[hash % BUCKETS];
	while (*at && ((*at)->hash != hash || !str_eq((*at)->key, key)))
		at = &(*at)->next;
	return at;
}

static void wake(struct leases *l, struct lease_waiter *w)
{
	list_remove(&w->link);
	l->n_waiters--;
	w->wake(w);
}

static void drop(struct leases *l, struct lease **at)
{
	struct lease *gone = *at;
	*at = gone->next;
	l->n--;
	LIST_EACH_SAFE (struct lease_waiter, w, &gone->waiters, link)
		wake(l, w);
	free(gone);
}

static void due(struct leases *l, int64_t at_ms)
{
	if (at_ms < l->due_ms) {
		l->due_ms = at_ms;
		pthread_cond_signal(&l->sooner);
	}
}

static int64_t tick(struct leases *l, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	for (unsigned i = 0; i < BUCKETS && l->n > 0; i++) {
		struct lease **at = &l->buckets[i];
		while (*at) {
			struct lease *one = *at;
			if (one->until_ms <= now_ms) {
				drop(l, at);
				continue;
			}
			next_ms = one->until_ms < next_ms ? one->until_ms : next_ms;
			LIST_EACH_SAFE (struct lease_waiter, w, &one->waiters, link) {
				if (w->until_ms <= now_ms)
					wake(l, w);
				else if (w->until_ms < next_ms)
					next_ms = w->until_ms;
			}
			at = &one->next;
		}
	}
	return l->due_ms = next_ms;
}

static int grant(
    struct leases *l, struct lease **at, struct str key, int64_t lease_ms, int64_t now_ms, char token[LEASE_TOKEN])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t bits;
	if (l->n >= LEASES_MAX)
		return ERR_FULL;
	if (random_u64(&bits) != ERR_OK)
		return ERR_IO;
	struct lease *one = mem_zalloc(sizeof(*one) + key.n);
	for (unsigned i = 0; i < LEASE_TOKEN - 1; i++, bits >>= 4)
		one->token[i] = digits[bits & 15];
	one->hash = hash_str(key, l->seed);
	one->until_ms = now_ms + lease_ms;
	list_init(&one->waiters);
	one->key = str_make((char *)(one + 1), key.n);
	str_put((char *)(one + 1), key);
	memcpy(token, one->token, LEASE_TOKEN);
	*at = one;
	l->n++;
	due(l, one->until_ms);
	return ERR_OK;
}

static int wait(struct leases *l, struct lease *one, struct lease_waiter *w, int64_t now_ms)
{
	if (!w || w->until_ms <= now_ms)
		return ERR_TIMEOUT;
	if (l->n_waiters >= LEASE_WAITERS_MAX)
		return ERR_FULL;
	list_add_last(&one->waiters, &w->link);
	l->n_waiters++;
	due(l, w->until_ms);
	return ERR_AGAIN;
}

/* NULL: not this token's. */
static struct lease **held(struct leases *l, struct str key, struct str token, int64_t now_ms)
{
	struct lease **at = find(l, key);
	bool is = *at && (*at)->until_ms > now_ms && token.n > 0 && str_eq(str_of((*at)->token), token);
	return is ? at : NULL;
}

/* --- the door --- */

int leases_ask(
    struct leases *l, struct str key, int64_t lease_ms, struct lease_waiter *w, int64_t now_ms, char token[LEASE_TOKEN])
{
	pthread_mutex_lock(&l->lock);
	struct lease **at = find(l, key);
	if (*at && (*at)->until_ms <= now_ms) {
		drop(l, at);
		at = find(l, key);
	}
	int err = l->stopping ? ERR_CANCELLED
		  : *at	      ? wait(l, *at, w, now_ms)
			      : grant(l, at, key, lease_ms, now_ms, token);
	pthread_mutex_unlock(&l->lock);
	return err;
}

bool leases_holds(struct leases *l, struct str key, struct str token, int64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	bool is = held(l, key, token, now_ms) != NULL;
	pthread_mutex_unlock(&l->lock);
	return is;
}

bool leases_end(struct leases *l, struct str key, struct str token, int64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	struct lease **at = held(l, key, token, now_ms);
	if (at)
		drop(l, at);
	pthread_mutex_unlock(&l->lock);
	return at != NULL;
}

void leases_void(struct leases *l, struct str key)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < BUCKETS && l->n > 0 && !key.p; i++)
		for (struct lease *one = l->buckets[i]; one; one = one->next)
			one->token[0] = '\0';
	struct lease *one = key.p ? *find(l, key) : NULL;
	if (one)
		one->token[0] = '\0';
	pthread_mutex_unlock(&l->lock);
}

void leases_wake(struct leases *l, struct str key)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < BUCKETS && l->n > 0 && !key.p; i++) {
		struct lease **at = &l->buckets[i];
		while (*at) {
			if ((*at)->token[0] == '\0')
				drop(l, at);
			else
				at = &(*at)->next;
		}
	}
	struct lease **at = key.p ? find(l, key) : NULL;
	if (at && *at && (*at)->token[0] == '\0')
		drop(l, at);
	pthread_mutex_unlock(&l->lock);
}

int64_t leases_tick(struct leases *l, int64_t now_ms)
{
	pthread_mutex_lock(&l->lock);
	int64_t next_ms = tick(l, now_ms);
	pthread_mutex_unlock(&l->lock);
	return next_ms;
}

/* --- the thread --- */

static void *run(void *arg)
{
	struct leases *l = arg;
	pthread_mutex_lock(&l->lock);
	while (!l->stopping) {
		int64_t next_ms = tick(l, clock_mono_us() / 1000);
		if (next_ms == INT64_MAX) {
			pthread_cond_wait(&l->sooner, &l->lock);
			continue;
		}
		struct timespec at = {.tv_sec = next_ms / 1000, .tv_nsec = next_ms % 1000 * 1000000};
		pthread_cond_timedwait(&l->sooner, &l->lock, &at);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int leases_start(struct leases *l)
{
	l->started = pthread_create(&l->thread, NULL, run, l) == 0;
	return l->started ? ERR_OK : ERR_IO;
}

void leases_stop(struct leases *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (l->buckets[i])
			drop(l, &l->buckets[i]);
	pthread_cond_signal(&l->sooner);
	pthread_mutex_unlock(&l->lock);
	if (l->started)
		pthread_join(l->thread, NULL);
	l->started = false;
}

void leases_free(struct leases **leases)
{
	struct leases *l = *leases;
	if (!l)
		return;
	leases_stop(l);
	pthread_cond_destroy(&l->sooner);
	pthread_mutex_destroy(&l->lock);
	free(l);
	*leases = NULL;
}
