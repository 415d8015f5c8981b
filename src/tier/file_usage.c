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
 * then the sum of the rest. Each process holds a shared lock (flock) on the file while it lives, which tells who is alone.
 *
 * A file that is cut while it is mapped would end the process (SIGBUS). So each use looks at its size first, and gives it its blocks again: the
 * counts are zeros then, which the next who reserves sees by the magic, and one of all processes counts anew. */
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

struct file_usage_file {
	struct file_usage_file *older; /* of directories that have vanished: somebody may still be counting there */
	int fd;			       /* locked: shared while we live */
	struct file_usage_map *map;
	struct file_usage_map *spare; /* private, for when the file is cut and cannot be made whole */
};

/* With its blocks: a write to a mapped hole of a full disk would end the process. What is there stays. */
static int make_whole(int fd)
{
	return posix_fallocate(fd, 0, sizeof(struct file_usage_map));
}

static struct file_usage_map *map_of(const struct file_usage *u)
{
	struct file_usage_file *f = atomic_load_explicit(&u->file, memory_order_acquire);
	struct stat st;
	if (fstat(f->fd, &st) == 0 && st.st_size >= (off_t)sizeof(struct file_usage_map))
		return f->map;
	return make_whole(f->fd) == 0 ? f->map : f->spare;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	int error = make_whole(fd);
	if (error) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static void clear(struct file_usage_map *m)
{
	for (unsigned i = 0; i < FILE_LEAVES; i++)
		atomic_store(&m->leaf[i], 0);
	for (unsigned i = 0; i < FILE_TOPS; i++)
		atomic_store(&m->top[i], 0);
	atomic_store(&m->total, 0);
}

/* Nobody else uses it: what the dead had reserved is forgotten. True when nothing was known. */
static bool begin(struct file_usage_map *m)
{
	bool fresh = atomic_load(&m->magic) != MAGIC;
	uint64_t sum = 0;
	if (fresh)
		clear(m);
	for (unsigned i = 0; i < FILE_LEAVES; i++)
		sum += atomic_load(&m->leaf[i]);
	for (unsigned i = 0; i < FILE_TOPS; i++)
		sum += atomic_load(&m->top[i]);
	atomic_store(&m->total, sum);
	atomic_store(&m->magic, MAGIC);
	return fresh;
}

static struct file_usage_map *map_pages(int fd)
{
	int how = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	void *m = mmap(NULL, sizeof(struct file_usage_map), PROT_READ | PROT_WRITE, how, fd, 0);
	return m == MAP_FAILED ? NULL : m;
}

static void file_free(struct file_usage_file *f)
{
	if (f->map)
		munmap(f->map, sizeof(*f->map));
	if (f->spare)
		munmap(f->spare, sizeof(*f->spare));
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static int map_file(struct file_usage *u, struct file_usage_file *f)
{
	f->map = map_pages(f->fd);
	f->spare = map_pages(-1);
	if (!f->map || !f->spare)
		return ERR_IO;
	u->alone = flock(f->fd, LOCK_EX | LOCK_NB) == 0;
	if (!u->alone && flock(f->fd, LOCK_SH))
		return ERR_IO;
	if (u->alone)
		u->fresh = begin(f->map);
	return ERR_OK;
}

void file_usage__share(struct file_usage *u)
{
	if (u->alone)
		(void)flock(atomic_load(&u->file)->fd, LOCK_SH); /* a weaker lock than ours: it does not wait */
}

static int add_file(struct file_usage *u, const char *path)
{
	struct file_usage_file *f = mem_zalloc(sizeof(*f));
	f->fd = open_file(path);
	int err = f->fd < 0 ? ERR_IO : map_file(u, f);
	if (err) {
		int error = errno;
		file_free(f);
		errno = error;
		return err;
	}
	f->older = atomic_load(&u->file);
	atomic_store(&u->file, f);
	return ERR_OK;
}

int file_usage__open(struct file_usage *u, const char *path, const char **why)
{
	*u = (struct file_usage){.alone = false};
	int err = add_file(u, path);
	if (err)
		*why = strerror(errno);
	return err;
}

void file_usage__close(struct file_usage *u)
{
	for (struct file_usage_file *f = atomic_load(&u->file), *older; f; f = older) {
		older = f->older;
		file_free(f);
	}
	*u = (struct file_usage){.alone = false};
}

int file_usage__renew(struct file_usage *u, const char *path)
{
	int err = add_file(u, path);
	if (!err)
		file_usage__share(u);
	return err;
}

bool file_usage__is_lost(struct file_usage *u)
{
	struct file_usage_map *m = map_of(u);
	uint64_t found = atomic_load(&m->magic);
	if (found == MAGIC || !atomic_compare_exchange_strong(&m->magic, &found, MAGIC))
		return false;
	clear(m);
	return true;
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

void file_usage__settle(struct file_usage *u, uint64_t reserved, uint64_t used)
{
	if (used > reserved)
		atomic_fetch_add(&map_of(u)->total, used - reserved);
	else
		file_usage__give_back(u, reserved - used);
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

/* The size is looked at for each piece: an empty cache would otherwise ask the system for it 65,536 times. */
unsigned file_usage__next_leaf(const struct file_usage *u, unsigned leaf)
{
	enum { PIECE = 256 };
	while (leaf < FILE_LEAVES) {
		struct file_usage_map *m = map_of(u);
		for (unsigned end = (leaf / PIECE + 1) * PIECE; leaf < end; leaf++) {
			if (atomic_load(&m->leaf[leaf]) != 0)
				return leaf;
		}
	}
	return FILE_LEAVES;
}
