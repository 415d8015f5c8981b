/* The seam of eviction: which entry of a shard leaves next. The tier tells what was added, hit and removed and asks for
 * victims; what it knows of the policy is this header.
 *
 * All under the shard's write lock, but evict__hit: under its read lock, by many threads at once. */
#ifndef LARDER_TIER_EVICT_H
#define LARDER_TIER_EVICT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct evict_node {
	struct evict_node *newer, *older;
	atomic_bool visited;
};

struct evict {
	struct evict_node *newest, *oldest, *hand;
};

void evict__add(struct evict *e, struct evict_node *node);
void evict__remove(struct evict *e, struct evict_node *node);

/* Written only when it changes, so that hits of many threads share the cache line. */
static inline void evict__hit(struct evict_node *node)
{
	if (!atomic_load_explicit(&node->visited, memory_order_relaxed))
		atomic_store_explicit(&node->visited, true, memory_order_relaxed);
}

/* The new node takes the place of an old one in the people's favour. */
static inline void evict__inherit(struct evict_node *node, const struct evict_node *old)
{
	atomic_store_explicit(
	    &node->visited, atomic_load_explicit(&old->visited, memory_order_relaxed), memory_order_relaxed);
}

struct evict_search {
	bool (*may)(struct evict_node *node); /* false: it cannot leave now */
	bool any;			      /* take also what was hit */
	unsigned steps;			      /* in: how many nodes may be looked at; out: what is left of that */
};

/* The next victim, still in its place, or NULL: the search went once to the end of the shard (steps are left: ask the
 * other shards before this one again), or its steps are used up. */
struct evict_node *evict__victim(struct evict *e, struct evict_search *s);

#endif
