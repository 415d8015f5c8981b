/* A memory tier on top, and tiers below it that outlive the process or are shared with others.
 *
 *   get, local   memory                                                     never waits
 *   get, deep    memory -> file -> redis, until one answers by itself; what is better than memory's is put into memory
 *   put          memory, and every tier below, behind the caller's back
 *   purge        memory, then all below at once; done when the last of them is
 *   invalidate   memory, then all below, behind the caller's back
 *   heard        what another instance purged: memory, and the other tiers below
 *
 * Two kinds of entries are in memory: pages, and handles, which hold their file open (body_has_file) and, where it is small, have a copy of it. A handle is looked at before each use
 * (body_is_current), so what another process did to the file is noticed at once. A stack that does not keep pages has them in memory
 * only until the tiers below have them.
 *
 * Why no purged page slips back from below. What a lookup brings is labelled with an epoch, and refused (here, and by memory's put) when
 * a purge after it covers the page. A lookup must be refused when it began before the tiers below had carried out the purge, since it
 * may have read before them. So it is labelled with the epoch *before* the current one, and before the oldest purge that is still
 * under way below; and when a purge has been carried out, the epoch moves once more, so that later lookups are told from earlier ones.
 *
 *   epoch  6      7 purge begins            8 it is carried out below
 *   lookups   5 | 6 6 6 (refused if covered) | 7 ...
 *
 * What a soft purge overtakes on its way below is refused there: a stack that keeps pages has it in memory, stale; else it is lost.
 *
 * Order of locks: none is held while a tier is called. */
#include "tier/stack.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "tier/private.h"
#include "tier/purge_log.h"

struct stack {
	struct tier tier;
	struct tier *memory;
	struct below {
		struct stack *stack;
		struct tier *tier;
		bool (*is_in_touch)(struct tier *below);
	} below[STACK_BELOW];
	unsigned n_below;
	bool keeps;
	atomic_size_t in_memory;
	atomic_uint max_files;
	pthread_mutex_t lock;
	struct list purges; /* that the tiers below have not carried out, from the newest to the oldest */
};

/* A purge or an invalidation on its way below. */
struct under_way {
	struct list link; /* in stack.purges */
	struct stack *stack;
	uint64_t epoch;
	unsigned n;		  /* tiers that are asked: the first ones below, but the one from which it comes */
	const struct below *from; /* NULL: of ours */
	atomic_uint left;	  /* those that have not answered, and the one who asks them */
	atomic_int err;
	struct tier_purge *op; /* the caller's; NULL: of nobody who waits */
	struct purge_below {
		struct tier_purge op;
		struct under_way *whole;
	} purge[STACK_BELOW];
	struct invalidate_below {
		struct tier_invalidate op;
		struct under_way *whole;
	} invalidate[STACK_BELOW];
	char *text; /* of the key or argument, where the caller does not wait */
};

static struct stack *stack_of(struct tier *t)
{
	return CONTAINER_OF(t, struct stack, tier);
}

/* What lies above below[from]: others may have purged it there, and we do not know yet. */
static bool may_trust_above(const struct stack *s, unsigned from)
{
	for (unsigned i = from; i < s->n_below; i++) {
		if (s->below[i].is_in_touch && !s->below[i].is_in_touch(s->below[i].tier))
			return false;
	}
	return true;
}

/* ---- purges under way ---- */

/* They come nearly in their order. */
static void enlist(struct stack *s, struct under_way *u)
{
	pthread_mutex_lock(&s->lock);
	struct under_way *older = LIST_FIRST(&s->purges, struct under_way, link);
	while (older && older->epoch > u->epoch)
		older = LIST_NEXT(&s->purges, older, struct under_way, link);
	list_add_before(older ? &older->link : &s->purges, &u->link);
	pthread_mutex_unlock(&s->lock);
}

static void unlist(struct stack *s, struct under_way *u)
{
	pthread_mutex_lock(&s->lock);
	list_remove(&u->link);
	pthread_mutex_unlock(&s->lock);
}

/* What a lookup that begins now is labelled with. */
static uint64_t label(struct stack *s)
{
	uint64_t epoch = purge_log__epoch(s->tier.purges);
	pthread_mutex_lock(&s->lock);
	const struct under_way *oldest = LIST_LAST(&s->purges, struct under_way, link);
	if (oldest && oldest->epoch < epoch)
		epoch = oldest->epoch;
	pthread_mutex_unlock(&s->lock);
	return epoch > 0 ? epoch - 1 : 0;
}

/* n: tiers below that are to be asked. Who hears of others may do so while tiers are still added, or closed: those of it are there. */
static struct under_way *under_way_new(struct stack *s, uint64_t epoch, unsigned n)
{
	struct under_way *u = mem_zalloc(sizeof(*u));
	u->stack = s;
	u->epoch = epoch;
	u->n = n;
	atomic_init(&u->left, n + 1);
	atomic_init(&u->err, ERR_OK);
	enlist(s, u);
	return u;
}

/* One of the tiers has done its part, or the caller all of its own. The last one tells, on its thread: true, with u gone. */
static bool under_way_less(struct under_way *u, int err, bool tell)
{
	if (err)
		atomic_store(&u->err, err);
	if (atomic_fetch_sub_explicit(&u->left, 1, memory_order_acq_rel) > 1)
		return false;
	struct tier_purge *op = u->op;
	unlist(u->stack, u);
	purge_log__bump(u->stack->tier.purges);
	err = atomic_load(&u->err);
	free(u->text);
	free(u);
	if (op && tell)
		op->done(op, err);
	return true;
}

/* ---- looking ---- */

struct look {
	struct tier_get sub;
	struct stack *stack;
	struct tier_get *op;
	unsigned at; /* the tier that is asked */
	bool again;  /* it was asked twice */
	uint64_t label;
	struct entry *best;
	const char *found_in;
	bool other_variant;
};

static void pass_down(struct stack *s, struct entry *e, unsigned to, bool is_new);

/* What a tier below had goes up into those above it; what was stored there meanwhile stays. */
static void promote(struct look *l, struct entry *e, unsigned from)
{
	struct stack *s = l->stack;
	struct tier_put up = {.entry = e, .found = true};
	bool holds_file = body_has_file(e->body);
	bool may_hold = holds_file && body_files() <= atomic_load_explicit(&s->max_files, memory_order_relaxed);
	if (holds_file ? may_hold : s->keeps)
		(void)!s->memory->ops->put(s->memory, &up);
	if (from > 0)
		pass_down(s, e, from, false);
}

/* A purge came in between. What is there may have been stored after it: a tier is asked once more, if that can tell. */
static bool is_to_be_asked_again(struct look *l, const struct entry *refused)
{
	uint64_t now = label(l->stack);
	if (l->again || purge_log__covers(
			    l->stack->tier.purges, now, ENTRY_KEY(refused), entry_tags(refused), entry_n_tags(refused)))
		return false;
	l->again = true;
	l->label = now;
	return true;
}

/* What the tier at l->at has told. Moves on to the next that is to be asked. */
static void took(struct look *l, int err)
{
	struct stack *s = l->stack;
	struct entry *e = err == ERR_OK ? l->sub.entry : NULL;
	unsigned asked = l->at++;
	l->op->spent_us = l->sub.spent_us;
	l->other_variant |= l->sub.other_variant;
	if (!e)
		return;
	e->epoch = l->label; /* nobody else has it yet */
	if (purge_log__covers(s->tier.purges, l->label, ENTRY_KEY(e), entry_tags(e), entry_n_tags(e))) {
		if (is_to_be_asked_again(l, e))
			l->at = asked;
		entry_release(&e);
		return;
	}
	/* Of the same, the one that is here: it has the marks of what was learned since. */
	if (l->best && !entry__is_newer(ENTRY_STORED(e), ENTRY_STORED(l->best))) {
		entry_release(&e);
		return;
	}
	promote(l, e, asked);
	entry_release(&l->best);
	l->best = e;
	l->found_in = s->below[asked].tier->ops->name;
	if (!l->op->enough || l->op->enough(l->op->ctx, e))
		l->at = s->n_below;
}

static void on_found(struct tier_get *sub, int err);

/* Asks the tiers from l->at on. ERR_AGAIN, or what is to be told, with l gone. */
static int look_on(struct look *l)
{
	struct stack *s = l->stack;
	struct tier_get *op = l->op;
	while (l->at < s->n_below) {
		struct tier *below = s->below[l->at].tier;
		if (!may_trust_above(s, l->at + 1)) {
			l->at++;
			continue;
		}
		l->sub = (struct tier_get){.key = op->key,
		    .match = op->match,
		    .ctx = op->ctx,
		    .with_file = !s->keeps,
		    .in_memory = atomic_load_explicit(&s->in_memory, memory_order_relaxed),
		    .spent_us = op->spent_us,
		    .done = on_found};
		int err = below->ops->get(below, &l->sub);
		if (err == ERR_AGAIN)
			return ERR_AGAIN;
		took(l, err);
	}
	op->entry = l->best;
	op->found_in = l->found_in;
	op->other_variant = !l->best && l->other_variant;
	free(l);
	return op->entry ? ERR_OK : ERR_MISSING;
}

static void on_found(struct tier_get *sub, int err)
{
	struct look *l = CONTAINER_OF(sub, struct look, sub);
	struct tier_get *op = l->op;
	took(l, err);
	err = look_on(l);
	if (err != ERR_AGAIN)
		op->done(op, err);
}

static int look_below(struct stack *s, struct tier_get *op)
{
	struct look *l = mem_zalloc(sizeof(*l));
	*l = (struct look){.stack = s,
	    .op = op,
	    .best = op->entry,
	    .found_in = op->found_in,
	    .other_variant = op->other_variant,
	    .label = label(s)};
	return look_on(l);
}

/* What is in memory and may be used. */
static int look_here(struct stack *s, struct tier_get *op)
{
	int err = tier_get(s->memory, op);
	if (err != ERR_OK || s->n_below == 0)
		return err;
	bool is_current = body_is_current(op->entry->body);
	if (body_has_file(op->entry->body))
		op->found_in = s->below[0].tier->ops->name; /* a handle: its bytes come from there */
	/* One that the page cache has let go is read by the file tier's threads: no loop waits for a disk. */
	if (is_current && may_trust_above(s, 0) && body_is_cached(op->entry->body))
		return ERR_OK;
	if (!is_current)
		tier_remove(s->memory, op->entry);
	entry_release(&op->entry);
	return ERR_MISSING;
}

static int get(struct tier *t, struct tier_get *op)
{
	struct stack *s = stack_of(t);
	int err = look_here(s, op);
	if (!op->deep || s->n_below == 0)
		return err;
	if (err == ERR_OK && (!op->enough || op->enough(op->ctx, op->entry)))
		return ERR_OK;
	return look_below(s, op);
}

/* ---- storing ---- */

/* An entry on its way to the tiers below. */
struct passing {
	struct stack *stack;
	struct entry *entry;
	atomic_uint left; /* as in under_way */
	bool is_new;	  /* of a fetch; else it comes from further down, and memory is as it should be */
	atomic_bool refused;
	struct put_below {
		struct tier_put op;
		struct passing *whole;
	} put[STACK_BELOW];
};

/* A purge has overtaken it below. A soft one that found it in memory has left its mark there, and it is stale as it should be. */
static bool leaves_memory(struct passing *p)
{
	if (!p->is_new)
		return false;
	return !p->stack->keeps || (atomic_load(&p->refused) && !atomic_load(&p->entry->purged));
}

static void passing_less(struct passing *p, int err)
{
	struct stack *s = p->stack;
	if (err == ERR_STALE)
		atomic_store(&p->refused, true);
	if (atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel) > 1)
		return;
	if (leaves_memory(p))
		tier_remove(s->memory, p->entry);
	entry_release(&p->entry);
	free(p);
}

static void on_put(struct tier_put *op, int err)
{
	passing_less(CONTAINER_OF(op, struct put_below, op)->whole, err);
}

/* To those of them that are looked at before `to`. */
static void pass_down(struct stack *s, struct entry *e, unsigned to, bool is_new)
{
	struct passing *p = mem_zalloc(sizeof(*p));
	p->stack = s;
	p->entry = entry_ref(e);
	p->is_new = is_new;
	atomic_init(&p->left, to + 1);
	atomic_init(&p->refused, false);
	for (unsigned i = 0; i < to; i++) {
		struct tier *below = s->below[i].tier;
		p->put[i] = (struct put_below){.op = {.entry = e, .found = !is_new, .done = on_put}, .whole = p};
		int err = below->ops->put(below, &p->put[i].op);
		if (err != ERR_AGAIN)
			passing_less(p, err);
	}
	passing_less(p, ERR_OK);
}

/* Parts of a page are what this process collects; they are in no tier below. */
static int put(struct tier *t, struct tier_put *op)
{
	struct stack *s = stack_of(t);
	struct entry *e = op->entry;
	int err = s->memory->ops->put(s->memory, op);
	if (err == ERR_STALE || entry_is_partial(e) || s->n_below == 0)
		return err;
	pass_down(s, e, s->n_below, true);
	return ERR_OK;
}

static void remove_entry(struct tier *t, struct entry *e)
{
	struct stack *s = stack_of(t);
	tier_remove(s->memory, e);
	for (unsigned i = 0; i < s->n_below; i++)
		tier_remove(s->below[i].tier, e);
}

static void variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	tier_variants(stack_of(t)->memory, key, fn, ctx);
}

/* ---- purging ---- */

/* What one tier did, for the caller: pages are in several, so the most that one had is what is told. Each that is shared has an order of
 * its own; the place that is told is one in the order of the tier that `await` asks. */
static void add_up(const struct purge_below *b)
{
	struct under_way *u = b->whole;
	struct stack *s = u->stack;
	if (!u->op)
		return;
	pthread_mutex_lock(&s->lock);
	if (b->op.count > u->op->count)
		u->op->count = b->op.count;
	if (b == &u->purge[u->n - 1])
		u->op->seq = b->op.seq;
	pthread_mutex_unlock(&s->lock);
}

static void on_purged(struct tier_purge *op, int err)
{
	const struct purge_below *b = CONTAINER_OF(op, struct purge_below, op);
	add_up(b);
	under_way_less(b->whole, err, true);
}

static void on_invalidated(struct tier_invalidate *op, int err)
{
	under_way_less(CONTAINER_OF(op, struct invalidate_below, op)->whole, err, true);
}

static void purge_below(struct under_way *u, const struct tier_purge *op)
{
	for (unsigned i = 0; i < u->n; i++) {
		struct tier *below = u->stack->below[i].tier;
		struct purge_below *b = &u->purge[i];
		if (u->from == &u->stack->below[i]) {
			under_way_less(u, ERR_OK, false);
			continue;
		}
		*b = (struct purge_below){.op = *op, .whole = u};
		b->op.count = b->op.seq = 0;
		b->op.done = on_purged;
		int err = below->ops->purge(below, &b->op);
		if (err == ERR_AGAIN)
			continue;
		add_up(b);
		under_way_less(u, err, false); /* not the last: the caller has not said that he is done */
	}
}

static void invalidate_below(struct under_way *u, const struct tier_invalidate *op)
{
	for (unsigned i = 0; i < u->n; i++) {
		struct tier *below = u->stack->below[i].tier;
		struct invalidate_below *b = &u->invalidate[i];
		if (u->from == &u->stack->below[i]) {
			under_way_less(u, ERR_OK, false);
			continue;
		}
		*b = (struct invalidate_below){.op = *op, .whole = u};
		b->op.done = on_invalidated;
		int err = below->ops->invalidate(below, &b->op);
		if (err != ERR_AGAIN)
			under_way_less(u, err, false);
	}
}

/* Strings of the caller's, who does not wait: kept until the tiers below are done. */
static struct str keep_text(struct under_way *u, struct str text)
{
	u->text = mem_dup(text.n > 0 ? text.p : "", text.n);
	return str_make(u->text, text.n);
}

/* It was remembered before it was listed here. A lookup that began between the two may bear the label of a purge that came, and was done,
 * between them as well: then it is remembered once more, as later than all of these. */
static int purge(struct tier *t, struct tier_purge *op)
{
	struct stack *s = stack_of(t);
	if (s->n_below == 0)
		return s->memory->ops->purge(s->memory, op);
	struct under_way *u = under_way_new(s, op->epoch, s->n_below);
	if (purge_log__epoch(s->tier.purges) != op->epoch)
		op->epoch = purge_log__add(s->tier.purges, op);
	u->op = op;
	int err = s->memory->ops->purge(s->memory, op);
	struct tier_purge below = *op; /* the first to be done writes into the caller's */
	atomic_store(&u->err, err);
	purge_below(u, &below);
	err = atomic_load(&u->err);
	return under_way_less(u, ERR_OK, false) ? err : ERR_AGAIN;
}

/* Nobody waits for the tiers below: a lookup that could find there what was invalidated is refused until they are done. */
static int invalidate(struct tier *t, struct tier_invalidate *op)
{
	struct stack *s = stack_of(t);
	if (s->n_below == 0)
		return s->memory->ops->invalidate(s->memory, op);
	struct under_way *u = under_way_new(s, op->epoch, s->n_below);
	if (purge_log__epoch(s->tier.purges) != op->epoch) /* as in purge */
		op->epoch = purge_log__invalidate(s->tier.purges, &op->key);
	struct tier_invalidate below = *op;
	int err = s->memory->ops->invalidate(s->memory, op);
	below.key.text = keep_text(u, op->key.text);
	invalidate_below(u, &below);
	under_way_less(u, ERR_OK, false);
	return err;
}

/* While tiers are still added. */
static unsigned count_below(struct stack *s)
{
	pthread_mutex_lock(&s->lock);
	unsigned n = s->n_below;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* On a thread of the tier that heard it. That one has done its own part. Listed before it is remembered, so nothing comes between. */
void stack_heard(void *ctx, const struct tier_heard *what)
{
	const struct below *from = ctx;
	struct stack *s = from->stack;
	/* Who purged through a tier that is shared further has told the ones above it of that himself. */
	unsigned n = what->of_program ? count_below(s) : (unsigned)(from - s->below);
	struct under_way *u = under_way_new(s, purge_log__epoch(s->tier.purges), n);
	u->from = from;
	struct tier_purge op = what->purge;
	if (what->invalidates) {
		struct tier_invalidate inv = {.key = op.key};
		inv.epoch = purge_log__invalidate(s->tier.purges, &inv.key);
		(void)!s->memory->ops->invalidate(s->memory, &inv);
		inv.key.text = keep_text(u, inv.key.text);
		invalidate_below(u, &inv);
	} else {
		op.epoch = purge_log__add(s->tier.purges, &op);
		(void)!s->memory->ops->purge(s->memory, &op);
		op.key.text = op.arg = keep_text(u, op.kind == PURGE_URL ? op.key.text : op.arg);
		purge_below(u, &op);
	}
	under_way_less(u, ERR_OK, false);
}

/* ---- the rest ---- */

static unsigned sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	struct stack *s = stack_of(t);
	unsigned dropped = tier_sweep(s->memory, now_ms, max);
	for (unsigned i = 0; i < s->n_below; i++)
		dropped += tier_sweep(s->below[i].tier, now_ms, max);
	return dropped;
}

/* Of the tier where pages are kept that is asked first. */
static void stats(struct tier *t, struct tier_stats *out)
{
	struct stack *s = stack_of(t);
	tier_stats(s->keeps ? s->memory : s->below[0].tier, out);
}

/* The last that is shared: it reaches the furthest. */
static struct tier *shared_one(struct stack *s)
{
	return s->n_below > 0 ? s->below[s->n_below - 1].tier : s->memory;
}

static int await(
    struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	return tier_await(shared_one(stack_of(t)), seq, timeout_ms, fn, ctx);
}

static int lease(struct tier *t, struct tier_lease *op)
{
	return tier_lease(shared_one(stack_of(t)), op);
}

static void lease_end(struct tier *t, struct tier_lease *op)
{
	tier_lease_end(shared_one(stack_of(t)), op);
}

static struct tier *part(struct tier *t, unsigned i)
{
	struct stack *s = stack_of(t);
	if (i == 0)
		return s->memory;
	return i <= s->n_below ? s->below[i - 1].tier : NULL;
}

/* From below: what is under way there ends first, and may still come up. */
static void close_tier(struct tier *t)
{
	struct stack *s = stack_of(t);
	while (s->n_below > 0) {
		pthread_mutex_lock(&s->lock);
		unsigned last = --s->n_below;
		pthread_mutex_unlock(&s->lock);
		tier_close(&s->below[last].tier);
	}
	tier_close(&s->memory);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct tier_ops stack_ops = {
    .name = "memory",
    .get = get,
    .put = put,
    .purge = purge,
    .invalidate = invalidate,
    .remove = remove_entry,
    .variants = variants,
    .sweep = sweep,
    .stats = stats,
    .await = await,
    .lease = lease,
    .lease_end = lease_end,
    .part = part,
    .close = close_tier,
};

struct tier *stack_new(struct tier *memory_take, const struct stack_options *o)
{
	struct stack *s = mem_zalloc(sizeof(*s));
	list_init(&s->purges);
	s->memory = memory_take;
	s->tier = (struct tier){.ops = &stack_ops, .budget = s->memory->budget, .purges = s->memory->purges};
	s->keeps = o->keeps;
	stack_configure(&s->tier, o);
	for (unsigned i = 0; i < STACK_BELOW; i++)
		s->below[i].stack = s;
	pthread_mutex_init(&s->lock, NULL);
	return &s->tier;
}

void *stack_next(struct tier *stack)
{
	struct stack *s = stack_of(stack);
	assert(s->n_below < STACK_BELOW);
	return &s->below[s->n_below];
}

void stack_add(struct tier *stack, struct tier *below_take, bool (*is_in_touch)(struct tier *below))
{
	struct stack *s = stack_of(stack);
	assert(s->n_below < STACK_BELOW);
	pthread_mutex_lock(&s->lock);
	struct below *b = &s->below[s->n_below++];
	b->tier = below_take;
	b->is_in_touch = is_in_touch;
	s->tier.is_deep = true;
	if (below_take->max_key > 0 && (s->tier.max_key == 0 || below_take->max_key < s->tier.max_key))
		s->tier.max_key = below_take->max_key;
	pthread_mutex_unlock(&s->lock);
}

void stack_keep(struct tier *stack)
{
	stack_of(stack)->keeps = true;
}

void stack_configure(struct tier *stack, const struct stack_options *o)
{
	struct stack *s = stack_of(stack);
	atomic_store_explicit(&s->in_memory, o->in_memory, memory_order_relaxed);
	atomic_store_explicit(&s->max_files, o->max_files, memory_order_relaxed);
}
