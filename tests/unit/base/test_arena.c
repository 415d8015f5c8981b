#include "suite.h"

#include "base/arena.h"
#include "base/mem.h"

START_TEST(allocations_are_aligned_and_do_not_overlap)
{
	static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 100, 500, 1024, 5000, 1, 100000, 3, 4096};
	struct {
		unsigned char *p;
		size_t n;
	} got[COUNT_OF(sizes) * 20];
	struct arena a;
	arena_init(&a, 0);
	size_t total = 0;
	for (size_t i = 0; i < COUNT_OF(got); i++) {
		size_t n = sizes[i % COUNT_OF(sizes)];
		got[i].p = arena_alloc(&a, n);
		got[i].n = n;
		total += n;
		ck_assert_uint_eq((uintptr_t)got[i].p % _Alignof(max_align_t), 0);
		memset(got[i].p, (int)(i & 0xff), n);
	}
	ck_assert_uint_eq(a.used, total);
	for (size_t i = 0; i < COUNT_OF(got); i++) {
		size_t same = 0;
		while (same < got[i].n && got[i].p[same] == (i & 0xff))
			same++;
		ck_assert_uint_eq(same, got[i].n);
	}
	arena_free(&a);
	ck_assert_uint_eq(a.used, 0);
	ck_assert_ptr_null(a.block);
}
END_TEST

START_TEST(blocks_are_handed_on)
{
	enum { ARENAS = 100 };
	struct arena a[ARENAS];
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < ARENAS; i++) {
			arena_init(&a[i], 0);
			memset(arena_alloc(&a[i], 1000), (int)i, 1000);
		}
		for (unsigned i = 0; i < ARENAS; i++)
			arena_free(&a[i]);
	}
	arena_init(&a[0], 0);
	void *p = arena_alloc(&a[0], 1), *own;
	arena_free(&a[0]);
	arena_init(&a[0], 4096);
	arena_init(&a[1], 64);
	own = arena_alloc(&a[1], 1); /* of another size */
	ck_assert(MEM_IS_WATCHED || (arena_alloc(&a[0], 1) == p && own != p));
	arena_free(&a[0]);
	arena_free(&a[1]);
}
END_TEST

START_TEST(a_reset_arena_serves_again)
{
	struct arena a;
	arena_init(&a, 256);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 100; i++)
			memset(arena_alloc(&a, 30), round, 30);
		memset(arena_alloc(&a, 3000), round, 3000);
		ck_assert_uint_eq(a.used, 100 * 30 + 3000);
		arena_reset(&a);
		ck_assert_uint_eq(a.used, 0);
	}
	arena_reset(&a);
	arena_free(&a);
	arena_free(&a);
}
END_TEST

START_TEST(a_reset_after_one_outsized_allocation_keeps_nothing_large)
{
	struct arena a;
	arena_init(&a, 256);
	arena_alloc(&a, 1 << 20);
	arena_reset(&a);
	ck_assert_ptr_null(a.block);
	arena_free(&a);
}
END_TEST

START_TEST(zalloc_clears_memory_that_was_used_before)
{
	static const char zeros[64];
	struct arena a;
	arena_init(&a, 0);
	memset(arena_alloc(&a, 64), 0xff, 64);
	arena_reset(&a);
	ck_assert_mem_eq(arena_zalloc(&a, 64), zeros, 64);
	arena_free(&a);
}
END_TEST

START_TEST(strings_are_copied_and_end_with_nul)
{
	struct arena a;
	arena_init(&a, 0);
	char source[] = "abc";
	struct str copy = arena_str(&a, str_of(source));
	source[0] = 'x';
	ck_assert_uint_eq(copy.n, 3);
	ck_assert_str_eq(copy.p, "abc");
	struct str empty = arena_str(&a, STR_NONE);
	ck_assert_uint_eq(empty.n, 0);
	ck_assert_str_eq(empty.p, "");
	struct str printed = arena_printf(&a, "%d-%s-%02x", 42, "text", 10);
	ck_assert_uint_eq(printed.n, 10);
	ck_assert_str_eq(printed.p, "42-text-0a");
	arena_free(&a);
}
END_TEST

/* At the end of a block some fit with their NUL, some do not; none may spoil another. */
START_TEST(printed_strings_fit_wherever_a_block_ends)
{
	enum { COUNT = 64 };
	for (int width = 1; width <= 80; width++) {
		struct arena a;
		struct str printed[COUNT];
		arena_init(&a, 64);
		for (int i = 0; i < COUNT; i++)
			printed[i] = arena_printf(&a, "%0*d", width, i % 10);
		for (int i = 0; i < COUNT; i++) {
			ck_assert_uint_eq(printed[i].n, (size_t)width);
			ck_assert_uint_eq(strlen(printed[i].p), (size_t)width);
			ck_assert_int_eq(printed[i].p[width - 1], '0' + i % 10);
		}
		arena_free(&a);
	}
}
END_TEST

START_TEST(a_first_block_of_the_callers)
{
	struct arena a;
	size_t n = 4096;
	char *room = malloc(n);
	arena_init_in(&a, room, n);
	char *p = arena_alloc(&a, 3000), *q = arena_alloc(&a, 100);
	memset(p, 1, 3000);
	memset(q, 2, 100);
	p = arena_alloc(&a, 5000); /* more than there is: as ever */
	memset(p, 3, 5000);
	arena_free(&a);
	p = arena_alloc(&a, 10);
	memset(p, 4, 10);
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/arena");
	TCase *c = tcase_create("arena");
	suite_add_tcase(s, c);
	tcase_add_test(c, allocations_are_aligned_and_do_not_overlap);
	tcase_add_test(c, blocks_are_handed_on);
	tcase_add_test(c, a_reset_arena_serves_again);
	tcase_add_test(c, a_reset_after_one_outsized_allocation_keeps_nothing_large);
	tcase_add_test(c, zalloc_clears_memory_that_was_used_before);
	tcase_add_test(c, strings_are_copied_and_end_with_nul);
	tcase_add_test(c, printed_strings_fit_wherever_a_block_ends);
	tcase_add_test(c, a_first_block_of_the_callers);
	return suite_run(s);
}
