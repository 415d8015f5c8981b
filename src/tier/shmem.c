/* All pages are allocated when the memory is made: later the system would have no other way to refuse than to end the process (SIGBUS).
 * Nobody else has the descriptor, so its size never changes; the bytes are written once, before anybody sends them, and pages that are
 * under way are kept by the kernel when the memory is freed. */
#include "tier/shmem.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	COUNT_MAX = 16384, /* mappings: a process may have 65530 (vm.max_map_count) */
	PART = 4,	   /* of the descriptors */
	PAGE = 4096,
	KERNEL = 2048 /* inode, file, dentry, mapping */
};

static atomic_uint count;
static atomic_size_t charged;

static bool may_be_more(void)
{
	struct rlimit limit;
	unsigned n = atomic_load_explicit(&count, memory_order_relaxed);
	return n < COUNT_MAX && getrlimit(RLIMIT_NOFILE, &limit) == 0 && n < limit.rlim_cur / PART;
}

int shmem__new(size_t n, char **p)
{
	int fd = may_be_more() ? memfd_create("larder body", MFD_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	void *at = MAP_FAILED;
	if (posix_fallocate(fd, 0, (off_t)n) == 0)
		at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (at == MAP_FAILED) {
		close(fd);
		return -1;
	}
	atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&charged, shmem__cost(n), memory_order_relaxed);
	*p = at;
	return fd;
}

void shmem__free(int fd, char *p, size_t n)
{
	munmap(p, n);
	close(fd);
	atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&charged, shmem__cost(n), memory_order_relaxed);
}

size_t shmem__cost(size_t n)
{
	return (n + PAGE - 1) / PAGE * PAGE + KERNEL;
}

size_t shmem__charged(void)
{
	return atomic_load_explicit(&charged, memory_order_relaxed);
}
