/* The one interface of all tiers: memory now; file, redis and the stack of them the same way (required functions have no
 * mark, optional ones say so). Thread-safe: any thread may call any function at any time.
 *
 * Operations are structs that the caller owns. A tier that must wait returns ERR_AGAIN and calls op->done later, once, on
 * a thread of its own choice; until then the struct stays put. The memory tier never waits.
 *
 * Purges and fetches: tier_epoch is read when a fetch begins. A purge or an invalidation moves the epoch and is remembered;
 * tier_put refuses with ERR_STALE what began before one that covers it. */
#ifndef LARDER_TIER_TIER_H
#define LARDER_TIER_TIER_H

#include "tier/entry.h"

struct tier;

struct tier_get {
	struct cache_key key;
	/* Does this variant answer the request? Called under a read lock: quick, calls nothing of the tier. NULL: any. */
	bool (*match)(void *ctx, const struct entry *e);
	void *ctx;
	struct entry
	    *entry; /* out: one reference. Of those that match, the most recent by Date; one that varies comes first. */
	bool other_variant; /* out, with ERR_MISSING: the key is there, but no variant matched */
	void (*done)(struct tier_get *op, int err);
};

struct tier_put {
	struct entry *
	    entry; /* complete; the tier takes references of its own. Replaces the variant with equal stored.vary; but a partial
		     * one (stored.n_runs) stands beside a whole one until that is put anew. */
	void (*done)(struct tier_put *op, int err);
};

enum purge_kind { PURGE_URL, PURGE_PREFIX, PURGE_GLOB, PURGE_TAG, PURGE_ALL };

struct tier_purge {
	enum purge_kind kind;
	struct str
	    arg; /* URL: key text; PREFIX, GLOB: of the URL "http://host/path", or of the path with any host when it begins with '/'; TAG */
	struct cache_key key; /* for PURGE_URL */
	bool soft;
	uint64_t count; /* out: entries dropped or made stale */
	uint64_t epoch; /* out: the id of this purge */
	void (*done)(struct tier_purge *op, int err);
};

/* The page of one key was changed at its origin (RFC 9111 4.4): all its variants leave. Other than a purge it may come with
 * every request: it is cheap, and the log of purges does not grow by it. */
struct tier_invalidate {
	struct cache_key key;
	uint64_t count; /* out: entries dropped */
	uint64_t epoch; /* out: of this invalidation; what begins from there on may be stored */
	void (*done)(struct tier_invalidate *op, int err);
};

struct tier_stats {
	uint64_t entries, bytes, limit, max_entries;
	uint64_t stores, replaced, evicted, expired, purged, invalidated, refused_full, refused_stale;
};

struct tier_ops {
	const char *name;
	int (*get)(struct tier *t, struct tier_get *op);
	int (*put)(struct tier *t, struct tier_put *op);
	int (*purge)(struct tier *t, struct tier_purge *op);
	int (*invalidate)(struct tier *t, struct tier_invalidate *op);
	/* Removes exactly this entry, if it is still there. */
	void (*remove)(struct tier *t, struct entry *e);
	/* Calls fn for each variant of the key (a reference held during the call, no lock held). */
	void (*variants)(
	    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx);
	/* Drops what expired, at most `max` entries looked at; returns how many were dropped. Called now and then. */
	unsigned (*sweep)(struct tier *t, int64_t now_ms, unsigned max);
	void (*stats)(struct tier *t, struct tier_stats *out);
	void (*close)(struct tier *t); /* no call may be in flight; frees t */
};

struct tier {
	const struct tier_ops *ops;
	struct budget *budget; /* what bodies and entries for this tier are charged to; NULL: not counted */
	struct purge_log *purges;
};

/* ERR_OK, ERR_MISSING, or ERR_AGAIN. */
int tier_get(struct tier *t, struct tier_get *op) MUST_CHECK;
/* ERR_OK, ERR_STALE (purged or invalidated since it began), ERR_FULL, or ERR_AGAIN. */
int tier_put(struct tier *t, struct tier_put *op) MUST_CHECK;
int tier_purge(struct tier *t, struct tier_purge *op) MUST_CHECK;
/* ERR_OK or ERR_AGAIN. From its return (or `done`) on nobody finds what was stored of the key before. */
int tier_invalidate(struct tier *t, struct tier_invalidate *op) MUST_CHECK;
void tier_remove(struct tier *t, struct entry *e);
void tier_variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx);
unsigned tier_sweep(struct tier *t, int64_t now_ms, unsigned max);
void tier_stats(struct tier *t, struct tier_stats *out);
void tier_close(struct tier **t);

/* The number of purges and invalidations so far. A fetch remembers it before its request goes out. */
uint64_t tier_epoch(struct tier *t);
/* Was this key (with these tags; may be none yet) covered by a purge or an invalidation after `epoch`? True also when that
 * cannot be told: too long ago, or another key of the same place was invalidated. */
bool tier_purged_since(
    struct tier *t, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags);

#endif
