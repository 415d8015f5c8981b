/* SIEVE (Zhang et al., NSDI 2024): one list in order of arrival, a mark on each node that was hit, and a hand that goes from
 * the oldest to the newest. It takes the first node without a mark, and takes the mark from those it passes. What is
 * seen once (a scan) leaves at the hand's next pass; a hit writes one byte and moves nothing.
 *
 *   newest                                        oldest
 *     o -- o -- x -- o -- x -- x -- o -- x -- o -- x      x: hit since the hand passed
 *                         ^ hand, moving to the left; at the end it begins anew on the right
 */
#include "tier/sieve.h"

void sieve__add(struct sieve *e, struct sieve_node *node)
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

void sieve__remove(struct sieve *e, struct sieve_node *node)
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

struct sieve_node *sieve__victim(struct sieve *e, struct sieve_search *s)
{
	struct sieve_node *node = e->hand ? e->hand : e->oldest;
	for (; node && s->steps > 0; node = node->newer) {
		s->steps--;
		if (s->any || !atomic_load_explicit(&node->visited, memory_order_relaxed)) {
			e->hand = node;
			return node;
		}
		atomic_store_explicit(&node->visited, false, memory_order_relaxed);
	}
	e->hand = node;
	return NULL;
}
