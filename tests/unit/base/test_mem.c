#include "suite.h"

#include "base/mem.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(zero_bytes_are_still_a_pointer)
{
	void *p = mem_alloc(0), *q = mem_zalloc(0), *r = mem_realloc(mem_alloc(9), 0);
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_nonnull(r);
	free(p);
	free(q);
	free(r);
}
END_TEST

START_TEST(zalloc_clears)
{
	static const char zeros[100];
	char *p = mem_zalloc(100);
	ck_assert_mem_eq(p, zeros, 100);
	free(p);
}
END_TEST

START_TEST(dup_copies_and_ends_with_nul)
{
	char *copy = mem_dup("ab\0cd", 5);
	ck_assert_mem_eq(copy, "ab\0cd", 6);
	free(copy);
	copy = mem_dup(NULL, 0);
	ck_assert_str_eq(copy, "");
	free(copy);
}
END_TEST

/* In a child: the end of memory is the end of the process, with a message. */
START_TEST(the_end_of_memory_ends_the_process)
{
	if (MEM_IS_SANITIZED)
		return; /* its malloc ends the process in its own manner */
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		dup2(fds[1], STDERR_FILENO);
		volatile size_t most = PTRDIFF_MAX;
		void *volatile p = mem_alloc(most);
		_exit(p != NULL);
	}
	close(fds[1]);
	char text[100] = "";
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_int_gt(n, 0);
	ck_assert_str_eq(text, "larder: out of memory\n");
}
END_TEST

START_TEST(container_of_finds_the_whole_from_its_part)
{
	struct whole {
		int a;
		long part;
	} whole;
	ck_assert_ptr_eq(CONTAINER_OF(&whole.part, struct whole, part), &whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/mem");
	TCase *c = tcase_create("mem");
	suite_add_tcase(s, c);
	tcase_add_test(c, zero_bytes_are_still_a_pointer);
	tcase_add_test(c, zalloc_clears);
	tcase_add_test(c, dup_copies_and_ends_with_nul);
	tcase_add_test(c, the_end_of_memory_ends_the_process);
	tcase_add_test(c, container_of_finds_the_whole_from_its_part);
	return suite_run(s);
}
