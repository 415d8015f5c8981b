/* Deadlines, see deadline.h. A duration comes from the settings, so there are a few per upstream; each has a class with
 * a ring of its deadlines. The newest goes to the end, so the first of a ring is its earliest, and the earliest of all is
 * found by looking at the first of each ring. Classes that a reload left without use are dropped when there are many. */
#include "worker/deadline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

enum { KEEP_CLASSES = 64 };

struct deadline_class {
	struct deadline_class *next;
	int64_t after_ms;
	struct deadline ring;
};

static bool is_empty(const struct deadline_class *c)
{
	return c->ring.next == &c->ring;
}

static void drop_empty(struct deadlines *all)
{
	struct deadline_class **at = &all->classes;
	while (*at) {
		struct deadline_class *c = *at;
		if (!is_empty(c)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
		all->n_classes--;
	}
}

static struct deadline_class *class_of(struct deadlines *all, int64_t after_ms)
{
	for (struct deadline_class *c = all->classes; c; c = c->next)
		if (c->after_ms == after_ms)
			return c;
	if (all->n_classes >= KEEP_CLASSES)
		drop_empty(all);
	struct deadline_class *c = mem_zalloc(sizeof(*c));
	c->after_ms = after_ms;
	c->ring.prev = c->ring.next = &c->ring;
	c->next = all->classes;
	all->classes = c;
	all->n_classes++;
	return c;
}

void deadline_set(struct deadlines *all, struct deadline *d, int64_t now_ms, int64_t after_ms)
{
	deadline_clear(d);
	struct deadline *ring = &class_of(all, after_ms)->ring;
	d->at_ms = now_ms + after_ms;
	d->next = ring;
	d->prev = ring->prev;
	d->prev->next = d;
	ring->prev = d;
}

void deadline_clear(struct deadline *d)
{
	if (!d->next)
		return;
	d->prev->next = d->next;
	d->next->prev = d->prev;
	d->prev = d->next = NULL;
}

static struct deadline *first_due(struct deadlines *all, int64_t now_ms)
{
	for (struct deadline_class *c = all->classes; c; c = c->next)
		if (!is_empty(c) && c->ring.next->at_ms <= now_ms)
			return c->ring.next;
	return NULL;
}

void deadlines_run(struct deadlines *all, int64_t now_ms)
{
	struct deadline *d;
	/* Searched anew each time: what fires may add classes and clear others. */
	while ((d = first_due(all, now_ms))) {
		deadline_clear(d);
		d->fire(d);
	}
}

int64_t deadlines_next(const struct deadlines *all)
{
	int64_t next = INT64_MAX;
	for (const struct deadline_class *c = all->classes; c; c = c->next)
		if (!is_empty(c) && c->ring.next->at_ms < next)
			next = c->ring.next->at_ms;
	return next;
}

void deadlines_free(struct deadlines *all)
{
	for (struct deadline_class *c = all->classes, *next; c; c = next) {
		next = c->next;
		while (!is_empty(c))
			deadline_clear(c->ring.next);
		free(c);
	}
	*all = (struct deadlines){0};
}
