/* A growing body as a chain of counted chunks. Every chunk is held by those who may still read it: each reader holds
 * the chunk it stands in, each chunk holds its successor, the body holds the last one (the producer fills it) and, while
 * it retains, the first. So nobody frees passed chunks of a window: their last holder lets go of them.
 *
 *      head (while retaining)                    tail
 *        |                                        |
 *      chunk ---> chunk ---> chunk ---> chunk ---> chunk
 *                   |                              |
 *               slow reader                   quick reader
 *
 * Sizes. A known length gets one exact chunk (pieces of 4M above that, so that a length alone reserves little); an
 * unknown one doubles from 4K to 256K, and the last chunk is exchanged for an exact copy at the end. A window begins with 4K, unless
 * its length is known. The one chunk of a large body of known length is shared memory, which the kernel sends without a copy
 * (tier/shmem.h).
 *
 * Locks. One short mutex a body guards the chain, the sizes and the readers; bytes are written before the size that
 * covers them is published under it, and are never written again. Only the producer changes the shape of the chain. Nothing
 * is allocated, freed or charged under the lock: charging may evict, which takes other locks. */
#include "tier/body.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "tier/private.h"
#include "tier/shmem.h"

#define GROW_FIRST   4096
#define GROW_LAST    (256 * 1024)
#define EXACT_MAX    (4 * 1024 * 1024)
#define WINDOW_PARTS 8 /* chunks in a window */
#define WINDOW_MIN   (WINDOW_PARTS * 1024)
#define WINDOW_CHUNK (64 * 1024)
/* A disk is read ahead by as much. */
/* Of this size on, sending from shared memory costs less than to copy, with the calls that it takes more: measured, see
 * docs/architecture.md. */
#define SHARED_MIN    (64 * 1024)
#define CACHED_STEP   (128 * 1024)
#define CACHED_PROBES 16

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

/* What of a round allocation is left for bytes: our head and the allocator's. */
#define CHUNK_HEAD (sizeof(struct chunk) + 16)

/* The file of a body, and what it was like when the body was made: its time of change tells of every write, link and unlink since. */
struct body_file {
	int fd;
	struct timespec changed;
	off_t size;
	struct hash128 sum;
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
	struct body_reader *readers;
	void (*wake)(void *ctx);
	union {
		void *ctx;
		struct body_file *file; /* has_file */
	};
};

static struct grown *grown_of(struct body *b)
{
	assert(!b->in_entry);
	return CONTAINER_OF(b, struct grown, door);
}

static const struct grown *grown_const(const struct body *b)
{
	assert(!b->in_entry);
	return CONTAINER_OF(b, const struct grown, door);
}

static const struct small *small_of(const struct body *b)
{
	assert(b->in_entry);
	return CONTAINER_OF(b, const struct small, door);
}

static struct str small_bytes(const struct body *b)
{
	const struct small *small = small_of(b);
	return str_make(small->bytes, small->size);
}

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

static struct shared *shared_of(struct chunk *c)
{
	return CONTAINER_OF(c, struct shared, chunk);
}

static char *data_of(struct chunk *c)
{
	return c->is_shared ? shared_of(c)->data : (char *)(c + 1);
}

static struct chunk *chunk_new(size_t cap, size_t charged)
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

static size_t chunk_cost(size_t cap)
{
	return tier__cost(sizeof(struct chunk) + cap);
}

/* Under the lock. Chunks without a holder are put on *dead, to be freed outside. */
static void chunk_unref(struct chunk *c, struct chunk **dead)
{
	while (c && --c->refs == 0) {
		struct chunk *next = c->next;
		c->next = *dead;
		*dead = c;
		c = next;
	}
}

/* Returns the bytes that went back to the budget. */
static size_t chunks_free(struct grown *b, struct chunk *dead)
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

static size_t window_chunk(const struct grown *b)
{
	size_t n = b->window / WINDOW_PARTS;
	return n < WINDOW_CHUNK ? n : WINDOW_CHUNK;
}

/* May another chunk come while a reader stands at `offset`? It holds what it has not read and at most the read part of one
 * chunk, so with the new chunk this stays within the window. */
static bool fits(const struct grown *b, uint64_t offset)
{
	return b->size - offset + 2 * window_chunk(b) <= b->window;
}

static bool has_room(const struct grown *b)
{
	for (const struct body_reader *r = b->readers; r; r = r->next) {
		if (!fits(b, r->offset))
			return false;
	}
	return true;
}

static void wake_producer(struct grown *b)
{
	if (!b->waiting || !has_room(b))
		return;
	b->waiting = false;
	if (b->wake)
		b->wake(b->ctx);
}

static void wake_readers(struct grown *b)
{
	for (struct body_reader *r = b->readers; r && b->n_armed > 0; r = r->next) {
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
		chunk_unref(passed, dead);
	}
}

struct body *body_new(int64_t expect, struct budget *budget, void (*wake)(void *ctx), void *ctx)
{
	struct grown *b = mem_zalloc(sizeof(*b));
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

static atomic_uint files_open;

unsigned body_files(void)
{
	return atomic_load_explicit(&files_open, memory_order_relaxed);
}

static void mark_file(struct grown *b, int fd)
{
	atomic_fetch_add_explicit(&files_open, 1, memory_order_relaxed);
	struct stat st;
	b->file = mem_zalloc(sizeof(*b->file));
	b->file->fd = fd;
	b->has_file = true;
	if (fstat(fd, &st) == 0) {
		b->file->changed = st.st_ctim;
		b->file->size = st.st_size;
	}
}

struct body *body_of_file(int fd_take, uint64_t size, struct hash128 sum)
{
	struct grown *b = grown_of(body_new((int64_t)size, NULL, NULL, NULL));
	mark_file(b, fd_take);
	b->file->sum = sum;
	b->size = size;
	b->ended = true;
	return &b->door;
}

void body_copies_file(struct body *body, int fd_take)
{
	struct grown *b = grown_of(body);
	assert(body_complete(body) && !b->wake);
	mark_file(b, fd_take);
}

int body_file(const struct body *body)
{
	if (body->in_entry)
		return -1;
	const struct grown *b = grown_const(body);
	return b->has_file && !b->head ? b->file->fd : -1;
}

bool body_has_file(const struct body *body)
{
	return !body->in_entry && grown_const(body)->has_file;
}

struct hash128 body_file_sum(const struct body *body)
{
	return grown_const(body)->file->sum;
}

bool body_is_current(const struct body *body)
{
	struct stat st;
	if (!body_has_file(body))
		return true;
	const struct body_file *file = grown_const(body)->file;
	return fstat(file->fd, &st) == 0 && st.st_nlink > 0 && st.st_size == file->size &&
	       st.st_ctim.tv_sec == file->changed.tv_sec && st.st_ctim.tv_nsec == file->changed.tv_nsec;
}

bool body_is_cached(const struct body *body)
{
	int fd = body_file(body);
	if (fd < 0)
		return true;
	off_t size = grown_const(body)->file->size,
	      step = size / CACHED_PROBES > CACHED_STEP ? size / CACHED_PROBES : CACHED_STEP;
	for (off_t at = 0; at < size; at += step) {
		char byte;
		struct iovec one = {.iov_base = &byte, .iov_len = 1};
		if (preadv2(fd, &one, 1, at, RWF_NOWAIT) < 0 && errno == EAGAIN)
			return false;
	}
	return true;
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
	assert(!b->readers);
	struct chunk *dead = NULL;
	chunk_unref(b->head, &dead);
	chunk_unref(b->tail, &dead);
	size_t freed = chunks_free(b, dead);
	if (b->has_file) {
		atomic_fetch_sub_explicit(&files_open, 1, memory_order_relaxed);
		close(b->file->fd);
		free(b->file);
	}
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

/* Makes c, born with one reference, the last chunk. */
static void append(struct grown *b, struct chunk *c)
{
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	if (b->tail) {
		c->refs++;
		b->tail->next = c;
		b->before = b->tail;
		chunk_unref(b->tail, &dead); /* dies when nobody reads: in a window without readers */
	} else {
		/* The first: all readers have waited for it. */
		for (struct body_reader *r = b->readers; r; r = r->next) {
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
	chunks_free(b, dead);
}

int body_space(struct body *body, char **p, size_t *n)
{
	struct grown *b = grown_of(body);
	assert(!b->ended);
	struct chunk *c = b->tail;
	if (!c || c->size == c->cap) {
		size_t cap = next_cap(b);
		bool is_shared = b->retaining && cap >= SHARED_MIN && (uint64_t)b->expect == cap;
		size_t cost = is_shared ? shmem__cost(cap) + tier__cost(sizeof(struct shared)) : chunk_cost(cap);
		size_t charge = b->retaining && b->budget ? cost : 0;
		if (charge > 0) {
			int err = budget_charge(b->budget, charge);
			if (err)
				return err;
		}
		if (!b->retaining) {
			pthread_mutex_lock(&b->lock);
			b->waiting = !has_room(b);
			bool full = b->waiting;
			pthread_mutex_unlock(&b->lock);
			if (full)
				return ERR_AGAIN;
		}
		c = is_shared ? chunk_shared(cap, charge) : NULL;
		if (!c)
			c = chunk_new(cap, charge);
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
	wake_readers(b);
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
		size_t charge = b->budget ? chunk_cost(old->size) : 0;
		if (charge > 0 && budget_charge(b->budget, charge))
			return;
		c = chunk_new(old->size, charge);
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
	chunk_unref(old, &dead);
	chunk_unref(old, &dead);
	pthread_mutex_unlock(&b->lock);
	chunks_free(b, dead);
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
	wake_readers(b);
	pthread_mutex_unlock(&b->lock);
}

void body_stop_retaining(struct body *body, size_t window)
{
	struct grown *b = grown_of(body);
	struct chunk *dead = NULL;
	pthread_mutex_lock(&b->lock);
	b->retaining = false;
	b->window = window > WINDOW_MIN ? window : WINDOW_MIN;
	chunk_unref(b->head, &dead);
	b->head = NULL;
	b->before = NULL;
	pthread_mutex_unlock(&b->lock);
	chunks_free(b, dead);
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

uint64_t body_settled_size(const struct body *body)
{
	return body->in_entry ? small_of(body)->size : grown_const(body)->size;
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
	r->next = b->readers;
	if (r->next)
		r->next->prev = r;
	b->readers = r;
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
	if (r->prev)
		r->prev->next = r->next;
	else
		b->readers = r->next;
	if (r->next)
		r->next->prev = r->prev;
	b->n_readers--;
	if (r->armed)
		b->n_armed--;
	chunk_unref(r->chunk, &dead);
	wake_producer(b);
	pthread_mutex_unlock(&b->lock);
	chunks_free(b, dead);
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
	chunks_free(b, dead);
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
	chunks_free(b, dead);
}
