/* How the server is asked: the words of a command in an arena of their own, sent through the client, and the answer looked at once
 * before anybody reads it, so that errors of the server are counted and logged in one place. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tier/redis_private.h"

#define COMPLAIN_US (1000 * (int64_t)1000)

int64_t redis__budget_left_us(struct redis_tier *r, int64_t spent_us)
{
	return atomic_load_explicit(&r->budget_ms, memory_order_relaxed) * 1000 - spent_us;
}

void redis__reached(struct redis_tier *r)
{
	atomic_store_explicit(&r->reached_us, clock_mono_us(), memory_order_relaxed);
}

void redis__complain(struct redis_tier *r, const char *what, const char *why)
{
	int64_t now = clock_mono_us(), before = atomic_load_explicit(&r->complained_us, memory_order_relaxed);
	if (before != 0 && now - before < COMPLAIN_US)
		return;
	if (atomic_compare_exchange_strong(&r->complained_us, &before, now))
		log_warning("redis", "%s: %s", what, why);
}

int redis__judge(struct redis_tier *r, const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ERROR)
		return ERR_OK;
	redis__count(&r->counters.errors, 1);
	redis__complain(r, "the server refuses", reply->str);
	return str_find(redis__text(reply), STR("OOM")) < reply->len ? ERR_FULL : ERR_IO;
}

struct str redis__text(const struct redisReply *reply)
{
	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS && reply->type != REDIS_REPLY_ERROR)
		return STR_NONE;
	return str_make(reply->str, reply->len);
}

int64_t redis__number(const struct redisReply *reply)
{
	uint64_t n;
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	struct str text = redis__text(reply);
	return text.p && str_to_u64(text, INT64_MAX, &n) == ERR_OK ? (int64_t)n : -1;
}

struct redisReply **redis__array(const struct redisReply *reply, size_t n)
{
	static struct redisReply *none[1]; /* hiredis has no memory for an empty one */
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < n)
		return NULL;
	return reply->elements > 0 ? reply->element : none;
}

void pause__init(struct pause *p)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->cond, &attr);
	pthread_condattr_destroy(&attr);
	p->ended = false;
}

void pause__destroy(struct pause *p)
{
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->lock);
}

bool pause__for_locked(struct pause *p, int64_t ms)
{
	int64_t until_us = clock_mono_us() + ms * 1000;
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	if (!p->ended)
		pthread_cond_timedwait(&p->cond, &p->lock, &until);
	return !p->ended;
}

bool pause__for(struct pause *p, int64_t ms)
{
	pthread_mutex_lock(&p->lock);
	bool on = pause__for_locked(p, ms);
	pthread_mutex_unlock(&p->lock);
	return on;
}

bool pause__is_ended(struct pause *p)
{
	pthread_mutex_lock(&p->lock);
	bool ended = p->ended;
	pthread_mutex_unlock(&p->lock);
	return ended;
}

void pause__end(struct pause *p)
{
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->lock);
}

void page__of(struct page *p, const struct cache_key *key)
{
	sha256_hex(key->text, p->hash);
}

void words__init(struct words *w, const struct redis_script *script)
{
	w->script = script;
	w->slot = STR_NONE;
	w->n = w->n_keys = 0;
	arena_init(&w->arena, 0);
}

void words__free(struct words *w)
{
	arena_free(&w->arena);
}

void words__add(struct words *w, struct str s)
{
	w->v[w->n++] = s.p ? s : STR("");
}

void words__number(struct words *w, int64_t n)
{
	words__add(w, arena_printf(&w->arena, "%lld", (long long)n));
}

struct str words__page_text(struct words *w, const struct redis_tier *r, const struct page *p, const char *what)
{
	return arena_printf(&w->arena, "%s:{%s}:%s", r->prefix, p->hash, what);
}

static void add_key(struct words *w, struct str key)
{
	if (w->n_keys++ == 0)
		w->slot = key;
	words__add(w, key);
}

void words__page_key(struct words *w, const struct redis_tier *r, const struct page *p, const char *what)
{
	add_key(w, words__page_text(w, r, p, what));
}

void words__purges_key(struct words *w, const struct redis_tier *r, const char *what)
{
	add_key(w, arena_printf(&w->arena, "%s:{purges}%s", r->prefix, what));
}

struct redis_command words__command(const struct words *w)
{
	return (struct redis_command){
	    .script = w->script,
	    .n_keys = w->n_keys,
	    .argc = w->n,
	    .argv = w->v,
	    .key = w->slot,
	};
}

static void done(struct redis_call *call, int err, const struct redisReply *reply)
{
	struct ask *a = CONTAINER_OF(call, struct ask, call);
	struct redis_tier *r = a->r;
	if (err == ERR_OK) {
		redis__reached(r);
		err = redis__judge(r, reply);
	} else if (err == ERR_BUSY) {
		redis__count(&r->counters.skipped, 1);
	} else if (err != ERR_TIMEOUT && err != ERR_CANCELLED) { /* a timeout is counted by who knows what it was for */
		redis__count(&r->counters.errors, 1);
	}
	a->answered(a, err, reply);
}

void ask__init(struct ask *a, struct redis_tier *r, const struct redis_script *script,
    void (*answered)(struct ask *a, int err, const struct redisReply *reply))
{
	a->r = r;
	a->answered = answered;
	a->once = a->patient = false;
	words__init(&a->words, script);
}

static int call(struct ask *a, int64_t timeout_ms, void *ctx)
{
	struct redis_tier *r = a->r;
	a->call = (struct redis_call){
	    .command = words__command(&a->words),
	    .timeout_ms = timeout_ms > 0 ? timeout_ms : 1,
	    .repeatable = !a->once,
	    .patient = a->patient,
	    .done = done,
	    .ctx = ctx,
	};
	int err = r->client ? redis_client_call(r->client, &a->call) : ERR_BUSY;
	if (err != ERR_AGAIN)
		redis__count(&r->counters.skipped, 1);
	return err;
}

int ask__send(struct ask *a, int64_t timeout_ms)
{
	return call(a, timeout_ms, NULL);
}

/* Wraps the question's own `answered`. */
struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	int err;
	void (*answered)(struct ask *a, int err, const struct redisReply *reply);
};

static void wake(struct ask *a, int err, const struct redisReply *reply)
{
	struct waiting *w = a->call.ctx;
	w->answered(a, err, reply);
	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->err = err;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

int ask__and_wait(struct ask *a, int64_t timeout_ms)
{
	struct waiting w = {
	    .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .answered = a->answered};
	a->answered = wake;
	int err = call(a, timeout_ms, &w);
	if (err == ERR_AGAIN) {
		pthread_mutex_lock(&w.lock);
		while (!w.done) /* the client answers in time */
			pthread_cond_wait(&w.cond, &w.lock);
		pthread_mutex_unlock(&w.lock);
		err = w.err;
	}
	a->answered = w.answered;
	pthread_cond_destroy(&w.cond);
	pthread_mutex_destroy(&w.lock);
	return err;
}

void ask__free(struct ask *a)
{
	words__free(&a->words);
}
