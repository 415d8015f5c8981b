#include "suite.h"

#include "base/log.h"
#include "base/mem.h"
#include "capture.h"

#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

static void assert_matches(const char *text, const char *pattern)
{
	regex_t regex;
	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	int no_match = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	ck_assert_msg(no_match == 0, "\"%s\" does not match %s", text, pattern);
}

START_TEST(a_line_has_time_level_area_and_text)
{
	capture_begin();
	log_warning("upstream", "text %d of %s", 5, "five");
	char *text = capture_end();
	assert_matches(text, "^20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z "
			     "warning upstream: text 5 of five\n$");
	free(text);
}
END_TEST

START_TEST(lines_below_the_level_are_dropped)
{
	capture_begin();
	log_set_level(LOG_WARNING);
	log_error("a", "1");
	log_warning("a", "2");
	log_info("a", "3");
	log_debug("a", "4");
	log_set_level(LOG_DEBUG);
	log_debug("a", "5");
	log_set_level(LOG_INFO);
	char *text = capture_end();
	assert_matches(text, "^[^\n]* error a: 1\n[^\n]* warning a: 2\n[^\n]* debug a: 5\n$");
	free(text);
}
END_TEST

START_TEST(control_characters_cannot_forge_a_line)
{
	capture_begin();
	log_info("client", "target %s", "/a\r\nfake\x1b[2J\x7f \xc3\xa9");
	char *text = capture_end();
	assert_matches(text, " info client: target /a\\\\x0d\\\\x0afake\\\\x1b\\[2J\\\\x7f \xc3\xa9\n$");
	free(text);
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
	static char longs[10000];
	memset(longs, 'x', sizeof(longs) - 1);
	capture_begin();
	log_info("area", "%s", longs);
	log_info(longs, "behind a long area");
	memset(longs, '\n', sizeof(longs) - 1);
	log_info("area", "%s", longs);
	char *text = capture_end();
	size_t lines = 0;
	for (struct str rest = str_of(text), line; str_cut(&rest, '\n', &line) && rest.p; lines++)
		ck_assert_uint_lt(line.n, 4096);
	ck_assert_uint_eq(lines, 3);
	assert_matches(text, "xxx\\.\\.\\.\n[^\n]*xxx: behind a long area\n[^\n]*\\\\x0a\\.\\.\\.\n$");
	free(text);
}
END_TEST

START_TEST(errno_is_left_alone)
{
	capture_begin();
	close(STDERR_FILENO);
	errno = ENOENT;
	log_info("area", "into nothing");
	ck_assert_int_eq(errno, ENOENT);
	free(capture_end());
}
END_TEST

static void *write_lines(void *letter)
{
	char text[201];
	memset(text, *(char *)letter, 200);
	text[200] = '\0';
	for (int i = 0; i < 200; i++)
		log_info("thread", "%s", text);
	return NULL;
}

START_TEST(lines_of_threads_do_not_mix)
{
	char letters[] = "abcd";
	pthread_t threads[4];
	capture_begin();
	/* O_APPEND is what a log has: without it two writes may land on the same place. */
	FILE *append = fopen("/proc/self/fd/2", "a");
	dup2(fileno(append), STDERR_FILENO);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	fclose(append);
	char *text = capture_end();
	size_t lines = 0;
	for (struct str rest = str_of(text), line; str_cut(&rest, '\n', &line) && rest.p; lines++) {
		struct str tail = str_skip(line, line.n - 200);
		ck_assert(str_ends(str_take(line, line.n - 200), STR("Z info thread: ")));
		for (size_t i = 0; i < tail.n; i++)
			ck_assert_int_eq(tail.p[i], tail.p[0]);
	}
	ck_assert_uint_eq(lines, 800);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/log");
	TCase *c = tcase_create("log");
	suite_add_tcase(s, c);
	tcase_add_test(c, a_line_has_time_level_area_and_text);
	tcase_add_test(c, lines_below_the_level_are_dropped);
	tcase_add_test(c, control_characters_cannot_forge_a_line);
	tcase_add_test(c, a_long_line_is_cut_and_says_so);
	tcase_add_test(c, errno_is_left_alone);
	tcase_add_test(c, lines_of_threads_do_not_mix);
	return suite_run(s);
}
