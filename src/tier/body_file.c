/* Bodies over a file, and bodies in memory that copy one. The first have no chunks and no readers: who sends one uses the descriptor. The
 * file's time of change is remembered, so that a hit notices when another process has replaced or purged the entry. */
#include "tier/body_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* body_is_cached looks at pieces so far apart, but at no more than so many. A disk is read ahead by as much. */
#define CACHED_STEP   (128 * 1024)
#define CACHED_PROBES 16

/* The file of a body, and what it was like when the body was made: its time of change tells of every write, link and unlink since. */
struct body_file {
	int fd;
	struct timespec changed;
	off_t size;
	struct hash128 sum;
};

static atomic_uint files_open;

unsigned body_files(void)
{
	return atomic_load_explicit(&files_open, memory_order_relaxed);
}

static void mark_file(struct grown *b, int fd)
{
	atomic_fetch_add_explicit(&files_open, 1, memory_order_relaxed);
	struct stat st;
	b->file = mem_zalloc(sizeof(*b->file));
	b->file->fd = fd;
	b->has_file = true;
	if (fstat(fd, &st) == 0) {
		b->file->changed = st.st_ctim;
		b->file->size = st.st_size;
	}
}

void body__close_file(struct grown *b)
{
	if (!b->has_file)
		return;
	atomic_fetch_sub_explicit(&files_open, 1, memory_order_relaxed);
	close(b->file->fd);
	free(b->file);
}

struct body *body_of_file(int fd_take, uint64_t size, struct hash128 sum)
{
	struct grown *b = grown_of(body_new((int64_t)size, NULL, NULL, NULL));
	mark_file(b, fd_take);
	b->file->sum = sum;
	b->size = size;
	b->ended = true;
	return &b->door;
}

void body_copies_file(struct body *body, int fd_take)
{
	struct grown *b = grown_of(body);
	assert(body_complete(body) && !b->wake);
	mark_file(b, fd_take);
}

int body_file(const struct body *body)
{
	if (body->in_entry)
		return -1;
	const struct grown *b = grown_const(body);
	return b->has_file && !b->head ? b->file->fd : -1;
}

bool body_has_file(const struct body *body)
{
	return !body->in_entry && grown_const(body)->has_file;
}

struct hash128 body_file_sum(const struct body *body)
{
	return grown_const(body)->file->sum;
}

bool body_is_current(const struct body *body)
{
	struct stat st;
	if (!body_has_file(body))
		return true;
	const struct body_file *file = grown_const(body)->file;
	return fstat(file->fd, &st) == 0 && st.st_nlink > 0 && st.st_size == file->size &&
	       st.st_ctim.tv_sec == file->changed.tv_sec && st.st_ctim.tv_nsec == file->changed.tv_nsec;
}

bool body_is_cached(const struct body *body)
{
	int fd = body_file(body);
	if (fd < 0)
		return true;
	off_t size = grown_const(body)->file->size,
	      step = size / CACHED_PROBES > CACHED_STEP ? size / CACHED_PROBES : CACHED_STEP;
	for (off_t at = 0; at < size; at += step) {
		char byte;
		struct iovec one = {.iov_base = &byte, .iov_len = 1};
		if (preadv2(fd, &one, 1, at, RWF_NOWAIT) < 0 && errno == EAGAIN)
			return false;
	}
	return true;
}
