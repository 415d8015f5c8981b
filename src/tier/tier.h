/* The one interface of all tiers: memory, file, redis, and the stack of them. Thread-safe: any thread may call any function at any
 * time.
 *
 * Operations are structs that the caller owns. A tier that must wait returns ERR_AGAIN and calls op->done later, once, on
 * a thread of its own choice; until then the struct and what it points to stay put. The memory tier never waits. `variants` and `stats`
 * of a tier that keeps things elsewhere may block: no loop calls them but those of the stack, which looks at its memory alone.
 *
 * Purges and fetches: tier_epoch is read when a fetch begins. A purge or an invalidation moves the epoch and is remembered;
 * tier_put refuses with ERR_STALE what began before one that covers it. */
#ifndef LARDER_TIER_TIER_H
#define LARDER_TIER_TIER_H

#include "tier/entry.h"

struct tier;

struct tier_get {
	struct cache_key key;
	/* Does this variant answer the request? Called under a read lock, or on a thread of the tier's before `done`: quick, calls
	 * nothing of the tier. NULL: any. */
	bool (*match)(void *ctx, const struct entry *e);
	/* Of a stack: looks below its memory too, where what is found there does not answer by itself. Else the memory alone is asked,
	 * and the call never waits. */
	bool deep;
	/* With deep: does this one answer without the origin? Called as `match`. NULL: any does. */
	bool (*enough)(void *ctx, const struct entry *e);
	void *ctx;
	/* A tier of files: whatever is read keeps its file open, so that body_is_current can tell whether it still is what it was. */
	bool with_file;
	/* Bodies up to this are read into memory, larger ones stay in their file (body_file). Those of entries with
	 * holes or runs are always read. */
	size_t in_memory;
	struct entry
	    *entry; /* out: one reference. Of those that match, the most recent by Date; one that varies comes first. */
	/* Of the time that one request may wait for a tier outside the process (redis_budget): in, what it has spent; out, and this. */
	int64_t spent_us;
	bool other_variant;   /* out, with ERR_MISSING: the key is there, but no variant matched */
	const char *found_in; /* out: the name of the tier that had it; static */
	void (*done)(struct tier_get *op, int err);
};

struct tier_put {
	struct entry *
	    entry; /* complete; the tier takes references of its own. Replaces the variant with equal stored.vary; but a partial
		     * one (stored.n_runs) stands beside a whole one until that is put anew. */
	bool
	    found; /* It comes from another tier, and may have been overtaken: takes the place only of what is older (entry__is_newer). */
	void (*done)(struct tier_put *op, int err);
};

/* With the names they have in commands, in records of journals and streams, and in the log. */
#define PURGE_KINDS(X)		  X(URL, "url") X(PREFIX, "prefix") X(GLOB, "glob") X(TAG, "tag") X(ALL, "all")
#define PURGE_KIND_ID(id, name)	  PURGE_##id,
#define PURGE_KIND_NAME(id, name) [PURGE_##id] = name,
enum purge_kind { PURGE_KINDS(PURGE_KIND_ID) };
/* Initialises an array of const char *, by kind. */
#define PURGE_KIND_NAMES                                                                                               \
	{                                                                                                              \
		PURGE_KINDS(PURGE_KIND_NAME)                                                                           \
	}

struct tier_purge {
	enum purge_kind kind;
	struct str
	    arg; /* URL: key text; PREFIX, GLOB: of the URL "http://host/path", or of the path with any host when it begins with '/'; TAG */
	struct cache_key key; /* for PURGE_URL */
	bool soft;
	uint64_t count; /* out: entries dropped or made stale */
	uint64_t epoch; /* out: the id of this purge */
	uint64_t seq;	/* out: its place in the order of those who share the tier, for tier_await; 0: nobody does */
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

/* What another instance did to a tier that is shared: a purge, or an invalidation (then kind is PURGE_URL). */
struct tier_heard {
	struct tier_purge purge; /* strings borrowed; purge.epoch is not set */
	bool invalidates;
	bool of_program; /* of liblarder, which has told this tier alone; a proxy tells all of its tiers */
	bool
	    everything; /* it is not known what was missed: all that is kept in memory must go. `purge` is of everything then */
};

struct tier_stats {
	uint64_t entries, bytes, limit, max_entries;
	uint64_t evicted_wonders; /* of those evicted: asked for once only */
	uint64_t stores, replaced, evicted, expired, purged, invalidated, refused_full, refused_stale;
	/* Of tiers outside this process. */
	uint64_t hits, misses;
	uint64_t errors;   /* operations that failed: disk, connection, server */
	uint64_t timeouts; /* lookups that were a miss because the budget was over */
	uint64_t skipped;  /* operations that were not tried: the tier is known to be down, or its queue is full */
	uint64_t corrupt;  /* entries that were damaged, and removed */
	uint64_t down;	   /* 1: it does not answer at present */
};

/* What became of a purge at one of those who share the tier. */
struct tier_receipt {
	struct str instance;
	int64_t ms; /* from the purge to its acknowledgement; -1: none yet */
};

/* Misses of all who share the tier collapse too: one of them gets the lease and fetches, the others wait for what it stores. */
struct tier_lease {
	struct cache_key key;
	struct str signature; /* of the variant, as in req/flight.h */
	bool held;	      /* out: to be ended with tier_lease_end; the struct stays put until then */
	uint64_t token;	      /* the tier's own */
	int64_t spent_us;     /* as in tier_get; waiting for another one's fetch does not count */
	/* ERR_OK: fetch. It has the lease, or nobody can tell (the tier is slow). ERR_EOF: it has waited long enough, or another one
	 * has stored something: look it up. */
	void (*done)(struct tier_lease *op, int err);
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
	/* Optional: for tiers that are shared. Blocks up to timeout_ms until all who share the tier have carried out the purge `seq`, then
	 * calls fn for each of them. ERR_OK, ERR_TIMEOUT (some have not), or why it cannot be told. */
	int (*await)(struct tier *t, uint64_t seq, int64_t timeout_ms,
	    void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx);
	/* Optional. ERR_OK, ERR_EOF (as `done`), or ERR_AGAIN. */
	int (*lease)(struct tier *t, struct tier_lease *op);
	/* Optional, with lease: ends the one that is held, or is still waited for. When it returns, `done` has been called or never is, and
	 * the operation may go. Waits at most for a `done` that has begun. */
	void (*lease_end)(struct tier *t, struct tier_lease *op);
	/* Optional: the i-th of the tiers that it is made of, NULL behind the last. */
	struct tier *(*part)(struct tier *t, unsigned i);
	void (*close)(struct tier *t); /* no call may be in flight; frees t */
};

struct tier {
	const struct tier_ops *ops;
	struct budget *budget;	  /* what bodies and entries for this tier are charged to; NULL: not counted */
	struct purge_log *purges; /* own, or that of the stack it is part of */
	/* Nothing with a longer key is stored in it, nor in the memory above it: what happens to that could not be told to the others who share
	 * it. 0: any length. */
	size_t max_key;
	bool is_deep; /* a stack with something below its memory: tier_get.deep makes a difference */
	/* Of tiers that are shared: told what other instances did, in its order, on a thread of the tier. Who is told adds it to
	 * `purges` before it returns. NULL: the tier itself adds it. Constant from the start. */
	void (*heard)(void *ctx, const struct tier_heard *what);
	void *heard_ctx;
};

/* ERR_OK, ERR_MISSING, or ERR_AGAIN. */
int tier_get(struct tier *t, struct tier_get *op) MUST_CHECK;
/* ERR_OK, ERR_STALE (purged or invalidated since it began), ERR_FULL (or its key is longer than max_key), or ERR_AGAIN. */
int tier_put(struct tier *t, struct tier_put *op) MUST_CHECK;
int tier_purge(struct tier *t, struct tier_purge *op) MUST_CHECK;
/* Tells the log that a purge (of which memory is rid) failed with `err`, and writes for who asked for it what that means. Any thread. */
enum { TIER_SENTENCE = 320 };
void tier_purge_failed(const struct tier_purge *op, int err, char sentence[TIER_SENTENCE]);
/* ERR_OK or ERR_AGAIN. From its return (or `done`) on nobody finds what was stored of the key before. */
int tier_invalidate(struct tier *t, struct tier_invalidate *op) MUST_CHECK;
void tier_remove(struct tier *t, struct entry *e);
void tier_variants(struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx);
unsigned tier_sweep(struct tier *t, int64_t now_ms, unsigned max);
void tier_stats(struct tier *t, struct tier_stats *out);
/* ERR_OK at once where the tier is not shared. */
int tier_await(struct tier *t, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r),
    void *ctx) MUST_CHECK;
int tier_lease(struct tier *t, struct tier_lease *op) MUST_CHECK;
void tier_lease_end(struct tier *t, struct tier_lease *op);
/* The tiers that it is made of, in the order they are looked at; of one that is made of none, itself. NULL behind the last. */
struct tier *tier_part(struct tier *t, unsigned i);
void tier_close(struct tier **t);

/* The number of purges and invalidations so far. A fetch remembers it before its request goes out. */
uint64_t tier_epoch(struct tier *t);
/* Was this key (with these tags; may be none yet) covered by a purge or an invalidation after `epoch`? True also when that
 * cannot be told: too long ago, or another key of the same place was invalidated. */
bool tier_purged_since(
    struct tier *t, uint64_t epoch, const struct cache_key *key, const struct str *tags, unsigned n_tags);

#endif
