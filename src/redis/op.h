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

#include "redis/client.h"

struct node;
struct op;

struct op_list {
	struct op *head, *tail;
};

struct op {
	struct op *next, *prev;	   /* of those that wait, or of a node's queue */
	struct op *sooner, *later; /* by deadline */
	bool timed;		   /* is among those */
	struct redis_call *call;   /* NULL: an op of ours, or nobody waits any more */
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

static inline void op_append(struct op_list *l, struct op *op)
{
	op->next = NULL;
	op->prev = l->tail;
	if (l->tail)
		l->tail->next = op;
	else
		l->head = op;
	l->tail = op;
}

static inline void op_unlink(struct op_list *l, struct op *op)
{
	if (op->prev)
		op->prev->next = op->next;
	else
		l->head = op->next;
	if (op->next)
		op->next->prev = op->prev;
	else
		l->tail = op->prev;
	op->next = op->prev = NULL;
}

#endif
