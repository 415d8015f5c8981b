/* acks/<instance> holds eight bytes, the position, and is locked as long as its process lives: the kernel lets go of the lock however
 * the process ends. Who can take the lock of another one's file knows that it is dead, and removes the file.
 *
 * Between making its file and locking it an instance may be taken for dead. So it looks whether the name still leads to what it
 * locked, and else begins again. Who waits reads all files at each change of the directory (inotify), and now and then without. */
#include "tier/journal_acks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { TRIES = 100, INSTANCES_MAX = 1024, LOOK_EVERY_MS = 100, LOOK_UNTOLD_MS = 5 };

static char *join(const char *directory, const char *name)
{
	size_t n = strlen(directory) + strlen(name) + 2;
	char *path = mem_alloc(n);
	snprintf(path, n, "%s/%s", directory, name);
	return path;
}

/* --- its own file --- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

/* The n-th name to try. */
static void name_it(struct journal_acks *a, struct str instance, unsigned n)
{
	static _Atomic unsigned made;
	char host[64] = "", number[32] = "";
	if (instance.n == 0) {
		if (gethostname(host, sizeof(host) - 1))
			host[0] = '\0';
		snprintf(number, sizeof(number), "-%ld-%u", (long)getpid(), atomic_fetch_add(&made, 1) + 1);
		instance = str_of(host);
	} else if (n > 0) {
		snprintf(number, sizeof(number), "-%u", n + 1);
	}
	instance = str_take(instance, sizeof(a->name) - sizeof(number));
	snprintf(a->name, sizeof(a->name), "%.*s%s", STR_ARG(instance), number);
	for (char *p = a->name; *p; p++)
		*p = is_plain(*p) ? *p : '-';
	if (a->name[0] == '.' || a->name[0] == '\0')
		a->name[0] = '-';
}

static int try_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool is_at(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_one(const char *path, int flags)
{
	return open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
}

/* ERR_BUSY: another process has it. */
static int join_as(struct journal_acks *a)
{
	for (unsigned i = 0; i < TRIES; i++) {
		a->fd = open_one(a->path, O_CREAT);
		if (a->fd < 0)
			return ERR_IO;
		if (try_lock(a->fd)) {
			int err = errno == EAGAIN || errno == EACCES ? ERR_BUSY : ERR_IO;
			close(a->fd);
			a->fd = -1;
			return err;
		}
		if (is_at(a->fd, a->path))
			return ERR_OK;
		close(a->fd);
		a->fd = -1;
	}
	return ERR_BUSY;
}

static int put(const struct journal_acks *a, uint64_t position)
{
	return pwrite(a->fd, &position, sizeof(position), 0) == (ssize_t)sizeof(position) ? ERR_OK : ERR_IO;
}

static int make_directory(const struct journal_acks *a)
{
	return mkdir(a->directory, 0700) && errno != EEXIST ? ERR_IO : ERR_OK;
}

static void let_go(struct journal_acks *a)
{
	if (a->fd >= 0)
		close(a->fd);
	free(a->directory);
	free(a->path);
	*a = (struct journal_acks){.fd = -1};
}

int journal_acks__open(struct journal_acks *a, struct str directory, struct str instance)
{
	char *top = mem_dup(directory.p, directory.n);
	*a = (struct journal_acks){.directory = join(top, "acks"), .fd = -1};
	free(top);
	int err = make_directory(a);
	for (unsigned n = 0; !err && n < TRIES; n++) {
		name_it(a, instance, n);
		free(a->path);
		a->path = join(a->directory, a->name);
		err = join_as(a);
		if (!err)
			err = put(a, 0);
		if (err != ERR_BUSY)
			break;
		err = ERR_OK;
	}
	if (!err && a->fd >= 0)
		return ERR_OK;
	int error = err ? errno : EBUSY;
	let_go(a);
	errno = error;
	return ERR_IO;
}

void journal_acks__close(struct journal_acks *a)
{
	if (a->fd >= 0 && is_at(a->fd, a->path))
		unlink(a->path);
	let_go(a);
}

int journal_acks__write(struct journal_acks *a, uint64_t position)
{
	if (a->fd < 0 || !is_at(a->fd, a->path)) {
		if (a->fd >= 0)
			close(a->fd);
		a->fd = -1;
		if (make_directory(a) || join_as(a))
			return ERR_IO;
	}
	return put(a, position);
}

/* --- those of all --- */

struct seen {
	char name[NAME_MAX + 1];
	int64_t ms;
	bool here;
};

struct waiting {
	const struct journal_acks *a;
	uint64_t seq;
	int64_t since_us;
	struct seen *v;
	size_t n;
};

/* False: it is dead, or nothing that can be read. */
static bool position_of(const char *path, uint64_t *out)
{
	int fd = open_one(path, 0);
	if (fd < 0)
		return false;
	bool lives = try_lock(fd) != 0;
	if (!lives && is_at(fd, path))
		unlink(path);
	if (lives && pread(fd, out, sizeof(*out), 0) != (ssize_t)sizeof(*out))
		*out = 0;
	close(fd);
	return lives;
}

static struct seen *seen_as(struct waiting *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->v[i].name, name) == 0)
			return &w->v[i];
	}
	if (w->n == INSTANCES_MAX)
		return NULL;
	w->v = mem_realloc(w->v, (w->n + 1) * sizeof(*w->v));
	struct seen *seen = &w->v[w->n++];
	*seen = (struct seen){.ms = -1};
	snprintf(seen->name, sizeof(seen->name), "%s", name);
	return seen;
}

static int64_t ms_since(int64_t us)
{
	return (clock_mono_us() - us) / 1000;
}

static void look_at(struct waiting *w, const char *name)
{
	uint64_t position;
	char *path = join(w->a->directory, name);
	bool lives = position_of(path, &position);
	free(path);
	struct seen *seen = lives ? seen_as(w, name) : NULL;
	if (!seen)
		return;
	seen->here = true;
	if (seen->ms < 0 && position >= w->seq)
		seen->ms = ms_since(w->since_us);
}

/* True: all have acknowledged. */
static bool look(struct waiting *w)
{
	DIR *directory = opendir(w->a->directory);
	const struct dirent *entry;
	bool all = true;
	for (size_t i = 0; i < w->n; i++)
		w->v[i].here = false;
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, w->a->name) != 0)
			look_at(w, entry->d_name);
	}
	if (directory)
		closedir(directory);
	for (size_t i = 0; i < w->n; i++)
		all = all && (!w->v[i].here || w->v[i].ms >= 0);
	return all;
}

static void wait_for_change(int inotify, int64_t ms)
{
	char events[4096];
	int64_t most = inotify >= 0 ? LOOK_EVERY_MS : LOOK_UNTOLD_MS;
	struct pollfd changed = {.fd = inotify, .events = POLLIN};
	if (poll(&changed, 1, (int)(ms < most ? ms : most)) <= 0)
		return;
	while (read(inotify, events, sizeof(events)) > 0)
		;
}

static void tell(
    const struct waiting *w, int64_t own_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	fn(ctx, &(struct tier_receipt){.instance = str_of(w->a->name), .ms = own_ms});
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].here)
			fn(ctx, &(struct tier_receipt){.instance = str_of(w->v[i].name), .ms = w->v[i].ms});
	}
}

int journal_acks__await(const struct journal_acks *a, const _Atomic uint64_t *own, uint64_t seq, int64_t since_us,
    int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	struct waiting w = {.a = a, .seq = seq, .since_us = since_us};
	int64_t own_ms = -1, begun_us = clock_mono_us();
	bool all = false;
	int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify >= 0 && inotify_add_watch(inotify, a->directory, IN_MODIFY | IN_DELETE | IN_CREATE) < 0) {
		close(inotify);
		inotify = -1;
	}
	for (;;) {
		if (own_ms < 0 && atomic_load(own) >= seq)
			own_ms = ms_since(since_us);
		all = look(&w) && own_ms >= 0;
		int64_t left = timeout_ms - ms_since(begun_us);
		if (all || left <= 0)
			break;
		wait_for_change(inotify, left);
	}
	if (inotify >= 0)
		close(inotify);
	tell(&w, own_ms, fn, ctx);
	free(w.v);
	return all ? ERR_OK : ERR_TIMEOUT;
}
