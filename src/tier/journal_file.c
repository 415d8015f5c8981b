/* Locks of open file descriptions (fcntl(2), F_OFD_SETLKW) on two bytes of the file:
 *
 *   byte 0  the gate: who waits for the file stands in it, so that those who hold it one after the other without end do not keep
 *           out who wants it for himself
 *   byte 1  the file
 *
 * A lock is on a file, not on a name. Who has it looks whether the name still leads there, and begins again where it does not: the file
 * was replaced while he waited. It is replaced under the exclusive lock only, so under any lock the name stays; but for strangers. */
#include "tier/journal_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

enum { GATE, FILE_ITSELF, TRIES = 100 };

static char *join(struct str directory, const char *name)
{
	size_t n = directory.n + strlen(name) + 2;
	char *path = mem_alloc(n);
	snprintf(path, n, "%.*s/%s", STR_ARG(directory), name);
	return path;
}

void journal_file__init(struct journal_file *f, struct str directory)
{
	*f = (struct journal_file){.path = join(directory, JOURNAL_FILE_NAME), .temp = join(directory, "journal.new")};
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->returned, NULL);
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		f->slots[i].fd = -1;
}

void journal_file__destroy(struct journal_file *f)
{
	journal_file__drop_others(f, 0, 0);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->returned);
	free(f->path);
	free(f->temp);
}

static void slot_close(struct journal_slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The first one that is free: so few descriptors are open where few are taken at a time. */
static struct journal_slot *free_slot(struct journal_file *f)
{
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++) {
		if (!f->slots[i].taken)
			return &f->slots[i];
	}
	return NULL;
}

static struct journal_slot *wait_for_slot(struct journal_file *f)
{
	struct journal_slot *s;
	pthread_mutex_lock(&f->lock);
	while (!(s = free_slot(f)))
		pthread_cond_wait(&f->returned, &f->lock);
	s->taken = true;
	pthread_mutex_unlock(&f->lock);
	return s;
}

static int slot_open(struct journal_file *f, struct journal_slot *s)
{
	struct stat st;
	slot_close(s);
	s->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->fd < 0 || fstat(s->fd, &st))
		return ERR_IO;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return ERR_IO;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return ERR_OK;
}

static int set_lock(int fd, short type, off_t at)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	while (fcntl(fd, F_OFD_SETLKW, &lock)) {
		if (errno != EINTR)
			return ERR_IO;
	}
	return ERR_OK;
}

static int lock_file(int fd, short type)
{
	if (type == F_UNLCK)
		return ERR_OK;
	if (set_lock(fd, type, GATE))
		return ERR_IO;
	int err = set_lock(fd, type, FILE_ITSELF);
	int left = set_lock(fd, F_UNLCK, GATE);
	return err ? err : left;
}

static bool has_the_name(const struct journal_file *f, const struct journal_slot *s)
{
	struct stat st;
	return s->fd >= 0 && lstat(f->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

static int slot_lock(struct journal_file *f, struct journal_slot *s, short lock)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if (s->fd < 0 && slot_open(f, s))
			return ERR_IO;
		if (lock_file(s->fd, lock))
			return ERR_IO;
		if (has_the_name(f, s))
			return ERR_OK;
		slot_close(s); /* which unlocks */
	}
	errno = EBUSY;
	return ERR_IO;
}

int journal_file__take(struct journal_file *f, short lock, struct journal_slot **out)
{
	struct journal_slot *s = wait_for_slot(f);
	if (slot_lock(f, s, lock)) {
		int error = errno;
		slot_close(s);
		journal_file__give_back(f, s);
		errno = error;
		return ERR_IO;
	}
	*out = s;
	return ERR_OK;
}

void journal_file__give_back(struct journal_file *f, struct journal_slot *s)
{
	if (s->fd >= 0 && set_lock(s->fd, F_UNLCK, FILE_ITSELF))
		slot_close(s);
	pthread_mutex_lock(&f->lock);
	s->taken = false;
	pthread_cond_signal(&f->returned);
	pthread_mutex_unlock(&f->lock);
}

void journal_file__drop_others(struct journal_file *f, dev_t dev, ino_t ino)
{
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++) {
		struct journal_slot *s = &f->slots[i];
		if (!s->taken && (s->dev != dev || s->ino != ino))
			slot_close(s);
	}
	pthread_mutex_unlock(&f->lock);
}

int journal_file__write(int fd, struct str content, off_t at)
{
	while (content.n > 0) {
		ssize_t n = pwrite(fd, content.p, content.n, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		content = str_skip(content, (size_t)n);
		at += n;
	}
	return 0;
}

int journal_file__replace(struct journal_file *f, struct str content)
{
	int fd = open(f->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return ERR_IO;
	int failed = journal_file__write(fd, content, 0);
	/* Some file systems tell only now that there was no room. */
	failed |= close(fd);
	if (!failed && rename(f->temp, f->path) == 0)
		return ERR_OK;
	int error = errno;
	unlink(f->temp);
	errno = error;
	return ERR_IO;
}
