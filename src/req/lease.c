/* begin -> (waits for the lease) -> go
 *                           \-> stored by another -> look it up -> found
 *                                                      \-> it is of no use -> go
 *
 * Only pages that may be stored are worth it, and only a GET for the whole of one. Waiting is bounded by the tier. */
#include "req/lease.h"

#include <stdlib.h>

#include "base/mem.h"
#include "policy/reuse.h"
#include "req/lookup.h"
#include "req/req.h"

struct leasing {
	struct errand errand;
	struct tier_lease op;
	struct flight *flight; /* NULL: it needs it no more */
	struct look *look;
	int err; /* what the tier has said */
	bool awaited;
	void (*go)(struct flight *f);
	void (*found)(struct flight *f, struct entry *e_take, const char *found_in);
	char *text; /* of key and signature: the tier may need them longer than the flight lives */
};

static void free_leasing(struct errand *e)
{
	struct leasing *l = CONTAINER_OF(e, struct leasing, errand);
	free(l->text);
	free(l);
}

static void set_off(struct leasing *l)
{
	l->awaited = false;
	l->go(l->flight);
}

/* What was found answers the request, or the lookup would have gone on; but at its end it gives the best there is. */
static bool is_good(const struct leasing *l, const struct entry *e)
{
	return lookup_answers(l->look, e) && policy_may_collapse(ENTRY_STORED(e)) &&
	       !tier_purged_since(l->flight->env->tier, e->epoch, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e));
}

static void on_looked_up(void *owner)
{
	struct leasing *l = owner;
	struct entry *e = lookup_take(l->look);
	const char *found_in = l->look->op.found_in;
	if (e && !is_good(l, e))
		entry_release(&e);
	lookup_leave(&l->look);
	if (!e) {
		set_off(l);
		return;
	}
	l->awaited = false;
	l->found(l->flight, e, found_in);
}

static void look_up(struct leasing *l)
{
	struct flight *f = l->flight;
	struct lookup_spec spec = {.request = &f->request,
	    .conf = f->conf,
	    .route = f->route,
	    .key = &f->key,
	    .spent_us = l->op.spent_us,
	    .for_itself = true, /* one from before the other one stored it does not see it */
	    .found = on_looked_up,
	    .owner = l};
	if (lookup_start(f->env, &spec, &l->look) != ERR_AGAIN)
		on_looked_up(l);
}

static void told(struct errand *e)
{
	struct leasing *l = CONTAINER_OF(e, struct leasing, errand);
	if (l->err == ERR_EOF)
		look_up(l);
	else
		set_off(l);
}

static void on_done(struct tier_lease *op, int err)
{
	struct leasing *l = CONTAINER_OF(op, struct leasing, op);
	l->err = err;
	errand_done(&l->errand);
}

static bool is_worth_it(const struct flight *f)
{
	return f->env->tier->is_deep && f->home && f->may_store && !f->whole && !f->forwards_range && !f->part &&
	       f->request.method == METHOD_GET && !f->request.has_body;
}

bool lease_begin(struct flight *f, void (*go)(struct flight *f),
    void (*found)(struct flight *f, struct entry *e_take, const char *found_in))
{
	if (!is_worth_it(f))
		return true;
	struct leasing *l = mem_zalloc(sizeof(*l));
	l->flight = f;
	l->go = go;
	l->found = found;
	l->text = mem_alloc(f->key.text.n + f->signature.n + 1);
	l->op = (struct tier_lease){.key = f->key, .spent_us = f->spent_us, .done = on_done};
	l->op.key.text = str_make(l->text, f->key.text.n);
	l->op.signature = str_make(str_put(l->text, f->key.text), f->signature.n);
	str_put(l->text + f->key.text.n, f->signature);
	f->lease = l;
	errand_begin(&l->errand, f->env, told, free_leasing);
	int err = tier_lease(f->env->tier, &l->op);
	if (err == ERR_AGAIN) {
		l->awaited = true;
		return false;
	}
	errand_answered(&l->errand);
	if (err == ERR_OK)
		return true;
	l->awaited = true;
	look_up(l);
	return false;
}

bool lease_is_awaited(const struct flight *f)
{
	return f->lease && f->lease->awaited;
}

void lease_end(struct flight *f)
{
	struct leasing *l = f->lease;
	f->lease = NULL;
	if (!l)
		return;
	lookup_leave(&l->look);
	if (l->errand.under_way || l->op.held)
		tier_lease_end(f->env->tier, &l->op);
	if (l->errand.under_way)
		errand_called_back(&l->errand);
	errand_leave(&l->errand);
}
