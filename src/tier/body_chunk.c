/* The chunks of a body: how large the next one is, where it lies, what it costs, and when it goes.
 *
 * Every chunk is held by those who may still read it: each reader holds the chunk it stands in, each chunk holds its successor, the body
 * holds the last one (the producer fills it) and, while it retains, the first. So nobody frees passed chunks of a window: their last
 * holder lets go of them.
 *
 * Sizes. A known length gets one exact chunk (pieces of 4M above that, so that a length alone reserves little); an unknown one doubles
 * from 4K to 256K. A window begins with 4K, unless its length is known. The one chunk of a large body of known length is shared memory,
 * which the kernel sends without a copy (tier/shmem.h). */
#include "tier/body_private.h"

#include <stdlib.h>

#include "tier/shmem.h"

#define GROW_FIRST 4096
#define GROW_LAST  (256 * 1024)
#define EXACT_MAX  (4 * 1024 * 1024)
/* Of this size on, sending from shared memory costs less than to copy, with the calls that it takes more: measured, see
 * docs/architecture.md. */
#define SHARED_MIN (64 * 1024)

/* What of a round allocation is left for bytes: our head and the allocator's. */
#define CHUNK_HEAD (sizeof(struct chunk) + 16)

static struct chunk *chunk_plain(size_t cap, size_t charged)
{
	struct chunk *c = mem_alloc(sizeof(*c) + cap);
	*c = (struct chunk){.refs = 1, .cap = (uint32_t)cap & INT32_MAX, .charged = (uint32_t)charged};
	return c;
}

/* NULL: there can be none. */
static struct chunk *chunk_shared(size_t cap, size_t charged)
{
	char *data;
	int fd = shmem__new(cap, &data);
	if (fd < 0)
		return NULL;
	struct shared *s = mem_alloc(sizeof(*s));
	s->chunk = (struct chunk){
	    .refs = 1, .cap = (uint32_t)cap & INT32_MAX, .is_shared = true, .charged = (uint32_t)charged};
	s->fd = fd;
	s->data = data;
	return &s->chunk;
}

struct chunk *chunk__new(const struct chunk_plan *plan, size_t charged)
{
	struct chunk *c = plan->is_shared ? chunk_shared(plan->cap, charged) : NULL;
	return c ? c : chunk_plain(plan->cap, charged);
}

static void chunk_free(struct chunk *c)
{
	if (!c->is_shared) {
		free(c);
		return;
	}
	struct shared *s = shared_of(c);
	shmem__free(s->fd, s->data, c->cap);
	free(s);
}

void chunk__unref(struct chunk *c, struct chunk **dead)
{
	while (c && --c->refs == 0) {
		struct chunk *next = c->next;
		c->next = *dead;
		*dead = c;
		c = next;
	}
}

size_t chunk__free_all(struct grown *b, struct chunk *dead)
{
	size_t freed = 0;
	while (dead) {
		struct chunk *next = dead->next;
		freed += dead->charged;
		chunk_free(dead);
		dead = next;
	}
	if (freed > 0)
		budget_give_back(b->budget, freed);
	return freed;
}

/* How large the next chunk is to be. */
static size_t next_cap(const struct grown *b)
{
	uint64_t left = b->expect >= 0 && (uint64_t)b->expect > b->size ? (uint64_t)b->expect - b->size : 0;
	size_t cap;
	if (!b->retaining)
		cap = window_chunk(b);
	else if (left > 0)
		cap = EXACT_MAX;
	else if (!b->tail || b->expect >= 0)
		cap = GROW_FIRST - CHUNK_HEAD;
	else if (b->tail->cap + CHUNK_HEAD >= GROW_LAST / 2)
		cap = GROW_LAST - CHUNK_HEAD;
	else
		cap = 2 * (b->tail->cap + CHUNK_HEAD) - CHUNK_HEAD;
	if (left > 0)
		return left < cap ? (size_t)left : cap;
	/* Most pages that are not kept are small. */
	return b->tail || cap < GROW_FIRST ? cap : GROW_FIRST - CHUNK_HEAD;
}

struct chunk_plan chunk__plan_exact(size_t cap)
{
	return (struct chunk_plan){.cap = cap, .cost = tier__cost(sizeof(struct chunk) + cap)};
}

struct chunk_plan chunk__plan(const struct grown *b)
{
	size_t cap = next_cap(b);
	if (!b->retaining || cap < SHARED_MIN || (uint64_t)b->expect != cap)
		return chunk__plan_exact(cap);
	return (struct chunk_plan){
	    .cap = cap, .cost = shmem__cost(cap) + tier__cost(sizeof(struct shared)), .is_shared = true};
}

unsigned body_segments(const struct body *body, struct str *out, unsigned max)
{
	unsigned n = 0;
	if (body->in_entry) {
		struct str all = small_bytes(body);
		if (max > 0)
			*out = all;
		return all.n > 0;
	}
	for (struct chunk *c = grown_const(body)->head; c; c = c->next) {
		if (n < max)
			out[n] = str_make(data_of(c), c->size);
		n++;
	}
	return n;
}

int body_memory(const struct body *body)
{
	if (body->in_entry)
		return -1;
	struct chunk *c = grown_const(body)->head;
	return c && !c->next && c->is_shared ? shared_of(c)->fd : -1;
}
