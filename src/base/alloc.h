/* Memory for a library: it may run out, and that is an error like any other. base/mem.h, which ends the process, is not for here. */
#ifndef LARDER_BASE_ALLOC_H
#define LARDER_BASE_ALLOC_H

#include "base/str.h"

/* NULL: none left. Freed with free(). Any thread. */
__attribute__((malloc, alloc_size(1))) void *alloc_try(size_t n);
__attribute__((malloc, alloc_size(1))) void *alloc_try_zero(size_t n);
/* As realloc: p stays valid when it fails. */
__attribute__((alloc_size(2))) void *alloc_try_resize(void *p, size_t n);
/* A copy with a NUL behind it. */
__attribute__((malloc)) char *alloc_try_copy(struct str s);

/* For tests: the allocation after n more fails, and all later ones; below 0: none. Returns how many were asked for since the last call. */
unsigned long alloc_fail_after(long n);

#endif
