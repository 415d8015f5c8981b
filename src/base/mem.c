/* Allocation that ends the process when there is none. The one place where running out of memory is handled, so
 * that no caller has an untested branch for it. */
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 1024 };

/* No printf here: it may allocate. */
void mem_exhausted(void)
{
	static const char text[] = "larder: out of memory\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)written;
	abort();
}

/* malloc(0) may return NULL, and a NULL would look like the end of memory. */
static size_t at_least_one(size_t n)
{
	assert(n <= PTRDIFF_MAX);
	return n > 0 ? n : 1;
}

void *mem_alloc(size_t n)
{
	void *p = malloc(at_least_one(n));
	if (!p)
		mem_exhausted();
	return p;
}

/* glibc's calloc goes past the cache of its thread, which serves what is small for a tenth of the price. What is large may be zero
 * already, and only calloc knows. */
void *mem_zalloc(size_t n)
{
	if (n > 0 && n <= SMALL)
		return memset(mem_alloc(n), 0, n);
	void *p = calloc(1, at_least_one(n));
	if (!p)
		mem_exhausted();
	return p;
}

void *mem_realloc(void *p, size_t n)
{
	p = realloc(p, at_least_one(n));
	if (!p)
		mem_exhausted();
	return p;
}

char *mem_dup(const char *p, size_t n)
{
	char *copy = mem_alloc(n + 1);
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}
