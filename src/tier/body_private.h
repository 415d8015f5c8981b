/* What the four files of a body share: body.c lets one live and grow, body_chunk.c has its chunks, body_read.c its readers, body_file.c
 * the bodies that lie in files. Bodies that are part of an entry's block (struct small) are in private.h. */
#ifndef LARDER_TIER_BODY_PRIVATE_H
#define LARDER_TIER_BODY_PRIVATE_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "tier/body.h"
#include "tier/private.h"

enum {
	WINDOW_PARTS = 8, /* chunks in a window */
	WINDOW_CHUNK = 64 * 1024
};

struct chunk {
	struct chunk *next; /* one reference */
	unsigned refs;
	uint32_t size;
	uint32_t cap : 31, is_shared : 1;
	uint32_t charged;
	/* the bytes, but of a shared one */
};

/* One in shared memory, which the kernel can send (body_memory). */
struct shared {
	struct chunk chunk;
	char *data;
	int fd;
};

/* One that has grown, or grows; the small ones are in tier/private.h. */
struct grown {
	struct body door;
	atomic_uint refs;
	int err; /* with ended */
	bool retaining, ended;
	bool waiting;  /* the producer was told ERR_AGAIN */
	bool has_file; /* it has no producer any more; without a copy in memory no chunks */
	unsigned n_readers, n_armed;
	pthread_mutex_t lock;
	struct chunk *head;   /* NULL when not retaining */
	struct chunk *tail;   /* NULL before the first */
	struct chunk *before; /* the tail's predecessor, borrowed; while retaining */
	uint64_t size;
	int64_t expect;
	size_t window;
	struct budget *budget;
	struct list readers;
	void (*wake)(void *ctx);
	union {
		void *ctx;
		struct body_file *file; /* has_file; body_file.c */
	};
};

static inline struct grown *grown_of(struct body *b)
{
	assert(!b->in_entry);
	return CONTAINER_OF(b, struct grown, door);
}

static inline const struct grown *grown_const(const struct body *b)
{
	assert(!b->in_entry);
	return CONTAINER_OF(b, const struct grown, door);
}

static inline const struct small *small_of(const struct body *b)
{
	assert(b->in_entry);
	return CONTAINER_OF(b, const struct small, door);
}

static inline struct str small_bytes(const struct body *b)
{
	const struct small *small = small_of(b);
	return str_make(small->bytes, small->size);
}

static inline struct shared *shared_of(struct chunk *c)
{
	return CONTAINER_OF(c, struct shared, chunk);
}

static inline char *data_of(struct chunk *c)
{
	return c->is_shared ? shared_of(c)->data : (char *)(c + 1);
}

/* Of a window. */
static inline size_t window_chunk(const struct grown *b)
{
	size_t n = b->window / WINDOW_PARTS;
	return n < WINDOW_CHUNK ? n : WINDOW_CHUNK;
}

/* body_chunk.c. A chunk that is to come. */
struct chunk_plan {
	size_t cap, cost; /* the budget's, with all that it takes */
	bool is_shared;
};

/* The body's next one. */
struct chunk_plan chunk__plan(const struct grown *b);
/* One in plain memory, for so many bytes. */
struct chunk_plan chunk__plan_exact(size_t cap);
/* With one reference, empty. In plain memory when there is no shared one to be had. */
struct chunk *chunk__new(const struct chunk_plan *plan, size_t charged);
/* Under the lock. Chunks without a holder are put on *dead, to be freed outside. */
void chunk__unref(struct chunk *c, struct chunk **dead);
/* Without the lock. Returns the bytes that went back to the budget. */
size_t chunk__free_all(struct grown *b, struct chunk *dead);

/* body_read.c, both under the lock. May another chunk come: does no reader lag more than the window behind? */
bool body__has_room(const struct grown *b);
/* There is more to read, or the end. */
void body__wake_readers(struct grown *b);

/* body_file.c: its file, if it has one, is closed. */
void body__close_file(struct grown *b);

#endif
