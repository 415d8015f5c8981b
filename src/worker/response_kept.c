/* A table of slots by entry and status; whoever comes to a slot takes it, unless it has a response that was used lately. A slot is told of
 * an answer at first, and gets its response when the same is asked for again: of pages that are asked for once a second or less, none is
 * kept.
 *
 *   (empty) -put-> known -put-> kept -find, find, ...-> the next second: another answer -put-> known ...
 *      ^                          |
 *      +--- not used for a sweep -+
 *
 * A slot holds no reference of its entry: one that is purged or evicted is gone at once, and a slot never keeps it. An answer does hold
 * its entry, so a slot whose entry has the same address and serial number is of this very entry, unless 2^32 others were stored
 * since the slot was last used: it would have been swept long before. While a kept response is being sent, the request that it is sent
 * for holds the entry, and with it the bytes that the response borrows.
 *
 * Of a body in shared memory a response has a descriptor of its own, which keeps that memory when the entry is gone, until the slot is
 * swept. So the slot is charged with these bytes too, as if they were a copy, and the number of such slots is bounded. */
#include "worker/response_kept.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tier/body.h"
#include "worker/response.h"

enum {
	SLOTS = 4096,	   /* a power of two */
	COST_OTHER = 1024, /* what the library allocates for a response besides its head */
	PAGE = 4096,
	DESCRIPTORS = 64, /* a worker */
	SHARE = 64	  /* the part of the budget that may be used */
};

struct slot {
	const struct entry *entry; /* not to be followed; NULL: empty */
	uint32_t serial;
	int status;
	bool bodyless, used;
	bool has_descriptor;
	struct answer_plain plain;
	struct MHD_Response *response; /* NULL: known, not kept */
	size_t head_size, charged;
};

struct kept {
	struct budget *budget;
	size_t charged;
	unsigned descriptors;
	struct slot slots[SLOTS];
};

static struct slot *slot_of(struct kept *k, const struct answer *a)
{
	uint64_t h = ((uintptr_t)a->entry >> 4) * 2 + (a->status == MHD_HTTP_NOT_MODIFIED);
	return &k->slots[h * 0x9E3779B97F4A7C15u >> 32 & (SLOTS - 1)];
}

static bool is_of(const struct slot *s, const struct answer *a)
{
	return s->entry == a->entry && s->serial == a->entry->serial && s->status == a->status &&
	       s->bodyless == a->bodyless && s->plain.age_s == a->plain.age_s && s->plain.ttl_s == a->plain.ttl_s &&
	       s->plain.conf == a->plain.conf && s->plain.route == a->plain.route;
}

static void drop(struct kept *k, struct slot *s)
{
	if (s->response) {
		MHD_destroy_response(s->response);
		budget_give_back(k->budget, s->charged);
		k->charged -= s->charged;
		k->descriptors -= s->has_descriptor;
	}
	*s = (struct slot){0};
}

struct kept *kept_new(struct budget *budget)
{
	struct kept *k = mem_zalloc(sizeof(*k));
	k->budget = budget;
	return k;
}

void kept_free(struct kept **k)
{
	if (!*k)
		return;
	kept_clear(*k);
	free(*k);
	*k = NULL;
}

struct MHD_Response *kept_find(struct kept *k, const struct answer *a, size_t *head_size)
{
	struct slot *s = slot_of(k, a);
	if (!a->plain.is || a->close || !s->response || !is_of(s, a))
		return NULL;
	s->used = true;
	*head_size = s->head_size;
	return s->response;
}

static bool is_from_descriptor(const struct answer *a)
{
	return a->kind == ANSWER_WHOLE && !a->bodyless && body_memory(a->entry->body) >= 0;
}

/* Gives the slot its response if the bounds allow it. */
static bool keep(struct kept *k, struct slot *s, const struct answer *a, struct MHD_Response *r, size_t head_size)
{
	bool has_descriptor = is_from_descriptor(a);
	size_t cost = head_size + COST_OTHER, limit = atomic_load_explicit(&k->budget->limit, memory_order_relaxed);
	if (has_descriptor)
		cost += (size_t)body_settled_size(a->entry->body) + PAGE;
	if (k->descriptors + has_descriptor > DESCRIPTORS || k->charged + cost > limit / SHARE ||
	    budget_charge(k->budget, cost) != ERR_OK)
		return false;
	s->response = r;
	s->head_size = head_size;
	s->charged = cost;
	s->used = true;
	s->has_descriptor = has_descriptor;
	k->charged += cost;
	k->descriptors += has_descriptor;
	return true;
}

bool kept_put(struct kept *k, const struct answer *a, struct MHD_Response *r, size_t head_size)
{
	/* One whose pieces the library copies, one behind the other, has a place in them, and is for one connection. */
	if (!k->budget || !a->plain.is || a->close || (response_is_split(a) && !is_from_descriptor(a)))
		return false;
	struct slot *s = slot_of(k, a);
	if (!is_of(s, a)) {
		bool is_of_other_page = s->entry != a->entry || s->serial != a->entry->serial;
		if (s->response && s->used && is_of_other_page)
			return false;
		drop(k, s);
		*s = (struct slot){.entry = a->entry,
		    .serial = a->entry->serial,
		    .status = a->status,
		    .bodyless = a->bodyless,
		    .used = true,
		    .plain = a->plain};
		return false;
	}
	return !s->response && keep(k, s, a, r, head_size);
}

void kept_sweep(struct kept *k)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *s = &k->slots[i];
		if (s->entry && !s->used)
			drop(k, s);
		else if (s->entry)
			s->used = false;
	}
}

void kept_clear(struct kept *k)
{
	for (unsigned i = 0; i < SLOTS; i++)
		drop(k, &k->slots[i]);
}
