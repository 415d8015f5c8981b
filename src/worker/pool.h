/* The idle connections of a worker, by whom they lead to. It knows neither sockets nor time: a connection embeds a
 * struct idle, and whoever puts it in sets its deadline. Loop thread only. */
#ifndef LARDER_WORKER_POOL_H
#define LARDER_WORKER_POOL_H

#include "base/list.h"
#include "conf/conf.h"

/* Where connections lead to: what of an upstream's settings makes two connections interchangeable. The name of the upstream
 * does not: two upstreams of one URL share. */
struct origin {
	struct origin *next;
	struct str scheme, host; /* copies */
	uint16_t port;
	bool tls_verify;
	struct str tls_ca;
	struct list idle; /* newest first */
	unsigned n_idle;
	unsigned refs; /* idle connections and those in use */
};

struct idle {
	struct origin *origin; /* NULL: not in the pool */
	struct list link;      /* in origin->idle */
	struct list age;       /* in pool.by_age */
};

struct pool {
	struct origin *origins;
	struct list by_age; /* of all origins, oldest first */
	unsigned n, max;
	void (*close)(struct idle *i); /* it is out of the pool when this is called */
};

/* max: idle connections. `close` is called for each that has to go. */
void pool_init(struct pool *p, unsigned max, void (*close)(struct idle *i));

/* One reference; the same for equal settings. */
struct origin *pool_origin(struct pool *p, const struct conf_upstream *upstream);
void origin_release(struct origin **o);

/* The connection that went idle last (it is the least likely to have been closed by its peer), or NULL. */
struct idle *pool_take(struct pool *p, struct origin *o);
/* Bounded by max_idle for the origin and p->max for all: the oldest is closed for it. max_idle 0: i is closed itself. */
void pool_put(struct pool *p, struct origin *o, struct idle *i, unsigned max_idle);
/* Takes this one out: it was closed by its peer, or its time is over. */
void pool_remove(struct pool *p, struct idle *i);

/* Closes the idle connections that settings no longer lead to, and those over TLS. NULL: all. */
void pool_reload(struct pool *p, const struct conf *conf);
/* Closes all. Every connection in use has ended. */
void pool_free(struct pool *p);

#endif
