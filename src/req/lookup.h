/* A look through all tiers, also those that answer later. It has its own copy of the request, since the tiers compare on their threads. */
#ifndef LARDER_REQ_LOOKUP_H
#define LARDER_REQ_LOOKUP_H

#include "http/message.h"
#include "req/errand.h"
#include "tier/tier.h"

struct conf;
struct route;

struct look {
	struct errand errand;
	struct tier_get op;
	struct arena arena;
	struct http_request request;
	struct conf *conf;
	const struct route *route;
	int64_t now_ms;
	void *owner;
	void (*found)(void *owner);
};

/* ERR_OK or ERR_MISSING: the tiers have answered at once. ERR_AGAIN: found(owner) follows on this thread. In all cases *out is there until
 * lookup_leave, and op.entry is what was found (a reference of the lookup's). The look goes on below the memory until something is
 * found that answers the request without its origin. */
int lookup_start(struct req_env *env, const struct http_request *request, struct conf *conf, const struct route *route,
    const struct cache_key *key, void (*found)(void *owner), void *owner, struct look **out) MUST_CHECK;
/* Does the entry answer the request without its origin, as of the lookup's beginning? Any thread. */
bool lookup_answers(const struct look *l, const struct entry *e);
/* What was found becomes the caller's; NULL: nothing was. */
struct entry *lookup_take(struct look *l);
/* Harmless for NULL; nobody is told any more. */
void lookup_leave(struct look **l);

#endif
