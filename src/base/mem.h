/* Allocation for the whole program. Out of memory ends the process here and nowhere else: limits are
 * configured and checked before, so running out means that the configuration promised too much. */
#ifndef LARDER_BASE_MEM_H
#define LARDER_BASE_MEM_H

#include <stddef.h>

/* Does a tool watch each allocation? Then nothing is kept for reuse, or it would see nothing. Has the build a sanitizer at all? Then malloc is
 * its own, and everything is several times slower. */
#if defined(__SANITIZE_ADDRESS__)
#define MEM_IS_WATCHED 1
#elif defined(__SANITIZE_THREAD__)
#define MEM_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define MEM_IS_WATCHED 1
#elif __has_feature(thread_sanitizer)
#define MEM_IS_SANITIZED 1
#endif
#endif
#ifndef MEM_IS_WATCHED
#define MEM_IS_WATCHED 0
#endif
#ifndef MEM_IS_SANITIZED
#define MEM_IS_SANITIZED MEM_IS_WATCHED
#endif

/* Never return NULL; released with free(). mem_zalloc clears. */
__attribute__((malloc, returns_nonnull, alloc_size(1))) void *mem_alloc(size_t n);
__attribute__((malloc, returns_nonnull, alloc_size(1))) void *mem_zalloc(size_t n);
__attribute__((returns_nonnull, alloc_size(2))) void *mem_realloc(void *p, size_t n);
/* A NUL-terminated copy of n bytes. */
__attribute__((malloc, returns_nonnull)) char *mem_dup(const char *p, size_t n);

/* Ends the process: for a library of others that says it has no memory. */
_Noreturn void mem_exhausted(void);

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define COUNT_OF(array)			(sizeof(array) / sizeof((array)[0]))

#endif
