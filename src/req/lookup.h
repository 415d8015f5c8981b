/* A look through all tiers, also those that answer later. It has its own copy of the request, since the tiers compare on their threads.
 *
 * Of the requests of a worker for one key that come while one of them looks, the others wait for what it finds, and look for themselves
 * only if it is of no use to them: a herd reads a page from a disk or from Redis once. */
#ifndef LARDER_REQ_LOOKUP_H
#define LARDER_REQ_LOOKUP_H

#include "base/list.h"
#include "http/message.h"
#include "req/errand.h"
#include "tier/tier.h"

struct conf;
struct route;

struct look {
	struct errand errand;
	struct look *next;   /* of those that look, in env->looks */
	struct list waiting; /* for this one, the last first */
	struct list link; /* among those that wait for the same one; not linked: it looks, or has looked, for itself */
	bool listed, telling;
	unsigned waits; /* for how many it has waited */
	struct tier_get op;
	int64_t began_us; /* op.spent_us before it looked for itself */
	struct arena arena;
	struct http_request request;
	struct conf *conf;
	const struct route *route;
	int64_t now_ms;
	void *owner;
	void (*found)(void *owner);
};

struct lookup_spec {
	const struct http_request *request; /* copied */
	struct conf *conf;
	const struct route *route;
	const struct cache_key *key; /* copied */
	int64_t spent_us;	     /* by the request, on tiers below (tier/tier.h) */
	bool for_itself;	     /* what another one sees that has begun before is not good enough */
	void (*found)(void *owner);
	void *owner;
};

/* ERR_OK or ERR_MISSING: the tiers have answered at once. ERR_AGAIN: found(owner) follows on this thread. In all cases *out is there until
 * lookup_leave, and op.entry is what was found (a reference of the lookup's). The look goes on below the memory until something is
 * found that answers the request without its origin. */
int lookup_start(struct req_env *env, const struct lookup_spec *spec, struct look **out) MUST_CHECK;
/* Does the entry answer the request without its origin, as of the lookup's beginning? Any thread. */
bool lookup_answers(const struct look *l, const struct entry *e);
/* What was found becomes the caller's; NULL: nothing was. */
struct entry *lookup_take(struct look *l);
/* Harmless for NULL; nobody is told any more. */
void lookup_leave(struct look **l);

#endif
