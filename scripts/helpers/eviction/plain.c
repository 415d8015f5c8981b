#include <stdlib.h>
#include "policies.h"
void *plain_make(const struct trace *t, size_t bytes)
{
	struct plain *c = calloc(1, sizeof(*c));
	*c = (struct plain){.t = t, .bytes = bytes, .hand = NONE};
	c->nodes = calloc(t->n_ids, sizeof(struct sim_node));
	for (int i = 0; i < 4; i++)
		c->lists[i] = (struct sim_list){NONE, NONE, 0};
	return c;
}
void plain_end(void *p)
{
	struct plain *c = p;
	free(c->nodes);
	free(c);
}
void list_push(struct plain *c, struct sim_list *l, uint32_t id)
{
	struct sim_node *n = &c->nodes[id];
	n->newer = NONE;
	n->older = l->newest;
	if (l->newest != NONE)
		c->nodes[l->newest].newer = id;
	else
		l->oldest = id;
	l->newest = id;
	l->bytes += c->t->sizes[id];
}
void list_remove(struct plain *c, struct sim_list *l, uint32_t id)
{
	struct sim_node *n = &c->nodes[id];
	if (n->newer != NONE)
		c->nodes[n->newer].older = n->older;
	else
		l->newest = n->older;
	if (n->older != NONE)
		c->nodes[n->older].newer = n->newer;
	else
		l->oldest = n->newer;
	l->bytes -= c->t->sizes[id];
}
void plain_add(struct plain *c, int where, uint32_t id)
{
	c->nodes[id].where = where;
	list_push(c, &c->lists[where], id);
	c->used += c->t->sizes[id];
}
void plain_drop(struct plain *c, uint32_t id)
{
	list_remove(c, &c->lists[c->nodes[id].where], id);
	c->nodes[id].where = 0;
	c->used -= c->t->sizes[id];
}
