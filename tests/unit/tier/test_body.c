/* The growing body: sizes of chunks, the budget, windows, wakes; then with threads, where nothing may be lost. */
#include "suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tier/body.h"
#include "must.h"

static _Atomic unsigned reader_wakes, producer_wakes;

static void count_reader(struct body_reader *r)
{
	reader_wakes++;
}

static void count_producer(void *ctx)
{
	producer_wakes++;
}

/* The byte at a place of every body of these tests. */
static char byte_at(uint64_t offset)
{
	return (char)('a' + offset * 7 % 26 + offset / 4096 % 3);
}

/* Puts up to n bytes; returns how many, stopping at the first error. */
static size_t produce(struct body *b, size_t n, int *err)
{
	size_t done = 0;
	*err = 0;
	while (done < n) {
		char *p;
		size_t room;
		*err = body_space(b, &p, &room);
		if (*err)
			break;
		uint64_t at = body_size(b);
		room = room < n - done ? room : n - done;
		for (size_t i = 0; i < room; i++)
			p[i] = byte_at(at + i);
		body_filled(b, room);
		done += room;
	}
	return done;
}

/* Reads up to n bytes and checks each; returns what ended it (0: n were read). */
static int consume(struct body_reader *r, size_t n, size_t step)
{
	while (n > 0) {
		const char *p;
		size_t got;
		int err = body_read(r, &p, &got);
		if (err)
			return err;
		got = got < n ? got : n;
		got = got < step ? got : step;
		for (size_t i = 0; i < got; i++)
			must(p[i] == byte_at(r->offset + i), "wrong byte at %llu", (unsigned long long)r->offset + i);
		body_read_done(r, got);
		n -= got;
	}
	return 0;
}

static struct budget budget_of(size_t limit)
{
	struct budget b = {.limit = limit};
	return b;
}

static const struct {
	const char *what;
	int64_t expect;
	size_t length;
	unsigned segments;
	size_t most_over; /* bytes charged above the length */
} shape_rows[] = {
    {"an empty body of known length has no chunk", 0, 0, 0, 0},
    {"an empty body of unknown length has no chunk", -1, 0, 0, 0},
    {"a known length makes one exact chunk", 50000, 50000, 1, 64},
    {"a large one lies in whole pages of shared memory", 100000, 100000, 1, 4096 + 2048 + 64},
    {"one byte", 1, 1, 1, 48},
    {"four megabytes are still one chunk", 4 << 20, 4 << 20, 1, 8192},
    {"a larger known length comes in pieces", (8 << 20) + 5, (8 << 20) + 5, 3, 3 * 4096 + 64},
    {"an unknown length is trimmed to an exact copy", -1, 1500, 1, 64},
    {"an unknown length doubles its chunks", -1, 20000, 3, 2200},
    {"chunks of unknown length stop growing at 256K", -1, 3 << 20, 18, 64 * 1024},
    {"more than was announced is taken all the same", 10, 5000, 3, 1200},
    {"less than was announced is trimmed", 100000, 1000, 1, 64},
};

START_TEST(shapes)
{
	for (size_t i = 0; i < COUNT_OF(shape_rows); i++) {
		const char *what = shape_rows[i].what;
		struct budget budget = budget_of(64 << 20);
		struct body *b = body_new(shape_rows[i].expect, &budget, NULL, NULL);
		int err;
		ck_assert_msg(produce(b, shape_rows[i].length, &err) == shape_rows[i].length, "%s: %d", what, err);
		ck_assert_msg(!body_complete(b), "%s: complete too early", what);
		body_end(b, ERR_OK);
		ck_assert_msg(body_complete(b), "%s: not complete", what);
		ck_assert_msg(body_size(b) == shape_rows[i].length, "%s: size", what);
		struct str seg[32];
		unsigned n = body_segments(b, seg, COUNT_OF(seg));
		ck_assert_msg(n == shape_rows[i].segments, "%s: %u segments", what, n);
		uint64_t at = 0;
		for (unsigned s = 0; s < n; s++) {
			for (size_t k = 0; k < seg[s].n; k++, at++)
				must(seg[s].p[k] == byte_at(at), "%s: byte %llu", what, (unsigned long long)at);
		}
		ck_assert_msg(at == shape_rows[i].length, "%s: segments hold %llu", what, (unsigned long long)at);
		size_t used = budget.used;
		ck_assert_msg(used >= at && used <= at + shape_rows[i].most_over, "%s: %zu charged", what, used);
		body_release(&b);
		ck_assert_msg(budget.used == 0, "%s: %zu not given back", what, (size_t)budget.used);
		ck_assert_ptr_null(b);
	}
}
END_TEST

START_TEST(segments_tell_how_many_there_are_beyond_max)
{
	struct body *b = body_new(-1, NULL, NULL, NULL);
	int err;
	produce(b, 20000, &err);
	body_end(b, ERR_OK);
	struct str one;
	ck_assert_uint_eq(body_segments(b, &one, 1), 3);
	ck_assert_uint_eq(body_segments(b, NULL, 0), 3);
	body_release(&b);
}
END_TEST

START_TEST(body_of_copies_and_respects_the_budget)
{
	struct budget budget = budget_of(1000);
	struct body *b = body_of(STR("hello"), &budget);
	struct str seg;
	ck_assert_uint_eq(body_segments(b, &seg, 1), 1);
	ck_assert(str_eq(seg, STR("hello")));
	char big[2000] = {0};
	ck_assert_ptr_null(body_of(str_make(big, sizeof(big)), &budget));
	body_release(&b);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(readers_follow_and_start_at_the_front_while_retaining)
{
	struct body *b = body_new(-1, NULL, NULL, NULL);
	struct body_reader early, late;
	int err;
	ck_assert_int_eq(body_reader_open(&early, b, count_reader), 0);
	ck_assert_int_eq(consume(&early, 1, 1), ERR_AGAIN);
	produce(b, 10000, &err);
	ck_assert_int_eq(consume(&early, 9999, 777), 0);
	ck_assert_int_eq(body_reader_open(&late, b, count_reader), 0);
	ck_assert_uint_eq(body_readers(b), 2);
	ck_assert_int_eq(consume(&late, 20000, 5000), ERR_AGAIN);
	produce(b, 10000, &err);
	body_end(b, ERR_OK);
	ck_assert_int_eq(consume(&early, SIZE_MAX, 777), ERR_EOF);
	ck_assert_int_eq(consume(&late, SIZE_MAX, 5000), ERR_EOF);
	ck_assert_uint_eq(early.offset, 20000);
	ck_assert_uint_eq(late.offset, 20000);
	body_reader_close(&early);
	body_reader_close(&early);
	ck_assert_uint_eq(body_readers(b), 1);
	body_release(&b);
	ck_assert_int_eq(consume(&late, 1, 1), ERR_EOF); /* the reader's reference keeps it */
	body_reader_close(&late);
}
END_TEST

START_TEST(a_body_that_broke_gives_its_bytes_and_then_the_error)
{
	struct body *b = body_new(1000, NULL, NULL, NULL);
	struct body_reader r;
	int err;
	ck_assert_int_eq(body_reader_open(&r, b, count_reader), 0);
	produce(b, 300, &err);
	body_end(b, ERR_SHORT);
	ck_assert(!body_complete(b));
	ck_assert_int_eq(consume(&r, SIZE_MAX, 100), ERR_SHORT);
	ck_assert_uint_eq(r.offset, 300);
	ck_assert_int_eq(consume(&r, SIZE_MAX, 100), ERR_SHORT);
	body_reader_close(&r);
	body_release(&b);
}
END_TEST

START_TEST(only_armed_readers_are_woken_and_once)
{
	struct body *b = body_new(-1, NULL, NULL, NULL);
	struct body_reader armed, idle;
	const char *p;
	size_t n;
	int err;
	reader_wakes = 0;
	ck_assert_int_eq(body_reader_open(&armed, b, count_reader), 0);
	ck_assert_int_eq(body_reader_open(&idle, b, count_reader), 0);
	ck_assert_int_eq(body_read(&armed, &p, &n), ERR_AGAIN);
	ck_assert_int_eq(body_read(&armed, &p, &n), ERR_AGAIN);
	produce(b, 1, &err);
	produce(b, 1, &err);
	ck_assert_uint_eq(reader_wakes, 1);
	ck_assert_int_eq(consume(&armed, 2, 2), 0);
	ck_assert_int_eq(body_read(&armed, &p, &n), ERR_AGAIN);
	body_end(b, ERR_OK); /* the end wakes too */
	ck_assert_uint_eq(reader_wakes, 2);
	body_reader_close(&armed);
	body_reader_close(&idle);
	body_release(&b);

	b = body_new(-1, NULL, NULL, NULL);
	ck_assert_int_eq(body_reader_open(&armed, b, count_reader), 0);
	ck_assert_int_eq(body_read(&armed, &p, &n), ERR_AGAIN);
	body_reader_close(&armed);
	produce(b, 1, &err);
	ck_assert_msg(reader_wakes == 2, "a closed reader was woken");
	body_end(b, ERR_OK);
	body_release(&b);
}
END_TEST

START_TEST(a_full_budget_turns_into_a_window)
{
	struct budget budget = budget_of(20000);
	struct body *b = body_new(-1, &budget, count_producer, NULL);
	struct body_reader r, late;
	int err;
	ck_assert_int_eq(body_reader_open(&r, b, count_reader), 0);
	size_t n = produce(b, 100000, &err);
	ck_assert_int_eq(err, ERR_FULL);
	ck_assert_uint_ge(budget.used, n);
	ck_assert_uint_le(budget.used, 20000);
	body_stop_retaining(b, 65536);
	ck_assert_int_eq(body_reader_open(&late, b, count_reader), ERR_MISSING);
	body_reader_close(&late);
	n += produce(b, 1000000, &err);
	ck_assert_int_eq(err, ERR_AGAIN);
	ck_assert_msg(n <= 65536 && n >= 40000, "%zu bytes in a window of 65536", n);
	ck_assert_int_eq(consume(&r, n - 1, 999), 0);
	ck_assert_msg(budget.used == 0, "%zu charged for passed chunks", (size_t)budget.used);
	body_end(b, ERR_OK);
	ck_assert_msg(!body_complete(b), "the front is gone");
	ck_assert_int_eq(consume(&r, 2, 2), ERR_EOF);
	body_reader_close(&r);
	body_release(&b);
}
END_TEST

START_TEST(the_rest_of_what_has_ended_is_read_in_one_go)
{
	static const struct {
		const char *sentence;
		int64_t expect;
		bool window;
		size_t size, read;
		int ended; /* 1: not yet */
		bool there;
		unsigned runs;
	} rows[] = {
	    {"more is to come", -1, false, 10, 0, 1, false, 0},
	    {"it broke off", -1, false, 10, 0, ERR_SHORT, false, 0},
	    {"a retained body", 10, false, 10, 0, ERR_OK, true, 1},
	    {"a window", 10, true, 10, 0, ERR_OK, true, 1},
	    {"a window of unknown length", -1, true, 5000, 0, ERR_OK, true, 2},
	    {"what was read is no part of it", 10, true, 10, 4, ERR_OK, true, 1},
	    {"all was read", 10, true, 10, 10, ERR_OK, true, 0},
	    {"there was nothing", 0, true, 0, 0, ERR_OK, true, 0},
	    {"too many runs", -1, true, 30000, 0, ERR_OK, false, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct body *b = body_new(rows[i].expect, NULL, count_producer, NULL);
		struct body_reader r;
		struct str runs[2];
		unsigned n = 99;
		int err;
		ck_assert_int_eq(body_reader_open(&r, b, count_reader), ERR_OK);
		if (rows[i].window)
			body_stop_retaining(b, 64 * 1024);
		ck_assert_uint_eq(produce(b, rows[i].size, &err), rows[i].size);
		ck_assert_int_eq(consume(&r, rows[i].read, 3), ERR_OK);
		if (rows[i].ended <= 0)
			body_end(b, rows[i].ended);
		bool there = body_read_rest(&r, runs, COUNT_OF(runs), &n);
		ck_assert_msg(there == rows[i].there, "%s", rows[i].sentence);
		uint64_t at = rows[i].read;
		for (unsigned k = 0; there && k < n; k++)
			for (size_t j = 0; j < runs[k].n; j++)
				ck_assert_int_eq(runs[k].p[j], byte_at(at++));
		if (there)
			ck_assert_msg(n == rows[i].runs && at == rows[i].size, "%s: %u runs", rows[i].sentence, n);
		body_reader_close(&r);
		body_release(&b);
	}
}
END_TEST

START_TEST(bytes_under_a_reader_stay_charged)
{
	struct budget budget = budget_of(1 << 20);
	struct body *b = body_new(50000, &budget, NULL, NULL);
	struct body_reader r;
	int err;
	produce(b, 50000, &err);
	ck_assert_int_eq(body_reader_open(&r, b, count_reader), 0);
	body_end(b, ERR_OK);
	body_release(&b);
	ck_assert_uint_ge(budget.used, 50000);
	ck_assert_int_eq(consume(&r, 50000, 5000), 0);
	body_reader_close(&r);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(the_slowest_reader_holds_the_producer_and_wakes_it)
{
	struct body *b = body_new(-1, NULL, count_producer, NULL);
	struct body_reader slow, quick;
	int err;
	producer_wakes = 0;
	ck_assert_int_eq(body_reader_open(&slow, b, count_reader), 0);
	ck_assert_int_eq(body_reader_open(&quick, b, count_reader), 0);
	body_stop_retaining(b, 65536);
	size_t n = produce(b, SIZE_MAX, &err);
	ck_assert_int_eq(err, ERR_AGAIN);
	ck_assert_uint_le(n, 65536);
	ck_assert_int_eq(consume(&quick, n, 4096), 0);
	ck_assert_msg(producer_wakes == 0, "woken while the slow one has not moved");
	ck_assert_int_eq(consume(&slow, n, 4096), 0);
	ck_assert_uint_eq(producer_wakes, 1);
	n += produce(b, SIZE_MAX, &err);
	ck_assert_int_eq(err, ERR_AGAIN);
	ck_assert_int_eq(consume(&quick, SIZE_MAX, 4096), ERR_AGAIN);
	body_reader_close(&slow); /* leaving frees it too */
	ck_assert_uint_eq(producer_wakes, 2);
	produce(b, 10, &err);
	ck_assert_int_eq(err, 0);
	body_end(b, ERR_OK);
	ck_assert_int_eq(consume(&quick, SIZE_MAX, 4096), ERR_EOF);
	ck_assert_uint_eq(quick.offset, n + 10);
	body_reader_close(&quick);
	body_release(&b);
}
END_TEST

START_TEST(a_window_without_readers_drops_what_comes)
{
	struct body *b = body_new(-1, NULL, count_producer, NULL);
	int err;
	body_stop_retaining(b, 1);
	ck_assert_uint_eq(produce(b, 1 << 20, &err), 1 << 20);
	body_end(b, ERR_OK);
	ck_assert_uint_eq(body_segments(b, NULL, 0), 0);
	body_release(&b);
}
END_TEST

/* Threads: one producer, some readers that wait on a condition which the wakes set, some that leave midway. */

enum { READERS = 6, LENGTH = 3 * 1000 * 1000 };

struct sleeper {
	struct body_reader reader;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken, closed;
	uint64_t leave_at;
	pthread_t thread;
	int end;
};

struct source {
	struct body *body;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool room;
	size_t window; /* after a third; 0: retain */
};

static void wake_sleeper(struct body_reader *r)
{
	struct sleeper *s = CONTAINER_OF(r, struct sleeper, reader);
	pthread_mutex_lock(&s->lock);
	must(!s->closed, "a wake after close");
	s->woken = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

static void wake_source(void *ctx)
{
	struct source *s = ctx;
	pthread_mutex_lock(&s->lock);
	s->room = true;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

/* Bounded: a lost wake fails the test and does not hang it. */
static void wait_for(pthread_mutex_t *lock, pthread_cond_t *cond, bool *flag)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(lock);
	while (!*flag)
		must(pthread_cond_timedwait(cond, lock, &until) == 0, "a wake was lost");
	*flag = false;
	pthread_mutex_unlock(lock);
}

static void *sleeper_run(void *arg)
{
	struct sleeper *s = arg;
	size_t step = 1000 + (size_t)s->leave_at % 7919;
	int err = 0;
	while (err == 0 && s->reader.offset < s->leave_at) {
		err = consume(&s->reader, step, step);
		if (err == ERR_AGAIN) {
			wait_for(&s->lock, &s->cond, &s->woken);
			err = 0;
		}
	}
	s->end = err;
	body_reader_close(&s->reader);
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void source_run(struct source *s)
{
	size_t done = 0;
	while (done < LENGTH) {
		if (s->window > 0 && done > LENGTH / 3) {
			body_stop_retaining(s->body, s->window);
			s->window = 0;
		}
		size_t piece = 1 + (done * 31) % 30000;
		piece = piece < LENGTH - done ? piece : LENGTH - done;
		int err;
		done += produce(s->body, piece, &err);
		if (err == ERR_AGAIN)
			wait_for(&s->lock, &s->cond, &s->room);
		else
			must(err == 0, "%s", err_name(err));
	}
	body_end(s->body, ERR_OK);
}

static void with_threads(size_t window)
{
	struct budget budget = budget_of(16 << 20);
	struct source source = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .window = window};
	source.body = body_new(-1, &budget, wake_source, &source);
	struct sleeper sleepers[READERS] = {0};
	for (int i = 0; i < READERS; i++) {
		struct sleeper *s = &sleepers[i];
		pthread_mutex_init(&s->lock, NULL);
		pthread_cond_init(&s->cond, NULL);
		s->leave_at = i % 3 == 2 ? (uint64_t)LENGTH / 7 * (uint64_t)i : UINT64_MAX - (uint64_t)i * 1000;
		ck_assert_int_eq(body_reader_open(&s->reader, source.body, wake_sleeper), 0);
		ck_assert_int_eq(pthread_create(&s->thread, NULL, sleeper_run, s), 0);
	}
	source_run(&source);
	for (int i = 0; i < READERS; i++) {
		pthread_join(sleepers[i].thread, NULL);
		ck_assert_int_eq(sleepers[i].end, i % 3 == 2 ? 0 : ERR_EOF);
		pthread_mutex_destroy(&sleepers[i].lock);
		pthread_cond_destroy(&sleepers[i].cond);
	}
	ck_assert_uint_eq(body_size(source.body), LENGTH);
	body_release(&source.body);
	ck_assert_uint_eq(budget.used, 0);
}

START_TEST(no_wake_is_lost_between_threads_retaining)
{
	for (int i = 0; i < 5; i++)
		with_threads(0);
}
END_TEST

START_TEST(no_wake_is_lost_between_threads_in_a_window)
{
	for (int i = 0; i < 5; i++)
		with_threads(100000);
}
END_TEST

/* ---- files ---- */

static int file_of(const char *text, char *path)
{
	int fd = mkstemp(path);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "no file");
	return fd;
}

static void unlink_it(const char *path)
{
	must(unlink(path) == 0, "not unlinked");
}

static void link_it(const char *path)
{
	char other[64];
	snprintf(other, sizeof(other), "%s-2", path);
	must(link(path, other) == 0 && unlink(other) == 0, "not linked");
}

static void write_it(const char *path)
{
	int fd = open(path, O_WRONLY);
	must(fd >= 0 && pwrite(fd, "X", 1, 0) == 1, "not written");
	close(fd);
}

static void cut_it(const char *path)
{
	must(truncate(path, 3) == 0, "not cut");
}

static void look_at_it(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY);
	must(fd >= 0 && read(fd, &c, 1) == 1, "not read");
	close(fd);
}

static const struct {
	const char *what;
	void (*change)(const char *path);
	bool is_current;
} file_rows[] = {
    {"unlinked", unlink_it, false},
    {"linked and unlinked again", link_it, false},
    {"written to", write_it, false},
    {"cut", cut_it, false},
    {"only read", look_at_it, true},
};

START_TEST(a_file_is_current_until_it_is_changed)
{
	for (size_t i = 0; i < COUNT_OF(file_rows); i++) {
		for (int copied = 0; copied < 2; copied++) {
			char path[] = "/tmp/larder-body-XXXXXX";
			int fd = file_of("in a file", path);
			struct body *b =
			    copied ? body_of(STR("in a file"), NULL) : body_of_file(fd, 9, (struct hash128){0});
			if (copied)
				body_copies_file(b, fd);
			ck_assert(body_has_file(b) && body_complete(b) && body_size(b) == 9);
			ck_assert_msg((body_file(b) == fd) == !copied, "%s: where its bytes are", file_rows[i].what);
			ck_assert_uint_eq(body_segments(b, NULL, 0), copied ? 1 : 0);
			ck_assert(body_is_current(b));
			/* A file system tells times by its own ticks: a change within one of them would not be seen. */
			struct stat before, now;
			must(fstat(fd, &before) == 0, "no status");
			file_rows[i].change(path);
			for (int n = 0; n < 1000 && !file_rows[i].is_current && body_is_current(b); n++) {
				must(fchmod(fd, 0600) == 0 && fstat(fd, &now) == 0, "no status");
			}
			ck_assert_msg(body_is_current(b) == file_rows[i].is_current, "%s", file_rows[i].what);
			body_release(&b);
			ck_assert_msg(fcntl(fd, F_GETFD) < 0, "%s: its descriptor is left", file_rows[i].what);
			(void)unlink(path);
		}
	}
}
END_TEST

/* What the kernel keeps cannot be told from here but by its own word (mincore); it may keep all of it, so only the way there is shown. */
START_TEST(a_file_that_is_not_cached_is_seen)
{
	char path[] = "larder-body-XXXXXX"; /* here: /tmp may have no disk */
	int fd = mkstemp(path);
	enum { SIZE = 4 << 20 };
	must(fd >= 0 && ftruncate(fd, SIZE) == 0, "no file");
	static char page[64 * 1024];
	memset(page, 'x', sizeof(page));
	for (off_t at = 0; at < SIZE; at += (off_t)sizeof(page))
		must(pwrite(fd, page, sizeof(page), at) == (ssize_t)sizeof(page), "not written");
	struct body *b = body_of_file(fd, SIZE, (struct hash128){0});
	ck_assert_msg(body_is_cached(b), "just written");
	must(fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "not dropped");
	unsigned char kept[SIZE / 4096];
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED && mincore(map, SIZE, kept) == 0, "not mapped");
	munmap(map, SIZE);
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(kept); i++)
		n += kept[i] & 1;
	if (n == 0)
		ck_assert_msg(!body_is_cached(b), "none of it is cached");
	body_release(&b);
	unlink(path);
}
END_TEST

START_TEST(a_body_without_a_file_is_always_current)
{
	struct body *b = body_of(STR("x"), NULL);
	ck_assert(body_is_current(b) && !body_has_file(b) && body_file(b) == -1);
	body_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/body");
	TCase *alone = tcase_create("one thread");
	tcase_add_test(alone, shapes);
	tcase_add_test(alone, segments_tell_how_many_there_are_beyond_max);
	tcase_add_test(alone, body_of_copies_and_respects_the_budget);
	tcase_add_test(alone, readers_follow_and_start_at_the_front_while_retaining);
	tcase_add_test(alone, a_body_that_broke_gives_its_bytes_and_then_the_error);
	tcase_add_test(alone, only_armed_readers_are_woken_and_once);
	tcase_add_test(alone, a_full_budget_turns_into_a_window);
	tcase_add_test(alone, the_rest_of_what_has_ended_is_read_in_one_go);
	tcase_add_test(alone, bytes_under_a_reader_stay_charged);
	tcase_add_test(alone, the_slowest_reader_holds_the_producer_and_wakes_it);
	tcase_add_test(alone, a_window_without_readers_drops_what_comes);
	tcase_add_test(alone, a_file_is_current_until_it_is_changed);
	tcase_add_test(alone, a_file_that_is_not_cached_is_seen);
	tcase_add_test(alone, a_body_without_a_file_is_always_current);
	suite_add_tcase(s, alone);
	TCase *threads = tcase_create("threads");
	tcase_set_timeout(threads, 50);
	tcase_add_test(threads, no_wake_is_lost_between_threads_retaining);
	tcase_add_test(threads, no_wake_is_lost_between_threads_in_a_window);
	suite_add_tcase(s, threads);
	return suite_run(s);
}
