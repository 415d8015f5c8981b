/* A ring of purges under a lock, a table of invalidations, and the epoch: a clock that each of them moves by one. A fetch
 * remembers the epoch when it begins, and is refused when one of those after that covers it. Nearly every store sees that
 * nothing happened since and takes no lock.
 *
 * A purge may cover anything and is rare: each is a record of the ring, and what began before the oldest is refused. An
 * invalidation is of one key and comes with each successful POST. In the ring, 1,024 of them would refuse every fetch that
 * began before; so each leaves only its epoch, in the slot of its key's hash. Two keys of one slot cost a store now and then.
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

struct purge_log {
	pthread_rwlock_t lock;
	_Atomic uint64_t epoch;
	_Atomic uint64_t last; /* epoch of the newest purge; NOT_YET while one is being added */
	uint64_t purges;       /* the n-th lies at (n - 1) % PURGE_LOG_MAX; under the lock, as the next */
	uint64_t forgotten;    /* epoch of the newest purge that is not in the ring any more */
	struct record ring[PURGE_LOG_MAX];
	_Atomic uint64_t slots[PURGE_LOG_SLOTS]; /* epoch of the newest invalidation */
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

uint64_t purge_log__invalidate(struct purge_log *log, const struct cache_key *key)
{
	_Atomic uint64_t *slot = &log->slots[slot_of(key)];
	uint64_t epoch = atomic_fetch_add(&log->epoch, 1) + 1;
	uint64_t before = atomic_load(slot);
	/* Of two at the same time the later one stays. */
	while (before < epoch && !atomic_compare_exchange_weak(slot, &before, epoch))
		;
	return epoch;
}

uint64_t purge_log__epoch(const struct purge_log *log)
{
	return atomic_load_explicit(&log->epoch, memory_order_acquire);
}

bool purge_log__invalidated(const struct purge_log *log, uint64_t epoch, const struct cache_key *key)
{
	return atomic_load(&log->slots[slot_of(key)]) > epoch;
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
