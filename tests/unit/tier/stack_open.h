/* Stacks for the contract of all tiers: made by worker/store.c, as the program has them, of memory, files in a directory of their own and a
 * real Redis.
 *
 * What is stored reaches the tiers below behind the caller's back, and a lookup that is not deep sees memory alone. The contract is about
 * what has been stored: so it is given a tier that hands everything to the stack, looks deep, and waits in `put` until the page has
 * arrived everywhere. */
#ifndef LARDER_TESTS_TIER_STACK_OPEN_H
#define LARDER_TESTS_TIER_STACK_OPEN_H

#include "tier/contract.h"
#include "tier/folder.h"
#include "tier/redis_rig.h"
#include "worker/store.h"

enum { STACK_VARIANTS = 8, STACK_HANDLES = 1000 };

struct settled {
	struct tier tier;
	struct tier *stack;
};

static struct tier *stack_inside(struct tier *t)
{
	return CONTAINER_OF(t, struct settled, tier)->stack;
}

static int settled_get(struct tier *t, struct tier_get *op)
{
	op->deep = true;
	return stack_inside(t)->ops->get(stack_inside(t), op);
}

static bool is_this(void *ctx, const struct entry *e)
{
	return e == ctx;
}

/* Nobody has it but the caller, and memory if it stays there. */
static bool stack_arrived(struct tier *t, struct entry *e)
{
	struct tier *stack = stack_inside(t);
	struct tier_get op = {.key = entry_key(e), .match = is_this, .ctx = e};
	unsigned here = tier_get(tier_part(stack, 0), &op) == ERR_OK;
	entry_release(&op.entry);
	return atomic_load(&e->refs) == 1 + here;
}

static int stack_put(struct tier *t, struct tier_put *op)
{
	return stack_inside(t)->ops->put(stack_inside(t), op);
}

static int settled_put(struct tier *t, struct tier_put *op)
{
	int err = stack_put(t, op);
	int64_t until_us = clock_mono_us() + 30 * (int64_t)1000000;
	while (!stack_arrived(t, op->entry)) {
		must(clock_mono_us() < until_us, "a page does not arrive below");
		sched_yield();
	}
	return err;
}

static int settled_purge(struct tier *t, struct tier_purge *op)
{
	return stack_inside(t)->ops->purge(stack_inside(t), op);
}

static int settled_invalidate(struct tier *t, struct tier_invalidate *op)
{
	return stack_inside(t)->ops->invalidate(stack_inside(t), op);
}

static void settled_remove(struct tier *t, struct entry *e)
{
	tier_remove(stack_inside(t), e);
}

static void settled_variants(
    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	tier_variants(stack_inside(t), key, fn, ctx);
}

static unsigned settled_sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return tier_sweep(stack_inside(t), now_ms, max);
}

static void settled_stats(struct tier *t, struct tier_stats *out)
{
	tier_stats(stack_inside(t), out);
}

static void settled_close(struct tier *t)
{
	struct settled *s = CONTAINER_OF(t, struct settled, tier);
	tier_close(&s->stack);
	free(s);
}

static const struct tier_ops settled_ops = {.name = "settled",
    .get = settled_get,
    .put = settled_put,
    .purge = settled_purge,
    .invalidate = settled_invalidate,
    .remove = settled_remove,
    .variants = settled_variants,
    .sweep = settled_sweep,
    .stats = settled_stats,
    .close = settled_close};

static struct folder stack_folder;
static unsigned stack_backend; /* BACKEND_ bits of the stack that is tested */

/* In touch with Redis. One that joined too late has begun by dropping everything, see rig_open: then again. */
static struct tier *stack_in_touch(const struct conf *conf)
{
	for (int tries = 0;; tries++) {
		int64_t began_us = clock_mono_us();
		struct tier *stack = store_open(conf, KEY_SEED), *last = stack;
		must(stack != NULL, "%s cannot be used", stack_folder.path);
		for (unsigned i = 0; tier_part(stack, i); i++)
			last = tier_part(stack, i);
		rig_await(last, true);
		if (!(conf->cache.backend & BACKEND_REDIS) || clock_mono_us() - began_us < 900000 || tries == 10)
			return stack;
		tier_close(&stack);
	}
}

static struct tier *stack_open(size_t bytes)
{
	struct arena a;
	struct redis_url url;
	struct str why;
	char prefix[32];
	struct conf conf = {.cache = {.backend = stack_backend,
				.memory_size = bytes,
				.file_size = bytes,
				.file_open = STACK_HANDLES,
				.redis_budget_ms = RIG_BUDGET_MS,
				.redis_timeout_ms = 5000,
				.redis_max_object = bytes / 2,
				.max_variants = STACK_VARIANTS}};
	log_set_level(LOG_ERROR);
	arena_init(&a, 0);
	folder_remove(&stack_folder);
	folder_make(&stack_folder);
	conf.cache.path = str_of(stack_folder.path);
	if (stack_backend & BACKEND_REDIS) {
		must(redis_url_parse(str_of(rig_redis()->url), &a, &url, &why) == ERR_OK, "no URL");
		snprintf(prefix, sizeof prefix, "t%u", ++rig_prefixes);
		conf.cache.redis = &url;
		conf.cache.redis_prefix = str_of(prefix);
	}
	struct settled *s = mem_zalloc(sizeof *s);
	s->stack = stack_in_touch(&conf);
	s->tier = (struct tier){
	    .ops = &settled_ops, .budget = s->stack->budget, .purges = s->stack->purges, .max_key = s->stack->max_key};
	arena_free(&a);
	return &s->tier;
}

/* What a stack does not promise. */
static const char *const stack_counts_memory =
    "pages that are not kept in memory are counted by nobody who answers at once";
static const char *const stack_moves = "lookups before and after a purge was carried out below are told apart";
static const char *const stack_takes = "what is too large for memory may have room below, which answers later";

struct stack_kind {
	unsigned backend;
	struct contract contract;
};

/* Runs the contract over each of them. */
static int stack_contracts(const char *name, const struct stack_kind *kinds, size_t n)
{
	int failed = 0;
	for (size_t i = 0; i < n; i++) {
		struct contract c = kinds[i].contract;
		c.open = stack_open;
		c.put = stack_put;
		c.arrived = stack_arrived;
		c.max_variants = STACK_VARIANTS;
		stack_backend = kinds[i].backend;
		Suite *s = suite_create(name);
		contract_add(s, &c);
		failed |= suite_run(s);
	}
	folder_remove(&stack_folder);
	return failed;
}

#endif
