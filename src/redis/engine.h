/* What both doors of this folder (client.h, sync.h) drive: calls go in, sockets are polled, calls end. It has no thread of its own and
 * no lock: one thread at a time, but for redis__wake and the account. engine.c says how. */
#ifndef LARDER_REDIS_ENGINE_H
#define LARDER_REDIS_ENGINE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "redis/node.h"
#include "redis/slots.h"
#include "redis/tls.h"
#include "redis/wire.h"

enum {
	ENGINE_NODES = 128,   /* of a cluster */
	ENGINE_SCRIPTS = 32,  /* whose SHA-1 is remembered */
	ENGINE_TRIES = 3,     /* of a call whose connection was lost */
	ENGINE_REDIRECTS = 8, /* of a call, by MOVED and ASK */
	ENGINE_PAUSE_MS = 20, /* before something is tried again that will not be better at once */
	ENGINE_ASK_MS = 500,  /* for a sentinel, and for the map of a cluster */
	ENGINE_ERROR = 320,
};

struct redis_engine_options {
	const struct redis_url *url; /* copied */
	int64_t timeout_ms;	     /* to connect, and of a silent server */
	size_t max_answer;	     /* a longer one ends the connection */
	unsigned breaker_failures;
	int64_t breaker_ms;
	/* Of the proxy: connects and reconnects by itself, fails at once while it waits to do so, logs. Else: of one who waits: connects
	 * when there is a call, and gives up the connection with a call that ended by its deadline. */
	bool service;
};

/* The kinds of redis_url differ in who is asked. One static table each. */
struct routing {
	void (*start)(struct redis_engine *e);
	/* Who is to answer; NULL: not known yet. */
	struct node *(*route)(struct redis_engine *e, struct op *op);
	/* Nobody to send to: begins to look for one, or to connect it (may be NULL), if it is time. False: no hope now. */
	bool (*look)(struct redis_engine *e, struct node *n, int64_t now);
	void (*ready)(struct node *n, int64_t now);
	void (*down)(struct node *n, bool was_ready, int64_t now);
	/* Takes an answer that is an error and means "elsewhere" or "later"; true: the op goes on. */
	bool (*refused)(struct op *op, struct node *n, struct str error, int64_t now);
	void (*tick)(struct redis_engine *e, int64_t now);
	int64_t (*due)(const struct redis_engine *e);
	bool (*is_down)(const struct redis_engine *e);
};
extern const struct routing routing_single, routing_sentinel, routing_cluster;

struct sentinel_search {
	struct node *asked; /* the connection to a sentinel */
	bool on;
	unsigned at, tried;
	int64_t asked_us, retry_us, backoff_ms;
};

struct cluster_state {
	uint16_t owner[SLOTS]; /* 1 + index of a node; 0: nobody's */
	bool known, wanted, asked;
	int64_t next_us; /* not before is it asked for again */
	int64_t told_us;
	unsigned turn;
};

struct engine_counters {
	atomic_uint_fast64_t calls, errors, timeouts, skipped, reconnects, redirects;
};

struct redis_engine {
	struct redis_engine_options o;
	struct redis_url url;
	struct arena arena;	 /* what the URL points to */
	struct tls_context *tls; /* of rediss://; NULL: tls_why says why */
	char tls_why[TLS_WHY];
	const struct routing *routing;
	int event_fd;
	atomic_size_t queued; /* bytes: charged by who submits, given back here */
	atomic_bool refuses;  /* the breaker of the only server is open */
	atomic_bool down;
	struct engine_counters n;
	struct list waiting;
	struct list due; /* ops that have a deadline, the earliest first */
	bool dirty;	 /* something changed that those who wait may have waited for */
	struct node *nodes[ENGINE_NODES];
	unsigned n_nodes;
	struct sentinel_search sentinel;
	struct cluster_state cluster;
	struct {
		const struct redis_script *script;
		char sha[SHA1_HEX + 1];
	} scripts[ENGINE_SCRIPTS];
	unsigned n_scripts;
	char error[ENGINE_ERROR]; /* the last failure, for people */
};

/* NULL: no eventfd could be had. */
struct redis_engine *redis__engine_new(const struct redis_engine_options *o);
/* Calls under way are told ERR_CANCELLED. */
void redis__engine_cancel(struct redis_engine *e);
void redis__engine_free(struct redis_engine **e);
/* call->deadline_us is set; `cost` was added to e->queued. `done` comes later, from redis__step or redis__engine_cancel. */
void redis__submit(struct redis_engine *e, struct redis_call *call, size_t cost);
/* Waits for sockets, but not beyond `until_us` (of clock_mono_us; INT64_MAX: for ever) nor a redis__wake, and does what is to do. */
void redis__step(struct redis_engine *e, int64_t until_us);
/* Any thread, while the engine lives. */
void redis__wake(struct redis_engine *e);

/* --- for the parts of the engine ----------------------------------------------------------------------------------------- */

/* An op of ours. timeout_us 0: without a deadline of its own. `bytes` is taken. */
struct op *engine__own_op(struct redis_engine *e, char *bytes, size_t n, unsigned n_replies, int64_t deadline_us,
    void (*told)(struct node *n, int err, const struct redisReply *reply));
/* The answer came; the op is in no queue any more. */
void engine__answered(struct op *op, struct node *n, const struct redisReply *reply, int64_t now);
/* Its connection was lost; the op is in no queue any more. */
void engine__lost(struct op *op, struct node *n, int err);
/* Ends the call and the op. */
void engine__end(struct redis_engine *e, struct op *op, int err, const struct redisReply *reply);
/* Back to those who wait. */
void engine__again(struct redis_engine *e, struct op *op, struct node *target, int64_t not_before_us);
/* All that wait for this node (NULL: all) end. */
void engine__fail_waiting(struct redis_engine *e, const struct node *n, int err);
void engine__free_op(struct redis_engine *e, struct op *op);
/* Keeps the sentence for people. */
void engine__note(struct redis_engine *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
