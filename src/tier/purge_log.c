/* A ring of purges under a lock, a table of invalidations, and the epoch: a clock that each of them moves by one. A fetch
 * remembers the epoch when it begins, and is refused when one of those after that covers it. Nearly every store sees that
 * nothing happened since and takes no lock.
 *
 * A purge may cover anything and is rare: each is a record of the ring, and what began before the oldest is refused. An
 * invalidation is of one key and comes with each successful POST. In the ring, 1,024 of them would refuse every fetch that
 * began before; so each leaves only its epoch and a mark of its key, in the slot of the key's hash. When another key takes the
 * slot, the epoch that goes is kept as the newest that is `lost` there: a store is refused for another key's sake only when two
 * keys of its slot were invalidated while it was fetched.
 *
 * Why no stale store slips through is told in tier/memory.c, where it matters. */
#include "tier/purge_log.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/url.h"

struct record {
	uint64_t epoch;
	struct tier_purge purge; /* arg and key.text: in `text` */
	char *text;
};

/* Read `newest` first: what leaves it is in `lost` before. */
struct slot {
	_Atomic uint64_t newest; /* the epoch of an invalidation, above MARK_BITS of its key's hash */
	_Atomic uint64_t lost;	 /* the newest epoch of another key that was there */
};

#define MARK_BITS 16

struct purge_log {
	pthread_rwlock_t lock;
	_Atomic uint64_t epoch;
	_Atomic uint64_t last; /* epoch of the newest purge; NOT_YET while one is being added */
	uint64_t purges;       /* the n-th lies at (n - 1) % PURGE_LOG_MAX; under the lock, as the next */
	uint64_t forgotten;    /* epoch of the newest purge that is not in the ring any more */
	struct record ring[PURGE_LOG_MAX];
	struct slot slots[PURGE_LOG_SLOTS];
};

#define NOT_YET UINT64_MAX

struct purge_log *purge_log__new(void)
{
	struct purge_log *log = mem_zalloc(sizeof(*log));
	pthread_rwlock_init(&log->lock, NULL);
	return log;
}

void purge_log__free(struct purge_log *log)
{
	if (!log)
		return;
	for (size_t i = 0; i < PURGE_LOG_MAX; i++)
		free(log->ring[i].text);
	pthread_rwlock_destroy(&log->lock);
	free(log);
}

static struct record record_of(const struct tier_purge *op)
{
	struct record r = {.purge = {.kind = op->kind, .soft = op->soft}};
	struct str text = op->kind == PURGE_URL ? op->key.text : op->arg;
	if (text.n > PURGE_LOG_ARG_MAX) {
		r.purge.kind = PURGE_ALL;
		return r;
	}
	r.text = mem_dup(text.n > 0 ? text.p : "", text.n);
	r.purge.key = op->key;
	r.purge.key.text = r.purge.arg = str_make(r.text, text.n);
	return r;
}

uint64_t purge_log__add(struct purge_log *log, const struct tier_purge *op)
{
	struct record r = record_of(op);
	pthread_rwlock_wrlock(&log->lock);
	/* Before the epoch moves: who sees the new epoch looks under the lock, and so waits for the record. */
	atomic_store(&log->last, NOT_YET);
	r.epoch = atomic_fetch_add(&log->epoch, 1) + 1;
	struct record *at = &log->ring[log->purges++ % PURGE_LOG_MAX];
	char *old = at->text;
	log->forgotten = at->epoch;
	*at = r;
	atomic_store(&log->last, r.epoch);
	pthread_rwlock_unlock(&log->lock);
	free(old);
	return r.epoch;
}

static size_t slot_of(const struct cache_key *key)
{
	return (key->hi ^ key->lo) % PURGE_LOG_SLOTS;
}

/* Of bits that do not choose the slot. */
static uint64_t mark_of(const struct cache_key *key)
{
	return key->hi >> (64 - MARK_BITS);
}

static bool has_mark(uint64_t newest, uint64_t mark)
{
	return (newest & ((1u << MARK_BITS) - 1)) == mark;
}

static void raise_to(_Atomic uint64_t *to, uint64_t epoch)
{
	uint64_t before = atomic_load(to);
	while (before < epoch && !atomic_compare_exchange_weak(to, &before, epoch))
		;
}

uint64_t purge_log__invalidate(struct purge_log *log, const struct cache_key *key)
{
	struct slot *slot = &log->slots[slot_of(key)];
	uint64_t mark = mark_of(key), epoch = atomic_fetch_add(&log->epoch, 1) + 1;
	uint64_t before = atomic_load(&slot->newest);
	do {
		if (before >> MARK_BITS > epoch) { /* of two at the same time the later one stays */
			raise_to(&slot->lost, has_mark(before, mark) ? 0 : epoch);
			return epoch;
		}
		if (!has_mark(before, mark))
			raise_to(&slot->lost, before >> MARK_BITS);
	} while (!atomic_compare_exchange_weak(&slot->newest, &before, epoch << MARK_BITS | mark));
	return epoch;
}

void purge_log__bump(struct purge_log *log)
{
	atomic_fetch_add(&log->epoch, 1);
}

uint64_t purge_log__epoch(const struct purge_log *log)
{
	return atomic_load_explicit(&log->epoch, memory_order_acquire);
}

bool purge_log__invalidated(const struct purge_log *log, uint64_t epoch, const struct cache_key *key)
{
	const struct slot *slot = &log->slots[slot_of(key)];
	uint64_t newest = atomic_load(&slot->newest);
	if (has_mark(newest, mark_of(key)) && newest >> MARK_BITS > epoch)
		return true;
	return atomic_load(&slot->lost) > epoch;
}

static bool is_purged(
    struct purge_log *log, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	if (epoch >= atomic_load(&log->last))
		return false;
	pthread_rwlock_rdlock(&log->lock);
	bool covered = epoch < log->forgotten;
	/* From the newest back. */
	for (uint64_t n = log->purges; !covered && n > 0 && log->purges - n < PURGE_LOG_MAX; n--) {
		const struct record *r = &log->ring[(n - 1) % PURGE_LOG_MAX];
		if (r->epoch <= epoch)
			break;
		covered = purge__covers(&r->purge, key, tags, n_tags);
	}
	pthread_rwlock_unlock(&log->lock);
	return covered;
}

bool purge_log__forgot(struct purge_log *log, uint64_t epoch)
{
	pthread_rwlock_rdlock(&log->lock);
	bool forgot = epoch < log->forgotten;
	pthread_rwlock_unlock(&log->lock);
	return forgot;
}

bool purge_log__covers(
    struct purge_log *log, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	return purge_log__invalidated(log, epoch, key) || is_purged(log, epoch, key, tags, n_tags);
}

/* "/path?query" of "http://host/path?query". */
static struct str path_of(struct str url)
{
	size_t scheme = str_find(url, STR("://"));
	struct str rest = str_skip(url, scheme < url.n ? scheme + 3 : 0);
	return str_skip(rest, str_index(rest, '/'));
}

static bool has_tag(const struct str *tags, unsigned n_tags, struct str tag)
{
	for (unsigned i = 0; i < n_tags; i++) {
		if (str_eq(tags[i], tag))
			return true;
	}
	return false;
}

bool purge__covers(const struct tier_purge *op, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	struct str url = cache_key_url(key);
	if (op->kind != PURGE_URL && op->arg.n > 0 && op->arg.p[0] == '/')
		url = path_of(url);
	switch (op->kind) {
	case PURGE_URL:
		return op->key.lo == key->lo && op->key.hi == key->hi && str_eq(op->key.text, key->text);
	case PURGE_PREFIX:
		return str_starts(url, op->arg);
	case PURGE_GLOB:
		return glob_match(op->arg, url);
	case PURGE_TAG:
		return has_tag(tags, n_tags, op->arg);
	case PURGE_ALL:
		return true;
	}
	return true;
}
