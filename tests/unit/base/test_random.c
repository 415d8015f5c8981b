/* Bits from the kernel. */
#include "suite.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(every_bit_is_used)
{
	uint64_t first, same_as_first = UINT64_MAX;
	ck_assert_int_eq(random_u64(&first), ERR_OK);
	for (unsigned i = 0; i < 64; i++) { /* that one bit stays all the time: one in 2^64 */
		uint64_t next;
		ck_assert_int_eq(random_u64(&next), ERR_OK);
		same_as_first &= ~(first ^ next);
	}
	ck_assert_uint_eq(same_as_first, 0);
}
END_TEST

/* Sizes around the pool's, so that some are from what is left, some from a fresh one, and some go past it. */
START_TEST(fills_what_it_was_given_and_no_more)
{
	static const size_t sizes[] = {1, 7, 32, 1000, 24, RANDOM_POOL, RANDOM_POOL - 1, 2, RANDOM_POOL + 1, 5000, 16};
	for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
		size_t n = sizes[i];
		unsigned char seen[5000] = {0}, got[5000 + 1];
		for (unsigned round = 0; round < 40; round++) { /* that a byte is zero in all of them: one in 2^320 */
			got[n] = 0xa5;
			ck_assert_int_eq(random_bytes(got, n), ERR_OK);
			ck_assert_msg(got[n] == 0xa5, "%zu bytes: wrote behind them", n);
			for (size_t k = 0; k < n; k++)
				seen[k] |= got[k];
		}
		for (size_t k = 0; k < n; k++)
			ck_assert_msg(seen[k] != 0, "%zu bytes: the one at %zu is never written", n, k);
	}
}
END_TEST

static int compare_bits(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* That two of 2 * 4096 are equal by chance: one in 2^39. */
enum { BITS = 4096 };
static void check_all_differ(uint64_t *bits, size_t n, const char *what)
{
	qsort(bits, n, sizeof(*bits), compare_bits);
	for (size_t i = 1; i < n; i++)
		ck_assert_msg(bits[i] != bits[i - 1], "%s: some are given out twice", what);
}

START_TEST(nothing_is_given_out_twice)
{
	uint64_t bits[BITS];
	for (unsigned i = 0; i < BITS; i++)
		ck_assert_int_eq(random_u64(&bits[i]), ERR_OK);
	check_all_differ(bits, BITS, "one thread");
}
END_TEST

static void *gather(void *bits)
{
	return random_bytes(bits, RANDOM_POOL / 2) == ERR_OK ? bits : NULL;
}

START_TEST(threads_share_nothing)
{
	enum { N = RANDOM_POOL / 2 / 8 };
	uint64_t bits[2 * N];
	pthread_t other;
	ck_assert_int_eq(pthread_create(&other, NULL, gather, bits + N), 0);
	ck_assert_ptr_nonnull(gather(bits)); /* meanwhile: a shared pool would be a race */
	void *result;
	pthread_join(other, &result);
	ck_assert_ptr_nonnull(result);
	check_all_differ(bits, 2 * N, "two threads");
}
END_TEST

/* Runs in a child what writes its bits to a pipe; returns its exit status. */
static int in_child(int (*run)(uint64_t *bits), uint64_t bits[8])
{
	int ends[2], status = -1;
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		uint64_t own[8] = {0};
		int result = run(own);
		_exit(write(ends[1], own, sizeof(own)) == sizeof(own) ? result : 99);
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], bits, 8 * sizeof(*bits)), 8 * sizeof(*bits));
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int take_eight(uint64_t *bits)
{
	return random_bytes(bits, 8 * sizeof(*bits)) == ERR_OK ? 0 : 1;
}

START_TEST(a_forked_child_does_not_get_its_parents_bits)
{
	uint64_t before, both[16];
	ck_assert_int_eq(random_u64(&before), ERR_OK); /* so that there is a pool */
	ck_assert_int_eq(in_child(take_eight, both), 0);
	ck_assert_int_eq(take_eight(both + 8), 0);
	check_all_differ(both, 16, "parent and child");
}
END_TEST

enum { NO_SANDBOX = 77 };

static int ask_in_sandbox(uint64_t *bits)
{
	struct sock_filter steps[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT_OF(steps), steps};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return NO_SANDBOX;
	unsigned char many[RANDOM_POOL + 1];
	bits[0] = 42;
	return random_u64(&bits[0]) == ERR_IO && random_bytes(many, sizeof(many)) == ERR_IO ? 0 : 1;
}

START_TEST(a_sandbox_that_forbids_the_call_is_an_error)
{
	uint64_t bits[8];
	int status = in_child(ask_in_sandbox, bits);
	if (status == NO_SANDBOX)
		return; /* this system has no such filters */
	ck_assert_int_eq(status, 0);
	ck_assert_msg(bits[0] == 42, "the result is touched");
}
END_TEST

/* Told, not judged: a hit takes 32 bytes for each value that it makes. */
START_TEST(what_it_costs)
{
	enum { N = 100000 };
	unsigned char token[32];
	unsigned failed = 0; /* an assertion of Check's takes longer than what it asks */
	int64_t begin = clock_mono_us();
	for (unsigned i = 0; i < N; i++)
		failed += random_bytes(token, sizeof(token)) != ERR_OK;
	printf("random_bytes: %.0f ns for 32 bytes\n", (double)(clock_mono_us() - begin) * 1000 / N);
	ck_assert_uint_eq(failed, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/random");
	TCase *c = tcase_create("random");
	suite_add_tcase(s, c);
	tcase_add_test(c, every_bit_is_used);
	tcase_add_test(c, fills_what_it_was_given_and_no_more);
	tcase_add_test(c, nothing_is_given_out_twice);
	tcase_add_test(c, threads_share_nothing);
	tcase_add_test(c, a_forked_child_does_not_get_its_parents_bits);
	tcase_add_test(c, a_sandbox_that_forbids_the_call_is_an_error);
	tcase_add_test(c, what_it_costs);
	return suite_run(s);
}
