/* malloc behind one door, so that a test can let the n-th call fail. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_long left = -1;
static atomic_ulong asked;

unsigned long alloc_fail_after(long n)
{
	atomic_store(&left, n);
	return atomic_exchange(&asked, 0);
}

/* Tests that let it fail have one thread. */
static bool may(void)
{
	long n = atomic_load_explicit(&left, memory_order_relaxed);
	if (n < 0)
		return true;
	atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed);
	if (n > 0)
		atomic_store_explicit(&left, n - 1, memory_order_relaxed);
	return n > 0;
}

void *alloc_try(size_t n)
{
	return may() ? malloc(n > 0 ? n : 1) : NULL;
}

void *alloc_try_zero(size_t n)
{
	return may() ? calloc(1, n > 0 ? n : 1) : NULL;
}

void *alloc_try_resize(void *p, size_t n)
{
	return may() ? realloc(p, n > 0 ? n : 1) : NULL;
}

char *alloc_try_copy(struct str s)
{
	char *copy = alloc_try(s.n + 1);
	if (copy)
		*str_put(copy, s) = '\0';
	return copy;
}
