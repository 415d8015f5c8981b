/* The table of flights: shards of one short mutex each, never held across I/O. */
#include "req/flight.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "req/personal.h"
#include "req/req.h"
#include "req/sample.h"
#include "req/visitor.h"

enum { SHARDS = 64, BUCKETS = 64 };
/* The memory of verdicts has this part of what pages have. */
enum { RECALL_PART = 64 };

struct shard {
	pthread_mutex_t lock;
	struct flight *buckets[BUCKETS];
};

struct flights {
	struct shard shards[SHARDS];
	struct recall *recall;
	struct visitors *visitors;
};

static struct shard *shard_of(struct flights *f, const struct cache_key *key)
{
	return &f->shards[key->hi % SHARDS];
}

static struct flight **bucket_of(struct shard *s, const struct cache_key *key)
{
	return &s->buckets[key->lo % BUCKETS];
}

struct flights *flights_new(size_t memory_size)
{
	struct flights *f = mem_zalloc(sizeof *f);
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&f->shards[i].lock, NULL);
	f->recall = recall_new(memory_size / RECALL_PART);
	f->visitors = visitors_new();
	return f;
}

void flights_free(struct flights **f)
{
	if (!*f)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		for (unsigned b = 0; b < BUCKETS; b++)
			assert(!(*f)->shards[i].buckets[b]);
		pthread_mutex_destroy(&(*f)->shards[i].lock);
	}
	recall_free(&(*f)->recall);
	visitors_free(&(*f)->visitors);
	free(*f);
	*f = NULL;
}

struct recall *flights_recall(struct flights *flights)
{
	return flights->recall;
}

struct visitors *flights_visitors(struct flights *flights)
{
	return flights->visitors;
}

/* ---- one flight ---- */

struct flight *flight_new(struct flights *home, struct tier *tier, const struct cache_key *key, struct str signature)
{
	struct flight *f = mem_zalloc(sizeof *f);
	f->refs = 1;
	f->home = home;
	list_init(&f->waiters);
	arena_init(&f->arena, 4096);
	f->key = *key;
	f->key.text = arena_str(&f->arena, key->text);
	f->signature = arena_str(&f->arena, signature);
	f->epoch = tier_epoch(tier);
	f->length = -1;
	f->promised = -1;
	atomic_store(&f->first_byte_us, -1);
	return f;
}

struct flight *flight_ref(struct flight *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void flight_release(struct flight **ref)
{
	struct flight *f = *ref;
	*ref = NULL;
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	assert(list_is_empty(&f->waiters) && !f->listed);
	entry_release(&f->entry);
	entry_release(&f->stale);
	entry_release(&f->part);
	for (unsigned i = 0; i < f->n_offered; i++)
		entry_release(&f->offered[i]);
	body_release(&f->body);
	sample_free(&f->sample);
	personal_free(&f->personal);
	conf_release(&f->conf);
	arena_free(&f->arena);
	free(f);
}

static void reader_wakes(struct body_reader *r)
{
	struct flight_waiter *w = CONTAINER_OF(r, struct flight_waiter, reader);
	w->port->post(w->worker, w->mail);
}

/* Shard lock held. Drops the table's reference: never the last one, the owner has its own. */
static void unlist(struct shard *s, struct flight *f)
{
	if (!f->listed)
		return;
	struct flight **p = bucket_of(s, &f->key);
	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	f->listed = false;
	atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel);
}

static bool is_same(const struct flight *f, const struct cache_key *key, struct str signature)
{
	return f->key.lo == key->lo && f->key.hi == key->hi && str_eq(f->key.text, key->text) &&
	       str_eq(f->signature, signature);
}

/* ---- joining ---- */

/* Shard lock held. True when the waiter is in (told later, or its reader is open). */
static bool join_found(struct flight *f, struct flight_waiter *w, enum flight_join *how)
{
	if (f->state == FLIGHT_OPEN) {
		list_add_first(&f->waiters, &w->link);
		*how = FLIGHT_JOIN_WAIT;
		return true;
	}
	*how = FLIGHT_JOIN_READY;
	return !f->body || body_reader_open(&w->reader, f->body, reader_wakes) == ERR_OK;
}

static bool is_held_long(const struct flight *f, int64_t now_ms)
{
	return f->state == FLIGHT_OPEN && f->held_ms > 0 && now_ms - f->held_ms >= FLIGHT_HELD_MS;
}

enum flight_join flight_join(struct flights *flights, struct tier *tier, const struct cache_key *key,
    struct str signature, struct flight_waiter *waiter, int64_t now_ms, struct flight **out)
{
	struct shard *s = shard_of(flights, key);
	enum flight_join how = FLIGHT_JOIN_LEAD;
	*out = NULL;
	pthread_mutex_lock(&s->lock);
	struct flight **bucket = bucket_of(s, key), *f = *bucket;
	while (f && !is_same(f, key, signature))
		f = f->next;
	/* What began before a purge must not answer a request that came after it. */
	if (f && tier_purged_since(tier, f->epoch, key, NULL, 0)) {
		unlist(s, f);
		f = NULL;
	}
	if (f && waiter && is_held_long(f, now_ms)) {
		how = FLIGHT_JOIN_PASSES;
		goto out;
	}
	if (f && !waiter) {
		how = FLIGHT_JOIN_WAIT;
		goto out;
	}
	if (f && join_found(f, waiter, &how)) {
		*out = flight_ref(f);
		goto out;
	}
	if (f) /* its front is gone: it shares no more */
		unlist(s, f);
	if (recall_passes(flights->recall, key, now_ms)) {
		how = FLIGHT_JOIN_PASSES;
		goto out;
	}
	how = FLIGHT_JOIN_LEAD;
	f = flight_new(flights, tier, key, signature);
	f->listed = true;
	f->refs = 2; /* the table's and the caller's */
	f->next = *bucket;
	*bucket = f;
	if (waiter)
		list_add_first(&f->waiters, &waiter->link);
	*out = f;
out:
	pthread_mutex_unlock(&s->lock);
	return how;
}

struct flight *flight_join_growing(struct flights *flights, struct tier *tier, const struct cache_key *key,
    struct str signature, struct flight_waiter *waiter, uint64_t bytes)
{
	struct shard *s = shard_of(flights, key);
	enum flight_join how;
	pthread_mutex_lock(&s->lock);
	struct flight *f = *bucket_of(s, key);
	while (f && !is_same(f, key, signature))
		f = f->next;
	bool fits = f && f->state == FLIGHT_SHARED && f->body && body_size(f->body) > bytes &&
		    !tier_purged_since(tier, f->epoch, key, NULL, 0) && join_found(f, waiter, &how);
	f = fits ? flight_ref(f) : NULL;
	pthread_mutex_unlock(&s->lock);
	return f;
}

void flight_leave(struct flight *f, struct flight_waiter *w)
{
	if (f->home) {
		struct shard *s = shard_of(f->home, &f->key);
		pthread_mutex_lock(&s->lock);
		list_remove(&w->link);
		pthread_mutex_unlock(&s->lock);
	} else {
		list_remove(&w->link);
	}
	body_reader_close(&w->reader);
	w->port->unpost(w->worker, w->mail);
}

/* ---- deciding ---- */

/* Shard lock held. */
static void tell(struct flight *f, struct flight_waiter *w, bool reads)
{
	list_remove(&w->link);
	if (f->body && reads) {
		int err = body_reader_open(&w->reader, f->body, reader_wakes);
		assert(err == ERR_OK); /* nothing was taken from its front before this */
		(void)err;
	}
	w->port->post(w->worker, w->mail);
}

static void tell_all(struct flight *f)
{
	LIST_EACH_SAFE (struct flight_waiter, w, &f->waiters, link)
		tell(f, w, f->state == FLIGHT_SHARED || (f->state == FLIGHT_ALONE && w->leads));
}

static void tell_leader(struct flight *f)
{
	LIST_EACH (struct flight_waiter, w, &f->waiters, link) {
		if (!w->leads)
			continue;
		tell(f, w, true);
		return;
	}
}

static void let_followers_go(struct flight *f)
{
	LIST_EACH_SAFE (struct flight_waiter, w, &f->waiters, link) {
		if (w->leads)
			continue;
		w->let_go = true;
		tell(f, w, false);
	}
}

void flight_tell_leader(struct flight *f, int64_t now_ms)
{
	assert(f->state == FLIGHT_OPEN);
	if (!f->home) {
		tell_leader(f);
		return;
	}
	struct shard *s = shard_of(f->home, &f->key);
	pthread_mutex_lock(&s->lock);
	f->held_ms = now_ms;
	tell_leader(f);
	pthread_mutex_unlock(&s->lock);
}

void flight_let_go(struct flight *f, int64_t now_ms)
{
	if (!f->home || !f->held || f->state != FLIGHT_OPEN)
		return;
	struct shard *s = shard_of(f->home, &f->key);
	pthread_mutex_lock(&s->lock);
	if (is_held_long(f, now_ms))
		let_followers_go(f);
	pthread_mutex_unlock(&s->lock);
}

void flight_decide(struct flight *f, enum flight_state state)
{
	assert(f->state == FLIGHT_OPEN);
	if (!f->home) {
		f->state = state;
		tell_all(f);
		return;
	}
	struct shard *s = shard_of(f->home, &f->key);
	pthread_mutex_lock(&s->lock);
	f->state = state;
	tell_all(f);
	if (state != FLIGHT_SHARED)
		unlist(s, f);
	pthread_mutex_unlock(&s->lock);
}

void flight_close(struct flight *f)
{
	if (!f->home)
		return;
	struct shard *s = shard_of(f->home, &f->key);
	pthread_mutex_lock(&s->lock);
	unlist(s, f);
	pthread_mutex_unlock(&s->lock);
}

bool flight_is_open(struct flights *flights, const struct cache_key *key)
{
	struct shard *s = shard_of(flights, key);
	pthread_mutex_lock(&s->lock);
	const struct flight *f = *bucket_of(s, key);
	while (f && !is_same(f, key, f->signature))
		f = f->next;
	pthread_mutex_unlock(&s->lock);
	return f != NULL;
}
