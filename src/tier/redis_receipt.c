/* Each follower writes its position and the server's time into one hash: mark -> "seq ms name". Who waits asks for the hash
 * until all who live have got there. The asking slows down: nearly all have it within a few milliseconds. */
#include "tier/redis_receipt.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tier/redis_follow.h"
#include "tier/redis_scripts.h"

enum { INSTANCES = 256, FORGET_MS = 60 * 1000, POLL_FIRST_MS = 2, POLL_MAX_MS = 50, GOODBYE_MS = 200 };
/* Of the keys of purges, from the last heartbeat of anybody on. */
enum { LIFE_MS = 7 * 24 * 3600 * 1000 };

struct instance {
	char mark[17];
	char name[128];
	int64_t ms; /* when it was seen to have it; -1: not yet */
	bool lived; /* it had a heartbeat when the purge was waited for: until it says goodbye it is to carry it out */
	bool lives;
};

struct waiting {
	struct ask ask;
	uint64_t seq;
	int64_t began_us;
	struct instance *v;
	unsigned n;
};

static struct instance *instance_of(struct waiting *w, struct str mark, struct str name)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (str_eq(str_of(w->v[i].mark), mark))
			return &w->v[i];
	}
	if (w->n == INSTANCES || mark.n >= sizeof w->v->mark)
		return NULL;
	struct instance *in = &w->v[w->n++];
	*in = (struct instance){.ms = -1};
	memcpy(in->mark, mark.p, mark.n);
	name = str_take(name, sizeof in->name - 1);
	memcpy(in->name, name.p, name.n);
	return in;
}

/* "seq ms name" */
static void read_one(struct waiting *w, struct str mark, struct str text, uint64_t now_ms)
{
	struct str seq_text, ms_text;
	uint64_t seq, ms;
	if (!mark.p || !text.p || !str_cut(&text, ' ', &seq_text) || !str_cut(&text, ' ', &ms_text) || !text.p ||
	    str_to_u64(seq_text, UINT64_MAX, &seq) != ERR_OK || str_to_u64(ms_text, INT64_MAX, &ms) != ERR_OK)
		return;
	struct instance *in = instance_of(w, mark, text);
	if (!in)
		return;
	in->lived = in->lived || now_ms < ms + REDIS_LIFE_MS;
	in->lives = in->lived;
	if (in->ms < 0 && seq >= w->seq)
		in->ms = (clock_mono_us() - w->began_us) / 1000;
}

static void answered(struct ask *a, int err, const struct redisReply *reply)
{
	struct waiting *w = CONTAINER_OF(a, struct waiting, ask);
	struct redisReply **v = err == ERR_OK ? redis__array(reply, 1) : NULL;
	int64_t now_ms = v ? redis__number(v[0]) : -1;
	if (now_ms < 0)
		return;
	for (unsigned i = 0; i < w->n; i++)
		w->v[i].lives = false; /* one that has left is not in the hash any more */
	for (size_t i = 1; i + 1 < reply->elements; i += 2)
		read_one(w, redis__text(v[i]), redis__text(v[i + 1]), (uint64_t)now_ms);
}

static bool all_have_it(const struct waiting *w)
{
	bool all = w->n > 0; /* we ourselves are there, sooner or later */
	for (unsigned i = 0; i < w->n; i++)
		all = all && (w->v[i].ms >= 0 || !w->v[i].lives);
	return all;
}

static int ask(struct waiting *w, struct redis_tier *r, int64_t timeout_ms)
{
	ask__init(&w->ask, r, &redis__acks, answered);
	words__purges_key(&w->ask.words, r, ":acks");
	words__number(&w->ask.words, FORGET_MS);
	int err = ask__and_wait(&w->ask, timeout_ms);
	ask__free(&w->ask);
	return err;
}

int redis__await(
    struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	struct redis_tier *r = redis__of(t);
	struct waiting w = {.seq = seq, .began_us = clock_mono_us()};
	w.v = mem_zalloc(INSTANCES * sizeof *w.v);
	struct pause pause; /* nobody ends it */
	pause__init(&pause);
	int64_t poll_ms = POLL_FIRST_MS, left_ms = timeout_ms;
	int err;
	while (!(err = ask(&w, r, left_ms > 0 ? left_ms : 1)) && !all_have_it(&w)) {
		left_ms = timeout_ms - (clock_mono_us() - w.began_us) / 1000;
		if (left_ms <= 0) {
			err = ERR_TIMEOUT;
			break;
		}
		pause__for(&pause, poll_ms < left_ms ? poll_ms : left_ms);
		poll_ms = poll_ms * 2 < POLL_MAX_MS ? poll_ms * 2 : POLL_MAX_MS;
	}
	for (unsigned i = 0; i < w.n; i++) {
		if (w.v[i].lives || w.v[i].ms >= 0)
			fn(ctx, &(struct tier_receipt){.instance = str_of(w.v[i].name), .ms = w.v[i].ms});
	}
	pause__destroy(&pause);
	free(w.v);
	return err;
}

int redis__acknowledge(struct redis_tier *r, uint64_t position)
{
	struct redisReply *reply;
	struct words w;
	words__init(&w, &redis__ack);
	words__purges_key(&w, r, ":acks");
	words__purges_key(&w, r, ":id");
	words__purges_key(&w, r, ":seq");
	words__purges_key(&w, r, "");
	words__add(&w, str_of(r->mark));
	words__number(&w, (int64_t)position);
	words__add(&w, str_of(r->instance));
	words__number(&w, LIFE_MS);
	int err = redis_follow__ask(r->follow, &w, &reply);
	words__free(&w);
	if (err == ERR_OK)
		freeReplyObject(reply);
	return err;
}

static void gone(struct ask *a, int err, const struct redisReply *reply)
{
}

void redis__say_goodbye(struct redis_tier *r)
{
	struct ask a;
	ask__init(&a, r, NULL, gone);
	words__add(&a.words, STR("HDEL"));
	words__purges_key(&a.words, r, ":acks");
	words__add(&a.words, str_of(r->mark));
	(void)!ask__and_wait(&a, GOODBYE_MS);
	ask__free(&a);
}
