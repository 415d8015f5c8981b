#include "suite.h"

#include "base/alloc.h"

START_TEST(what_is_given)
{
	char *p = alloc_try_zero(100), *copy = alloc_try_copy(STR("ab\0c"));
	static const char zeros[100];
	ck_assert_mem_eq(p, zeros, 100);
	ck_assert_mem_eq(copy, "ab\0c", 5);
	p = alloc_try_resize(p, 200);
	ck_assert_ptr_nonnull(p);
	free(p);
	free(copy);
	p = alloc_try(0);
	ck_assert_ptr_nonnull(p);
	free(p);
}
END_TEST

START_TEST(from_the_nth_on_it_fails)
{
	alloc_fail_after(2);
	void *a = alloc_try(1), *b = alloc_try_zero(1), *c = alloc_try(1);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_null(c);
	ck_assert_ptr_null(alloc_try_resize(NULL, 5));
	ck_assert_ptr_null(alloc_try_copy(STR("x")));
	ck_assert_uint_eq(alloc_fail_after(-1), 5);
	c = alloc_try(1);
	ck_assert_ptr_nonnull(c);
	free(a);
	free(b);
	free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/alloc");
	TCase *c = tcase_create("alloc");
	tcase_add_test(c, what_is_given);
	tcase_add_test(c, from_the_nth_on_it_fails);
	suite_add_tcase(s, c);
	return suite_run(s);
}
