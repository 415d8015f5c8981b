/* A table of notes that never grows: one block, which the shards share out; sets of a few ways.
 *
 *   | 64 shards: a mutex, where its slots begin | slots of shard 0: sets of four | slots of shard 1 | ...
 */
#include "req/recall.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SHARDS = 64, WAYS = 4 };

/* at_ms 0: free. */
struct slot {
	uint64_t hi, lo;
	int64_t at_ms, pass_until_ms, fresh_until_ms;
	uint64_t epoch;
	uint16_t reason, status;
	bool of_visitor;
	char cause[RECALL_CAUSE_MAX];
};
_Static_assert(sizeof(struct slot) == RECALL_NOTE, "the documented size of a note");
_Static_assert(REASON_COUNT <= UINT16_MAX, "a reason fits a slot");

struct shard {
	pthread_mutex_t lock;
	struct slot (*sets)[WAYS];
};

struct recall {
	size_t n_sets; /* of a shard */
	struct shard shards[SHARDS];
	struct slot slots[];
};

struct recall *recall_new(size_t bytes)
{
	bytes = bytes < RECALL_MIN ? RECALL_MIN : bytes > RECALL_MAX ? RECALL_MAX : bytes;
	size_t n_sets = bytes / RECALL_NOTE / SHARDS / WAYS;
	struct recall *r = mem_zalloc(sizeof(*r) + SHARDS * n_sets * WAYS * sizeof(r->slots[0]));
	r->n_sets = n_sets;
	for (unsigned i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&r->shards[i].lock, NULL);
		r->shards[i].sets = (struct slot(*)[WAYS]) & r->slots[i * n_sets * WAYS];
	}
	return r;
}

void recall_free(struct recall **ref)
{
	if (!*ref)
		return;
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&(*ref)->shards[i].lock);
	free(*ref);
	*ref = NULL;
}

static struct shard *shard_of(struct recall *r, const struct cache_key *key)
{
	return &r->shards[key->hi % SHARDS];
}

static struct slot *set_of(const struct recall *r, struct shard *s, const struct cache_key *key)
{
	return s->sets[(key->hi / SHARDS) % r->n_sets];
}

/* Shard lock held, as below. */
static struct slot *find(const struct recall *r, struct shard *s, const struct cache_key *key)
{
	struct slot *set = set_of(r, s, key);
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].at_ms != 0 && set[i].hi == key->hi && set[i].lo == key->lo)
			return &set[i];
	return NULL;
}

/* The memory of passes keeps requests from waiting for one another, so those go last: the one that ends first. */
static bool goes_before(const struct slot *a, const struct slot *b, int64_t now_ms)
{
	bool a_passes = a->pass_until_ms > now_ms, b_passes = b->pass_until_ms > now_ms;
	if (a_passes != b_passes)
		return b_passes;
	return a_passes ? a->pass_until_ms < b->pass_until_ms : a->at_ms < b->at_ms;
}

static struct slot *make_room(struct slot *set, int64_t now_ms)
{
	struct slot *victim = &set[0];
	for (unsigned i = 1; i < WAYS; i++)
		if (goes_before(&set[i], victim, now_ms))
			victim = &set[i];
	return victim;
}

void recall_write(struct recall *r, const struct cache_key *key, const struct recall_note *note)
{
	struct shard *s = shard_of(r, key);
	assert(note->at_ms > 0);
	pthread_mutex_lock(&s->lock);
	struct slot *slot = find(r, s, key);
	bool stays =
	    slot && slot->pass_until_ms > note->at_ms && note->pass_until_ms == 0 && note->reason != REASON_STORED;
	if (!slot)
		slot = make_room(set_of(r, s, key), note->at_ms);
	if (!stays) {
		*slot = (struct slot){.hi = key->hi,
		    .lo = key->lo,
		    .at_ms = note->at_ms,
		    .pass_until_ms = note->pass_until_ms,
		    .fresh_until_ms = note->fresh_until_ms,
		    .epoch = note->epoch,
		    .reason = (uint16_t)note->reason,
		    .status = (uint16_t)note->status,
		    .of_visitor = note->of_visitor};
		memcpy(slot->cause, note->cause, sizeof(slot->cause));
		slot->cause[sizeof(slot->cause) - 1] = '\0';
	}
	pthread_mutex_unlock(&s->lock);
}

bool recall_read(struct recall *r, const struct cache_key *key, struct recall_note *out)
{
	struct shard *s = shard_of(r, key);
	pthread_mutex_lock(&s->lock);
	const struct slot *slot = find(r, s, key);
	if (slot) {
		*out = (struct recall_note){.at_ms = slot->at_ms,
		    .pass_until_ms = slot->pass_until_ms,
		    .fresh_until_ms = slot->fresh_until_ms,
		    .epoch = slot->epoch,
		    .reason = (enum reason)slot->reason,
		    .status = slot->status,
		    .of_visitor = slot->of_visitor};
		memcpy(out->cause, slot->cause, sizeof(out->cause));
	}
	pthread_mutex_unlock(&s->lock);
	return slot != NULL;
}

bool recall_passes(struct recall *r, const struct cache_key *key, int64_t now_ms)
{
	struct shard *s = shard_of(r, key);
	pthread_mutex_lock(&s->lock);
	const struct slot *slot = find(r, s, key);
	bool passes = slot && slot->pass_until_ms > now_ms;
	pthread_mutex_unlock(&s->lock);
	return passes;
}

void recall_forget_pass(struct recall *r, const struct cache_key *key)
{
	struct shard *s = shard_of(r, key);
	pthread_mutex_lock(&s->lock);
	struct slot *slot = find(r, s, key);
	if (slot)
		slot->pass_until_ms = 0;
	pthread_mutex_unlock(&s->lock);
}
