/* A table by key and a list in order of arrival, under one lock: when there is no room, the oldest leaves, whatever its time. What is over
 * stays until then, or until it is asked for: the room is bounded anyway. */
#include "admin/stales.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/random.h"

enum { BUCKETS = 1024 };

struct kept {
	struct list link;  /* in stales.by_age */
	struct kept *next; /* in its bucket */
	uint64_t hash;
	int64_t ends_ms, until_ms;
	struct str key, value; /* behind it */
};

struct stales {
	pthread_mutex_t lock;
	uint64_t seed;
	size_t bytes, max_bytes;
	struct list by_age; /* oldest first */
	struct kept *buckets[BUCKETS];
};

struct stales *stales_new(size_t max_bytes)
{
	struct stales *s = mem_zalloc(sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	list_init(&s->by_age);
	s->max_bytes = max_bytes;
	if (random_u64(&s->seed) != ERR_OK)
		s->seed = (uintptr_t)s;
	return s;
}

/* --- under the lock --- */

static struct kept **find(struct stales *s, struct str key)
{
	uint64_t hash = hash_str(key, s->seed);
	struct kept **at = &s->buckets[hash % BUCKETS];
	while (*at && ((*at)->hash != hash || !str_eq((*at)->key, key)))
		at = &(*at)->next;
	return at;
}

static size_t cost(const struct kept *k)
{
	return sizeof(*k) + k->key.n + k->value.n;
}

static void drop(struct stales *s, struct kept **at)
{
	struct kept *gone = *at;
	*at = gone->next;
	list_remove(&gone->link);
	s->bytes -= cost(gone);
	free(gone);
}

static void drop_oldest(struct stales *s)
{
	drop(s, find(s, LIST_FIRST(&s->by_age, struct kept, link)->key));
}

static void insert(struct stales *s, struct kept *k)
{
	struct kept **at = find(s, k->key);
	if (*at)
		drop(s, at);
	while (s->bytes + cost(k) > s->max_bytes)
		drop_oldest(s);
	s->bytes += cost(k);
	k->next = s->buckets[k->hash % BUCKETS];
	s->buckets[k->hash % BUCKETS] = k;
	list_add_last(&s->by_age, &k->link);
}

/* --- the door --- */

void stales_keep(struct stales *s, struct str key, struct str value, int64_t ends_ms, int64_t until_ms)
{
	if (sizeof(struct kept) + key.n + value.n > s->max_bytes) {
		stales_drop(s, key);
		return;
	}
	struct kept *k = mem_alloc(sizeof(*k) + key.n + value.n);
	char *behind = (char *)(k + 1);
	*k = (struct kept){.hash = hash_str(key, s->seed),
	    .ends_ms = ends_ms,
	    .until_ms = until_ms,
	    .key = str_make(behind, key.n),
	    .value = str_make(behind + key.n, value.n)};
	str_put(str_put(behind, key), value);
	pthread_mutex_lock(&s->lock);
	insert(s, k);
	pthread_mutex_unlock(&s->lock);
}

bool stales_get(struct stales *s, struct str key, int64_t now_ms, struct buf *out, int64_t *over_ms)
{
	pthread_mutex_lock(&s->lock);
	struct kept **at = find(s, key);
	bool found = *at && (*at)->until_ms > now_ms;
	if (*at && !found)
		drop(s, at);
	if (found) {
		const struct kept *k = *at;
		*over_ms = now_ms > k->ends_ms ? now_ms - k->ends_ms : 0;
		(void)buf_add(out, k->value); /* what does not fit marks the buffer */
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

void stales_drop(struct stales *s, struct str key)
{
	pthread_mutex_lock(&s->lock);
	struct kept **at = key.p ? find(s, key) : NULL;
	if (at && *at)
		drop(s, at);
	while (!key.p && !list_is_empty(&s->by_age))
		drop_oldest(s);
	pthread_mutex_unlock(&s->lock);
}

void stales_free(struct stales **stales)
{
	struct stales *s = *stales;
	if (!s)
		return;
	stales_drop(s, STR_NONE);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*stales = NULL;
}
