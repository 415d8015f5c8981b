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

/* ---- those that look, by key, and those that wait for one of them ---- */

static struct look **chain_of(const struct look *l)
{
	return &l->errand.env->looks[l->op.key.lo % REQ_LOOKS];
}

static void link_to(struct look **head, struct look *l)
{
	l->prev = NULL;
	l->next = *head;
	if (l->next)
		l->next->prev = l;
	*head = l;
}

static void unlink_from(struct look **head, struct look *l)
{
	*(l->prev ? &l->prev->next : head) = l->next;
	if (l->next)
		l->next->prev = l->prev;
	l->next = l->prev = NULL;
}

static struct look *find_same(const struct look *l)
{
	struct look *same = *chain_of(l);
	while (same && !str_eq(same->op.key.text, l->op.key.text))
		same = same->next;
	return same;
}

/* Whoever waits from now on waits for another one. */
static void unlist(struct look *l)
{
	if (l->listed)
		unlink_from(chain_of(l), l);
	l->listed = false;
}

/* Is what the other one has found what this one would find? If that did not answer the other one, it has looked everywhere. It may be from
 * before a purge that had been carried out when this one came. */
static bool is_same_for(const struct look *l, const struct look *other)
{
	const struct entry *e = other->op.entry;
	if (!e)
		return !other->op.other_variant;
	return is_for((void *)(uintptr_t)l, e) && (lookup_answers(l, e) || !lookup_answers(other, e)) &&
	       !tier_purged_since(l->errand.env->tier, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e));
}

static int look_for_itself(struct look *l);

static void tell_waiting(struct look *l)
{
	for (struct look *w; (w = l->waiting);) {
		unlink_from(&l->waiting, w);
		w->awaited = NULL;
		if (is_same_for(w, l)) {
			w->op.entry = l->op.entry ? entry_ref(l->op.entry) : NULL;
			w->op.found_in = l->op.found_in;
		} else if (look_for_itself(w) == ERR_AGAIN) {
			continue;
		}
		w->found(w->owner);
	}
}

/* ---- one look ---- */

static void free_look(struct look *l)
{
	entry_release(&l->op.entry);
	conf_release(&l->conf);
	arena_free(&l->arena);
	free(l);
}

/* The answer came when who asked had gone. */
static void on_unclaimed(struct errand *e)
{
	struct look *l = CONTAINER_OF(e, struct look, errand);
	unlist(l);
	tell_waiting(l);
	free_look(l);
}

/* Those that wait come first: who asked may take what was found. */
static void told(struct errand *e)
{
	struct look *l = CONTAINER_OF(e, struct look, errand);
	unlist(l);
	tell_waiting(l);
	l->found(l->owner);
}

static void on_done(struct tier_get *op, int err)
{
	errand_done(&CONTAINER_OF(op, struct look, op)->errand);
}

static int look_for_itself(struct look *l)
{
	struct req_env *env = l->errand.env;
	errand_begin(&l->errand, env, told, on_unclaimed);
	int err = tier_get(env->tier, &l->op);
	if (err != ERR_AGAIN)
		errand_answered(&l->errand);
	return err;
}

int lookup_start(struct req_env *env, const struct lookup_spec *spec, struct look **out)
{
	struct look *l = mem_zalloc(sizeof(*l));
	arena_init(&l->arena, 2048);
	http_request_copy(spec->request, &l->arena, &l->request);
	l->errand.env = env;
	l->conf = conf_ref(spec->conf);
	l->route = spec->route;
	l->now_ms = env->port->wall_ms(env->worker);
	l->found = spec->found;
	l->owner = spec->owner;
	l->op = (struct tier_get){
	    .key = *spec->key, .match = is_for, .deep = true, .enough = answers, .ctx = l, .done = on_done};
	l->op.key.text = arena_str(&l->arena, spec->key->text);
	*out = l;
	struct look *same = spec->for_itself ? NULL : find_same(l);
	if (same) {
		l->awaited = same;
		link_to(&same->waiting, l);
		return ERR_AGAIN;
	}
	int err = look_for_itself(l);
	l->listed = err == ERR_AGAIN;
	if (l->listed)
		link_to(chain_of(l), l);
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
	struct look *left = *l;
	*l = NULL;
	if (!left)
		return;
	if (left->errand.under_way) {
		errand_leave(&left->errand);
		return;
	}
	if (left->awaited)
		unlink_from(&left->awaited->waiting, left);
	free_look(left);
}
