/* The readers of a body: each stands in a chunk and holds it, walks on when it has read it to its end, and is woken when there is more.
 *
 *   r->chunk, r->in_chunk: where it stands      r->offset: bytes since the front      r->armed: it found nothing and waits
 *
 * In a window the slowest reader holds the producer up: fits() tells whether another chunk may come, and who frees the room wakes it.
 * The lock and what it guards: body.c. A small body (private.h) has none: its readers are not in any list. */
#include "tier/body_private.h"

/* May another chunk come while a reader stands at `offset`? It holds what it has not read and at most the read part of one
 * chunk, so with the new chunk this stays within the window. */
static bool fits(const struct grown *b, uint64_t offset)
{
	return b->size - offset + 2 * window_chunk(b) <= b->window;
}

bool body__has_room(const struct grown *b)
{
	LIST_EACH (const struct body_reader, r, &b->readers, link) {
		if (!fits(b, r->offset))
			return false;
	}
	return true;
}

static void wake_producer(struct grown *b)
{
	if (!b->waiting || !body__has_room(b))
		return;
	b->waiting = false;
	if (b->wake)
		b->wake(b->ctx);
}

void body__wake_readers(struct grown *b)
{
	LIST_EACH (struct body_reader, r, &b->readers, link) {
		if (b->n_armed == 0)
			return;
		if (!r->armed)
			continue;
		r->armed = false;
		b->n_armed--;
		r->wake(r);
	}
}

/* Under the lock: steps over chunks that are read to their end, as far as there is a next one. */
static void reader_advance(struct body_reader *r, struct chunk **dead)
{
	while (r->chunk && r->in_chunk == r->chunk->size && r->chunk->next) {
		struct chunk *passed = r->chunk;
		r->chunk = passed->next;
		r->chunk->refs++;
		r->in_chunk = 0;
		chunk__unref(passed, dead);
	}
}

unsigned body_readers(struct body *body)
{
	if (body->in_entry)
		return 0;
	struct grown *b = grown_of(body);
	pthread_mutex_lock(&b->lock);
	unsigned n = b->n_readers;
	pthread_mutex_unlock(&b->lock);
	return n;
}

int body_reader_open(struct body_reader *r, struct body *body, void (*wake)(struct body_reader *r))
{
	*r = (struct body_reader){.wake = wake};
	if (body->in_entry) {
		r->body = body_ref(body);
		return ERR_OK;
	}
	struct grown *b = grown_of(body);
	pthread_mutex_lock(&b->lock);
	if (!b->retaining) {
		pthread_mutex_unlock(&b->lock);
		return ERR_MISSING;
	}
	r->body = body_ref(body);
	r->chunk = b->head;
	if (r->chunk)
		r->chunk->refs++;
	list_add_first(&b->readers, &r->link);
	b->n_readers++;
	pthread_mutex_unlock(&b->lock);
	return ERR_OK;
}

void body_reader_close(struct body_reader *r)
{
	struct body *body = r->body;
	if (!body)
		return;
	if (body->in_entry) {
		*r = (struct body_reader){.offset = r->offset};
		body_release(&body);
		return;
	}
	struct grown *b = grown_of(body);
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	list_remove(&r->link);
	b->n_readers--;
	if (r->armed)
		b->n_armed--;
	chunk__unref(r->chunk, &dead);
	wake_producer(b);
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
	*r = (struct body_reader){.offset = r->offset};
	body_release(&body);
}

static int read_small(const struct body_reader *r, const char **p, size_t *n)
{
	struct str left = str_skip(small_bytes(r->body), r->in_chunk);
	*p = left.p;
	*n = left.n;
	return left.n > 0 ? ERR_OK : ERR_EOF;
}

int body_read(struct body_reader *r, const char **p, size_t *n)
{
	if (r->body->in_entry)
		return read_small(r, p, n);
	struct grown *b = grown_of(r->body);
	struct chunk *dead = NULL;
	int err = ERR_OK;
	pthread_mutex_lock(&b->lock);
	reader_advance(r, &dead);
	if (r->chunk && r->in_chunk < r->chunk->size) {
		*p = data_of(r->chunk) + r->in_chunk;
		*n = r->chunk->size - r->in_chunk;
	} else if (b->ended) {
		err = b->err ? b->err : ERR_EOF;
	} else {
		err = ERR_AGAIN;
	}
	if (r->armed != (err == ERR_AGAIN)) {
		r->armed = !r->armed;
		b->n_armed += r->armed ? 1 : -1U;
	}
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
	return err;
}

bool body_read_rest(struct body_reader *r, struct str *out, unsigned max, unsigned *n)
{
	if (max == 0)
		return false;
	if (r->body->in_entry) {
		out[0] = str_skip(small_bytes(r->body), r->in_chunk);
		*n = out[0].n > 0;
		return true;
	}
	struct grown *b = grown_of(r->body);
	size_t skip = r->in_chunk;
	unsigned found = 0;
	pthread_mutex_lock(&b->lock);
	bool there = b->ended && !b->err;
	pthread_mutex_unlock(&b->lock);
	if (!there) /* what has ended changes no more: the rest is read without the lock */
		return false;
	for (struct chunk *c = r->chunk; c; c = c->next, skip = 0) {
		if (c->size == skip)
			continue;
		if (found == max)
			return false;
		out[found++] = str_make(data_of(c) + skip, c->size - skip);
	}
	*n = found;
	return true;
}

void body_read_done(struct body_reader *r, size_t n)
{
	if (r->body->in_entry) {
		r->offset += n;
		r->in_chunk += n;
		return;
	}
	struct grown *b = grown_of(r->body);
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	assert(r->chunk && n <= r->chunk->size - r->in_chunk);
	uint64_t from = r->offset;
	r->offset += n;
	r->in_chunk += n;
	reader_advance(r, &dead);
	/* A reader that did not hold the producer up cannot free it either. */
	if (b->waiting && !fits(b, from))
		wake_producer(b);
	pthread_mutex_unlock(&b->lock);
	chunk__free_all(b, dead);
}
