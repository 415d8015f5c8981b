/* The order of eviction where all weigh about the same, or only their number is bounded: files by the disk's index, values of
 * liblarder. (The memory tier weighs: tier/evict.h.) The owner locks. */
#ifndef LARDER_TIER_SIEVE_H
#define LARDER_TIER_SIEVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct sieve_node {
	struct sieve_node *newer, *older;
	atomic_bool visited;
};

struct sieve {
	struct sieve_node *newest, *oldest, *hand;
};

void sieve__add(struct sieve *e, struct sieve_node *node);
void sieve__remove(struct sieve *e, struct sieve_node *node);

/* Written only when it changes, so that hits of many threads share the cache line. */
static inline void sieve__hit(struct sieve_node *node)
{
	if (!atomic_load_explicit(&node->visited, memory_order_relaxed))
		atomic_store_explicit(&node->visited, true, memory_order_relaxed);
}

struct sieve_search {
	bool any;	/* take also what was hit */
	unsigned steps; /* in: how many nodes may be looked at; out: what is left of that */
};

/* The next victim, still in its place, or NULL: the search went once to the newest, or its steps are used up. */
struct sieve_node *sieve__victim(struct sieve *e, struct sieve_search *s);

#endif
