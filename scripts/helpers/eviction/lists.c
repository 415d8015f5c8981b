/* The policies made of lists: endless, LRU, SIEVE, S3-FIFO, W-TinyLFU. Those that were made for pages of one size are told of sizes the usual way: they
 * go on until there is room. */
#include <stdlib.h>

#include "sim.h"

#define NONE UINT32_MAX

enum { GONE, WINDOW, MAIN, PROTECTED, GHOSTS, LISTS };

struct node {
	uint32_t newer, older;
	uint8_t list, hits;
	uint16_t asked; /* W-TinyLFU: in the sketch, which is taken to be free of collisions */
};

struct list {
	uint32_t newest, oldest;
	size_t bytes;
};

struct cache {
	const struct trace *t;
	size_t bytes, used;
	struct node *nodes;
	struct list lists[LISTS];
	uint32_t hand;
	size_t held, noted; /* entries; requests since the sketch was halved */
};

static void *open_lists(const struct trace *t, size_t bytes)
{
	struct cache *c = sim_alloc(1, sizeof(*c));
	*c = (struct cache){.t = t, .bytes = bytes, .hand = NONE, .nodes = sim_alloc(t->n_ids, sizeof(struct node))};
	for (unsigned i = 0; i < LISTS; i++)
		c->lists[i] = (struct list){NONE, NONE, 0};
	return c;
}

static void close_lists(void *cache)
{
	struct cache *c = cache;
	free(c->nodes);
	free(c);
}

static bool is_held(const struct node *n)
{
	return n->list != GONE && n->list != GHOSTS;
}

static void push(struct cache *c, uint8_t list, uint32_t id)
{
	struct list *l = &c->lists[list];
	struct node *n = &c->nodes[id];
	n->newer = NONE;
	n->older = l->newest;
	n->list = list;
	if (l->newest != NONE)
		c->nodes[l->newest].newer = id;
	else
		l->oldest = id;
	l->newest = id;
	l->bytes += c->t->sizes[id];
	if (is_held(n)) {
		c->used += c->t->sizes[id];
		c->held++;
	}
}

static void drop(struct cache *c, uint32_t id)
{
	struct node *n = &c->nodes[id];
	struct list *l = &c->lists[n->list];
	if (n->newer != NONE)
		c->nodes[n->newer].older = n->older;
	else
		l->newest = n->older;
	if (n->older != NONE)
		c->nodes[n->older].newer = n->newer;
	else
		l->oldest = n->newer;
	l->bytes -= c->t->sizes[id];
	if (is_held(n)) {
		c->used -= c->t->sizes[id];
		c->held--;
	}
	n->list = GONE;
}

static void move(struct cache *c, uint8_t list, uint32_t id)
{
	drop(c, id);
	push(c, list, id);
}

static bool is_full(const struct cache *c, uint32_t id)
{
	return c->used + c->t->sizes[id] > c->bytes;
}

static bool ask_endless(void *cache, uint32_t id)
{
	struct cache *c = cache;
	bool hit = c->nodes[id].hits;
	c->nodes[id].hits = 1;
	return hit;
}

static bool ask_lru(void *cache, uint32_t id)
{
	struct cache *c = cache;
	if (is_held(&c->nodes[id])) {
		move(c, MAIN, id);
		return true;
	}
	while (is_full(c, id))
		drop(c, c->lists[MAIN].oldest);
	push(c, MAIN, id);
	return false;
}

static bool ask_sieve(void *cache, uint32_t id)
{
	struct cache *c = cache;
	struct node *n = &c->nodes[id];
	if (is_held(n)) {
		n->hits = 1;
		return true;
	}
	while (is_full(c, id)) {
		uint32_t at = c->hand == NONE ? c->lists[MAIN].oldest : c->hand;
		c->hand = c->nodes[at].newer;
		if (c->nodes[at].hits == 0)
			drop(c, at);
		else
			c->nodes[at].hits = 0;
	}
	push(c, MAIN, id);
	return false;
}

/* S3-FIFO: a tenth for the new ones, ghosts for as many bytes as the rest. */

static void s3fifo_leave_window(struct cache *c)
{
	uint32_t at = c->lists[WINDOW].oldest;
	bool stays = c->nodes[at].hits > 1;
	c->nodes[at].hits = 0;
	move(c, stays ? MAIN : GHOSTS, at);
	while (c->lists[GHOSTS].bytes > c->bytes / 10 * 9)
		drop(c, c->lists[GHOSTS].oldest);
}

static void s3fifo_leave_main(struct cache *c)
{
	uint32_t at = c->lists[MAIN].oldest;
	if (c->nodes[at].hits == 0) {
		drop(c, at);
	} else {
		c->nodes[at].hits--;
		move(c, MAIN, at);
	}
}

static bool ask_s3fifo(void *cache, uint32_t id)
{
	struct cache *c = cache;
	struct node *n = &c->nodes[id];
	if (is_held(n)) {
		n->hits = (uint8_t)(n->hits + (n->hits < 3));
		return true;
	}
	bool known = n->list == GHOSTS;
	if (known)
		drop(c, id);
	while (is_full(c, id)) {
		if (c->lists[WINDOW].bytes > c->bytes / 10 || c->lists[MAIN].oldest == NONE)
			s3fifo_leave_window(c);
		else
			s3fifo_leave_main(c);
	}
	push(c, known ? MAIN : WINDOW, id);
	return false;
}

/* W-TinyLFU, with sizes as Einziger and others have it (2021): what comes out of the window must have been asked for more
 * often than all those together that it would push out. */

static void note(struct cache *c, uint32_t id)
{
	c->nodes[id].asked = (uint16_t)(c->nodes[id].asked + (c->nodes[id].asked < 15));
	if (++c->noted < 10 * c->held + 1000)
		return;
	c->noted = 0;
	for (uint32_t i = 0; i < c->t->n_ids; i++)
		c->nodes[i].asked /= 2;
}

/* The next to leave main after `at`: the unprotected from the oldest on, then the protected ones. */
static uint32_t next_victim(const struct cache *c, uint32_t at)
{
	if (at != NONE && c->nodes[at].newer != NONE)
		return c->nodes[at].newer;
	if (at == NONE && c->lists[MAIN].oldest != NONE)
		return c->lists[MAIN].oldest;
	return at == NONE || c->nodes[at].list == MAIN ? c->lists[PROTECTED].oldest : NONE;
}

static void tinylfu_admit(struct cache *c, uint32_t id)
{
	size_t limit = c->bytes / 100 * 99, main = c->lists[MAIN].bytes + c->lists[PROTECTED].bytes, room = 0;
	unsigned asked = 0;
	uint32_t last = NONE;
	drop(c, id);
	while (main - room + c->t->sizes[id] > limit) {
		last = next_victim(c, last);
		asked += c->nodes[last].asked;
		room += c->t->sizes[last];
		if (asked >= c->nodes[id].asked)
			return;
	}
	for (uint32_t at = NONE; last != NONE && at != last;) {
		at = next_victim(c, NONE);
		drop(c, at);
	}
	push(c, MAIN, id);
}

static bool ask_tinylfu(void *cache, uint32_t id)
{
	struct cache *c = cache;
	struct node *n = &c->nodes[id];
	note(c, id);
	if (is_held(n)) {
		move(c, n->list == WINDOW ? WINDOW : PROTECTED, id);
		while (c->lists[PROTECTED].bytes > c->bytes / 100 * 79)
			move(c, MAIN, c->lists[PROTECTED].oldest);
		return true;
	}
	push(c, WINDOW, id);
	while (c->lists[WINDOW].bytes > c->bytes / 100)
		tinylfu_admit(c, c->lists[WINDOW].oldest);
	return false;
}

const struct policy policy_endless = {"endless", open_lists, ask_endless, close_lists, "", ""};
const struct policy policy_lru = {"LRU", open_lists, ask_lru, close_lists, "16", "moves the node: a write lock"};
const struct policy policy_sieve = {"SIEVE", open_lists, ask_sieve, close_lists, "24", "writes a byte, if it changes"};
const struct policy policy_s3fifo = {
    "S3-FIFO", open_lists, ask_s3fifo, close_lists, "24, ghosts", "writes a byte, if it changes"};
const struct policy policy_tinylfu = {"W-TinyLFU", open_lists, ask_tinylfu, close_lists, "24, sketch",
    "moves the node, counts in the sketch: a write lock"};
