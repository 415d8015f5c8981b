/* A world whose tier is a stack: memory, and below it a tier that answers when the test says so. Each question to it stays open in a
 * list, in the order they came. One world at a time. */
#ifndef LARDER_TESTS_REQ_DEEP_H
#define LARDER_TESTS_REQ_DEEP_H

#include "world.h"

#include "tier/stack.h"

enum { DEEP_OPEN = 16 };

struct deep {
	struct tier tier;
	struct tier_get *gets[DEEP_OPEN];
	struct tier_purge *purges[DEEP_OPEN];
	struct tier_lease *leases[DEEP_OPEN];
	unsigned n_gets, n_purges, n_leases, n_puts; /* so many came */
	unsigned granted, given_back, left; /* leases: held, ended after that, ended while they were waited for */
	bool has_leases;		    /* else each may fetch at once */
	int at_once;			    /* what becomes of a lease at once; ERR_AGAIN: it stays open */
	bool misses_at_once;		    /* nothing is here, and it says so at once */
	void (*asked)(unsigned i);	    /* a lookup has begun; NULL: the test knows */
	struct entry *variant;		    /* what `variants` tells of, a reference; NULL: nothing */
};

static struct deep deep;

static inline int deep_get(struct tier *t, struct tier_get *op)
{
	ck_assert_uint_lt(deep.n_gets, DEEP_OPEN);
	op->entry = NULL;
	op->other_variant = false;
	unsigned i = deep.n_gets++;
	deep.gets[i] = deep.misses_at_once ? NULL : op;
	if (deep.misses_at_once)
		return ERR_MISSING;
	if (deep.asked)
		deep.asked(i); /* op may be gone then */
	return ERR_AGAIN;
}

static inline int deep_put(struct tier *t, struct tier_put *op)
{
	deep.n_puts++;
	return ERR_OK;
}

static inline int deep_purge(struct tier *t, struct tier_purge *op)
{
	ck_assert_uint_lt(deep.n_purges, DEEP_OPEN);
	deep.purges[deep.n_purges++] = op;
	return ERR_AGAIN;
}

static inline int deep_invalidate(struct tier *t, struct tier_invalidate *op)
{
	return ERR_OK;
}

static inline void deep_remove(struct tier *t, struct entry *e)
{
}

static inline void deep_variants(
    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	if (deep.variant)
		fn(ctx, deep.variant);
}

static inline unsigned deep_sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return 0;
}

static inline void deep_stats(struct tier *t, struct tier_stats *out)
{
}

static inline int deep_lease(struct tier *t, struct tier_lease *op)
{
	ck_assert_uint_lt(deep.n_leases, DEEP_OPEN);
	bool waits = deep.has_leases && deep.at_once == ERR_AGAIN;
	deep.leases[deep.n_leases++] = waits ? op : NULL;
	if (!deep.has_leases)
		return ERR_OK;
	op->held = deep.at_once == ERR_OK;
	deep.granted += op->held;
	return deep.at_once;
}

static inline void deep_lease_end(struct tier *t, struct tier_lease *op)
{
	if (op->held)
		deep.given_back++;
	else
		deep.left++;
	op->held = false;
	for (unsigned i = 0; i < deep.n_leases; i++) { /* no answer follows */
		if (deep.leases[i] == op)
			deep.leases[i] = NULL;
	}
}

static inline void deep_close(struct tier *t)
{
	entry_release(&deep.variant);
	for (unsigned i = 0; i < DEEP_OPEN; i++)
		ck_assert_msg(!deep.gets[i] && !deep.purges[i] && !deep.leases[i], "question %u was not answered", i);
	ck_assert_msg(deep.granted == deep.given_back, "%u leases were held, %u ended", deep.granted, deep.given_back);
}

static const struct tier_ops deep_ops = {.name = "below",
    .get = deep_get,
    .put = deep_put,
    .purge = deep_purge,
    .invalidate = deep_invalidate,
    .remove = deep_remove,
    .variants = deep_variants,
    .sweep = deep_sweep,
    .stats = deep_stats,
    .lease = deep_lease,
    .lease_end = deep_lease_end,
    .close = deep_close};

static bool deep_keeps = true; /* pages in memory too */

static inline struct tier *deep_over(struct tier *memory_take)
{
	struct stack_options o = {.keeps = deep_keeps, .in_memory = 1 << 20, .max_files = 100};
	struct tier *stack = stack_new(memory_take, &o);
	deep = (struct deep){.tier = {.ops = &deep_ops,
				 .budget = stack->budget,
				 .purges = stack->purges,
				 .heard = stack_heard,
				 .heard_ctx = stack_next(stack)},
	    .at_once = ERR_AGAIN};
	stack_add(stack, &deep.tier, NULL);
	return stack;
}

static inline struct world *deep_world(const char *ini)
{
	return world_new_over(ini, deep_over);
}

/* ---- answers ---- */

/* A page as it lies below. */
struct deep_page {
	const char *body, *fields;
	int64_t age_ms, lifetime_ms, swr_ms, sie_ms;
	struct header vary[2]; /* to the first without a name */
	bool must_revalidate, no_cache, purged;
	int fd; /* > 0: its body lies in this file, which is taken; `body` tells its length */
};

static inline struct entry *deep_entry(struct world *w, const struct cache_key *key, const struct deep_page *p)
{
	struct arena a;
	struct headers fields;
	struct header vary[COUNT_OF(p->vary)];
	struct entry *e;
	arena_init(&a, 0);
	world_fields(p->fields ? p->fields : "", &a, &fields);
	struct stored stored = {.status = 200,
	    .response_ms = w->now_ms - p->age_ms,
	    .date_s = (w->now_ms - p->age_ms) / 1000,
	    .lifetime_ms = p->lifetime_ms,
	    .swr_ms = p->swr_ms,
	    .sie_ms = p->sie_ms,
	    .must_revalidate = p->must_revalidate,
	    .no_cache = p->no_cache,
	    .last_modified_s = -1,
	    .etag = headers_get(&fields, STR("ETag")),
	    .lifetime_source = LIFETIME_TTL,
	    .vary = {.v = vary}};
	for (; stored.vary.n < COUNT_OF(vary) && p->vary[stored.vary.n].name.p; stored.vary.n++)
		vary[stored.vary.n] = p->vary[stored.vary.n];
	struct entry_spec spec = {.key = *key, .stored = &stored, .headers = &fields};
	struct body *body = p->fd > 0 ? body_of_file(p->fd, strlen(p->body), (struct hash128){0})
				      : body_of(str_of(p->body), w->tier->budget);
	ck_assert_ptr_nonnull(body);
	ck_assert_int_eq(entry_new(&spec, &body, w->tier->budget, &e), ERR_OK);
	atomic_store(&e->purged, p->purged);
	arena_free(&a);
	return e;
}

/* The i-th lookup finds the page, if it matches; nothing for NULL. The letter is on its way then. */
static inline void deep_finds(struct world *w, unsigned i, const struct deep_page *p)
{
	struct tier_get *op = deep.gets[i];
	ck_assert_msg(op, "lookup %u is not open", i);
	deep.gets[i] = NULL;
	op->entry = p ? deep_entry(w, &op->key, p) : NULL;
	if (op->entry && op->match && !op->match(op->ctx, op->entry)) {
		entry_release(&op->entry);
		op->other_variant = true;
	}
	op->done(op, op->entry ? ERR_OK : ERR_MISSING);
}

static inline void deep_find(struct world *w, unsigned i, const struct deep_page *p)
{
	deep_finds(w, i, p);
	world_deliver(w);
}

static inline void deep_purged(struct world *w, unsigned i, int err)
{
	struct tier_purge *op = deep.purges[i];
	ck_assert_msg(op, "purge %u is not open", i);
	deep.purges[i] = NULL;
	op->done(op, err);
	world_deliver(w);
}

/* The i-th lease that was asked for: held, or (not held) as `err` says. */
static inline void deep_leases(unsigned i, int err, bool held)
{
	struct tier_lease *op = deep.leases[i];
	ck_assert_msg(op, "lease %u is not open", i);
	deep.leases[i] = NULL;
	op->held = held;
	deep.granted += held;
	op->done(op, err);
}

static inline void deep_lease_comes(struct world *w, unsigned i, int err, bool held)
{
	deep_leases(i, err, held);
	world_deliver(w);
}

#endif
