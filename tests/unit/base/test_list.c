/* The list: order wherever one is put, and what a walk, a removal and a move leave behind. */
#include "suite.h"

#include <string.h>

#include "base/list.h"

struct item {
	char name;
	struct list link; /* not at the front: an owner is not its link */
};

static struct list head;
static struct item a, b, c, d;

static void setup(void)
{
	struct item *all[] = {&a, &b, &c, &d};
	for (unsigned i = 0; i < COUNT_OF(all); i++)
		*all[i] = (struct item){.name = (char)('a' + i)};
	list_init(&head);
}

/* The names in order, read forwards and backwards. */
static void check_order(const struct list *l, const char *names)
{
	char forwards[8] = "", backwards[8] = "";
	size_t n = 0, back = strlen(names);
	LIST_EACH (struct item, one, l, link)
		forwards[n++] = one->name;
	for (struct item *one = LIST_LAST(l, struct item, link); one && back > 0;
	     one = LIST_PREV(l, one, struct item, link))
		backwards[--back] = one->name;
	ck_assert_str_eq(forwards, names);
	ck_assert_str_eq(backwards, names);
	ck_assert_int_eq(list_is_empty(l), n == 0);
}

static void fill(void)
{
	list_add_last(&head, &a.link);
	list_add_last(&head, &b.link);
	list_add_last(&head, &c.link);
}

START_TEST(an_empty_list_has_no_owners)
{
	struct list made = LIST_EMPTY(made);
	check_order(&head, "");
	check_order(&made, "");
	ck_assert_ptr_null(LIST_FIRST(&head, struct item, link));
	ck_assert_ptr_null(LIST_LAST(&head, struct item, link));
	ck_assert(!list_is_linked(&a.link));
}
END_TEST

START_TEST(each_stands_where_it_was_put)
{
	list_add_first(&head, &b.link);
	check_order(&head, "b");
	list_add_first(&head, &a.link);
	list_add_last(&head, &d.link);
	check_order(&head, "abd");
	list_add_before(&d.link, &c.link);
	check_order(&head, "abcd");
	list_remove(&c.link);
	list_add_after(&a.link, &c.link);
	check_order(&head, "acbd");
	ck_assert_ptr_eq(LIST_FIRST(&head, struct item, link), &a);
	ck_assert_ptr_eq(LIST_LAST(&head, struct item, link), &d);
	ck_assert_ptr_eq(LIST_NEXT(&head, &a, struct item, link), &c);
	ck_assert_ptr_null(LIST_NEXT(&head, &d, struct item, link));
	ck_assert_ptr_null(LIST_PREV(&head, &a, struct item, link));
}
END_TEST

START_TEST(before_and_behind_the_head_are_the_ends)
{
	list_add_before(&head, &a.link);
	list_add_before(&head, &b.link);
	list_add_after(&head, &c.link);
	check_order(&head, "cab");
}
END_TEST

START_TEST(what_is_removed_is_not_linked_and_removed_again_harmlessly)
{
	fill();
	list_remove(&b.link);
	ck_assert(!list_is_linked(&b.link) && list_is_linked(&a.link));
	check_order(&head, "ac");
	list_remove(&b.link);
	check_order(&head, "ac");
	list_remove(&a.link);
	list_remove(&c.link);
	check_order(&head, "");
	fill();
	check_order(&head, "abc");
}
END_TEST

START_TEST(a_walk_bears_that_the_current_one_goes)
{
	struct list other = LIST_EMPTY(other);
	fill();
	list_add_last(&head, &d.link);
	LIST_EACH_SAFE (struct item, one, &head, link) {
		list_remove(&one->link);
		if (one != &b)
			list_add_first(&other, &one->link);
		else
			memset(one, 0x5a, sizeof(*one)); /* as if freed */
	}
	check_order(&head, "");
	check_order(&other, "dca");
}
END_TEST

START_TEST(a_walk_meets_what_is_added_behind_it)
{
	char met[8] = "";
	size_t n = 0;
	list_add_last(&head, &a.link);
	list_add_last(&head, &b.link);
	LIST_EACH_SAFE (struct item, one, &head, link) {
		met[n++] = one->name;
		if (one == &a)
			list_add_last(&head, &c.link);
	}
	ck_assert_str_eq(met, "abc");
}
END_TEST

START_TEST(the_first_is_taken_until_none_is_left)
{
	unsigned n = 0;
	fill();
	for (struct item *one; (one = LIST_FIRST(&head, struct item, link)); n++)
		list_remove(&one->link);
	ck_assert_uint_eq(n, 3);
	check_order(&head, "");
}
END_TEST

START_TEST(all_move_to_the_end_of_another)
{
	struct list other = LIST_EMPTY(other);
	list_move_all(&other, &head);
	check_order(&other, "");
	fill();
	list_move_all(&other, &head);
	check_order(&other, "abc");
	check_order(&head, "");
	list_add_last(&head, &d.link);
	list_move_all(&other, &head);
	check_order(&other, "abcd");
	check_order(&head, "");
	list_remove(&b.link);
	check_order(&other, "acd");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/list");
	TCase *t = tcase_create("list");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, an_empty_list_has_no_owners);
	tcase_add_test(t, each_stands_where_it_was_put);
	tcase_add_test(t, before_and_behind_the_head_are_the_ends);
	tcase_add_test(t, what_is_removed_is_not_linked_and_removed_again_harmlessly);
	tcase_add_test(t, a_walk_bears_that_the_current_one_goes);
	tcase_add_test(t, a_walk_meets_what_is_added_behind_it);
	tcase_add_test(t, the_first_is_taken_until_none_is_left);
	tcase_add_test(t, all_move_to_the_end_of_another);
	suite_add_tcase(s, t);
	return suite_run(s);
}
