/* A file of JSON lines (journal_line.c), in the order of their seq, behind a head:
 *
 *   head      base: where this order began; forgotten; complete
 *   records   up to `complete`: what a ledger remembered when the file was shortened, in order
 *   records   complete + 1, complete + 2, ...: every one
 *
 * Each process reads it to the end and on, and remembers how far it is: `position`, a seq. Who appends takes the file for himself
 * (journal_file.c), reads what he has not read, and adds a line with position + 1. Who holds it shares it with others who hold, reads
 * what he has not, and so has read all there is until he lets go. A thread is woken by inotify, and looks each second where there is
 * none; it takes no lock to read on: a line is whole when its end is there. What is read was written by another process, since what
 * this one writes moves its position at once.
 *
 * A line that a crash cut short was never told to anybody; the next who appends cuts it off. A file that grew is replaced by one with
 * what the ledger remembers and the newest of its records, all with their seq (journal_cut.c), so that two of them, the old and the new one,
 * never take more than twice max_size. Who is not yet at its `complete` has missed records of URLs, and counts everything as purged.
 *
 * Anything else that is wrong (a line without its sum, a seq out of turn, no file, another one, a shorter one) means that purges may
 * be lost: the file is made anew, with a base above every seq there can have been (it is made of the clock), and everybody who meets it
 * counts everything before the base as purged.
 *
 * Locks: that of the file first, then `lock`, under which `heard` is called. */
#include "tier/journal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "tier/journal_acks.h"
#include "tier/journal_cut.h"
#include "tier/journal_file.h"

enum { CHUNK = 65536, TRIES = 100, LOOK_EVERY_MS = 1000, LOG_EVERY_US = 1000000, TRY_AGAIN_US = 1000000, OWN = 64 };

/* When an own record was added, for receipts. */
struct own {
	uint64_t seq;
	int64_t us;
};

struct journal {
	struct journal_options o; /* its strings are not kept */
	struct journal_file file;
	struct journal_acks acks;
	_Atomic uint64_t position; /* written under the lock */
	_Atomic uint64_t max_size;
	_Atomic int64_t logged_us;

	pthread_mutex_t lock; /* what follows */
	bool opened;	      /* what is read is told */
	bool lost;	      /* told everything, and has no good file yet */
	int pin;   /* keeps the file that is read, so that no other one gets its inode's number; -1: none yet */
	dev_t dev; /* of that file */
	ino_t ino;
	off_t offset;	/* of the first byte that was not read */
	off_t dense_at; /* of the first record behind `complete` */
	off_t try_at;	/* it could not be shortened: not tried before it is as long, */
	int64_t try_us; /* or may not grow, and this time has come */
	uint64_t base, complete;
	uint64_t next; /* seq of the record at `offset` */
	struct own own[OWN];
	struct journal_line line;
	char chunk[CHUNK];

	pthread_t watcher;
	int stop, inotify; /* inotify: -1 where there is none */
	int watch;
	uint64_t acknowledged; /* the watcher's */
};

static void complain(struct journal *j, const char *what)
{
	int error = errno;
	char text[128];
	int64_t now = clock_mono_us(), last = atomic_load(&j->logged_us);
	if (last != 0 && now - last < LOG_EVERY_US)
		return;
	if (atomic_compare_exchange_strong(&j->logged_us, &last, now))
		log_error("journal", "%s: %s: %s", j->file.path, what, strerror_r(error, text, sizeof(text)));
}

/* --- what was read goes to the ledger and to who listens --- */

static void tell(struct journal *j, const struct tier_heard *what)
{
	if (j->opened && j->o.heard)
		j->o.heard(j->o.ctx, what);
}

static void tell_everything(struct journal *j)
{
	tell(j, &(struct tier_heard){.purge = {.kind = PURGE_ALL, .arg = STR("")}, .everything = true});
}

static struct tier_heard heard_of(const struct journal *j)
{
	const struct journal_line *line = &j->line;
	struct str arg = str_make(line->arg, line->n_arg);
	struct tier_heard what = {.invalidates = line->invalidates, .of_program = line->of_program};
	what.purge = (struct tier_purge){.kind = line->kind, .arg = arg, .soft = line->soft, .seq = line->seq};
	if (line->kind == PURGE_URL)
		what.purge.key = key_of_text(arg, j->o.key_seed);
	return what;
}

static void move_to(struct journal *j, uint64_t seq)
{
	if (seq > atomic_load(&j->position))
		atomic_store(&j->position, seq);
}

/* --- reading --- */

static int take_head(struct journal *j)
{
	const struct journal_line *head = &j->line;
	uint64_t position = atomic_load(&j->position);
	if (!head->is_head)
		return ERR_INVALID;
	if (head->base != j->base && head->base <= position)
		return ERR_INVALID; /* an older order: what it says after this one cannot be told apart */
	ledger_forget(j->o.ledger, head->forgotten);
	if (head->base != j->base || position < head->complete)
		tell_everything(j);
	j->base = head->base;
	j->complete = head->complete;
	j->next = head->complete + 1;
	return ERR_OK;
}

/* Of the part that has gaps. */
static int take_remembered(struct journal *j)
{
	if (j->next != j->complete + 1)
		return ERR_INVALID; /* that part is over */
	struct tier_heard what = heard_of(j);
	if (j->complete > atomic_load(&j->position))
		ledger_add(j->o.ledger, j->line.seq, &what.purge);
	return ERR_OK;
}

static int take_record(struct journal *j)
{
	if (j->line.seq != j->next)
		return ERR_INVALID;
	j->next++;
	move_to(j, j->complete);
	if (j->line.seq <= atomic_load(&j->position))
		return ERR_OK;
	struct tier_heard what = heard_of(j);
	ledger_add(j->o.ledger, j->line.seq, &what.purge);
	tell(j, &what);
	move_to(j, j->line.seq);
	return ERR_OK;
}

static int take_line(struct journal *j, struct str text)
{
	int err = journal_line__read(text, &j->line);
	if (err)
		return err;
	bool first = j->offset == 0, dense = !first && !j->line.is_head && j->line.seq > j->complete;
	if (first)
		err = take_head(j);
	else if (j->line.is_head)
		err = ERR_INVALID;
	else
		err = dense ? take_record(j) : take_remembered(j);
	if (err)
		return err;
	j->offset += (off_t)text.n + 1;
	if (!dense)
		j->dense_at = j->offset;
	return ERR_OK;
}

/* A line without its end: cut short, or still being written; but not one that has all but the end, and something else in its place. */
static int check_rest(struct journal *j, struct str rest)
{
	if (rest.n >= JOURNAL_LINE_MAX)
		return ERR_INVALID;
	return rest.n > 0 && journal_line__read(str_take(rest, rest.n - 1), &j->line) == ERR_OK ? ERR_INVALID : ERR_OK;
}

/* ERR_EOF: that was all there is at present. */
static int read_chunk(struct journal *j, int fd)
{
	ssize_t n = pread(fd, j->chunk, CHUNK, j->offset);
	if (n < 0)
		return errno == EINTR ? ERR_OK : ERR_IO;
	struct str rest = str_make(j->chunk, (size_t)n);
	for (;;) {
		size_t end = str_index(rest, '\n');
		if (end == rest.n)
			break;
		int err = take_line(j, str_take(rest, end));
		if (err)
			return err;
		rest = str_skip(rest, end + 1);
	}
	int err = check_rest(j, rest);
	if (err)
		return err;
	return n < CHUNK ? ERR_EOF : ERR_OK;
}

static int begin_file(struct journal *j, const struct journal_slot *s)
{
	struct stat st;
	int pin = open(j->file.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (pin < 0)
		return ERR_IO;
	if (fstat(pin, &st) || st.st_dev != s->dev || st.st_ino != s->ino) {
		close(pin);
		errno = ESTALE; /* replaced meanwhile: it must be looked at under a lock */
		return ERR_IO;
	}
	if (j->pin >= 0)
		close(j->pin);
	j->pin = pin;
	j->dev = s->dev;
	j->ino = s->ino;
	j->offset = j->dense_at = j->try_at = 0;
	journal_file__drop_others(&j->file, s->dev, s->ino);
	return ERR_OK;
}

/* To the end of the file. ERR_OK, ERR_INVALID (it must be made anew; under no lock: it may also be in the making), ERR_IO. */
static int read_on(struct journal *j, const struct journal_slot *s)
{
	struct stat st;
	if (fstat(s->fd, &st))
		return ERR_IO;
	if ((j->pin < 0 || j->dev != s->dev || j->ino != s->ino) && begin_file(j, s))
		return errno == ESTALE ? ERR_INVALID : ERR_IO;
	if (st.st_size < j->offset)
		return ERR_INVALID;
	int err = st.st_size > j->offset ? ERR_OK : ERR_EOF;
	while (!err)
		err = read_chunk(j, s->fd);
	if (err != ERR_EOF)
		return err;
	if (j->offset == 0)
		return ERR_INVALID;
	move_to(j, j->complete);
	if (atomic_load(&j->position) != j->next - 1)
		return ERR_INVALID;
	j->lost = false;
	return ERR_OK;
}

/* --- replacing --- */

/* Grows by the microsecond, in steps of 1024 a millisecond: nobody purges as often. */
static uint64_t new_base(const struct journal *j)
{
	uint64_t us = (uint64_t)clock_wall_us(), position = atomic_load(&j->position);
	uint64_t clock = us / 1000 << 10 | us % 1000;
	return clock > position && clock < JOURNAL_SEQ_MAX ? clock : position + 1;
}

/* The caller has it under the exclusive lock. */
static int make_anew(struct journal *j, const struct journal_slot *s)
{
	struct stat st;
	bool was_empty = fstat(s->fd, &st) == 0 && st.st_size == 0;
	uint64_t base = new_base(j);
	ledger_forget(j->o.ledger, base);
	if (!j->lost)
		tell_everything(j);
	j->lost = true;
	struct buf b;
	buf_init(&b, JOURNAL_LINE_MAX);
	journal_line__add_head(&b, base, base, base);
	int err = journal_file__replace(&j->file, buf_str(&b));
	buf_free(&b);
	if (err) {
		complain(j, "cannot be made anew");
		return err;
	}
	if (j->opened || !was_empty)
		log_warning("journal", "%s: was damaged or removed, and is made anew: what is stored counts as purged",
		    j->file.path);
	j->base = base;
	move_to(j, base);
	return ERR_OK;
}

/* The caller has it under the exclusive lock, and has read it. */
static void shorten(struct journal *j, int fd)
{
	const struct journal_cut cut = {.ledger = j->o.ledger,
	    .fd = fd,
	    .dense_at = j->dense_at,
	    .end = j->offset,
	    .base = j->base,
	    .position = atomic_load(&j->position),
	    .max_size = atomic_load(&j->max_size),
	    .from = str_of(j->acks.name)};
	struct buf b;
	uint64_t forgets;
	int err = journal_cut__write(&cut, &b, &forgets);
	if (!err)
		err = journal_file__replace(&j->file, buf_str(&b));
	if (err) {
		complain(j, "cannot be shortened");
		/* Not before it has grown as much again, or when it may not. */
		j->try_at = j->offset + (off_t)(cut.max_size / JOURNAL_CUT_AT);
		j->try_us = clock_mono_us() + TRY_AGAIN_US;
	} else {
		ledger_forget(j->o.ledger, forgets);
	}
	buf_free(&b);
}

/* --- taking the file, and what is new in it --- */

static int read_under_lock(struct journal *j, const struct journal_slot *s)
{
	pthread_mutex_lock(&j->lock);
	int err = read_on(j, s);
	pthread_mutex_unlock(&j->lock);
	return err;
}

static int heal(struct journal *j)
{
	struct journal_slot *s;
	int err = journal_file__take(&j->file, F_WRLCK, &s);
	if (err)
		return err;
	pthread_mutex_lock(&j->lock);
	err = read_on(j, s);
	if (err == ERR_INVALID)
		err = make_anew(j, s);
	pthread_mutex_unlock(&j->lock);
	journal_file__give_back(&j->file, s);
	return err;
}

/* ERR_OK: the position is the end, and stays it under a lock. ERR_IO: complained about. */
static int take(struct journal *j, short lock, struct journal_slot **out)
{
	int err = ERR_IO;
	for (unsigned i = 0; i < TRIES; i++) {
		err = journal_file__take(&j->file, lock, out);
		if (!err) {
			err = read_under_lock(j, *out);
			if (!err)
				return ERR_OK;
			int error = errno;
			journal_file__give_back(&j->file, *out);
			errno = error;
		}
		if (err == ERR_INVALID)
			err = heal(j);
		if (err)
			break;
	}
	complain(j, "cannot be read");
	return ERR_IO;
}

/* --- appending --- */

/* It could not be shortened for long, and has taken the room of the copy too. */
static bool is_beyond(const struct journal *j, size_t more)
{
	return (uint64_t)j->offset + more > 2 * atomic_load(&j->max_size);
}

/* Under the lock. */
static bool is_long(const struct journal *j)
{
	uint64_t max = atomic_load(&j->max_size), tail = (uint64_t)(j->offset - j->dense_at);
	bool is_long = tail > max / JOURNAL_CUT_AT || (uint64_t)j->offset > max;
	bool is_time = j->offset >= j->try_at || (is_beyond(j, JOURNAL_LINE_MAX) && clock_mono_us() >= j->try_us);
	return is_long && is_time;
}

/* Takes it for oneself, no longer than it may be. As take. */
static int take_short(struct journal *j, struct journal_slot **out)
{
	int err = take(j, F_WRLCK, out);
	if (err)
		return err;
	pthread_mutex_lock(&j->lock);
	bool replaced = is_long(j);
	if (replaced)
		shorten(j, (*out)->fd);
	pthread_mutex_unlock(&j->lock);
	if (!replaced)
		return ERR_OK;
	journal_file__give_back(&j->file, *out);
	return take(j, F_WRLCK, out);
}

/* What others have added, or a new bound, has made it too long. */
static void shorten_if_long(struct journal *j)
{
	struct journal_slot *s;
	pthread_mutex_lock(&j->lock);
	bool needed = is_long(j);
	pthread_mutex_unlock(&j->lock);
	if (needed && take_short(j, &s) == ERR_OK)
		journal_file__give_back(&j->file, s);
}

static int write_record(struct journal *j, int fd, const struct tier_purge *op, bool invalidates)
{
	struct stat st;
	struct buf b;
	uint64_t seq = j->next;
	buf_init(&b, JOURNAL_LINE_MAX);
	journal_line__add(&b, seq, op, invalidates, str_of(j->acks.name), clock_wall_ms());
	int err = ERR_IO;
	errno = EFBIG;
	if (is_beyond(j, b.n) || seq > JOURNAL_SEQ_MAX || b.overflow || fstat(fd, &st) ||
	    (st.st_size > j->offset && ftruncate(fd, j->offset)))
		goto out;
	if (journal_file__write(fd, buf_str(&b), j->offset)) {
		int error = errno;
		if (ftruncate(fd, j->offset)) /* who comes next tries again */
			complain(j, "a line that was cut short stays");
		errno = error;
		goto out;
	}
	struct tier_purge as = journal_line__op(op);
	ledger_add(j->o.ledger, seq, &as);
	j->offset += (off_t)b.n;
	j->next++;
	j->own[seq % OWN] = (struct own){.seq = seq, .us = clock_mono_us()};
	move_to(j, seq);
	err = ERR_OK;
out:
	buf_free(&b);
	return err;
}

int journal_append(struct journal *j, const struct tier_purge *op, bool invalidates, uint64_t *seq)
{
	struct journal_slot *s;
	int err = take_short(j, &s);
	if (err)
		return err;
	pthread_mutex_lock(&j->lock);
	err = write_record(j, s->fd, op, invalidates);
	*seq = j->next - 1;
	if (err)
		complain(j, "cannot be written");
	pthread_mutex_unlock(&j->lock);
	journal_file__give_back(&j->file, s);
	return err;
}

void journal_resize(struct journal *j, uint64_t max_size)
{
	atomic_store(&j->max_size, max_size > JOURNAL_SIZE_MIN ? max_size : JOURNAL_SIZE_MIN);
}

uint64_t journal_position(const struct journal *j)
{
	return atomic_load(&j->position);
}

int journal_hold(struct journal *j, struct journal_hold *h, uint64_t *seq)
{
	int err = take(j, F_RDLCK, &h->slot);
	if (err)
		return err;
	*seq = atomic_load(&j->position);
	return ERR_OK;
}

void journal_let_go(struct journal *j, struct journal_hold *h)
{
	journal_file__give_back(&j->file, h->slot);
	h->slot = NULL;
}

int journal_read(struct journal *j)
{
	struct journal_slot *s;
	int err = take(j, F_UNLCK, &s);
	if (!err)
		journal_file__give_back(&j->file, s);
	return err;
}

int journal_await(
    struct journal *j, uint64_t seq, int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx)
{
	pthread_mutex_lock(&j->lock);
	struct own own = j->own[seq % OWN];
	pthread_mutex_unlock(&j->lock);
	int64_t since_us = own.seq == seq ? own.us : clock_mono_us();
	return journal_acks__await(&j->acks, &j->position, seq, since_us, timeout_ms, fn, ctx);
}

/* --- the thread that watches --- */

static void acknowledge(struct journal *j, bool again)
{
	uint64_t position = atomic_load(&j->position);
	if (position == j->acknowledged && !again)
		return;
	if (journal_acks__write(&j->acks, position))
		complain(j, "receipts cannot be written");
	else
		j->acknowledged = position;
}

/* On the file that has the name now: told of what is added to it, and when it loses its name. */
static void watch_file(struct journal *j)
{
	if (j->inotify < 0)
		return;
	int watch = inotify_add_watch(
	    j->inotify, j->file.path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_DONT_FOLLOW);
	if (watch >= 0 && j->watch >= 0 && watch != j->watch)
		inotify_rm_watch(j->inotify, j->watch);
	j->watch = watch;
}

static void *watch(void *ctx)
{
	struct journal *j = ctx;
	char events[4096];
	struct pollfd fds[] = {{.fd = j->stop, .events = POLLIN}, {.fd = j->inotify, .events = POLLIN}};
	int ready = 0;
	while (!(fds[0].revents & POLLIN)) {
		/* In this order: what is added after it was read wakes. Reading makes a file where there is none. */
		for (unsigned i = 0; i < 2 && (i == 0 || j->watch < 0); i++) {
			watch_file(j);
			(void)!journal_read(j);
		}
		shorten_if_long(j);
		acknowledge(j, ready == 0);
		fds[0].revents = fds[1].revents = 0;
		ready = poll(fds, COUNT_OF(fds), LOOK_EVERY_MS);
		while (ready > 0 && fds[1].revents && read(j->inotify, events, sizeof(events)) > 0)
			;
	}
	return NULL;
}

/* --- opening and closing --- */

static void destroy(struct journal *j)
{
	if (j->stop >= 0)
		close(j->stop);
	if (j->inotify >= 0)
		close(j->inotify);
	if (j->pin >= 0)
		close(j->pin);
	journal_acks__close(&j->acks);
	journal_file__destroy(&j->file);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static int open_all(struct journal *j, struct str path, struct str instance, const char **why)
{
	struct journal_slot *s;
	*why = "the directory of receipts cannot be made or written";
	if (journal_acks__open(&j->acks, path, instance))
		return ERR_IO;
	*why = "the journal of purges cannot be read or written";
	int err = take(j, F_RDLCK, &s);
	if (err)
		return err;
	j->opened = true;
	journal_file__give_back(&j->file, s);
	acknowledge(j, true);
	*why = "no thread for the journal of purges";
	j->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return j->stop < 0 || thread_start(&j->watcher, NULL, watch, j) ? ERR_IO : ERR_OK;
}

int journal_open(const struct journal_options *o, struct journal **out, const char **why)
{
	struct journal *j = mem_zalloc(sizeof(*j));
	j->o = *o;
	j->o.path = j->o.instance = STR_NONE;
	journal_resize(j, o->max_size);
	j->stop = j->watch = j->pin = j->acks.fd = -1;
	j->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	pthread_mutex_init(&j->lock, NULL);
	journal_file__init(&j->file, o->path);
	int err = open_all(j, o->path, o->instance, why);
	if (err) {
		destroy(j);
		return err;
	}
	*out = j;
	return ERR_OK;
}

void journal_close(struct journal **j)
{
	if (!*j)
		return;
	const uint64_t one = 1;
	while (write((*j)->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join((*j)->watcher, NULL);
	destroy(*j);
	*j = NULL;
}
