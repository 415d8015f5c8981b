/* Redis tiers for tests: on one real server for the whole file, each test under a prefix of its own. */
#ifndef LARDER_TESTS_TIER_REDIS_RIG_H
#define LARDER_TESTS_TIER_REDIS_RIG_H

#include "redis/server.h"

#include "base/log.h"
#include "base/sha256.h"

#include "tier/make.h"
#include "tier/redis.h"

enum { RIG_VARIANTS = 8, RIG_BUDGET_MS = 2000 };

static struct server rig_server;
static unsigned rig_prefixes;

struct rig {
	const char *url;   /* NULL: of rig_server */
	const char *ca;	   /* of rediss:// */
	unsigned prefix;   /* 0: a new one */
	int64_t budget_ms; /* 0: RIG_BUDGET_MS, so that a machine that is busy fails no test */
	int64_t timeout_ms;
	size_t max_object; /* 0: 128M */
	const char *instance;
	void (*heard)(void *ctx, const struct tier_heard *what);
	void *ctx;
};

static inline bool rig_is_up(struct tier *t)
{
	struct tier_stats s;
	tier_stats(t, &s);
	return s.down == 0;
}

static inline void rig_await(struct tier *t, bool up)
{
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (rig_is_up(t) != up)
		server_pause(deadline, up ? "a tier that is in touch with Redis" : "a tier that has lost Redis");
}

/* It runs from the first test that needs it on, and ends at exit. */
static inline struct server *rig_redis(void)
{
	if (!rig_server.pid)
		server_start(&rig_server, NULL);
	return &rig_server;
}

/* Not waited for. */
static inline struct tier *rig_new(const struct rig *rig)
{
	struct arena a;
	struct redis_url url;
	struct str why;
	char prefix[32];
	log_set_level(LOG_ERROR);
	arena_init(&a, 0);
	const char *where = rig->url ? rig->url : rig_redis()->url;
	must(redis_url_parse(str_of(where), &a, &url, &why) == ERR_OK, "%s", where);
	url.files.ca = str_of(rig->ca);
	snprintf(prefix, sizeof prefix, "t%u", rig->prefix ? rig->prefix : ++rig_prefixes);
	struct tier *t = redis_tier_new(&(struct redis_options){
	    .url = &url,
	    .prefix = str_of(prefix),
	    .timeout_ms = rig->timeout_ms ? rig->timeout_ms : 5000,
	    .budget_ms = rig->budget_ms ? rig->budget_ms : RIG_BUDGET_MS,
	    .max_object = rig->max_object ? rig->max_object : 128 << 20,
	    .max_variants = RIG_VARIANTS,
	    .instance = str_of(rig->instance ? rig->instance : "one"),
	    .key_seed = KEY_SEED,
	    .heard = rig->heard,
	    .heard_ctx = rig->ctx,
	});
	arena_free(&a);
	return t;
}

/* One that joins later than REDIS_BOUND_MS begins by dropping everything. On a machine that is busy that happens, and it is not what the
 * tests are about: then again. */
static inline struct tier *rig_open(const struct rig *rig)
{
	struct rig again = *rig;
	for (int tries = 0;; tries++) {
		int64_t began = clock_mono_us();
		struct tier *t = rig_new(&again);
		rig_await(t, true);
		if (clock_mono_us() - began < 900000 || tries == 10)
			return t;
		tier_close(&t);
		again.prefix = rig->prefix ? rig->prefix : rig_prefixes;
	}
}

/* Keeps trying: until it is so, or the time is over. */
#define rig_until(condition, what)                                                                                     \
	do {                                                                                                           \
		int64_t rig_deadline = server_deadline(SERVER_WAIT_MS);                                                \
		while (!(condition))                                                                                   \
			server_pause(rig_deadline, (what));                                                            \
	} while (0)

static inline struct tier_stats rig_stats(struct tier *t)
{
	struct tier_stats s;
	tier_stats(t, &s);
	return s;
}

/* "t1:{hash}:what", of the prefix that was made last. */
static inline const char *rig_key(const char *page, const char *what)
{
	static char key[256];
	char hash[SHA256_HEX + 1];
	sha256_hex(str_of(page), hash);
	snprintf(key, sizeof key, "t%u:{%s}:%s", rig_prefixes, hash, what);
	return key;
}

#endif
