/* The table: order within a hash through every change of size, and what its memory costs. */
#include "suite.h"

#include "base/mem.h"
#include "must.h"
#include "tier/table.h"

struct item {
	struct table_node node;
	unsigned age; /* among those of its hash */
};

enum { HASHES = 3000, AGES = 3 };

static struct item items[AGES][HASHES];

/* As a tier does it: a spare as wanted, then the old array freed. */
static void grow(struct table *t)
{
	size_t n = table__wants(t);
	if (n == 0)
		return;
	struct table_spare spare = {mem_zalloc(n * sizeof(struct table_node *)), n};
	must(table__grow(t, &spare), "did not grow");
	free(spare.buckets);
}

static void check_order(const struct table *t, unsigned from_age)
{
	for (unsigned h = 0; h < HASHES; h++) {
		unsigned expect = AGES;
		for (const struct table_node *n = table__chain(t, h * 977); n; n = n->next) {
			if (n->hash != h * 977)
				continue;
			const struct item *item = CONTAINER_OF(n, struct item, node);
			must(item->age == --expect, "hash %u: %u where %u was expected", h, item->age, expect);
		}
		must(expect == from_age, "hash %u: ends at %u", h, expect);
	}
}

START_TEST(order_and_count_survive_growing_and_shrinking)
{
	struct table t;
	table__init(&t);
	for (unsigned age = 0; age < AGES; age++) {
		for (unsigned h = 0; h < HASHES; h++) {
			struct item *item = &items[age][h];
			*item = (struct item){.node.hash = h * 977, .age = age};
			grow(&t);
			table__add(&t, &item->node);
		}
	}
	ck_assert_uint_eq(table__count(&t), AGES * HASHES);
	ck_assert_uint_eq(table__n_buckets(&t), 16384);
	check_order(&t, 0);
	ck_assert_uint_eq(table__shrink(&t), 0);

	for (unsigned h = 0; h < HASHES; h++)
		table__remove(&t, &items[0][h].node);
	check_order(&t, 1);
	for (unsigned h = 0; h < HASHES; h++) {
		for (unsigned age = 1; age < AGES; age++) {
			if (h >= 100)
				table__remove(&t, &items[age][h].node);
		}
	}
	ck_assert_uint_eq(table__shrink(&t), table__cost(16384) - table__cost(1024));
	ck_assert_uint_eq(table__count(&t), 200);
	for (unsigned h = 0; h < 100; h++) {
		unsigned seen = 0;
		for (const struct table_node *n = table__chain(&t, h * 977); n; n = n->next) {
			if (n->hash == h * 977)
				must(CONTAINER_OF(n, struct item, node)->age == 2 - seen++, "hash %u: order", h);
		}
		must(seen == 2, "hash %u: %u left", h, seen);
		for (unsigned age = 1; age < AGES; age++)
			table__remove(&t, &items[age][h].node);
	}
	ck_assert_uint_eq(table__shrink(&t), table__cost(1024));
	ck_assert_uint_eq(table__n_buckets(&t), TABLE_INLINE);
	for (size_t i = 0; i < TABLE_INLINE; i++)
		ck_assert_ptr_null(table__bucket(&t, i));
	table__free(&t);
}
END_TEST

START_TEST(a_spare_that_is_not_larger_is_left_alone)
{
	struct table t;
	table__init(&t);
	struct table_spare spare = {0};
	ck_assert(!table__grow(&t, &spare));
	struct item item = {.node.hash = 5};
	table__add(&t, &item.node);
	ck_assert_uint_eq(table__wants(&t), 0);
	ck_assert_uint_eq(table__cost(TABLE_INLINE), 0);
	spare = (struct table_spare){mem_zalloc(16 * sizeof(struct table_node *)), 16};
	ck_assert(table__grow(&t, &spare));
	ck_assert_ptr_null(spare.buckets);
	ck_assert_ptr_eq(table__chain(&t, 5), &item.node);
	spare = (struct table_spare){mem_zalloc(16 * sizeof(struct table_node *)), 16};
	ck_assert_msg(!table__grow(&t, &spare), "another thread was quicker");
	free(spare.buckets);
	table__free(&t);
}
END_TEST

START_TEST(tables_that_fill_alike_grow_one_by_one)
{
	static struct table t[24];
	static struct table_node nodes[24][3000];
	unsigned most = 0, grown = 0;
	for (unsigned i = 0; i < COUNT_OF(t); i++) {
		table__init(&t[i]);
		table__stagger(&t[i], i);
	}
	for (unsigned n = 0; n < 3000; n++) {
		unsigned now = 0;
		for (unsigned i = 0; i < COUNT_OF(t); i++) {
			nodes[i][n].hash = n * 977;
			now += table__wants(&t[i]) > 0;
			grow(&t[i]);
			table__add(&t[i], &nodes[i][n]);
		}
		if (n > 200 && now > most)
			most = now;
		grown += now;
	}
	ck_assert_uint_ge(grown, COUNT_OF(t) * 7);
	ck_assert_msg(most <= 2, "%u at once", most);
	for (unsigned i = 0; i < COUNT_OF(t); i++)
		table__free(&t[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/table");
	TCase *t = tcase_create("table");
	tcase_add_test(t, order_and_count_survive_growing_and_shrinking);
	tcase_add_test(t, tables_that_fill_alike_grow_one_by_one);
	tcase_add_test(t, a_spare_that_is_not_larger_is_left_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
