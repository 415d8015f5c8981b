/* One who shares a directory, for tests of the journal: a ledger, a journal, and what was heard. */
#ifndef LARDER_TESTS_TIER_JOURNAL_SIDE_H
#define LARDER_TESTS_TIER_JOURNAL_SIDE_H

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tier/journal.h"
#include "must.h"

enum { HEARD_MAX = 20000, PATIENCE_S = 20 };

struct side {
	struct ledger *ledger;
	struct journal *_Atomic journal;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool blocked; /* who hears waits */
	size_t n, everything;
	struct {
		uint64_t seq, position; /* `position`: before it was told */
		int64_t us;
		enum purge_kind kind;
		bool soft, invalidates;
		struct cache_key key; /* without its text */
		size_t n_arg;
		char arg[32];
	} heard[HEARD_MAX];
};

static inline int64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void side_wait(struct side *s)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	must(pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0, "what was waited for did not come");
}

static inline void side_hear(void *ctx, const struct tier_heard *what)
{
	struct side *s = ctx;
	pthread_mutex_lock(&s->lock);
	while (s->blocked)
		side_wait(s);
	if (what->everything) {
		s->everything++;
	} else {
		must(s->n < HEARD_MAX, "too much was heard");
		s->heard[s->n].seq = what->purge.seq;
		/* The watching thread may hear before the one that opens has it. */
		struct journal *journal = s->journal;
		s->heard[s->n].position = journal ? journal_position(journal) : 0;
		s->heard[s->n].us = now_us();
		s->heard[s->n].kind = what->purge.kind;
		s->heard[s->n].soft = what->purge.soft;
		s->heard[s->n].invalidates = what->invalidates;
		s->heard[s->n].key = what->purge.key;
		s->heard[s->n].n_arg = what->purge.arg.n;
		str_put(s->heard[s->n].arg, str_take(what->purge.arg, sizeof(s->heard[0].arg)));
		s->n++;
	}
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline void side_until(struct side *s, size_t n, size_t everything)
{
	pthread_mutex_lock(&s->lock);
	while (s->n < n || s->everything < everything)
		side_wait(s);
	pthread_mutex_unlock(&s->lock);
}

static inline void side_block(struct side *s, bool blocked)
{
	pthread_mutex_lock(&s->lock);
	s->blocked = blocked;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline size_t side_everything(struct side *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->everything;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static inline struct side *side_open_sized(const char *path, const char *instance, uint64_t max_size)
{
	struct side *s = mem_zalloc(sizeof(*s));
	const char *why = "";
	struct journal *journal;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->ledger = ledger_new();
	const struct journal_options o = {.path = str_of(path),
	    .instance = str_of(instance),
	    .key_seed = 7,
	    .ledger = s->ledger,
	    .heard = side_hear,
	    .ctx = s,
	    .max_size = max_size};
	must(journal_open(&o, &journal, &why) == ERR_OK, "%s", why);
	s->journal = journal;
	return s;
}

static inline struct side *side_open(const char *path, const char *instance)
{
	return side_open_sized(path, instance, 0);
}

static inline void side_close(struct side *s)
{
	struct journal *journal = s->journal;
	journal_close(&journal);
	ledger_free(&s->ledger);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

static inline int side_try(struct side *s, enum purge_kind kind, struct str arg, bool soft, uint64_t *seq)
{
	struct tier_purge op = {.kind = kind, .arg = arg, .soft = soft};
	if (kind == PURGE_URL)
		op.key = key_of_text(arg, 7);
	return journal_append(s->journal, &op, false, seq);
}

static inline uint64_t side_purge(struct side *s, enum purge_kind kind, const char *arg)
{
	uint64_t seq;
	int err = side_try(s, kind, str_of(arg), false, &seq);
	must(err == ERR_OK, "append: %s", err_name(err));
	return seq;
}

static inline enum ledger_verdict side_judge(struct side *s, uint64_t seq, const char *tag)
{
	struct cache_key key = key_of_text(STR("GET http://h/p"), 7);
	struct str tags[] = {str_of(tag)};
	return ledger_judge(s->ledger, seq, &key, tags, 1);
}

/* --- the directory --- */

struct place {
	char path[64], journal[80];
};

static inline int place__remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static inline struct place place_make(void)
{
	struct place p;
	snprintf(p.path, sizeof(p.path), "/tmp/larder-journal-XXXXXX");
	must(mkdtemp(p.path) != NULL, "no directory");
	snprintf(p.journal, sizeof(p.journal), "%s/journal", p.path);
	return p;
}

static inline void place_clear(const struct place *p)
{
	nftw(p->path, place__remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Returns the size. */
static inline size_t place_read(const struct place *p, char *to, size_t size)
{
	int fd = open(p->journal, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, to, size) : -1;
	must(n >= 0, "the journal cannot be read");
	close(fd);
	return (size_t)n;
}

/* In place: the inode stays. */
static inline void place_write(const struct place *p, const char *from, size_t size)
{
	int fd = open(p->journal, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, from, size) == (ssize_t)size, "the journal cannot be written");
	close(fd);
}

#endif
