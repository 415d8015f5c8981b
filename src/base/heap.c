/* glibc, measured against jemalloc and mimalloc (docs/memory.md): it takes the fewest bytes for small pages, and with large pieces mapped one
 * by one and a trim now and then it follows as closely as they do.
 *
 * Its own rules do not: a large piece that is freed raises the bounds from which on pieces are mapped and the heap is trimmed, up to 32 MB,
 * and only the heap's end is given back. Setting a bound once keeps it where it is. */
#include "base/heap.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#if defined(__GLIBC__) && !MEM_IS_SANITIZED
#define IS_GLIBC 1
#else
#define IS_GLIBC 0
#endif

/* Below, a mapping costs more than it spares: a system call, a fault for each page, and half a page that is lost. */
#define MAPPED_FROM (64 * 1024)
/* The kernel allows 65,530 mappings; what comes then lies in the heap. */
#define MAPPINGS_MAX 32768
#define TRIM_FROM    (256 * 1024)
/* Each has holes of its own. */
#define ARENAS_MAX 2

void heap_setup(void)
{
#if IS_GLIBC
	mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
	mallopt(M_MMAP_MAX, MAPPINGS_MAX);
	mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
	mallopt(M_ARENA_MAX, ARENAS_MAX);
#endif
}

size_t heap_resident(void)
{
#if IS_GLIBC
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (fd >= 0)
		close(fd);
	/* In pages: size, resident, and of the resident ones those of files and shared memory. */
	struct str rest = str_make(text, n > 0 ? (size_t)n : 0), word;
	uint64_t pages[3] = {0};
	for (unsigned i = 0; i < 3; i++) {
		if (!str_cut(&rest, ' ', &word) || str_to_u64(word, SIZE_MAX / 65536, &pages[i]) != ERR_OK)
			return 0;
	}
	return pages[1] > pages[2] ? (pages[1] - pages[2]) * (size_t)sysconf(_SC_PAGESIZE) : 0;
#else
	return 0;
#endif
}

size_t heap_live(void)
{
#if IS_GLIBC
	struct mallinfo2 all = mallinfo2();
	return all.uordblks + all.hblkhd;
#else
	return 0;
#endif
}

size_t heap_others(void)
{
#if IS_GLIBC
	size_t resident = heap_resident(), heap = mallinfo2().arena;
	return resident > heap ? resident - heap : 0;
#else
	return 0;
#endif
}

void heap_trim(void)
{
#if IS_GLIBC
	malloc_trim(0);
#endif
}
