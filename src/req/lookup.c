/* Which entry is the request's is told as in variant.c, and whether it answers as in the step `judge`: by policy alone, over values that
 * nobody changes. */
#include "req/lookup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/reuse.h"
#include "policy/vary.h"
#include "req/req.h"

static bool is_for(void *ctx, const struct entry *e)
{
	const struct look *l = ctx;
	return !entry_is_partial(e) && policy_vary_matches(ENTRY_STORED(e), &l->request);
}

bool lookup_answers(const struct look *l, const struct entry *e)
{
	bool purged = atomic_load_explicit(&e->purged, memory_order_relaxed);
	return policy_reuse(l->route, &l->request, ENTRY_STORED(e), purged, l->now_ms).reuse == REUSE_FRESH;
}

static bool answers(void *ctx, const struct entry *e)
{
	return lookup_answers(ctx, e);
}

static void free_lookup(struct errand *e)
{
	struct look *l = CONTAINER_OF(e, struct look, errand);
	entry_release(&l->op.entry);
	conf_release(&l->conf);
	arena_free(&l->arena);
	free(l);
}

static void told(struct errand *e)
{
	struct look *l = CONTAINER_OF(e, struct look, errand);
	l->found(l->owner);
}

static void on_done(struct tier_get *op, int err)
{
	errand_done(&CONTAINER_OF(op, struct look, op)->errand);
}

int lookup_start(struct req_env *env, const struct http_request *request, struct conf *conf, const struct route *route,
    const struct cache_key *key, void (*found)(void *owner), void *owner, struct look **out)
{
	struct look *l = mem_zalloc(sizeof(*l));
	arena_init(&l->arena, 2048);
	http_request_copy(request, &l->arena, &l->request);
	l->conf = conf_ref(conf);
	l->route = route;
	l->now_ms = env->port->wall_ms(env->worker);
	l->found = found;
	l->owner = owner;
	l->op =
	    (struct tier_get){.key = *key, .match = is_for, .deep = true, .enough = answers, .ctx = l, .done = on_done};
	l->op.key.text = arena_str(&l->arena, key->text);
	*out = l;
	errand_begin(&l->errand, env, told, free_lookup);
	int err = tier_get(env->tier, &l->op);
	if (err != ERR_AGAIN)
		errand_answered(&l->errand);
	return err;
}

struct entry *lookup_take(struct look *l)
{
	struct entry *e = l->op.entry;
	l->op.entry = NULL;
	return e;
}

void lookup_leave(struct look **l)
{
	if (*l)
		errand_leave(&(*l)->errand);
	*l = NULL;
}
