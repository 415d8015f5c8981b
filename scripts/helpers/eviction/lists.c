/* Endless, LRU, SIEVE, S3-FIFO: policies of lists. */
#include <stdlib.h>
#include "policies.h"

/* Endless */
static bool endless_ask(void *p, uint32_t id)
{
	struct plain *c = p;
	bool hit = c->nodes[id].where;
	c->nodes[id].where = 1;
	return hit;
}

/* LRU */
static bool lru_ask(void *p, uint32_t id)
{
	struct plain *c = p;
	struct sim_node *n = &c->nodes[id];
	if (n->where) {
		list_remove(c, &c->lists[1], id);
		list_push(c, &c->lists[1], id);
		return true;
	}
	while (c->used + c->t->sizes[id] > c->bytes) {
		uint32_t victim = c->lists[1].oldest;
		plain_drop(c, victim);
	}
	plain_add(c, 1, id);
	return false;
}

/* SIEVE */
static bool sieve_ask(void *p, uint32_t id)
{
	struct plain *c = p;
	struct sim_node *n = &c->nodes[id];
	if (n->where) {
		n->hits = 1;
		return true;
	}
	while (c->used + c->t->sizes[id] > c->bytes) {
		uint32_t at = c->hand == NONE ? c->lists[1].oldest : c->hand;
		while (c->nodes[at].hits) {
			c->nodes[at].hits = 0;
			at = c->nodes[at].newer == NONE ? c->lists[1].oldest : c->nodes[at].newer;
		}
		c->hand = c->nodes[at].newer;
		plain_drop(c, at);
	}
	n->hits = 0;
	plain_add(c, 1, id);
	return false;
}

/* S3-FIFO: small 1, main 2, ghosts 3 (as many bytes as main). */
static void s3_evict(struct plain *c)
{
	for (;;) {
		if (c->lists[1].bytes > c->bytes / 10 || c->lists[2].oldest == NONE) {
			uint32_t at = c->lists[1].oldest;
			struct sim_node *n = &c->nodes[at];
			if (n->hits > 1) {
				plain_drop(c, at);
				n->hits = 0;
				plain_add(c, 2, at);
				continue;
			}
			plain_drop(c, at);
			n->where = 3;
			list_push(c, &c->lists[3], at);
			while (c->lists[3].bytes > c->bytes * 9 / 10) {
				uint32_t ghost = c->lists[3].oldest;
				list_remove(c, &c->lists[3], ghost);
				c->nodes[ghost].where = 0;
			}
			return;
		}
		uint32_t at = c->lists[2].oldest;
		struct sim_node *n = &c->nodes[at];
		plain_drop(c, at);
		if (n->hits == 0)
			return;
		n->hits--;
		plain_add(c, 2, at);
	}
}

static bool s3_ask(void *p, uint32_t id)
{
	struct plain *c = p;
	struct sim_node *n = &c->nodes[id];
	if (n->where == 1 || n->where == 2) {
		n->hits += n->hits < 3;
		return true;
	}
	bool ghost = n->where == 3;
	if (ghost) {
		list_remove(c, &c->lists[3], id);
		n->where = 0;
	}
	while (c->used + c->t->sizes[id] > c->bytes)
		s3_evict(c);
	n->hits = 0;
	plain_add(c, ghost ? 2 : 1, id);
	return false;
}

const struct policy policy_endless = {"endless", plain_make, endless_ask, plain_end, "", ""};
const struct policy policy_lru = {"LRU", plain_make, lru_ask, plain_end, "16", "moves the node: a lock written"};
const struct policy policy_sieve = {"SIEVE", plain_make, sieve_ask, plain_end, "17", "one bit, when it changes"};
const struct policy policy_s3 = {"S3-FIFO", plain_make, s3_ask, plain_end, "17 + ghosts", "2 bits, when they change"};
