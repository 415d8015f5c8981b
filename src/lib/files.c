/* Plain system calls. A write goes to a file beside the old one that is renamed over it. Nothing is flushed to the disk: who reads after a
 * power cut finds the old file, the new one, or a damaged one, which counts as missing. */
#include "lib/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

enum { PARTS = 8, NUMBER = 20 };
#define NS_PER_S ((int64_t)1000000000)

/* With errno, of a file in the directory. */
static int fail(struct files_dir dir, const char *what, const char *name)
{
	char path[PATH_MAX + FILES_NAME];
	int error = errno, n = snprintf(path, sizeof(path), "%s/%s", dir.path, name);
	errno = error;
	return lib_fail_errno(what, str_make(path, (size_t)n < sizeof(path) ? (size_t)n : sizeof(path) - 1));
}

int files_open(struct str path, struct files_dir *dir)
{
	if (mkdir(path.p, 0700) < 0 && errno != EEXIST)
		return lib_fail_errno("cannot make the directory", path);
	*dir = (struct files_dir){.fd = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .path = path.p};
	return dir->fd < 0 ? lib_fail_errno("cannot open the directory", path) : LARDER_OK;
}

int files_make_dir(struct files_dir dir, const char *name)
{
	if (mkdirat(dir.fd, name, 0700) < 0 && errno != EEXIST)
		return fail(dir, "cannot make the directory", name);
	return LARDER_OK;
}

int files_lock(struct files_dir dir, const char *name, int *lock)
{
	*lock = openat(dir.fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0)
		return errno == ENOENT ? LARDER_MISSING : fail(dir, "cannot open the lock", name);
	while (flock(*lock, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		int status = fail(dir, "cannot lock", name);
		close(*lock);
		return status;
	}
	return LARDER_OK;
}

/* A child that another thread has forked meanwhile has it open as well: closing it would not let go. */
void files_unlock(int lock)
{
	while (flock(lock, LOCK_UN) < 0 && errno == EINTR)
		;
	close(lock);
}

int64_t files_get_number(int lock)
{
	char digits[NUMBER + 1];
	uint64_t v;
	ssize_t n = pread(lock, digits, sizeof(digits), 0);
	if (n < 1 || digits[n - 1] != '\n' || str_to_u64(str_make(digits, (size_t)n - 1), INT64_MAX, &v) != ERR_OK)
		return -1;
	return (int64_t)v;
}

int files_set_number(struct files_dir dir, const char *name, int lock, int64_t v)
{
	char digits[NUMBER + 1];
	int n = snprintf(digits, sizeof(digits), "%0*lld\n", NUMBER - 1, (long long)v);
	ssize_t written = pwrite(lock, digits, (size_t)n, 0);
	if (written == n)
		return LARDER_OK;
	if (written >= 0)
		errno = ENOSPC; /* the rest found no room */
	return fail(dir, "cannot write", name);
}

/* Goes on after short writes: iov is used up. */
static bool write_all(int fd, struct iovec *iov, int n)
{
	while (n > 0) {
		ssize_t written = writev(fd, iov, n);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		size_t left = (size_t)written;
		for (; n > 0 && left >= iov->iov_len; n--)
			left -= (iov++)->iov_len;
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + left;
			iov->iov_len -= left;
		}
	}
	return true;
}

int files_replace(struct files_dir dir, const char *temp, const char *name, const struct str *parts, int n_parts)
{
	struct iovec iov[PARTS];
	int n = 0;
	for (int i = 0; i < n_parts && n < PARTS; i++) {
		if (parts[i].n > 0)
			iov[n++] = (struct iovec){.iov_base = (char *)(uintptr_t)parts[i].p, .iov_len = parts[i].n};
	}
	int fd = openat(dir.fd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(dir, "cannot write", temp);
	bool good = write_all(fd, iov, n);
	int error = errno;
	if (close(fd) < 0 && good) {
		error = errno;
		good = false;
	}
	if (good && renameat(dir.fd, temp, dir.fd, name) == 0)
		return LARDER_OK;
	if (good)
		error = errno;
	unlinkat(dir.fd, temp, 0);
	errno = error;
	return fail(dir, "cannot write", name);
}

static void state_of(const struct stat *st, struct files_state *out)
{
	out->written_ns = (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
	out->used_ns = (int64_t)st->st_atim.tv_sec * NS_PER_S + st->st_atim.tv_nsec;
	out->size = (size_t)st->st_size;
}

static int read_open(
    struct files_dir dir, int fd, const char *name, size_t max, struct text *out, struct files_state *state)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fail(dir, "cannot read", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return LARDER_MISSING;
	if (state)
		state_of(&st, state);
	size_t size = (size_t)st.st_size, n = 0;
	char *p = alloc_try(size + 1);
	if (!p)
		return lib_no_memory();
	while (n < size) {
		ssize_t got = read(fd, p + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int status = fail(dir, "cannot read", name);
			free(p);
			return status;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	p[n] = '\0';
	*out = (struct text){.p = p, .n = n};
	return LARDER_OK;
}

int files_read(struct files_dir dir, const char *name, size_t max, struct text *out, struct files_state *state)
{
	*out = (struct text){.p = NULL};
	/* Not to wait for a writer of a pipe that somebody put there. */
	int fd = openat(dir.fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? LARDER_MISSING
									   : fail(dir, "cannot read", name);
	int status = read_open(dir, fd, name, max, out, state);
	close(fd);
	return status;
}

int files_remove(struct files_dir dir, const char *name)
{
	if (unlinkat(dir.fd, name, 0) < 0 && errno != ENOENT)
		return fail(dir, "cannot remove", name);
	return LARDER_OK;
}

int files_look(struct files_dir dir, const char *name, struct files_state *out)
{
	struct stat st;
	if (fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? LARDER_MISSING : fail(dir, "cannot look at", name);
	state_of(&st, out);
	return LARDER_OK;
}

static struct timespec stamp_of(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
	if (ns == 0)
		t.tv_nsec = UTIME_OMIT;
	return t;
}

void files_stamp(struct files_dir dir, const char *name, int64_t written_ns, int64_t used_ns)
{
	const struct timespec times[] = {stamp_of(used_ns), stamp_of(written_ns)};
	(void)utimensat(dir.fd, name, times, AT_SYMLINK_NOFOLLOW);
}

static int list_add(struct files_list *list, const char *name)
{
	if (list->n == list->cap) {
		size_t cap = list->cap > 0 ? list->cap * 2 : 64;
		struct files_entry *v = alloc_try_resize(list->v, cap * sizeof(*v));
		if (!v)
			return lib_no_memory();
		list->v = v;
		list->cap = cap;
	}
	struct files_entry *entry = &list->v[list->n++];
	entry->written_ns = entry->used_ns = 0;
	memcpy(entry->name, name, sizeof(entry->name));
	return LARDER_OK;
}

static bool is_hash(const char *name)
{
	return strlen(name) == SHA256_HEX && strspn(name, "0123456789abcdef") == SHA256_HEX;
}

int files_list(struct files_dir dir, const char *name, struct files_list *out)
{
	*out = (struct files_list){.v = NULL};
	int fd = openat(dir.fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? LARDER_OK : fail(dir, "cannot list", name);
	DIR *d = fdopendir(fd);
	if (!d) {
		int status = fail(dir, "cannot list", name);
		close(fd);
		return status;
	}
	int status = LARDER_OK;
	struct dirent *entry;
	errno = 0;
	while (status == LARDER_OK && (entry = readdir(d)) != NULL) {
		if (is_hash(entry->d_name))
			status = list_add(out, entry->d_name);
		errno = 0;
	}
	if (status == LARDER_OK && errno != 0)
		status = fail(dir, "cannot list", name);
	closedir(d);
	if (status != LARDER_OK) {
		free(out->v);
		*out = (struct files_list){.v = NULL};
	}
	return status;
}
