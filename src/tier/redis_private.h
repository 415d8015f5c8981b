/* What the files of the Redis tier share: the tier itself, its keys, and how the server is asked. redis.c tells the whole. */
#ifndef LARDER_TIER_REDIS_PRIVATE_H
#define LARDER_TIER_REDIS_PRIVATE_H

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/sha256.h"
#include "redis/client.h"
#include "tier/redis.h"

/* How long somebody may not have heard of Redis before what he has in memory is in doubt; and who is silent for LIFE_MS is not waited for. */
enum { REDIS_BOUND_MS = 1000, REDIS_LIFE_MS = 5000 };
/* Bodies up to this come along when a page of several variants is looked up. */
enum { REDIS_INLINE = 16 * 1024 };
enum { REDIS_TOMBSTONE_MS = 60 * 1000 };
/* Nothing is kept for less: the clocks of machines differ. Nor for more than a year. */
#define REDIS_TTL_MIN_MS (60 * (int64_t)1000)
#define REDIS_TTL_MAX_MS (366 * 24 * 3600 * (int64_t)1000)

struct redis_counters {
	_Atomic uint64_t stores, replaced, evicted, purged, invalidated, refused_full, refused_stale;
	_Atomic uint64_t hits, misses, errors, timeouts, skipped, corrupt;
};

struct redis_tier {
	struct tier tier;
	bool owns_log;
	char *prefix, *instance;
	char *mark_path; /* NULL: none */
	bool above_is_new;
	char mark[17]; /* this tier among all others: random */
	int64_t timeout_ms;
	uint64_t key_seed;
	_Atomic int64_t budget_ms;
	atomic_size_t max_object;
	atomic_uint max_variants;
	struct redis_client *client; /* NULL: the system had no thread for it */
	struct redis_follow *follow;
	struct redis_backlog *backlog;
	struct redis_leases *leases;
	_Atomic int64_t reached_us; /* the last answer of the server to anybody of us */
	_Atomic int64_t complained_us;
	struct redis_counters counters;
};

static inline struct redis_tier *redis__of(struct tier *t)
{
	return (struct redis_tier *)t; /* its first member */
}

static inline void redis__count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Of redis_budget, for a request that has spent so much of it. */
int64_t redis__budget_left_us(struct redis_tier *r, int64_t spent_us);
static inline int64_t redis__whole_ms(int64_t us)
{
	return (us + 999) / 1000;
}
/* The server has answered somebody of us. */
void redis__reached(struct redis_tier *r);
/* A line in the log, one a second at most. */
void redis__complain(struct redis_tier *r, const char *what, const char *why);
/* ERR_OK, or what an error of the server's is to us: ERR_FULL (out of memory), else ERR_IO; counted and logged. */
int redis__judge(struct redis_tier *r, const struct redisReply *reply);

/* Of replies; anything may have been sent. */
struct str redis__text(const struct redisReply *reply); /* p NULL: not a text, or nil */
int64_t redis__number(const struct redisReply *reply);	/* an integer, or the text of one; -1: neither */
/* An array of at least n, else NULL. */
struct redisReply **redis__array(const struct redisReply *reply, size_t n);

/* A thread that does something now and then, and one that ends it. */
struct pause {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool ended;
};
void pause__init(struct pause *p);
void pause__destroy(struct pause *p);
/* Waits so long, or until it is ended, or `cond` is signalled. False: ended. With the lock held, or not. */
bool pause__for_locked(struct pause *p, int64_t ms);
bool pause__for(struct pause *p, int64_t ms);
bool pause__is_ended(struct pause *p);
void pause__end(struct pause *p);

/* The names of a page's keys: "P:{h}:what". */
struct page {
	char hash[SHA256_HEX + 1];
};
void page__of(struct page *p, const struct cache_key *key);

/* The words of one command, and the memory they lie in. */
enum { WORDS_MAX = 16 };
struct words {
	struct arena arena;
	const struct redis_script *script;
	struct str slot; /* the first key */
	unsigned n_keys, n;
	struct str v[WORDS_MAX];
};
/* script NULL: the first word is the command's name. */
void words__init(struct words *w, const struct redis_script *script);
void words__free(struct words *w);
void words__add(struct words *w, struct str s); /* borrowed */
void words__number(struct words *w, int64_t n);
/* "P:{h}:what", as a key (all keys come before the arguments) or only as its text. */
void words__page_key(struct words *w, const struct redis_tier *r, const struct page *p, const char *what);
struct str words__page_text(struct words *w, const struct redis_tier *r, const struct page *p, const char *what);
/* "P:{purges}" and what is behind it. */
void words__purges_key(struct words *w, const struct redis_tier *r, const char *what);
/* Valid while w stays put. With keys of one slot, the first of which decides. */
struct redis_command words__command(const struct words *w);

/* A question to the server through the client; embedded at the beginning of a larger struct that `answered` frees. */
struct ask {
	struct redis_call call;
	struct redis_tier *r;
	struct words words;
	bool patient; /* it waits for the server until its time is over, whatever is known of it */
	bool once;    /* it must not be carried out twice, nor be sent a second time when its answer was lost */
	/* Once, on the client's thread: ERR_OK with a reply that is no error of the server's, or why there is none (counted). */
	void (*answered)(struct ask *a, int err, const struct redisReply *reply);
};
void ask__init(struct ask *a, struct redis_tier *r, const struct redis_script *script,
    void (*answered)(struct ask *a, int err, const struct redisReply *reply));
/* ERR_AGAIN: `answered` follows. ERR_BUSY: it does not (counted as skipped). */
int ask__send(struct ask *a, int64_t timeout_ms) MUST_CHECK;
/* The same for one that blocks until it is answered. */
int ask__and_wait(struct ask *a, int64_t timeout_ms) MUST_CHECK;
/* Its words' memory. */
void ask__free(struct ask *a);

#endif
