/* A purge is a record in the stream, which gives it its place. That alone is enough: from then on whoever looks at a page that is labelled
 * before finds it in his ledger. Of single pages the keys leave as well, at once, and a tombstone keeps what is late out; for this a second
 * call follows, to the slot of the page. A soft purge of a URL is its record alone.
 *
 *   purge -> script in the slot of purges -> seq, and the news up to it -> (one page, hard: wipe in the page's slot) -> done
 *               |                                                              |
 *               +---- no answer, an error ----> backlog, done with the error <-+
 *
 * The count that is given back is that of variants which left Redis, of single pages. What a wider purge covers nobody counts. */
#include "tier/redis_purge.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "tier/redis_follow.h"
#include "tier/redis_scripts.h"

/* The backlog */

struct kept {
	struct kept *next;
	struct tier_purge purge; /* its strings lie behind it */
	bool invalidates;
};

struct redis_backlog {
	pthread_mutex_t lock;
	struct kept *first, **end;
	atomic_size_t n;
};

struct redis_backlog *redis_backlog__new(void)
{
	struct redis_backlog *b = mem_zalloc(sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	b->end = &b->first;
	return b;
}

static void forget(struct redis_backlog *b)
{
	size_t n = 0;
	for (struct kept *k = b->first, *next; k; k = next) {
		next = k->next;
		free(k);
		n++;
	}
	b->first = NULL;
	b->end = &b->first;
	atomic_fetch_sub(&b->n, n); /* those that are being sent stay counted */
}

size_t redis_backlog__free(struct redis_backlog *b)
{
	size_t lost = redis_backlog__count(b);
	forget(b);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return lost;
}

size_t redis_backlog__count(const struct redis_backlog *b)
{
	return atomic_load_explicit(&b->n, memory_order_acquire);
}

static struct kept *kept_new(const struct tier_purge *op, bool invalidates)
{
	struct str text = op->kind == PURGE_URL ? op->key.text : op->arg;
	struct kept *k = mem_zalloc(sizeof *k + text.n);
	str_put((char *)(k + 1), text);
	text.p = (char *)(k + 1);
	k->purge = (struct tier_purge){.kind = op->kind, .soft = op->soft, .arg = text, .key = op->key};
	k->purge.key.text = op->kind == PURGE_URL ? text : STR_NONE;
	k->invalidates = invalidates;
	return k;
}

static bool is_same(const struct kept *a, const struct kept *b)
{
	return a->purge.kind == b->purge.kind && a->purge.soft == b->purge.soft && str_eq(a->purge.arg, b->purge.arg);
}

/* Where it stands already, hardly so many times: each POST may bring the same page again. */
static bool has(const struct redis_backlog *b, const struct kept *k)
{
	for (const struct kept *at = b->first; at; at = at->next) {
		if (is_same(at, k))
			return true;
	}
	return false;
}

static void append(struct redis_backlog *b, struct kept *k)
{
	*b->end = k;
	b->end = &k->next;
	atomic_fetch_add(&b->n, 1);
}

static void keep(struct redis_tier *r, const struct tier_purge *op, bool invalidates)
{
	struct redis_backlog *b = r->backlog;
	struct kept *k = kept_new(op, invalidates);
	pthread_mutex_lock(&b->lock);
	if (has(b, k)) {
		free(k);
	} else {
		if (redis_backlog__count(b) >= REDIS_BACKLOG_MAX) {
			forget(b);
			free(k);
			k = kept_new(&(struct tier_purge){.kind = PURGE_ALL}, false);
		}
		append(b, k);
	}
	pthread_mutex_unlock(&b->lock);
}

static bool is_of_a_page(const struct tier_purge *op)
{
	return op->kind == PURGE_URL && !op->soft;
}

static void say_wipe(struct words *w, const struct redis_tier *r, const struct cache_key *key, uint64_t seq)
{
	struct page page;
	page__of(&page, key);
	words__page_key(w, r, &page, "v");
	words__page_key(w, r, &page, "t");
	words__number(w, (int64_t)seq);
	words__add(w, words__page_text(w, r, &page, ""));
	words__number(w, REDIS_TOMBSTONE_MS);
}

static int send_kept(struct redis_tier *r, const struct kept *k)
{
	struct redisReply *reply;
	struct words w;
	words__init(&w, &redis__purge);
	redis_follow__say_purge(r->follow, &w, &k->purge, k->invalidates);
	int err = redis_follow__ask(r->follow, &w, &reply);
	words__free(&w);
	if (err)
		return err;
	uint64_t seq = redis_follow__feed(r->follow, &k->purge, reply);
	freeReplyObject(reply);
	if (!is_of_a_page(&k->purge))
		return ERR_OK;
	words__init(&w, &redis__wipe);
	say_wipe(&w, r, &k->purge.key, seq);
	err = redis_follow__ask(r->follow, &w, &reply);
	words__free(&w);
	if (err == ERR_OK)
		freeReplyObject(reply);
	return err;
}

void redis_backlog__send(struct redis_tier *r)
{
	struct redis_backlog *b = r->backlog;
	if (redis_backlog__count(b) == 0)
		return;
	pthread_mutex_lock(&b->lock);
	struct kept *list = b->first;
	size_t n = redis_backlog__count(b), sent = 0;
	b->first = NULL;
	b->end = &b->first;
	pthread_mutex_unlock(&b->lock);
	while (list && send_kept(r, list) == ERR_OK) {
		struct kept *next = list->next;
		free(list);
		list = next;
		sent++;
	}
	pthread_mutex_lock(&b->lock);
	if (list) { /* back in front of what has come meanwhile */
		struct kept *last = list;
		while (last->next)
			last = last->next;
		last->next = b->first;
		b->end = b->first ? b->end : &last->next;
		b->first = list;
	}
	atomic_fetch_sub(&b->n, sent);
	pthread_mutex_unlock(&b->lock);
	if (sent > 0)
		log_info("redis", "%zu of %zu purges that could not be sent before were sent", sent, n);
}

/* Operations */

/* One of the two. */
struct job {
	struct ask ask;
	struct tier_purge *purge;
	struct tier_invalidate *invalidate;
	struct tier_purge what; /* strings of the operation's */
	int64_t timeout_ms;
	uint64_t count;
};

static void finish(struct job *j, int err)
{
	struct tier_purge *purge = j->purge;
	struct tier_invalidate *invalidate = j->invalidate;
	struct redis_tier *r = j->ask.r;
	if (err == ERR_TIMEOUT)
		redis__count(&r->counters.errors, 1);
	/* Once it is recorded it holds, also when we go before the page itself is removed. */
	if (err && !(err == ERR_CANCELLED && j->what.seq > 0))
		keep(r, &j->what, invalidate != NULL);
	redis__count(invalidate ? &r->counters.invalidated : &r->counters.purged, j->count);
	uint64_t count = j->count;
	ask__free(&j->ask);
	free(j);
	if (invalidate) {
		invalidate->count = count;
		invalidate->done(invalidate, err);
	} else {
		purge->count = count;
		purge->done(purge, err);
	}
}

static void wiped(struct ask *a, int err, const struct redisReply *reply)
{
	struct job *j = CONTAINER_OF(a, struct job, ask);
	int64_t n = err == ERR_OK ? redis__number(reply) : 0;
	j->count = n > 0 ? (uint64_t)n : 0;
	finish(j, err);
}

static void recorded(struct ask *a, int err, const struct redisReply *reply)
{
	struct job *j = CONTAINER_OF(a, struct job, ask);
	uint64_t seq = err == ERR_OK ? redis_follow__feed(a->r->follow, &j->what, reply) : 0;
	if (err == ERR_OK && seq == 0)
		err = ERR_PROTOCOL;
	j->what.seq = seq;
	if (j->purge)
		j->purge->seq = seq;
	if (err || !is_of_a_page(&j->what)) {
		finish(j, err);
		return;
	}
	struct redis_tier *r = a->r;
	ask__free(a);
	ask__init(a, r, &redis__wipe, wiped);
	a->patient = j->purge != NULL;
	say_wipe(&a->words, r, &j->what.key, seq);
	err = ask__send(a, j->timeout_ms);
	if (err != ERR_AGAIN)
		finish(j, err);
}

/* ERR_AGAIN, or why it could not be sent: it is kept then. */
static int begin(struct redis_tier *r, const struct job *like)
{
	struct job *j = mem_alloc(sizeof *j);
	*j = *like;
	j->what.seq = 0;
	ask__init(&j->ask, r, &redis__purge, recorded);
	j->ask.patient = j->purge != NULL; /* somebody waits to be told that it is done; who changed a page does not */
	redis_follow__say_purge(r->follow, &j->ask.words, &j->what, j->invalidate != NULL);
	int err = ask__send(&j->ask, j->timeout_ms);
	if (err == ERR_AGAIN)
		return err;
	ask__free(&j->ask);
	free(j);
	keep(r, &like->what, like->invalidate != NULL);
	return err;
}

int redis__purge_op(struct tier *t, struct tier_purge *op)
{
	struct redis_tier *r = redis__of(t);
	int64_t timeout_ms = r->timeout_ms < REDIS_PURGE_MS ? r->timeout_ms : REDIS_PURGE_MS;
	return begin(r, &(struct job){.purge = op, .what = *op, .timeout_ms = timeout_ms / 2});
}

int redis__invalidate(struct tier *t, struct tier_invalidate *op)
{
	struct redis_tier *r = redis__of(t);
	int64_t budget_ms = atomic_load_explicit(&r->budget_ms, memory_order_relaxed);
	return begin(r, &(struct job){.invalidate = op,
			    .what = {.kind = PURGE_URL, .key = op->key, .arg = op->key.text},
			    .timeout_ms = budget_ms});
}
