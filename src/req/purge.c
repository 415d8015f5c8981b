/* PURGE by method. The answer waits until all tiers have carried it out. */
#include "req/request.h"

#include <stdlib.h>

#include "base/mem.h"
#include "conf/route.h"
#include "policy/key.h"

struct purging {
	struct errand errand;
	struct tier_purge op;
	struct req *owner;
	int err;
	char *text; /* of the key: the tiers may need it longer than the request lives */
};

/* A request that has come through another proxy does not come from the address it seems to come from. */
static bool came_through_proxy(const struct req *r)
{
	static const struct str signs[] = {STR("X-Forwarded-For"), STR("Forwarded"), STR("Via")};
	for (unsigned i = 0; i < COUNT_OF(signs); i++)
		if (headers_find(&r->message.headers, signs[i]))
			return true;
	return false;
}

static void free_purging(struct errand *e)
{
	struct purging *p = CONTAINER_OF(e, struct purging, errand);
	free(p->text);
	free(p);
}

static void told(struct errand *e)
{
	req__go_on(CONTAINER_OF(e, struct purging, errand)->owner, REQ_PURGED);
}

static void on_done(struct tier_purge *op, int err)
{
	struct purging *p = CONTAINER_OF(op, struct purging, op);
	p->err = err;
	errand_done(&p->errand);
}

enum req_step purge_step(struct req *r)
{
	if (!conf_nets_contain(&r->conf->admin.purge_from, r->client.address) || came_through_proxy(r)) {
		answer_error(r, 403, REASON_PURGE_DENIED,
		    came_through_proxy(r) ? "A PURGE that came through a proxy is not accepted; use the admin listener."
					  : "This address may not purge; see [admin] purge_from.");
		return REQ_ANSWERED;
	}
	key_make(r->route, r->message.scheme, r->host, r->path, r->query, r->env->key_seed, &r->arena, &r->key);
	struct purging *p = mem_zalloc(sizeof(*p));
	p->owner = r;
	p->text = mem_dup(r->key.text.p, r->key.text.n);
	p->op = (struct tier_purge){.kind = PURGE_URL, .key = r->key, .done = on_done};
	p->op.key.text = p->op.arg = str_make(p->text, r->key.text.n);
	r->purging = p;
	errand_begin(&p->errand, r->env, told, free_purging);
	int err = tier_purge(r->env->tier, &p->op);
	recall_forget_pass(flights_recall(r->env->flights), &r->key); /* whether he waits for the tiers below or not */
	if (err == ERR_AGAIN)
		return REQ_PARK;
	p->err = err;
	errand_answered(&p->errand);
	return REQ_PURGED;
}

enum req_step purged_step(struct req *r)
{
	const struct tier_purge *op = &r->purging->op;
	if (r->purging->err) {
		char sentence[TIER_SENTENCE];
		tier_purge_failed(op, r->purging->err, sentence);
		sentence[0] = 'T'; /* it stands alone on a page */
		answer_error(r, 503, REASON_PURGE_FAILED, sentence);
		return REQ_ANSWERED;
	}
	answer_json(r, 200,
	    arena_printf(&r->arena, "{\"purged\": %llu, \"id\": %llu}\n", (unsigned long long)op->count,
		(unsigned long long)op->epoch),
	    REASON_PURGED);
	return REQ_ANSWERED;
}

void purge_leave(struct req *r)
{
	if (r->purging)
		errand_leave(&r->purging->errand);
	r->purging = NULL;
}
