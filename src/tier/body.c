/* A growing body as a chain of counted chunks: how it is made, filled, ended and let go of.
 *
 *      head (while retaining)                    tail
 *        |                                        |
 *      chunk ---> chunk ---> chunk ---> chunk ---> chunk
 *                   |                              |
 *               slow reader                   quick reader
 *
 * Who holds a chunk, and how large it is: body_chunk.c. The last chunk is exchanged for an exact copy at the end.
 *
 * Locks. One short mutex a body guards the chain, the sizes and the readers; bytes are written before the size that
 * covers them is published under it, and are never written again. Only the producer changes the shape of the chain. Nothing
 * is allocated, freed or charged under the lock: charging may evict, which takes other locks. */
#include "tier/body.h"

#include <stdlib.h>

#include "tier/body_private.h"

#define WINDOW_MIN (WINDOW_PARTS * 1024)

bool body__is_small(struct body *body, struct str *bytes)
{
	if (body->in_entry) {
		*bytes = small_bytes(body);
		return true;
	}
	*bytes = STR_NONE;
	return !body_has_file(body) && body_complete(body) && body_size(body) <= SMALL_MAX &&
	       body_segments(body, bytes, 1) <= 1;
}

struct body *body_new(int64_t expect, struct budget *budget, void (*wake)(void *ctx), void *ctx)
{
	struct grown *b = mem_zalloc(sizeof(*b));
	list_init(&b->readers);
	atomic_init(&b->refs, 1);
	pthread_mutex_init(&b->lock, NULL);
	b->retaining = true;
	b->expect = expect;
	b->budget = budget;
	b->wake = wake;
	b->ctx = ctx;
	return &b->door;
}

struct body *body_of(struct str s, struct budget *budget)
{
	struct body *b = body_new((int64_t)s.n, budget, NULL, NULL);
	while (s.n > 0) {
		char *p;
		size_t n;
		if (body_space(b, &p, &n)) {
			body_release(&b);
			return NULL;
		}
		n = n < s.n ? n : s.n;
		memcpy(p, s.p, n);
		body_filled(b, n);
		s = str_skip(s, n);
	}
	body_end(b, ERR_OK);
	return b;
}

struct body *body_ref(struct body *body)
{
	if (body->in_entry)
		entry_ref(entry__of_small(body));
	else
		atomic_fetch_add_explicit(&grown_of(body)->refs, 1, memory_order_relaxed);
	return body;
}

size_t body__release(struct body **body)
{
	struct body *gone = *body;
	*body = NULL;
	if (!gone)
		return 0;
	if (gone->in_entry) {
		struct entry *e = entry__of_small(gone);
		return entry__release(&e);
	}
	struct grown *b = grown_of(gone);
	if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
		return 0;
	assert(list_is_empty(&b->readers));
	struct chunk *dead = NULL;
	chunk__unref(b->head, &dead);
	chunk__unref(b->tail, &dead);
	size_t freed = chunk__free_all(b, dead);
	body__close_file(b);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return freed;
}

void body_release(struct body **b)
{
	body__release(b);
}

bool body__shared(const struct body *body)
{
	return !body->in_entry && atomic_load_explicit(&grown_const(body)->refs, memory_order_acquire) > 1;
}

size_t body__cost(void)
{
	return tier__cost(sizeof(struct grown));
}

size_t body__charged(struct body *body)
{
	size_t sum = 0;
	if (body->in_entry)
		return 0;
	struct grown *b = grown_of(body);
	pthread_mutex_lock(&b->lock);
	for (const struct chunk *c = b->head; c; c = c->next)
		sum += c->charged;
	pthread_mutex_unlock(&b->lock);
	return sum;
}

/* Makes c, born with one reference, the last chunk. */
static void append(struct grown *b, struct chunk *c)
{
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	if (b->tail) {
		c->refs++;
		b->tail->next = c;
		b->before = b->tail;
		chunk__unref(b->tail, &dead); /* dies when nobody reads: in a window without readers */
	} else {
		/* The first: all readers have waited for it. */
		LIST_EACH (struct body_reader, r, &b->readers, link) {
			c->refs++;
			r->chunk = c;
		}
		if (b->retaining) {
			c->refs++;
			b->head = c;
		}
	}
	b->tail = c;
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
}

int body_space(struct body *body, char **p, size_t *n)
{
	struct grown *b = grown_of(body);
	assert(!b->ended);
	struct chunk *c = b->tail;
	if (!c || c->size == c->cap) {
		struct chunk_plan plan = chunk__plan(b);
		size_t charge = b->retaining && b->budget ? plan.cost : 0;
		if (charge > 0) {
			int err = budget_charge(b->budget, charge);
			if (err)
				return err;
		}
		if (!b->retaining) {
			pthread_mutex_lock(&b->lock);
			b->waiting = !body__has_room(b);
			bool full = b->waiting;
			pthread_mutex_unlock(&b->lock);
			if (full)
				return ERR_AGAIN;
		}
		c = chunk__new(&plan, charge);
		append(b, c);
	}
	*p = data_of(c) + c->size;
	*n = c->cap - c->size;
	return ERR_OK;
}

void body_filled(struct body *body, size_t n)
{
	struct grown *b = grown_of(body);
	if (n == 0)
		return;
	pthread_mutex_lock(&b->lock);
	assert(b->tail && n <= b->tail->cap - b->tail->size);
	b->tail->size += (uint32_t)n;
	b->size += n;
	body__wake_readers(b);
	pthread_mutex_unlock(&b->lock);
}

/* Exchanges a last chunk with much slack for an exact copy. Readers that stand in the old one keep it: it ends where the
 * copy ends. Without room for both the slack stays. */
static void trim(struct grown *b)
{
	struct chunk *old = b->tail;
	if (!old || old->cap - old->size <= old->cap / 8)
		return;
	struct chunk *c = NULL;
	if (old->size > 0) {
		struct chunk_plan plan = chunk__plan_exact(old->size);
		size_t charge = b->budget ? plan.cost : 0;
		if (charge > 0 && budget_charge(b->budget, charge))
			return;
		c = chunk__new(&plan, charge);
		c->size = old->size;
		c->refs = 2; /* as tail, and as head or successor */
		memcpy(data_of(c), data_of(old), old->size);
	}
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	if (b->head == old)
		b->head = c;
	else
		b->before->next = c;
	b->tail = c;
	chunk__unref(old, &dead);
	chunk__unref(old, &dead);
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
}

void body_end(struct body *body, int err)
{
	struct grown *b = grown_of(body);
	assert(!b->ended && err <= 0);
	if (!err && b->retaining)
		trim(b);
	pthread_mutex_lock(&b->lock);
	b->ended = true;
	b->err = err;
	b->waiting = false;
	body__wake_readers(b);
	pthread_mutex_unlock(&b->lock);
}

void body_stop_retaining(struct body *body, size_t window)
{
	struct grown *b = grown_of(body);
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	b->retaining = false;
	b->window = window > WINDOW_MIN ? window : WINDOW_MIN;
	chunk__unref(b->head, &dead);
	b->head = NULL;
	b->before = NULL;
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
}

uint64_t body_size(struct body *body)
{
	if (body->in_entry)
		return small_of(body)->size;
	struct grown *b = grown_of(body);
	pthread_mutex_lock(&b->lock);
	uint64_t size = b->size;
	pthread_mutex_unlock(&b->lock);
	return size;
}

bool body_complete(struct body *body)
{
	if (body->in_entry)
		return true;
	struct grown *b = grown_of(body);
	pthread_mutex_lock(&b->lock);
	bool complete = b->ended && b->err == ERR_OK && b->retaining;
	pthread_mutex_unlock(&b->lock);
	return complete;
}

uint64_t body_settled_size(const struct body *body)
{
	return body->in_entry ? small_of(body)->size : grown_const(body)->size;
}
