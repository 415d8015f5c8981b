/* Memory with one lifetime: allocate many, free all at once. One thread at a time.
 * A sanitizer build makes each allocation a malloc of its own, so that overruns are seen. */
#ifndef LARDER_BASE_ARENA_H
#define LARDER_BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *block; /* newest first */
	size_t block_size;
	size_t used; /* bytes handed out since the last reset */
};

/* block_size 0 means 4096. Allocates nothing yet. */
void arena_init(struct arena *a, size_t block_size);
/* With a first block in n bytes of malloc's, which it takes: what fits into them is handed out without another allocation (but not in a
 * sanitizer build). For liblarder, which must not run into the end of memory here. */
void arena_init_in(struct arena *a, void *room, size_t n);
/* Frees everything; the arena can be used again. */
void arena_free(struct arena *a);
/* Forgets everything but keeps one block, for reuse by the next request. */
void arena_reset(struct arena *a);

/* Aligned for any type, not cleared / cleared. Never NULL. */
__attribute__((malloc, returns_nonnull, alloc_size(2))) void *arena_alloc(struct arena *a, size_t n);
__attribute__((malloc, returns_nonnull, alloc_size(2))) void *arena_zalloc(struct arena *a, size_t n);

/* A copy of s (NUL-terminated behind its n bytes). */
struct str arena_str(struct arena *a, struct str s);
/* Its decimal digits. */
struct str arena_i64(struct arena *a, int64_t v);
/* The parts, one behind the other (NUL-terminated, too). For what is written with each request: a fraction of what arena_printf costs. */
#define arena_cat(a, ...)                                                                                              \
	arena__cat(a, (const struct str[]){__VA_ARGS__}, sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
struct str arena__cat(struct arena *a, const struct str *parts, size_t n);
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
