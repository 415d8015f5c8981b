/* Deadlines, see deadline.h. A duration comes from the settings, so there are a few per upstream; each has a class with
 * a list of its deadlines. The newest goes to the end, so the first of a list is its earliest, and the earliest of all is
 * found by looking at the first of each list. Classes that a reload left without use are dropped when there are many. */
#include "worker/deadline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

enum { KEEP_CLASSES = 64 };

struct deadline_class {
	struct deadline_class *next;
	int64_t after_ms;
	struct list set; /* earliest first */
};

/* NULL: none is set. */
static struct deadline *earliest(const struct deadline_class *c)
{
	return LIST_FIRST(&c->set, struct deadline, link);
}

static void drop_empty(struct deadlines *all)
{
	struct deadline_class **at = &all->classes;
	while (*at) {
		struct deadline_class *c = *at;
		if (!list_is_empty(&c->set)) {
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
	list_init(&c->set);
	c->next = all->classes;
	all->classes = c;
	all->n_classes++;
	return c;
}

void deadline_set(struct deadlines *all, struct deadline *d, int64_t now_ms, int64_t after_ms)
{
	deadline_clear(d);
	d->at_ms = now_ms + after_ms;
	list_add_last(&class_of(all, after_ms)->set, &d->link);
}

void deadline_clear(struct deadline *d)
{
	list_remove(&d->link);
}

static struct deadline *first_due(struct deadlines *all, int64_t now_ms)
{
	for (struct deadline_class *c = all->classes; c; c = c->next) {
		struct deadline *d = earliest(c);
		if (d && d->at_ms <= now_ms)
			return d;
	}
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
	for (const struct deadline_class *c = all->classes; c; c = c->next) {
		const struct deadline *d = earliest(c);
		if (d && d->at_ms < next)
			next = d->at_ms;
	}
	return next;
}

void deadlines_free(struct deadlines *all)
{
	for (struct deadline_class *c = all->classes, *next; c; c = next) {
		next = c->next;
		for (struct deadline *d; (d = earliest(c));)
			deadline_clear(d);
		free(c);
	}
	*all = (struct deadlines){0};
}
