/* A doubly linked list whose links lie in what they link. It allocates nothing, every operation takes the same time however long it is, and
 * a link is taken out by whoever does not know the list. Head and links are of one type, and form a ring:
 *
 *	+-> head <-> first owner's link <-> ... <-> last owner's link <-+       empty: the head is linked with itself
 *	+---------------------------------------------------------------+       not linked: a link that is all zero
 *
 * So a head has to be made (list_init, LIST_EMPTY), and a link only to be zeroed; neither may be copied or freed while others are linked
 * with it. There are no locks, and what changes one link writes to its neighbours: even list_is_linked needs the lock of the list. */
#ifndef LARDER_BASE_LIST_H
#define LARDER_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev; /* of a head: the first and the last */
};

/* Makes a head; by an initialiser: struct list jobs = LIST_EMPTY(jobs). */
static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}
#define LIST_EMPTY(head)                                                                                               \
	{                                                                                                              \
		&(head), &(head)                                                                                       \
	}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list *link)
{
	return link->next != NULL;
}

/* Puts a link, which is not linked, behind `at`: one that is, or the head. */
static inline void list_add_after(struct list *at, struct list *link)
{
	assert(!link->next && at->next);
	link->prev = at;
	link->next = at->next;
	at->next->prev = link;
	at->next = link;
}

static inline void list_add_before(struct list *at, struct list *link)
{
	list_add_after(at->prev, link);
}

static inline void list_add_first(struct list *head, struct list *link)
{
	list_add_after(head, link);
}

static inline void list_add_last(struct list *head, struct list *link)
{
	list_add_after(head->prev, link);
}

/* Afterwards it is not linked. Harmless when it was not. */
static inline void list_remove(struct list *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->next = link->prev = NULL;
}

/* All that `from` has, in their order, to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* The owner of a link, whose link lies `offset` bytes into it; NULL for the head. */
static inline void *list__owner(const struct list *head, const struct list *link, size_t offset)
{
	return link == head ? NULL : (char *)link - offset;
}

static inline void *list__first(const struct list *head, size_t offset)
{
	return list__owner(head, head->next, offset);
}

static inline void *list__last(const struct list *head, size_t offset)
{
	return list__owner(head, head->prev, offset);
}

/* Owners, as `type *`, whose link is `member`; NULL: there is none. */
#define LIST_FIRST(head, type, member) ((type *)list__first(head, offsetof(type, member)))
#define LIST_LAST(head, type, member)  ((type *)list__last(head, offsetof(type, member)))
/* The one behind `one`, or before it. */
#define LIST_NEXT(head, one, type, member) ((type *)list__owner(head, (one)->member.next, offsetof(type, member)))
#define LIST_PREV(head, one, type, member) ((type *)list__owner(head, (one)->member.prev, offsetof(type, member)))

/* A loop over all, from the first to the last: LIST_EACH (struct job, j, &jobs, link). Whoever takes `one` out leaves it. */
#define LIST_EACH(type, one, head, member)                                                                             \
	for (type *one = LIST_FIRST(head, type, member); one; one = LIST_NEXT(head, one, type, member))
/* The same, in which `one` may be taken out, moved and freed. The one behind it has to stay. */
#define LIST_EACH_SAFE(type, one, head, member)                                                                        \
	for (type *one = LIST_FIRST(head, type, member), *one##_next;                                                  \
	     one && (one##_next = LIST_NEXT(head, one, type, member), true); one = one##_next)

#endif
