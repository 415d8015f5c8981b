/* The index of tags: lists as they come and go, and the bytes it says it takes. */
#include "suite.h"

#include "base/mem.h"
#include "tier/tags.h"

struct page {
	struct tag_ref refs[3];
	struct str tags[3];
	unsigned n;
};

static void page_init(struct page *p)
{
	for (unsigned i = 0; i < p->n; i++)
		p->refs[i].owner = p;
}

static unsigned length(const struct tags *t, struct str tag)
{
	unsigned n = 0;
	for (struct tag_ref *ref = tags__find(t, tag); ref; ref = ref->next)
		n++;
	return n;
}

START_TEST(a_tag_lives_while_an_entry_carries_it)
{
	struct tags t;
	tags__init(&t, 7);
	struct page one = {.tags = {STR("a"), STR("bb")}, .n = 2}, two = {.tags = {STR("bb"), STR("")}, .n = 2};
	page_init(&one);
	page_init(&two);
	ck_assert_uint_eq(tags__add(&t, one.refs, one.tags, one.n), 0);
	ck_assert_msg(tags__add(&t, two.refs, two.tags, two.n) == tags__cost(STR("bb")), "bb was there already");
	ck_assert_uint_eq(length(&t, STR("a")), 1);
	ck_assert_uint_eq(length(&t, STR("bb")), 2);
	ck_assert_uint_eq(length(&t, STR("")), 1);
	ck_assert_uint_eq(length(&t, STR("b")), 0);
	ck_assert_ptr_eq(tags__find(&t, STR("bb"))->owner, &two);
	ck_assert_uint_eq(tags__remove(&t, one.refs, one.n), tags__cost(STR("a")));
	ck_assert_uint_eq(length(&t, STR("a")), 0);
	ck_assert_ptr_eq(tags__find(&t, STR("bb"))->owner, &two);
	ck_assert_uint_eq(tags__remove(&t, two.refs, two.n), tags__cost(STR("bb")) + tags__cost(STR("")));
	tags__free(&t);
}
END_TEST

START_TEST(the_middle_of_a_list_leaves)
{
	struct tags t;
	tags__init(&t, 7);
	struct page pages[3];
	for (unsigned i = 0; i < 3; i++) {
		pages[i] = (struct page){.tags = {STR("x")}, .n = 1};
		page_init(&pages[i]);
		tags__add(&t, pages[i].refs, pages[i].tags, 1);
	}
	tags__remove(&t, pages[1].refs, 1);
	struct tag_ref *ref = tags__find(&t, STR("x"));
	ck_assert_ptr_eq(ref->owner, &pages[2]);
	ck_assert_ptr_eq(ref->next->owner, &pages[0]);
	ck_assert_ptr_null(ref->next->next);
	tags__remove(&t, pages[0].refs, 1);
	tags__remove(&t, pages[2].refs, 1);
	tags__free(&t);
}
END_TEST

START_TEST(a_repeated_tag_counts_once)
{
	struct tags t;
	tags__init(&t, 7);
	struct page page = {.tags = {STR("x"), STR("y"), STR("x")}, .n = 3};
	page_init(&page);
	ck_assert_uint_eq(tags__add(&t, page.refs, page.tags, page.n), tags__cost(STR("x")));
	ck_assert_uint_eq(length(&t, STR("x")), 1);
	ck_assert_uint_eq(tags__remove(&t, page.refs, page.n), tags__cost(STR("x")) + tags__cost(STR("y")));
	tags__free(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/tags");
	TCase *t = tcase_create("tags");
	tcase_add_test(t, a_tag_lives_while_an_entry_carries_it);
	tcase_add_test(t, the_middle_of_a_list_leaves);
	tcase_add_test(t, a_repeated_tag_counts_once);
	suite_add_tcase(s, t);
	return suite_run(s);
}
