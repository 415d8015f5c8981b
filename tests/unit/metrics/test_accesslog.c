/* The buffer and its thread, on real files and FIFOs. Waits are for an event (a file that appears, a thread that ends),
 * each bounded. */
#include "metrics/accesslog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "suite.h"

enum { KEYVALUE = 2 };

static char folder[64], path[96], rotated[96];

static void set_up(void)
{
	snprintf(folder, sizeof(folder), "/tmp/larder-accesslog-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/access.log", folder);
	snprintf(rotated, sizeof(rotated), "%s/access.log.1", folder);
}

static void tear_down(void)
{
	unlink(path);
	unlink(rotated);
	rmdir(folder);
}

static struct access_line line_of(const char *target)
{
	return (struct access_line){
	    .method = STR("GET"), .target = str_of(target), .status = 200, .verdict = "hit", .reason = "hit"};
}

static void read_file(const char *name, struct buf *out)
{
	buf_init(out, 64 << 20);
	int fd = open(name, O_RDONLY);
	ck_assert_msg(fd >= 0, "%s is not there", name);
	for (;;) {
		ck_assert_int_eq(buf_reserve(out, 65536), ERR_OK);
		ssize_t n = read(fd, out->p + out->n, 65536);
		ck_assert_int_ge(n, 0);
		if (n == 0)
			break;
		out->n += (size_t)n;
	}
	close(fd);
}

static unsigned lines_of(struct str s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static void *write_lines(void *arg)
{
	for (unsigned i = 0; i < 500; i++) {
		struct access_line line = line_of("/page");
		accesslog_write(arg, &line);
	}
	return NULL;
}

START_TEST(what_many_threads_append_is_written_whole_at_the_end)
{
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(str_of(path), KEYVALUE, &l), ERR_OK);
	pthread_t threads[4];
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, l), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(accesslog_dropped(l), 0);
	accesslog_close(&l);
	ck_assert_ptr_null(l);
	struct buf b;
	read_file(path, &b);
	struct str rest = buf_str(&b), line;
	unsigned n = 0;
	while (str_cut(&rest, '\n', &line) && line.n) {
		ck_assert(str_starts(line, STR("time=1970")) && str_ends(line, STR("user_agent=-")));
		n++;
	}
	ck_assert_uint_eq(n, 2000);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07, 0); /* visitors' addresses are not for everybody */
	buf_free(&b);
}
END_TEST

START_TEST(lines_after_a_reopen_go_to_the_new_file)
{
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(str_of(path), KEYVALUE, &l), ERR_OK);
	struct access_line line = line_of("/before");
	accesslog_write(l, &line);
	ck_assert_int_eq(rename(path, rotated), 0);
	accesslog_reopen(l);
	for (unsigned i = 0; i < 5000 && access(path, F_OK) != 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	line = line_of("/after");
	accesslog_write(l, &line);
	accesslog_close(&l);
	struct buf before, after;
	read_file(rotated, &before);
	read_file(path, &after);
	ck_assert(str_find(buf_str(&before), STR("/before")) < before.n);
	ck_assert(str_find(buf_str(&before), STR("/after")) == before.n);
	ck_assert(str_find(buf_str(&after), STR("/after")) < after.n);
	ck_assert_uint_eq(lines_of(buf_str(&after)), 1);
	buf_free(&before);
	buf_free(&after);
}
END_TEST

START_TEST(a_pipe_that_nobody_reads_costs_lines_and_no_time)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(reader, 0);
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(str_of(path), KEYVALUE, &l), ERR_OK);
	struct access_line line = line_of("/page");
	int64_t start = clock_mono_us(), longest = 0;
	for (unsigned i = 0; i < 60000; i++) { /* two buffers and a pipe full, and more */
		int64_t before = clock_mono_us();
		accesslog_write(l, &line);
		int64_t took = clock_mono_us() - before;
		longest = took > longest ? took : longest;
	}
	ck_assert_uint_gt(accesslog_dropped(l), 0);
	ck_assert_int_lt(longest, 500000);
	start = clock_mono_us();
	accesslog_close(&l);
	ck_assert_int_lt(clock_mono_us() - start, 3000000);
	close(reader);
}
END_TEST

START_TEST(a_full_disk_is_counted)
{
	int full = open("/dev/full", O_WRONLY);
	if (full < 0)
		return; /* not every container has it */
	close(full);
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(STR("/dev/full"), KEYVALUE, &l), ERR_OK);
	struct access_line line = line_of("/page");
	accesslog_write(l, &line);
	for (unsigned i = 0; i < 5000 && accesslog_errors(l) == 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	ck_assert_uint_eq(accesslog_errors(l), 1);
	ck_assert_uint_eq(accesslog_dropped(l), 1);
	accesslog_close(&l);
}
END_TEST

START_TEST(lines_larger_than_the_stack_are_written_and_huge_ones_dropped)
{
	struct accesslog *l;
	ck_assert_int_eq(accesslog_open(str_of(path), KEYVALUE, &l), ERR_OK);
	char *long_target = mem_alloc(200000);
	memset(long_target, 'x', 200000);
	struct access_line line = line_of("");
	line.target = str_make(long_target, 16000);
	accesslog_write(l, &line);
	line.target = str_make(long_target, 200000);
	accesslog_write(l, &line);
	ck_assert_uint_eq(accesslog_dropped(l), 1);
	accesslog_close(&l);
	struct buf b;
	read_file(path, &b);
	ck_assert_uint_eq(lines_of(buf_str(&b)), 1);
	ck_assert_uint_gt(b.n, 16000);
	buf_free(&b);
	free(long_target);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_an_error)
{
	struct accesslog *l = NULL;
	errno = 0;
	ck_assert_int_eq(accesslog_open(STR("/nowhere/access.log"), KEYVALUE, &l), ERR_IO);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_null(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("accesslog");
	TCase *t = tcase_create("accesslog");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_many_threads_append_is_written_whole_at_the_end);
	tcase_add_test(t, lines_after_a_reopen_go_to_the_new_file);
	tcase_add_test(t, a_pipe_that_nobody_reads_costs_lines_and_no_time);
	tcase_add_test(t, a_full_disk_is_counted);
	tcase_add_test(t, lines_larger_than_the_stack_are_written_and_huge_ones_dropped);
	tcase_add_test(t, a_file_that_cannot_be_opened_is_an_error);
	suite_add_tcase(s, t);
	return suite_run(s);
}
