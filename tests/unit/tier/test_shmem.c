/* Memory that the kernel can send: its bytes are those of its descriptor, and there is a bound. */
#include "tier/shmem.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "suite.h"

enum { SIZE = 100000 };

START_TEST(the_bytes_are_those_of_the_descriptor)
{
	char *p, byte;
	int fd = shmem__new(SIZE, &p);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(p[0], 0);
	p[0] = 'a';
	p[SIZE - 1] = 'z';
	ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
	ck_assert_int_eq(byte, 'a');
	ck_assert_int_eq(pread(fd, &byte, 1, SIZE - 1), 1);
	ck_assert_int_eq(byte, 'z');
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), SIZE);
	shmem__free(fd, p, SIZE);
	ck_assert_int_lt(pread(fd, &byte, 1, 0), 0);
}
END_TEST

START_TEST(it_takes_a_quarter_of_the_descriptors_at_most)
{
	struct rlimit was, few = {.rlim_cur = 40};
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	few.rlim_max = was.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	int fds[11];
	char *at[11];
	unsigned n = 0;
	while (n < COUNT_OF(fds) && (fds[n] = shmem__new(SIZE, &at[n])) >= 0)
		n++;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_uint_eq(n, 10);
	while (n > 0) {
		n--;
		shmem__free(fds[n], at[n], SIZE);
	}
	fds[0] = shmem__new(SIZE, &at[0]);
	ck_assert_int_ge(fds[0], 0);
	shmem__free(fds[0], at[0], SIZE);
}
END_TEST

START_TEST(whole_pages_are_charged)
{
	ck_assert_uint_gt(shmem__cost(1), 4096);
	ck_assert_uint_eq(shmem__cost(4096), shmem__cost(1));
	ck_assert_uint_eq(shmem__cost(4097), shmem__cost(1) + 4096);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shmem");
	TCase *t = tcase_create("shmem");
	tcase_add_test(t, the_bytes_are_those_of_the_descriptor);
	tcase_add_test(t, it_takes_a_quarter_of_the_descriptors_at_most);
	tcase_add_test(t, whole_pages_are_charged);
	suite_add_tcase(s, t);
	return suite_run(s);
}
