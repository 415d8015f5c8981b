/* What the pages take on disk, counted by all processes that share the directory in one small file that they map.
 *
 *   | magic | total | leaf[65536] | top[256] |      units of 4096 bytes
 *
 * `leaf` counts what lies in each directory of the second level, that directory too; it changes under the lock of the directory. `top` counts
 * directories of the first level. `total` is all of them, and besides what was reserved for files that are being written. So:
 *
 *   store    total += n (if it fits) -> the files are written elsewhere -> leaf += n -> they move into the directory
 *   remove   they are unlinked -> leaf -= n, total -= n
 *
 * Whoever is killed on the way leaves a count that is too high, never one that is too low. Each count of a leaf is put right when the
 * background pass (file_fill.c) looks at it. What was reserved by the dead is forgotten when a process opens the file and is alone: total is
 * then the sum of the rest. Each process holds a shared lock (flock) on the file while it lives, which tells who is alone. */
#include "tier/file_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

#define MAGIC 0x3165676173754c46 /* "FLusage1" */

struct file_usage_map {
	_Atomic uint64_t magic, total;
	_Atomic uint32_t leaf[FILE_LEAVES];
	_Atomic uint32_t top[FILE_TOPS];
};

struct file_usage_old {
	struct file_usage_old *next;
	struct file_usage_map *map;
};

static struct file_usage_map *map_of(const struct file_usage *u)
{
	return atomic_load_explicit(&u->map, memory_order_acquire);
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	/* With its blocks: a write to a mapped hole of a full disk would end the process. */
	int error = posix_fallocate(fd, 0, sizeof(struct file_usage_map));
	if (error) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Nobody else uses it: what the dead had reserved is forgotten. True when nothing was known. */
static bool begin(struct file_usage_map *m)
{
	bool fresh = atomic_load(&m->magic) != MAGIC;
	uint64_t sum = 0;
	for (unsigned i = 0; i < FILE_LEAVES; i++) {
		if (fresh)
			atomic_store(&m->leaf[i], 0);
		sum += atomic_load(&m->leaf[i]);
	}
	for (unsigned i = 0; i < FILE_TOPS; i++) {
		if (fresh)
			atomic_store(&m->top[i], 0);
		sum += atomic_load(&m->top[i]);
	}
	atomic_store(&m->total, sum);
	atomic_store(&m->magic, MAGIC);
	return fresh;
}

static int map_file(struct file_usage *u, int fd)
{
	struct file_usage_map *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return ERR_IO;
	u->alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
	int err = u->alone || flock(fd, LOCK_SH) == 0 ? ERR_OK : ERR_IO;
	if (u->alone)
		u->fresh = begin(m);
	if (!err && atomic_load(&m->magic) != MAGIC)
		err = ERR_INVALID;
	if (err) {
		munmap(m, sizeof(*m));
		return err;
	}
	struct file_usage_map *before = atomic_exchange(&u->map, m);
	if (before) {
		struct file_usage_old *old = mem_zalloc(sizeof(*old));
		*old = (struct file_usage_old){.next = u->old, .map = before};
		u->old = old;
	}
	return ERR_OK;
}

void file_usage__share(struct file_usage *u)
{
	if (u->alone)
		(void)flock(u->fd, LOCK_SH); /* a weaker lock than ours: it does not wait */
}

int file_usage__open(struct file_usage *u, const char *path, const char **why)
{
	*u = (struct file_usage){.fd = open_file(path)};
	int err = u->fd < 0 ? ERR_IO : map_file(u, u->fd);
	if (!err)
		return ERR_OK;
	*why = err == ERR_INVALID ? "the file pages/usage is damaged, and in use" : strerror(errno);
	file_usage__close(u);
	return ERR_IO;
}

void file_usage__close(struct file_usage *u)
{
	if (map_of(u))
		munmap(map_of(u), sizeof(struct file_usage_map));
	for (struct file_usage_old *old; (old = u->old);) {
		u->old = old->next;
		munmap(old->map, sizeof(*old->map));
		free(old);
	}
	if (u->fd >= 0)
		close(u->fd);
	*u = (struct file_usage){.fd = -1};
}

int file_usage__renew(struct file_usage *u, const char *path)
{
	int fd = open_file(path);
	if (fd < 0)
		return ERR_IO;
	int err = map_file(u, fd);
	if (err) {
		close(fd);
		return err;
	}
	close(u->fd);
	u->fd = fd;
	file_usage__share(u);
	return ERR_OK;
}

uint64_t file_usage__bytes(const struct file_usage *u)
{
	return atomic_load(&map_of(u)->total) * FILE_UNIT;
}

bool file_usage__reserve(struct file_usage *u, uint64_t units, uint64_t limit_bytes)
{
	struct file_usage_map *m = map_of(u);
	uint64_t limit = limit_bytes / FILE_UNIT, total = atomic_load(&m->total);
	do {
		if (total > limit || units > limit - total)
			return false;
	} while (!atomic_compare_exchange_weak(&m->total, &total, total + units));
	return true;
}

/* Not below 0: a file that others damaged must not make it immense. */
void file_usage__give_back(struct file_usage *u, uint64_t units)
{
	struct file_usage_map *m = map_of(u);
	uint64_t total = atomic_load(&m->total);
	while (!atomic_compare_exchange_weak(&m->total, &total, total > units ? total - units : 0))
		;
}

void file_usage__stored(struct file_usage *u, unsigned leaf, int64_t units)
{
	atomic_fetch_add(&map_of(u)->leaf[leaf], (uint32_t)units);
}

void file_usage__removed(struct file_usage *u, unsigned leaf, uint64_t units)
{
	struct file_usage_map *m = map_of(u);
	uint32_t n = atomic_load(&m->leaf[leaf]);
	while (!atomic_compare_exchange_weak(&m->leaf[leaf], &n, n > units ? n - (uint32_t)units : 0))
		;
	file_usage__give_back(u, units);
}

void file_usage__recount(struct file_usage *u, unsigned leaf, uint64_t units)
{
	uint32_t before = atomic_exchange(&map_of(u)->leaf[leaf], (uint32_t)units);
	if (units > before)
		atomic_fetch_add(&map_of(u)->total, units - before);
	else
		file_usage__give_back(u, before - units);
}

bool file_usage__top_made(struct file_usage *u, unsigned top)
{
	return atomic_exchange(&map_of(u)->top[top], 1) == 0;
}

uint64_t file_usage__of_leaf(const struct file_usage *u, unsigned leaf)
{
	return atomic_load(&map_of(u)->leaf[leaf]);
}
