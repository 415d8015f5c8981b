/* One command under way. It outlives its call: when the call ends by its deadline, an answer is still to come and must find somebody to
 * be dropped by. Inside this folder; one thread, the engine's.
 *
 *   waiting (no node yet, or later) --> sent (in the queue of a node) --> answered: the call ends
 *        ^                                |        |
 *        +--- again (MOVED, NOSCRIPT, ----+        +--> deadline: the call ends, the op stays until the answer or the connection's end
 *             connection lost ...)
 */
#ifndef LARDER_REDIS_OP_H
#define LARDER_REDIS_OP_H

#include "base/list.h"
#include "redis/client.h"

struct node;

struct op {
	struct list link;	 /* among those that wait, or in a node's queue */
	struct list due;	 /* in the engine's list by deadline */
	struct redis_call *call; /* NULL: an op of ours, or nobody waits any more */
	/* Of ours: told each answer, or an error, after which it is not called again. NULL: nobody cares. */
	void (*told)(struct node *n, int err, const struct redisReply *reply);
	struct node *node;   /* whose queue it is in; NULL: it waits */
	struct node *target; /* where a redirection sent it; NULL: as the map says */
	char *bytes;
	size_t n_bytes, written;
	unsigned n_replies; /* still to come */
	unsigned tries, redirects;
	bool eval, asking;
	int64_t deadline_us;   /* INT64_MAX: none */
	int64_t not_before_us; /* while it waits */
	size_t cost;	       /* charged to the engine's account */
};

#endif
