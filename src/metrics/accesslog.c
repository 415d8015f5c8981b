/* The access log's buffer and thread.
 *
 *   worker:  format on its stack -> lock -> copy to `filling` (or drop) -> unlock
 *   thread:  wait for the first line -> gather for a moment -> lock -> swap -> unlock -> write `writing` -> again
 *
 * The lock is held for a copy of one line or a swap of two pointers, never over a system call, so a disk that hangs or a
 * pipe that nobody reads costs lines and no worker's time. Descriptors of ours are non-blocking; standard output is
 * shared with others, so it is polled and written in pieces that a pipe takes without blocking.
 *
 * Rotation: rename the file, then SIGUSR1. Lines appended before the signal go to the old file, later ones to the new.
 *
 * Not done here: the form of a line (access_line.c). */
#include "metrics/accesslog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

enum {
	BUFFER_MAX = 1 << 20,
	LINE_ON_STACK = 4096,
	LINE_MAX_BYTES = 128 << 10,
	GATHER_US = 100000,    /* a batch waits so long for company */
	POLL_MS = 100,	       /* between two looks at `ending` while the file takes nothing */
	CLOSE_US = 1000000,    /* the last batch's time */
	JOIN_MS = 2000,	       /* and then the thread's, were it stuck in the kernel */
	COMPLAIN_US = 60000000 /* at most one complaint a minute */
};

struct accesslog {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct buf filling; /* under lock, like the next four */
	bool ending, reopen;
	int64_t ends_us;
	struct buf writing; /* the thread's own, like the rest */
	char *path;	    /* NULL: standard output */
	int fd;
	bool torn; /* the last line went out in part */
	int64_t complained_us;
	int format;
	atomic_uint_fast64_t dropped, errors;
};

static int open_file(const char *path)
{
	/* Non-blocking for the sake of FIFOs and devices; it changes nothing for files. */
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

static struct timespec timespec_of(int64_t us)
{
	return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

/* Is the time of the last batch over? */
static bool out_of_time(struct accesslog *l)
{
	pthread_mutex_lock(&l->lock);
	bool over = l->ending && clock_mono_us() >= l->ends_us;
	pthread_mutex_unlock(&l->lock);
	return over;
}

static bool wait_writable(struct accesslog *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLOUT};
	for (;;) {
		int n = poll(&p, 1, POLL_MS);
		if (n > 0)
			return true;
		if ((n < 0 && errno != EINTR) || out_of_time(l))
			return false;
	}
}

static void complain(struct accesslog *l, const char *what)
{
	int64_t now = clock_mono_us();
	if (l->complained_us && now - l->complained_us < COMPLAIN_US)
		return;
	l->complained_us = now;
	log_error("access log", "%s: %s", l->path ? l->path : "stdout", what);
}

static uint64_t lines_in(struct str s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

/* Writes the front of s; how much, or a negative error. */
static int64_t write_some(struct accesslog *l, struct str s)
{
	for (;;) {
		if (!wait_writable(l))
			return ERR_TIMEOUT;
		ssize_t n = write(l->fd, s.p, l->path || s.n < PIPE_BUF ? s.n : PIPE_BUF);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN) {
			complain(l, strerrordesc_np(errno));
			return ERR_IO;
		}
	}
}

/* What the file does not take is lost: a full disk must not fill the memory too. */
static void write_batch(struct accesslog *l, struct str s)
{
	if (l->torn && s.n && write_some(l, STR("\n")) == 1)
		l->torn = false;
	while (s.n) {
		int64_t n = write_some(l, s);
		if (n < 0) {
			atomic_fetch_add_explicit(&l->errors, 1, memory_order_relaxed);
			atomic_fetch_add_explicit(&l->dropped, lines_in(s), memory_order_relaxed);
			return;
		}
		if (n > 0)
			l->torn = s.p[n - 1] != '\n';
		s = str_skip(s, (size_t)n);
	}
}

static void reopen_file(struct accesslog *l)
{
	if (!l->path)
		return;
	int fd = open_file(l->path);
	if (fd < 0) {
		log_error(
		    "access log", "%s: cannot be opened anew, the old file stays: %s", l->path, strerrordesc_np(errno));
		return;
	}
	close(l->fd);
	l->fd = fd;
	l->torn = false;
}

/* With the lock: until there is a reason to write, and then a moment longer. */
static void gather(struct accesslog *l)
{
	while (!l->filling.n && !l->ending && !l->reopen)
		pthread_cond_wait(&l->wake, &l->lock);
	struct timespec until = timespec_of(clock_mono_us() + GATHER_US);
	while (l->filling.n < BUFFER_MAX / 2 && !l->ending && !l->reopen) {
		if (pthread_cond_timedwait(&l->wake, &l->lock, &until) == ETIMEDOUT)
			return;
	}
}

static void *run(void *arg)
{
	struct accesslog *l = arg;
	bool ending = false;
	while (!ending) {
		pthread_mutex_lock(&l->lock);
		gather(l);
		struct buf full = l->filling;
		l->filling = l->writing;
		l->writing = full;
		bool reopen = l->reopen;
		l->reopen = false;
		ending = l->ending;
		pthread_mutex_unlock(&l->lock);

		write_batch(l, buf_str(&l->writing));
		buf_reset(&l->writing);
		if (reopen)
			reopen_file(l);
	}
	return NULL;
}

static void accesslog_free(struct accesslog *l)
{
	if (l->path)
		close(l->fd);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	buf_free(&l->filling);
	buf_free(&l->writing);
	free(l->path);
	free(l);
}

int accesslog_open(struct str path, int format, struct accesslog **out)
{
	struct accesslog *l = mem_zalloc(sizeof(*l));
	l->format = format;
	l->fd = STDOUT_FILENO;
	buf_init(&l->filling, BUFFER_MAX);
	buf_init(&l->writing, BUFFER_MAX);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (!str_eq(path, STR("stdout"))) {
		l->path = mem_dup(path.p, path.n);
		l->fd = open_file(l->path);
	}
	int err = l->fd < 0 ? errno : thread_start(&l->thread, NULL, run, l);
	if (!err) {
		*out = l;
		return ERR_OK;
	}
	if (l->fd < 0) {
		free(l->path);
		l->path = NULL;
	}
	accesslog_free(l);
	errno = err;
	return ERR_IO;
}

void accesslog_close(struct accesslog **log)
{
	struct accesslog *l = *log;
	if (!l)
		return;
	*log = NULL;
	pthread_mutex_lock(&l->lock);
	l->ending = true;
	l->ends_us = clock_mono_us() + CLOSE_US;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);

	struct timespec until = timespec_of((clock_wall_ms() + JOIN_MS) * 1000);
	if (pthread_timedjoin_np(l->thread, NULL, &until) != 0) {
		/* Stuck in a write that the system does not end; what it uses must outlive it. */
		log_error("access log", "%s: does not take the last lines", l->path ? l->path : "stdout");
		return;
	}
	accesslog_free(l);
}

void accesslog_reopen(struct accesslog *l)
{
	pthread_mutex_lock(&l->lock);
	l->reopen = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void append(struct accesslog *l, struct str text)
{
	pthread_mutex_lock(&l->lock);
	size_t before = l->filling.n;
	bool taken = buf_add(&l->filling, text) == ERR_OK;
	if (!taken)
		l->filling.overflow = false; /* a shorter line may still fit */
	size_t after = l->filling.n;
	if (before == 0 || (before < BUFFER_MAX / 2 && after >= BUFFER_MAX / 2))
		pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	if (!taken)
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
}

void accesslog_write(struct accesslog *l, const struct access_line *line)
{
	/* Nearly every line fits on the stack: a buffer whose capacity is its maximum never grows. */
	char stack[LINE_ON_STACK];
	struct buf text = {.p = stack, .cap = sizeof(stack) - 1, .max = sizeof(stack) - 1};
	access_line_format(line, l->format, &text);
	if (!text.overflow) {
		append(l, buf_str(&text));
		return;
	}
	struct buf large;
	buf_init(&large, LINE_MAX_BYTES);
	access_line_format(line, l->format, &large);
	if (large.overflow)
		atomic_fetch_add_explicit(&l->dropped, 1, memory_order_relaxed);
	else
		append(l, buf_str(&large));
	buf_free(&large);
}

uint64_t accesslog_dropped(struct accesslog *l)
{
	return atomic_load_explicit(&l->dropped, memory_order_relaxed);
}

uint64_t accesslog_errors(struct accesslog *l)
{
	return atomic_load_explicit(&l->errors, memory_order_relaxed);
}
