/* The place of the next record is that of the last line; but behind `complete` of the head, when all that is left are records from before it.
 * So the head and the end of the file are read, and no more. A line that a crash cut short is cut off, as who follows the journal does.
 *
 * No ledger, no thread, and no memory of its own: liblarder must not end its program when there is none (base/mem.h). */
#include "tier/journal_add.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tier/journal_file.h"
#include "tier/journal_line.h"

enum { DIRECTORY_MAX = 4096 };
/* Who follows a journal keeps it below half of this. A longer one is followed by nobody, and would grow for ever: it is emptied, so that who
 * comes trusts nothing that was stored before. */
#define SIZE_MAX_ALONE ((off_t)32 << 20)

static void slots_init(struct journal_file *f)
{
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->returned, NULL);
	for (unsigned i = 0; i < JOURNAL_SLOTS; i++)
		f->slots[i].fd = -1;
}

static void slots_destroy(struct journal_file *f)
{
	journal_file__drop_others(f, 0, 0);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->returned);
}

static int read_at(int fd, char *to, size_t n, off_t at, struct str *out)
{
	ssize_t got;
	do
		got = pread(fd, to, n, at);
	while (got < 0 && errno == EINTR);
	*out = str_make(to, got > 0 ? (size_t)got : 0);
	return got < 0 ? ERR_IO : ERR_OK;
}

/* What stands behind the last line end. */
static size_t cut_short(struct str s)
{
	size_t n = 0;
	while (n < s.n && s.p[s.n - 1 - n] != '\n')
		n++;
	return n;
}

/* ERR_OK: the next seq, and where it is to be written. ERR_EOF: the journal is empty. */
static int find_end(int fd, uint64_t *seq, off_t *end)
{
	char room[2 * JOURNAL_LINE_MAX];
	struct journal_line line;
	struct stat st;
	struct str text;
	if (fstat(fd, &st) || read_at(fd, room, JOURNAL_LINE_MAX, 0, &text))
		return ERR_IO;
	if (st.st_size == 0)
		return ERR_EOF;
	if (journal_line__read(str_take(text, str_index(text, '\n')), &line) || !line.is_head)
		return ERR_INVALID;
	if (st.st_size > SIZE_MAX_ALONE) {
		*end = 0;
		return ftruncate(fd, 0) == 0 ? ERR_EOF : ERR_IO;
	}
	*seq = line.complete + 1;
	off_t from = st.st_size > (off_t)sizeof(room) ? st.st_size - (off_t)sizeof(room) : 0;
	if (read_at(fd, room, sizeof(room), from, &text))
		return ERR_IO;
	size_t rest = cut_short(text);
	*end = from + (off_t)(text.n - rest);
	struct str last = str_take(text, text.n - rest);
	if (last.n == 0 || rest >= JOURNAL_LINE_MAX)
		return ERR_INVALID;
	last.n--;
	last = str_skip(last, last.n - cut_short(last));
	if (journal_line__read(last, &line))
		return ERR_INVALID;
	if (!line.is_head && line.seq >= *seq)
		*seq = line.seq + 1;
	return *seq <= JOURNAL_SEQ_MAX ? ERR_OK : ERR_INVALID;
}

static int write_line(int fd, const struct tier_purge *op, uint64_t seq, off_t end)
{
	char room[JOURNAL_LINE_MAX + 1], name[32];
	struct buf b = {.p = room, .cap = JOURNAL_LINE_MAX, .max = JOURNAL_LINE_MAX};
	snprintf(name, sizeof(name), "liblarder-%d", (int)getpid());
	journal_line__add(&b, seq, op, false, str_of(name), clock_wall_ms());
	if (b.overflow)
		return ERR_TOO_LARGE;
	if (ftruncate(fd, end))
		return ERR_IO;
	if (journal_file__write(fd, buf_str(&b), end) == 0)
		return ERR_OK;
	int error = errno;
	if (ftruncate(fd, end) == 0) /* else who comes next does it */
		errno = error;
	return ERR_IO;
}

static int add_to(struct journal_file *f, const struct tier_purge *op)
{
	struct journal_slot *s;
	uint64_t seq;
	off_t end;
	if (journal_file__take(f, F_WRLCK, &s))
		return ERR_IO;
	int err = find_end(s->fd, &seq, &end);
	if (err == ERR_OK)
		err = write_line(s->fd, op, seq, end);
	int error = errno;
	journal_file__give_back(f, s);
	errno = error;
	/* Who opens an empty one makes it anew, and trusts nothing that was stored before. */
	return err == ERR_EOF ? ERR_OK : err;
}

int journal_add(struct str directory, const struct tier_purge *op)
{
	char path[DIRECTORY_MAX + sizeof(JOURNAL_FILE_NAME) + 1];
	struct journal_file f = {.path = path};
	if (directory.n > DIRECTORY_MAX)
		return ERR_TOO_LARGE;
	snprintf(path, sizeof(path), "%.*s/%s", STR_ARG(directory), JOURNAL_FILE_NAME);
	/* One that is not there would be made. */
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? ERR_OK : ERR_IO;
	slots_init(&f);
	int err = add_to(&f, op);
	int error = errno;
	slots_destroy(&f);
	errno = error;
	return err;
}
