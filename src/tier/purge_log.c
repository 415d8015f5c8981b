/* A ring of purges under a lock, and the epoch: how many there were. A fetch remembers the epoch when it begins, and is
 * refused when one of the purges after that covers it. Nearly every store sees that nothing happened since and takes no lock.
 *
 * Why no stale store slips through is told in tier/memory.c, where it matters. */
#include "tier/purge_log.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/url.h"

struct record {
	struct tier_purge purge; /* arg and key.text: in `text` */
	char *text;
};

struct purge_log {
	pthread_rwlock_t lock;
	_Atomic uint64_t epoch;
	struct record ring[PURGE_LOG_MAX]; /* the purge of epoch e lies at (e - 1) % PURGE_LOG_MAX */
};

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
	uint64_t before = atomic_load_explicit(&log->epoch, memory_order_relaxed);
	struct record *at = &log->ring[before % PURGE_LOG_MAX];
	char *old = at->text;
	*at = r;
	atomic_store_explicit(&log->epoch, before + 1, memory_order_release);
	pthread_rwlock_unlock(&log->lock);
	free(old);
	return before + 1;
}

uint64_t purge_log__epoch(const struct purge_log *log)
{
	return atomic_load_explicit(&log->epoch, memory_order_acquire);
}

bool purge_log__covers(
    struct purge_log *log, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	if (epoch >= purge_log__epoch(log))
		return false;
	pthread_rwlock_rdlock(&log->lock);
	uint64_t now = purge_log__epoch(log);
	bool covered = now - epoch > PURGE_LOG_MAX;
	for (uint64_t e = epoch; !covered && e < now; e++)
		covered = purge__covers(&log->ring[e % PURGE_LOG_MAX].purge, key, tags, n_tags);
	pthread_rwlock_unlock(&log->lock);
	return covered;
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
