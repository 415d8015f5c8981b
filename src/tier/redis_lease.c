/* Leases are keys with a random token that expire by themselves.
 *
 *   ASKING -- given --> HELD: renewed every 3 s, since a fetch may take longer than a lease lives; ended by compare and delete
 *      |
 *      +-- somebody else has it --> WAITING: looked at every 25 ms, until it is gone, the page was stored anew, or the time is
 *                                   over (ERR_EOF: look for it, else fetch yourself)
 *
 * Whatever goes wrong, or takes longer than a lookup may, is answered by ERR_OK: everybody fetches, as if there were no leases. "Stored
 * anew" is told by the order of the page's last store (redis_scripts.h), which moves with each.
 *
 * One thread does the looking and the renewing for all, and sleeps when there are none. A claim is freed when it is over and no question of
 * it is under way; `lock` guards the list and every field, and is not held while `done` is called. */
#include "tier/redis_lease.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "tier/redis_follow.h"
#include "tier/redis_scripts.h"

enum { POLL_MS = 25, RENEW_MS = 3000, IDLE_MS = 60 * 1000 };

enum state { ASKING, WAITING, HELD, OVER };

struct claim {
	struct ask ask;
	struct redis_leases *leases;
	struct list link; /* in redis_leases.claims */
	struct tier_lease *op;
	enum state state;
	bool under_way; /* a question of it */
	bool telling;	/* its `done` is being called, on this thread: */
	pthread_t teller;
	struct page page;
	char signature[SHA256_HEX + 1];
	char token[17];
	char order[32]; /* of the page's last store when we began to wait */
	int64_t asked_us;
	int64_t until_us;   /* waiting */
	int64_t renewed_us; /* held */
};

struct redis_leases {
	struct redis_tier *r;
	struct pause pause; /* its lock guards all */
	pthread_cond_t told;
	struct list claims; /* newest first */
	unsigned waiting, held;
	pthread_t thread;
	bool running;
};

/* The key of the lease, then that of the page's variants where they are asked for. */
static void say_keys(struct claim *c, bool variants)
{
	struct words *w = &c->ask.words;
	char what[2 + SHA256_HEX + 1];
	snprintf(what, sizeof what, "l:%s", c->signature);
	words__page_key(w, c->ask.r, &c->page, what);
	if (variants)
		words__page_key(w, c->ask.r, &c->page, "v");
}

/* Locked. Who takes it out of a counted state. */
static void set_state(struct claim *c, enum state to)
{
	struct redis_leases *l = c->leases;
	l->waiting -= c->state == WAITING;
	l->held -= c->state == HELD;
	c->state = to;
	l->waiting += to == WAITING;
	l->held += to == HELD;
}

static void bury(struct claim *c)
{
	ask__free(&c->ask);
	free(c);
}

/* Ends it in Redis, with a question of its own that nobody waits for. */
static void ended(struct ask *a, int err, const struct redisReply *reply)
{
	bury(CONTAINER_OF(a, struct claim, ask));
}

static void send_end(struct claim *c)
{
	ask__free(&c->ask);
	ask__init(&c->ask, c->leases->r, &redis__end, ended);
	say_keys(c, false);
	words__add(&c->ask.words, str_of(c->token));
	if (ask__send(&c->ask, c->leases->r->timeout_ms) != ERR_AGAIN)
		bury(c);
}

/* Locked; lets go of the lock. The operation is told, and the claim goes, unless it is held and `done` has not ended it. No question of it is
 * under way. */
static void tell(struct claim *c, int err, bool held)
{
	struct redis_leases *l = c->leases;
	struct tier_lease *op = c->op;
	set_state(c, held ? HELD : OVER);
	c->telling = true;
	c->teller = pthread_self();
	op->held = held;
	pthread_mutex_unlock(&l->pause.lock);
	op->done(op, err);
	pthread_mutex_lock(&l->pause.lock);
	c->telling = false;
	pthread_cond_broadcast(&l->told);
	bool stays = held && c->op;
	if (!stays) {
		set_state(c, OVER);
		list_remove(&c->link);
	}
	pthread_mutex_unlock(&l->pause.lock);
	if (!stays && held)
		send_end(c);
	else if (!stays)
		bury(c);
}

/* Asking */

static void asked(struct ask *a, int err, const struct redisReply *reply)
{
	struct claim *c = CONTAINER_OF(a, struct claim, ask);
	struct redis_leases *l = c->leases;
	struct redisReply **v = err == ERR_OK ? redis__array(reply, 2) : NULL;
	bool given = v && redis__number(v[0]) == 1;
	pthread_mutex_lock(&l->pause.lock);
	c->under_way = false;
	if (c->op)
		c->op->spent_us += clock_mono_us() - c->asked_us;
	if (!c->op) { /* it was ended before it began */
		list_remove(&c->link);
		pthread_mutex_unlock(&l->pause.lock);
		if (given)
			send_end(c);
		else
			bury(c);
		return;
	}
	if (v && !given && l->waiting < REDIS_WAITERS) {
		struct str order = redis__text(v[1]);
		snprintf(c->order, sizeof c->order, "%.*s", STR_ARG(order));
		set_state(c, WAITING);
		c->until_us = clock_mono_us() + REDIS_LEASE_MS * 1000;
		pthread_cond_signal(&l->pause.cond);
		pthread_mutex_unlock(&l->pause.lock);
		return;
	}
	c->renewed_us = clock_mono_us();
	if (given)
		pthread_cond_signal(&l->pause.cond);
	tell(c, ERR_OK, given);
}

int redis__lease_op(struct tier *t, struct tier_lease *op)
{
	struct redis_tier *r = redis__of(t);
	struct redis_leases *l = r->leases;
	uint64_t token;
	int64_t left_us = redis__budget_left_us(r, op->spent_us);
	if (left_us <= 0 || !l->running || !redis__usable(r) || random_u64(&token) != ERR_OK)
		return ERR_OK;
	struct claim *c = mem_zalloc(sizeof *c);
	c->leases = l;
	c->op = op;
	c->under_way = true;
	c->asked_us = clock_mono_us();
	op->token = token;
	page__of(&c->page, &op->key);
	sha256_hex(op->signature, c->signature);
	snprintf(c->token, sizeof c->token, "%016llx", (unsigned long long)token);
	ask__init(&c->ask, r, &redis__lease, asked);
	c->ask.once = true; /* the second time it would find its own lease */
	say_keys(c, true);
	words__add(&c->ask.words, str_of(c->token));
	words__number(&c->ask.words, REDIS_LEASE_MS);
	pthread_mutex_lock(&l->pause.lock);
	list_add_first(&l->claims, &c->link);
	pthread_mutex_unlock(&l->pause.lock);
	if (ask__send(&c->ask, redis__whole_ms(left_us)) == ERR_AGAIN)
		return ERR_AGAIN;
	pthread_mutex_lock(&l->pause.lock);
	list_remove(&c->link);
	pthread_mutex_unlock(&l->pause.lock);
	bury(c);
	return ERR_OK;
}

/* Waiting, renewing */

static bool is_over(const struct claim *c, const struct redisReply *reply)
{
	struct redisReply **v = redis__array(reply, 2);
	return v && (redis__number(v[0]) == 0 || !str_eq(redis__text(v[1]), str_of(c->order)));
}

/* The answer of a look, or of a renewal. */
static void looked(struct ask *a, int err, const struct redisReply *reply)
{
	struct claim *c = CONTAINER_OF(a, struct claim, ask);
	struct redis_leases *l = c->leases;
	pthread_mutex_lock(&l->pause.lock);
	c->under_way = false;
	if (!c->op) {
		bool was_held = c->state == HELD;
		set_state(c, OVER);
		list_remove(&c->link);
		pthread_mutex_unlock(&l->pause.lock);
		if (was_held)
			send_end(c);
		else
			bury(c);
		return;
	}
	if (c->state == WAITING && err)
		tell(c, ERR_OK, false);
	else if (c->state == WAITING && is_over(c, reply))
		tell(c, ERR_EOF, false);
	else
		pthread_mutex_unlock(
		    &l->pause.lock); /* one that could not be renewed runs out: others fetch then, too */
}

/* Locked. ERR_AGAIN: under way. */
static int look(struct claim *c)
{
	struct redis_tier *r = c->leases->r;
	bool waits = c->state == WAITING;
	ask__free(&c->ask);
	ask__init(&c->ask, r, waits ? &redis__peek : &redis__renew, looked);
	say_keys(c, waits);
	if (!waits) {
		words__add(&c->ask.words, str_of(c->token));
		words__number(&c->ask.words, REDIS_LEASE_MS);
		c->renewed_us = clock_mono_us();
	}
	int64_t budget_ms = atomic_load_explicit(&r->budget_ms, memory_order_relaxed);
	c->under_way = true; /* `looked` waits for the lock */
	int err = ask__send(&c->ask, waits ? budget_ms : r->timeout_ms);
	if (err != ERR_AGAIN)
		c->under_way = false;
	return err;
}

/* Locked. One for whom the waiting is over (*err: ERR_EOF, what it waits for may just have come), or who could not be looked after;
 * NULL: all are. */
static struct claim *look_after_all(struct redis_leases *l, int *err)
{
	int64_t now_us = clock_mono_us();
	LIST_EACH (struct claim, c, &l->claims, link) {
		if (!c->op || c->under_way || c->telling)
			continue;
		bool waits_long = c->state == WAITING && now_us >= c->until_us;
		*err = waits_long ? ERR_EOF : ERR_OK;
		if (waits_long || (c->state == WAITING && look(c) != ERR_AGAIN))
			return c;
		if (c->state == HELD && now_us - c->renewed_us >= RENEW_MS * 1000)
			(void)!look(c);
	}
	return NULL;
}

static void *run(void *arg)
{
	struct redis_leases *l = arg;
	pthread_mutex_lock(&l->pause.lock);
	while (!l->pause.ended) {
		int err;
		for (struct claim *c; (c = look_after_all(l, &err));) {
			tell(c, err, false);
			pthread_mutex_lock(&l->pause.lock);
		}
		pause__for_locked(&l->pause, l->waiting > 0 ? POLL_MS : l->held > 0 ? RENEW_MS / 4 : IDLE_MS);
	}
	pthread_mutex_unlock(&l->pause.lock);
	return NULL;
}

/* Locked. The newest. */
static struct claim *find(struct redis_leases *l, const struct tier_lease *op)
{
	LIST_EACH (struct claim, c, &l->claims, link) {
		if (c->op == op)
			return c;
	}
	return NULL;
}

void redis__lease_end(struct tier *t, struct tier_lease *op)
{
	struct redis_leases *l = redis__of(t)->leases;
	pthread_mutex_lock(&l->pause.lock);
	struct claim *c = find(l, op);
	/* `done` that has begun comes to its end first: after this returns the operation may go. */
	while (c && c->telling && !pthread_equal(c->teller, pthread_self())) {
		pthread_cond_wait(&l->told, &l->pause.lock);
		c = find(l, op);
	}
	if (c && c->telling) /* called by `done` itself */
		c->op = NULL;
	if (!c || c->telling) {
		pthread_mutex_unlock(&l->pause.lock);
		return;
	}
	c->op = NULL;
	op->held = false;
	bool held = c->state == HELD, now = !c->under_way;
	if (now) { /* else the answer finds it ended */
		set_state(c, OVER);
		list_remove(&c->link);
	}
	pthread_mutex_unlock(&l->pause.lock);
	if (now && held)
		send_end(c);
	else if (now)
		bury(c);
}

struct redis_leases *redis_leases__new(struct redis_tier *r)
{
	struct redis_leases *l = mem_zalloc(sizeof *l);
	list_init(&l->claims);
	l->r = r;
	pause__init(&l->pause);
	pthread_cond_init(&l->told, NULL);
	l->running = pthread_create(&l->thread, NULL, run, l) == 0;
	if (!l->running)
		log_error("redis", "no thread for leases: there are none");
	return l;
}

void redis_leases__end(struct redis_leases *l)
{
	pause__end(&l->pause);
	if (l->running)
		pthread_join(l->thread, NULL);
	l->running = false;
}

void redis_leases__free(struct redis_leases *l)
{
	LIST_EACH_SAFE (struct claim, c, &l->claims, link)
		bury(c);
	pthread_cond_destroy(&l->told);
	pause__destroy(&l->pause);
	free(l);
}
