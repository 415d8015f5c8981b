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
	return !entry_is_partial(e) && vary_matches(entry_vary(e), &l->request.headers);
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

/* One after the other for what turns out to be of no use: for another variant, say. */
enum { WAITS_MAX = 3 };

/* ---- those that look, by key, and those that wait for one of them ---- */

static struct look **chain_of(const struct look *l)
{
	return &l->errand.env->looks[l->op.key.lo % REQ_LOOKS];
}

static struct look *find_same(const struct look *l)
{
	struct look *same = *chain_of(l);
	while (same && !str_eq(same->op.key.text, l->op.key.text))
		same = same->next;
	return same;
}

static void enlist(struct look *l)
{
	struct look **chain = chain_of(l);
	l->next = *chain;
	*chain = l;
	l->listed = true;
}

/* Whoever waits from now on waits for another one. */
static void unlist(struct look *l)
{
	if (!l->listed)
		return;
	struct look **at = chain_of(l);
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->listed = false;
}

/* What one has found, for those who wait. */
struct found {
	struct entry *entry; /* a reference */
	const char *in;
	int64_t spent_us; /* by this look alone */
	bool other_variant, answers;
};

static struct found found_by(const struct look *l)
{
	struct entry *e = l->op.entry;
	return (struct found){.entry = e ? entry_ref(e) : NULL,
	    .in = l->op.found_in,
	    .spent_us = l->op.spent_us - l->began_us,
	    .other_variant = l->op.other_variant,
	    .answers = e && lookup_answers(l, e)};
}

/* Is that what this one would find? If it did not answer the other one, that one has looked everywhere. It may be from before a purge
 * that had been carried out when this one came. */
static bool is_same_for(struct look *l, const struct found *f)
{
	const struct entry *e = f->entry;
	if (!e)
		return !f->other_variant;
	return is_for(l, e) && (lookup_answers(l, e) || !f->answers) &&
	       !tier_purged_since(l->errand.env->tier, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e));
}

static int look_or_wait(struct look *l);

static void tell_waiting(struct look *l, const struct found *f)
{
	for (struct look *w; (w = LIST_FIRST(&l->waiting, struct look, link));) {
		list_remove(&w->link);
		w->op.spent_us += f->spent_us; /* no less than it has waited for it */
		if (is_same_for(w, f)) {
			w->op.entry = f->entry ? entry_ref(f->entry) : NULL;
			w->op.found_in = f->in;
		} else if (look_or_wait(w) == ERR_AGAIN) {
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

/* Who asked may take what was found, and leave. */
static void told(struct errand *e)
{
	struct look *l = CONTAINER_OF(e, struct look, errand);
	struct found f = found_by(l);
	unlist(l);
	l->telling = true;
	if (!l->errand.left)
		l->found(l->owner);
	tell_waiting(l, &f);
	l->telling = false;
	entry_release(&f.entry);
	if (l->errand.left)
		free_look(l);
}

static void on_done(struct tier_get *op, int err)
{
	errand_done(&CONTAINER_OF(op, struct look, op)->errand);
}

static int look_for_itself(struct look *l)
{
	struct req_env *env = l->errand.env;
	errand_begin(&l->errand, env, told, told);
	l->began_us = l->op.spent_us;
	int err = tier_get(env->tier, &l->op);
	if (err != ERR_AGAIN)
		errand_answered(&l->errand);
	return err;
}

static int look_or_wait(struct look *l)
{
	struct look *same = l->waits < WAITS_MAX ? find_same(l) : NULL;
	if (same) {
		l->waits++;
		list_add_first(&same->waiting, &l->link);
		return ERR_AGAIN;
	}
	int err = look_for_itself(l);
	if (err == ERR_AGAIN)
		enlist(l);
	return err;
}

int lookup_start(struct req_env *env, const struct lookup_spec *spec, struct look **out)
{
	struct look *l = mem_zalloc(sizeof(*l));
	list_init(&l->waiting);
	arena_init(&l->arena, 2048);
	http_request_copy(spec->request, &l->arena, &l->request);
	l->errand.env = env;
	l->conf = conf_ref(spec->conf);
	l->route = spec->route;
	l->now_ms = env->port->wall_ms(env->worker);
	l->found = spec->found;
	l->owner = spec->owner;
	l->op = (struct tier_get){.key = *spec->key,
	    .spent_us = spec->spent_us,
	    .match = is_for,
	    .deep = true,
	    .enough = answers,
	    .ctx = l,
	    .done = on_done};
	l->op.key.text = arena_str(&l->arena, spec->key->text);
	*out = l;
	l->waits = spec->for_itself ? WAITS_MAX : 0;
	return look_or_wait(l);
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
	if (left->errand.under_way || left->telling) {
		left->errand.left = true; /* freed when the answer is there, and told to those who wait */
		return;
	}
	list_remove(&left->link);
	free_look(left);
}
