/* SIEVE (Zhang et al., NSDI 2024): one list in order of arrival, a mark on each node that was hit, and a hand that goes from
 * the oldest to the newest. It takes the first node without a mark, and takes the mark from those it passes. What is
 * seen once (a scan) leaves at the hand's next pass; a hit writes one byte and moves nothing.
 *
 *   newest                                        oldest
 *     o -- o -- x -- o -- x -- x -- o -- x -- o -- x      x: hit since the hand passed
 *                         ^ hand, moving to the left; at the end it begins anew on the right
 *
 * Each shard has a list and a hand. A search ends when its hand arrives at the newest node, and goes on in the next shard:
 * a lap over all shards is then what one lap of a single hand would be, also with few entries a shard. */
#include "tier/evict.h"

void evict__add(struct evict *e, struct evict_node *node)
{
	node->newer = NULL;
	node->older = e->newest;
	atomic_init(&node->visited, false);
	if (e->newest)
		e->newest->newer = node;
	else
		e->oldest = node;
	e->newest = node;
}

void evict__remove(struct evict *e, struct evict_node *node)
{
	if (e->hand == node)
		e->hand = node->newer;
	if (node->newer)
		node->newer->older = node->older;
	else
		e->newest = node->older;
	if (node->older)
		node->older->newer = node->newer;
	else
		e->oldest = node->newer;
}

struct evict_node *evict__victim(struct evict *e, struct evict_search *s)
{
	struct evict_node *node = e->hand ? e->hand : e->oldest;
	for (; node && s->steps > 0; node = node->newer) {
		s->steps--;
		if (!s->may(node))
			continue;
		if (s->any || !atomic_load_explicit(&node->visited, memory_order_relaxed)) {
			e->hand = node;
			return node;
		}
		atomic_store_explicit(&node->visited, false, memory_order_relaxed);
	}
	e->hand = node;
	return NULL;
}
