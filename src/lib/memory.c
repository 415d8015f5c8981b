/* Values in the memory of this process, in a hash table under one lock that is held for the copy of a value and no longer. Each cache has a
 * table of its own, so a namespace needs no place in it. It is not the proxy's memory tier, which keeps counted pages under a byte budget and
 * ends the process without memory.
 *
 * When there are too many entries SIEVE (tier/sieve.h) says which leaves, unless one whose time is over is met on the way. A tag is looked for
 * in all entries: they are few (max_entries), tags are forgotten seldom, and an index would be one more thing to keep right in every
 * replacement. */
#include "lib/lib.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "tier/sieve.h"

enum { FIRST_BUCKETS = 64 };

/* One allocation: the key, the text and the tags (each with its length before it) stand behind it. */
struct item {
	struct item *next; /* of its bucket */
	struct sieve_node node;
	uint64_t hash;
	int64_t expires_ms; /* 0: never */
	struct str key, json;
	struct str *tags;
	size_t n_tags;
};

struct memory {
	struct lib_backend backend;
	pthread_mutex_t lock;
	struct siphash_key key;
	struct item **buckets;
	size_t n_buckets, n, max;
	struct sieve evict;
};

static struct memory *memory_of(struct lib_backend *b)
{
	return CONTAINER_OF(b, struct memory, backend);
}

static bool expired(const struct item *item, int64_t now)
{
	return item->expires_ms != 0 && item->expires_ms <= now;
}

/* Where the pointer to the key's item is, or would be. Under the lock, as all below. */
static struct item **place_of(struct memory *m, struct str key, uint64_t hash)
{
	struct item **at = &m->buckets[hash & (m->n_buckets - 1)];
	while (*at && ((*at)->hash != hash || !str_eq((*at)->key, key)))
		at = &(*at)->next;
	return at;
}

static void drop(struct memory *m, struct item **at)
{
	struct item *item = *at;
	*at = item->next;
	sieve__remove(&m->evict, &item->node);
	m->n--;
	free(item);
}

/* The live item of the key, or NULL. */
static struct item *find(struct memory *m, struct str key)
{
	struct item **at = place_of(m, key, siphash(&m->key, key));
	if (*at && expired(*at, lib_now_ms()))
		drop(m, at);
	return *at && str_eq((*at)->key, key) ? *at : NULL;
}

/* Without memory the chains just become longer. */
static void grow(struct memory *m)
{
	size_t n = m->n_buckets * 2;
	struct item **buckets = m->n < m->n_buckets ? NULL : alloc_try_zero(n * sizeof(struct item *));
	if (!buckets)
		return;
	for (size_t i = 0; i < m->n_buckets; i++) {
		for (struct item *item = m->buckets[i], *next; item; item = next) {
			next = item->next;
			item->next = buckets[item->hash & (n - 1)];
			buckets[item->hash & (n - 1)] = item;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->n_buckets = n;
}

static void evict_one(struct memory *m)
{
	/* Two laps: the first may only take marks away. */
	struct sieve_node *node = NULL;
	for (unsigned lap = 0; lap < 3 && !node; lap++) {
		struct sieve_search search = {.any = lap == 2, .steps = (unsigned)m->n};
		node = sieve__victim(&m->evict, &search);
	}
	if (node) {
		struct item *item = CONTAINER_OF(node, struct item, node);
		drop(m, place_of(m, item->key, item->hash));
	}
}

static struct item *item_new(struct str key, const struct lib_value *v, int64_t now)
{
	size_t size = sizeof(struct item) + v->n_tags * sizeof(struct str) + key.n + v->json.n;
	for (size_t i = 0; i < v->n_tags; i++)
		size += v->tags[i].n;
	struct item *item = alloc_try(size);
	if (!item)
		return NULL;
	struct str *tags = (struct str *)(void *)(item + 1);
	char *at = (char *)(tags + v->n_tags);
	*item = (struct item){.key = str_make(at, key.n), .tags = tags, .n_tags = v->n_tags};
	at = str_put(at, key);
	for (size_t i = 0; i < v->n_tags; i++) {
		tags[i] = str_make(at, v->tags[i].n);
		at = str_put(at, v->tags[i]);
	}
	item->json = str_make(at, v->json.n);
	str_put(at, v->json);
	item->expires_ms = v->ttl_ms > 0 ? now + v->ttl_ms : 0;
	return item;
}

static void add(struct memory *m, struct item *item)
{
	item->hash = siphash(&m->key, item->key);
	struct item **at = place_of(m, item->key, item->hash);
	bool was_hit = *at && atomic_load_explicit(&(*at)->node.visited, memory_order_relaxed);
	if (*at)
		drop(m, at);
	else if (m->n >= m->max)
		evict_one(m);
	grow(m);
	at = &m->buckets[item->hash & (m->n_buckets - 1)];
	item->next = *at;
	*at = item;
	sieve__add(&m->evict, &item->node);
	if (was_hit)
		sieve__hit(&item->node);
	m->n++;
}

static int memory_get(struct lib_backend *b, struct str key, struct text *out)
{
	struct memory *m = memory_of(b);
	int status = LARDER_MISSING;
	pthread_mutex_lock(&m->lock);
	struct item *item = find(m, key);
	if (item) {
		sieve__hit(&item->node);
		*out = (struct text){.p = alloc_try_copy(item->json), .n = item->json.n};
		status = out->p ? LARDER_OK : LARDER_NO_MEMORY;
	}
	pthread_mutex_unlock(&m->lock);
	return status == LARDER_NO_MEMORY ? lib_no_memory() : status;
}

static int memory_set(struct lib_backend *b, struct str key, const struct lib_value *v)
{
	struct memory *m = memory_of(b);
	struct item *item = item_new(key, v, lib_now_ms());
	if (!item)
		return lib_no_memory();
	pthread_mutex_lock(&m->lock);
	add(m, item);
	pthread_mutex_unlock(&m->lock);
	return LARDER_OK;
}

static int memory_has(struct lib_backend *b, struct str key)
{
	struct memory *m = memory_of(b);
	pthread_mutex_lock(&m->lock);
	bool found = find(m, key) != NULL;
	pthread_mutex_unlock(&m->lock);
	return found ? LARDER_OK : LARDER_MISSING;
}

static int memory_forget(struct lib_backend *b, struct str key)
{
	struct memory *m = memory_of(b);
	pthread_mutex_lock(&m->lock);
	bool found = find(m, key) != NULL;
	if (found)
		drop(m, place_of(m, key, siphash(&m->key, key)));
	pthread_mutex_unlock(&m->lock);
	return found ? LARDER_OK : LARDER_MISSING;
}

static bool carries(const struct item *item, struct str tag)
{
	for (size_t i = 0; i < item->n_tags; i++) {
		if (str_eq(item->tags[i], tag))
			return true;
	}
	return false;
}

/* All of them, or those with the tag. */
static void drop_all(struct memory *m, const struct str *tag)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n_buckets; i++) {
		for (struct item **at = &m->buckets[i]; *at;) {
			if (!tag || carries(*at, *tag))
				drop(m, at);
			else
				at = &(*at)->next;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

static int memory_flush(struct lib_backend *b)
{
	drop_all(memory_of(b), NULL);
	return LARDER_OK;
}

static int memory_forget_tag(struct lib_backend *b, struct str tag)
{
	drop_all(memory_of(b), &tag);
	return LARDER_OK;
}

static int incr_locked(struct memory *m, struct str key, int64_t amount, int64_t ttl_ms, int64_t *result)
{
	char room[24];
	struct item *old = find(m, key), *item;
	int status = lib_sum(old ? old->json : STR_NONE, amount, result);
	if (status != LARDER_OK)
		return status;
	struct lib_value v = {.json = lib_int_text(*result, room), .ttl_ms = ttl_ms};
	if (old) {
		v.tags = old->tags;
		v.n_tags = old->n_tags;
	}
	item = item_new(key, &v, lib_now_ms());
	if (!item)
		return lib_no_memory();
	if (old)
		item->expires_ms = old->expires_ms;
	add(m, item);
	sieve__hit(&item->node);
	return LARDER_OK;
}

static int memory_incr(struct lib_backend *b, struct str key, int64_t amount, int64_t ttl_ms, int64_t *result)
{
	struct memory *m = memory_of(b);
	pthread_mutex_lock(&m->lock);
	int status = incr_locked(m, key, amount, ttl_ms, result);
	pthread_mutex_unlock(&m->lock);
	return status;
}

static void memory_close(struct lib_backend *b)
{
	struct memory *m = memory_of(b);
	drop_all(m, NULL);
	pthread_mutex_destroy(&m->lock);
	free(m->buckets);
	free(m);
}

static void memory_fork_prepare(struct lib_backend *b)
{
	pthread_mutex_lock(&memory_of(b)->lock);
}

static void memory_fork_done(struct lib_backend *b, bool child)
{
	pthread_mutex_unlock(&memory_of(b)->lock);
}

static const struct lib_ops memory_ops = {
    .get = memory_get,
    .set = memory_set,
    .has = memory_has,
    .forget = memory_forget,
    .flush = memory_flush,
    .incr = memory_incr,
    .forget_tag = memory_forget_tag,
    .close = memory_close,
    .fork_prepare = memory_fork_prepare,
    .fork_done = memory_fork_done,
};

/* Those who choose keys must not choose where they lie. */
static bool draw_key(struct siphash_key *key)
{
	ssize_t n;
	do
		n = getrandom(key, sizeof(*key), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*key);
}

struct lib_backend *memory_backend_open(const struct lib_settings *s, int *status)
{
	struct memory *m = alloc_try_zero(sizeof(*m));
	struct item **buckets = alloc_try_zero(FIRST_BUCKETS * sizeof(struct item *));
	if (!m || !buckets) {
		*status = lib_no_memory();
		goto failed;
	}
	m->backend.ops = &memory_ops;
	m->buckets = buckets;
	m->n_buckets = FIRST_BUCKETS;
	m->max = s->max_entries;
	if (!draw_key(&m->key)) {
		*status = lib_fail_errno("random bits", STR_NONE);
		goto failed;
	}
	if (pthread_mutex_init(&m->lock, NULL) != 0) {
		*status = lib_no_memory();
		goto failed;
	}
	*status = LARDER_OK;
	return &m->backend;
failed:
	free(buckets);
	free(m);
	return NULL;
}
