#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "must.h"
#include "tier/redis_mark.h"

static char folder[] = "/tmp/larder-mark-XXXXXX", path[64];

static void put(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "not written");
	close(fd);
}

START_TEST(what_was_written_is_read)
{
	const struct redis_mark marks[] = {{1, 0}, {UINT64_MAX, UINT64_MAX}, {0x123456789abcdef0, 42}};
	struct redis_mark got;
	ck_assert_msg(!redis_mark__read(path, &got), "there too early");
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		redis_mark__write(path, &marks[i]);
		ck_assert(redis_mark__read(path, &got));
		ck_assert(got.id == marks[i].id && got.seq == marks[i].seq);
	}
	unlink(path);
}
END_TEST

static const struct {
	const char *what, *text;
} bad[] = {
    {"empty", ""},
    {"cut", "larder-redis-mark 0123456789abcdef 00000000000000"},
    {"without its end", "larder-redis-mark 0123456789abcdef 0000000000000042"},
    {"longer", "larder-redis-mark 0123456789abcdef 0000000000000042\n\n"},
    {"no digits", "larder-redis-mark 0123456789abcdeg 0000000000000042\n"},
    {"another head", "larder-redis-mare 0123456789abcdef 0000000000000042\n"},
    {"no blank", "larder-redis-mark 0123456789abcdef_0000000000000042\n"},
};

START_TEST(what_is_damaged_is_none)
{
	struct redis_mark got;
	put("larder-redis-mark 0123456789abcdef 0000000000000042\n");
	ck_assert(redis_mark__read(path, &got) && got.seq == 0x42);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		put(bad[i].text);
		ck_assert_msg(!redis_mark__read(path, &got), "%s", bad[i].what);
	}
	unlink(path);
}
END_TEST

START_TEST(what_cannot_be_written_does_no_harm)
{
	struct redis_mark mark = {1, 2};
	redis_mark__write("/nowhere/at/all", &mark);
	ck_assert(!redis_mark__read("/nowhere/at/all", &mark));
}
END_TEST

int main(void)
{
	must(mkdtemp(folder) != NULL, "no folder");
	snprintf(path, sizeof(path), "%s/mark", folder);
	Suite *s = suite_create("tier/redis_mark");
	TCase *c = tcase_create("redis_mark");
	suite_add_tcase(s, c);
	tcase_add_test(c, what_was_written_is_read);
	tcase_add_test(c, what_is_damaged_is_none);
	tcase_add_test(c, what_cannot_be_written_does_no_harm);
	int failed = suite_run(s);
	rmdir(folder);
	return failed;
}
