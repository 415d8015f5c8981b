/* A table of slots by entry and status; whoever comes to a slot takes it, unless it has a response that was used lately. Of an answer only
 * a mark is kept at first, and the slot gets its response when the same is asked for again: of pages that are asked for once a second or
 * less, none is kept. The marks lie together, 16 KB, so that such pages touch nothing else here.
 *
 *   (none) -put-> marked -put-> kept -find, find, ...-> the next second: another answer -put-> marked ...
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
	IS_KEPT = 1,	   /* of a mark */
	COST_OTHER = 1024, /* what the library allocates for a response besides its head */
	PAGE = 4096,
	DESCRIPTORS = 64, /* a worker */
	SHARE = 64	  /* the part of the budget that may be used */
};

struct slot {
	const struct entry *entry; /* not to be followed */
	uint32_t serial;
	int status;
	bool bodyless, used;
	bool has_descriptor;
	struct answer_plain plain;
	struct MHD_Response *response;
	size_t head_size, charged;
};

struct kept {
	struct budget *budget;
	size_t charged;
	unsigned descriptors;
	uint32_t marks[SLOTS];	  /* of answers, and IS_KEPT where the slot has the response */
	struct slot slots[SLOTS]; /* zero where it has none */
};

static unsigned place_of(const struct answer *a)
{
	uint64_t h = ((uintptr_t)a->entry >> 4) * 2 + (a->status == MHD_HTTP_NOT_MODIFIED);
	return h * 0x9E3779B97F4A7C15u >> 32 & (SLOTS - 1);
}

/* Of two answers with the same one, the second is kept when it is asked for once: no harm. */
static uint32_t mark_of(const struct answer *a)
{
	uint64_t parts[] = {a->entry->serial, (uint64_t)a->status << 1 | a->bodyless, (uint64_t)a->plain.age_s,
	    (uint64_t)a->plain.ttl_s, (uintptr_t)a->plain.conf, (uintptr_t)a->plain.route};
	uint64_t h = 0;
	for (unsigned i = 0; i < COUNT_OF(parts); i++)
		h = (h ^ parts[i]) * 0x9E3779B97F4A7C15u;
	return (uint32_t)(h >> 32) & ~(uint32_t)IS_KEPT;
}

static bool is_of(const struct slot *s, const struct answer *a)
{
	return s->entry == a->entry && s->serial == a->entry->serial && s->status == a->status &&
	       s->bodyless == a->bodyless && s->plain.age_s == a->plain.age_s && s->plain.ttl_s == a->plain.ttl_s &&
	       s->plain.conf == a->plain.conf && s->plain.route == a->plain.route;
}

static void drop(struct kept *k, unsigned place)
{
	struct slot *s = &k->slots[place];
	if (k->marks[place] & IS_KEPT) {
		MHD_destroy_response(s->response);
		budget_give_back(k->budget, s->charged);
		k->charged -= s->charged;
		k->descriptors -= s->has_descriptor;
		*s = (struct slot){0};
	}
	k->marks[place] = 0;
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
	if (!a->plain.is || a->close)
		return NULL;
	unsigned place = place_of(a);
	struct slot *s = &k->slots[place];
	if (!(k->marks[place] & IS_KEPT) || !is_of(s, a))
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
static bool keep(struct kept *k, unsigned place, const struct answer *a, struct MHD_Response *r, size_t head_size)
{
	bool has_descriptor = is_from_descriptor(a);
	size_t cost = head_size + COST_OTHER, limit = atomic_load_explicit(&k->budget->limit, memory_order_relaxed);
	if (has_descriptor)
		cost += (size_t)body_settled_size(a->entry->body) + PAGE;
	if (k->descriptors + has_descriptor > DESCRIPTORS || k->charged + cost > limit / SHARE ||
	    budget_charge(k->budget, cost) != ERR_OK)
		return false;
	k->slots[place] = (struct slot){.entry = a->entry,
	    .serial = a->entry->serial,
	    .status = a->status,
	    .bodyless = a->bodyless,
	    .used = true,
	    .has_descriptor = has_descriptor,
	    .plain = a->plain,
	    .response = r,
	    .head_size = head_size,
	    .charged = cost};
	k->marks[place] |= IS_KEPT;
	k->charged += cost;
	k->descriptors += has_descriptor;
	return true;
}

bool kept_put(struct kept *k, const struct answer *a, struct MHD_Response *r, size_t head_size)
{
	/* One whose pieces the library copies, one behind the other, has a place in them, and is for one connection. */
	if (!k->budget || !a->plain.is || a->close || (response_is_split(a) && !is_from_descriptor(a)))
		return false;
	unsigned place = place_of(a);
	uint32_t mark = mark_of(a), there = k->marks[place];
	if (there == mark)
		return keep(k, place, a, r, head_size);
	const struct slot *s = &k->slots[place];
	bool is_of_other_page = there & IS_KEPT && (s->entry != a->entry || s->serial != a->entry->serial);
	if (there == (mark | IS_KEPT) || (is_of_other_page && s->used))
		return false;
	drop(k, place);
	k->marks[place] = mark;
	return false;
}

void kept_sweep(struct kept *k)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *s = &k->slots[i];
		if (!(k->marks[i] & IS_KEPT))
			continue;
		if (!s->used)
			drop(k, i);
		else
			s->used = false;
	}
}

void kept_clear(struct kept *k)
{
	for (unsigned i = 0; i < SLOTS; i++)
		drop(k, i);
}
