/* The Redis tier. All that shares a server and a prefix is one cache; each process has its own memory above it.
 *
 * Keys, P the prefix, h the SHA-256 of the key's text in hexadecimal digits. What stands in braces decides the slot in a cluster: all of a page
 * lies in one, all of the purges in one; no call needs two.
 *
 *   P:{h}:v              sorted set: the page's variants (form_variant), by the order in which they were stored
 *   P:{h}:<variant>      hash: m its metadata as JSON (tier/form.h), b its body, e the incarnation it was labelled under, i its mark
 *   P:{h}:t              tombstone: seq of the last purge of this page, for a minute
 *   P:{h}:l:<signature>  a lease: its token
 *   P:{purges}           stream of purges, "<seq>-0": kind arg soft by from; the newest 100,000
 *   P:{purges}:id :seq   the incarnation (redis_follow.c), the last seq
 *   P:{purges}:acks      hash: mark of an instance -> "seq ms name"
 *
 * Everything expires: pages when they can answer nothing any more (at least a minute after they were stored), the keys of purges a week after
 * the last heartbeat. Nothing walks over the keys: a purge of a tag, a prefix or of everything is one record, and pages that are labelled
 * before it are found to be purged when they are looked at (tier/ledger.h), or expire unseen.
 *
 * Who does what: redis_ask.c asks, redis_scripts.c is what the server does, redis_get.c and redis_put.c are pages, redis_purge.c sends
 * purges, redis_record.c is one in the stream, redis_follow.c hears them, redis_receipt.c waits for those who share it, redis_lease.c lets
 * one of them fetch. Threads: that of the client, on which nearly every `done` comes; the follower; the one of leases. */
#include "tier/redis.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "tier/purge_log.h"
#include "tier/redis_follow.h"
#include "tier/redis_lease.h"
#include "tier/redis_page.h"
#include "tier/redis_private.h"
#include "tier/redis_purge.h"
#include "tier/redis_receipt.h"

enum { MAX_QUEUED = 64 * 1024 * 1024, BREAKER_FAILURES = 5, BREAKER_MS = 1000 };

static bool is_fresh(struct redis_tier *r)
{
	return redis_follow__is_fresh(r->follow, clock_mono_us());
}

bool redis__usable(struct redis_tier *r)
{
	return redis_backlog__count(r->backlog) == 0 && is_fresh(r);
}

bool redis_tier_is_in_touch(struct tier *t)
{
	struct redis_tier *r = redis__of(t);
	int64_t now_us = clock_mono_us(), reached_us = atomic_load_explicit(&r->reached_us, memory_order_relaxed);
	if (redis_follow__is_fresh(r->follow, now_us))
		return true;
	if (r->mark_path && redis_follow__is_starting(r->follow, now_us)) /* files have pages of before */
		return false;
	return reached_us == 0 || now_us - reached_us > REDIS_BOUND_MS * 1000;
}

static unsigned sweep(struct tier *t, int64_t now_ms, unsigned max)
{
	return 0;
}

static void stats(struct tier *t, struct tier_stats *out)
{
	struct redis_tier *r = redis__of(t);
	struct redis_counters *c = &r->counters;
	struct redis_client_stats client = {.down = true};
	if (r->client)
		redis_client_stats(r->client, &client);
	out->stores = atomic_load_explicit(&c->stores, memory_order_relaxed);
	out->replaced = atomic_load_explicit(&c->replaced, memory_order_relaxed);
	out->evicted = atomic_load_explicit(&c->evicted, memory_order_relaxed);
	out->purged = atomic_load_explicit(&c->purged, memory_order_relaxed);
	out->invalidated = atomic_load_explicit(&c->invalidated, memory_order_relaxed);
	out->refused_full = atomic_load_explicit(&c->refused_full, memory_order_relaxed);
	out->refused_stale = atomic_load_explicit(&c->refused_stale, memory_order_relaxed);
	out->hits = atomic_load_explicit(&c->hits, memory_order_relaxed);
	out->misses = atomic_load_explicit(&c->misses, memory_order_relaxed);
	out->errors = atomic_load_explicit(&c->errors, memory_order_relaxed);
	out->timeouts = atomic_load_explicit(&c->timeouts, memory_order_relaxed);
	out->skipped = atomic_load_explicit(&c->skipped, memory_order_relaxed);
	out->corrupt = atomic_load_explicit(&c->corrupt, memory_order_relaxed);
	out->down = client.down || !is_fresh(r);
}

/* The order counts: nothing is asked after the client is gone, and what its answers need goes last. */
static void close_tier(struct tier *t)
{
	struct redis_tier *r = redis__of(t);
	redis_follow__end(r->follow);
	redis_leases__end(r->leases);
	if (is_fresh(r))
		redis__say_goodbye(r);
	redis_client_free(&r->client);
	redis_leases__free(r->leases);
	redis_follow__free(r->follow);
	size_t lost = redis_backlog__free(r->backlog);
	if (lost > 0)
		log_error("redis", "%zu purges did not reach the server: others may keep what they cover", lost);
	if (r->owns_log)
		purge_log__free(t->purges);
	free(r->prefix);
	free(r->instance);
	free(r->mark_path);
	free(r);
}

static const struct tier_ops redis_ops = {
    .name = "redis",
    .get = redis__get,
    .put = redis__put,
    .purge = redis__purge_op,
    .invalidate = redis__invalidate,
    .remove = redis__remove,
    .variants = redis__variants,
    .sweep = sweep,
    .stats = stats,
    .await = redis__await,
    .lease = redis__lease_op,
    .lease_end = redis__lease_end,
    .close = close_tier,
};

void redis_tier_await(struct tier *t)
{
	redis_follow__await(redis__of(t)->follow);
}

void redis_tier_configure(struct tier *t, int64_t budget_ms, size_t max_object, unsigned max_variants)
{
	struct redis_tier *r = redis__of(t);
	atomic_store_explicit(&r->budget_ms, budget_ms, memory_order_relaxed);
	atomic_store_explicit(&r->max_object, max_object, memory_order_relaxed);
	atomic_store_explicit(&r->max_variants, max_variants > 0 ? max_variants : 1, memory_order_relaxed);
}

struct tier *redis_tier_new(const struct redis_options *o)
{
	struct redis_tier *r = mem_zalloc(sizeof *r);
	uint64_t mark = 0;
	int err = random_u64(&mark);
	assert(err == ERR_OK); /* the server got bits before */
	(void)err;
	snprintf(r->mark, sizeof r->mark, "%016llx", (unsigned long long)mark);
	r->owns_log = !o->purges;
	r->tier = (struct tier){.ops = &redis_ops,
	    .budget = o->budget,
	    .purges = o->purges ? o->purges : purge_log__new(),
	    .heard = o->heard,
	    .heard_ctx = o->heard_ctx};
	r->prefix = mem_dup(o->prefix.p, o->prefix.n);
	r->instance = mem_dup(o->instance.n > 0 ? o->instance.p : "", o->instance.n);
	r->mark_path = o->mark_path.n > 0 ? mem_dup(o->mark_path.p, o->mark_path.n) : NULL;
	r->above_is_new = o->above_is_new;
	r->timeout_ms = o->timeout_ms;
	r->key_seed = o->key_seed;
	redis_tier_configure(&r->tier, o->budget_ms, o->max_object, o->max_variants);
	r->client = redis_client_new(&(struct redis_client_options){
	    .url = o->url,
	    .timeout_ms = o->timeout_ms,
	    .max_queued = MAX_QUEUED,
	    .breaker_failures = BREAKER_FAILURES,
	    .breaker_ms = BREAKER_MS,
	});
	if (!r->client)
		log_error("redis", "no thread for its connection: Redis is not used");
	r->backlog = redis_backlog__new();
	r->follow = redis_follow__new(r, o->url);
	r->leases = redis_leases__new(r);
	redis_follow__start(r->follow);
	return &r->tier;
}
