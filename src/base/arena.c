/* Memory with one lifetime, as a list of blocks; the newest small-object block is first and is filled from the
 * bottom:
 *
 *     arena -> [block: ####....] -> [block: ########] -> [big: ################]
 *
 * An allocation that is large beside a block gets a block of its own, hung behind the first, so that the room that is
 * left in the first is not lost. A reset keeps the first block: a request that fits into one block allocates nothing
 * after the first request on its connection.
 *
 * Blocks of the default size are handed on, a few of them: malloc caches none so large, and what stays would come to lie in the place of
 * each, which it does not fill. Five pages of 768 bytes leave 304 of one to nobody: 7 % of a cache of small pages was that.
 *
 * A sanitizer build gives each allocation its own malloc: an overrun by one byte, or a use after the reset, is then
 * seen at the line that does it. The interface behaves the same. */
#include "base/arena.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_BLOCK_SIZE 4096
#define SPARES_MAX	   64
#define ALIGNMENT	   _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	size_t at;   /* handed out */
	_Alignas(max_align_t) char data[];
};

/* Of the default size, empty, of any thread. */
static struct {
	pthread_mutex_t lock;
	struct arena_block *first;
	unsigned n;
} spares = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* NULL: there is none. */
static struct arena_block *spare_take(size_t size)
{
	if (MEM_IS_WATCHED || size != DEFAULT_BLOCK_SIZE)
		return NULL;
	pthread_mutex_lock(&spares.lock);
	struct arena_block *block = spares.first;
	if (block) {
		spares.first = block->next;
		spares.n--;
	}
	pthread_mutex_unlock(&spares.lock);
	return block;
}

static bool spare_put(struct arena_block *block)
{
	if (MEM_IS_WATCHED || block->size != DEFAULT_BLOCK_SIZE)
		return false;
	pthread_mutex_lock(&spares.lock);
	bool has_room = spares.n < SPARES_MAX;
	if (has_room) {
		block->next = spares.first;
		spares.first = block;
		spares.n++;
	}
	pthread_mutex_unlock(&spares.lock);
	return has_room;
}

static struct arena_block *new_block(size_t size)
{
	struct arena_block *block = spare_take(size);
	if (!block)
		block = mem_alloc(sizeof(*block) + size);
	block->next = NULL;
	block->size = size;
	block->at = 0;
	return block;
}

static size_t round_up(size_t n)
{
	return (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/* A block of n bytes that is full from the start, behind the first so that the first stays in use. */
static void *alloc_own(struct arena *a, size_t n)
{
	struct arena_block *block = new_block(n);
	block->at = n;
	if (a->block) {
		block->next = a->block->next;
		a->block->next = block;
	} else {
		a->block = block;
	}
	return block->data;
}

static void *alloc_shared(struct arena *a, size_t n)
{
	struct arena_block *block = new_block(a->block_size);
	block->next = a->block;
	block->at = n;
	a->block = block;
	return block->data;
}

void arena_init(struct arena *a, size_t block_size)
{
	*a = (struct arena){.block_size = block_size > 0 ? round_up(block_size) : DEFAULT_BLOCK_SIZE};
}

void arena_init_in(struct arena *a, void *room, size_t n)
{
	struct arena_block *block = room;
	assert(n > sizeof(*block));
	*block = (struct arena_block){.size = n - sizeof(*block)};
	*a = (struct arena){.block = block, .block_size = DEFAULT_BLOCK_SIZE};
}

static void free_list(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		if (!spare_put(block))
			free(block);
		block = next;
	}
}

void arena_free(struct arena *a)
{
	free_list(a->block);
	a->block = NULL;
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->block;
	/* The first block is an outsized one only when nothing small was ever asked for. */
	if (MEM_IS_WATCHED || !keep || keep->size != a->block_size) {
		arena_free(a);
		return;
	}
	free_list(keep->next);
	keep->next = NULL;
	keep->at = 0;
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	assert(n <= PTRDIFF_MAX - sizeof(struct arena_block) - ALIGNMENT);
	a->used += n;
	if (MEM_IS_WATCHED)
		return alloc_own(a, n);

	size_t rounded = round_up(n > 0 ? n : 1);
	struct arena_block *block = a->block;
	if (block && rounded <= block->size - block->at) {
		void *p = block->data + block->at;
		block->at += rounded;
		return p;
	}
	if (rounded > a->block_size / 4)
		return alloc_own(a, rounded);
	return alloc_shared(a, rounded);
}

void *arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return str_make(p, s.n);
}

struct str arena_i64(struct arena *a, int64_t v)
{
	char text[STR_I64_MAX];
	return arena_str(a, str_make(text, (size_t)(str_put_i64(text, v) - text)));
}

struct str arena__cat(struct arena *a, const struct str *parts, size_t n)
{
	size_t size = 0;
	for (size_t i = 0; i < n; i++)
		size += parts[i].n;
	char *p = arena_alloc(a, size + 1), *end = p;
	for (size_t i = 0; i < n; i++)
		end = str_put(end, parts[i]);
	*end = '\0';
	return str_make(p, size);
}

/* What an arena_alloc of a few bytes would give, and how many follow it; 0 where that is not to be had for nothing. */
static size_t room_left(const struct arena *a, char **p)
{
	struct arena_block *block = a->block;
	if (MEM_IS_WATCHED || !block)
		return 0;
	*p = block->data + block->at;
	return block->size - block->at;
}

/* Written where it will lie: what fits into the block, as nearly all does, is formatted once. */
struct str arena_printf(struct arena *a, const char *format, ...)
{
	assert(format);
	char *p = NULL;
	size_t room = room_left(a, &p);
	va_list args;
	va_start(args, format);
	int n = vsnprintf(p, room, format, args);
	va_end(args);
	assert(n >= 0);

	char *kept = arena_alloc(a, (size_t)n + 1);
	if (kept == p && (size_t)n < room)
		return str_make(p, (size_t)n);
	va_start(args, format);
	vsnprintf(kept, (size_t)n + 1, format, args);
	va_end(args);
	return str_make(kept, (size_t)n);
}
