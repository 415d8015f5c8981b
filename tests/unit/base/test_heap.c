/* Measures of the heap: they follow what is allocated, or say that they cannot. */
#include "suite.h"

#include <stdint.h>

#include "base/heap.h"
#include "base/mem.h"

START_TEST(measures_follow_what_is_allocated)
{
	enum { SIZE = 20 * 1024 * 1024, SLACK = 1024 * 1024 };
	heap_setup();
	size_t resident = heap_resident(), live = heap_live();
	if (resident == 0 || live == 0) { /* with another malloc */
		ck_assert_uint_eq(live, 0);
		return;
	}
	volatile char *p = mem_alloc(SIZE);
	for (size_t i = 0; i < SIZE; i += 1024)
		p[i] = 1;
	ck_assert_uint_ge(heap_live(), live + SIZE);
	ck_assert_uint_ge(heap_resident() + SLACK, resident + SIZE);
	free((void *)(uintptr_t)p);
	heap_trim();
	ck_assert_uint_lt(heap_live(), live + SLACK);
	ck_assert_uint_lt(heap_resident(), resident + SLACK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/heap");
	TCase *t = tcase_create("measures");
	tcase_add_test(t, measures_follow_what_is_allocated);
	suite_add_tcase(s, t);
	return suite_run(s);
}
