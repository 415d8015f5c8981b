/* Deadlines: the test is the clock. */
#include "worker/deadline.h"

#include "base/mem.h"
#include "suite.h"

struct item {
	struct deadline d;
	char name;
	struct deadlines *all;
	struct item *clears; /* in fire */
	int64_t sets;	     /* itself again, in fire */
};

static char fired[64];
static size_t n_fired;
static int64_t now_ms;

static void fire(struct deadline *d)
{
	struct item *i = CONTAINER_OF(d, struct item, d);
	ck_assert(!list_is_linked(&d->link));
	fired[n_fired++] = i->name;
	fired[n_fired] = '\0';
	if (i->clears)
		deadline_clear(&i->clears->d);
	if (i->sets)
		deadline_set(i->all, d, now_ms, i->sets);
}

static void run_until(struct deadlines *all, int64_t to_ms)
{
	n_fired = 0;
	fired[0] = '\0';
	for (int64_t next; (next = deadlines_next(all)) <= to_ms;) {
		now_ms = next > now_ms ? next : now_ms;
		deadlines_run(all, now_ms);
	}
	now_ms = to_ms;
	deadlines_run(all, now_ms);
}

#define ITEM(var, c) struct item var = {.d = {.fire = fire}, .name = (c), .all = &all}

START_TEST(they_fire_in_time_and_once)
{
	struct deadlines all = {0};
	ITEM(a, 'a');
	ITEM(b, 'b');
	ITEM(c, 'c');
	ITEM(d, 'd');
	now_ms = 1000;
	ck_assert(deadlines_next(&all) == INT64_MAX);
	deadline_set(&all, &a.d, now_ms, 50);
	deadline_set(&all, &b.d, now_ms, 10);
	deadline_set(&all, &c.d, now_ms + 5, 10);
	deadline_set(&all, &d.d, now_ms, 30);
	ck_assert_int_eq(deadlines_next(&all), 1010);
	run_until(&all, 1009);
	ck_assert_str_eq(fired, "");
	run_until(&all, 1014);
	ck_assert_str_eq(fired, "b");
	run_until(&all, 2000);
	ck_assert_str_eq(fired, "cda");
	run_until(&all, 9000);
	ck_assert_str_eq(fired, "");
	deadlines_free(&all);
}
END_TEST

START_TEST(setting_anew_moves_and_clearing_removes)
{
	struct deadlines all = {0};
	ITEM(a, 'a');
	ITEM(b, 'b');
	now_ms = 0;
	deadline_set(&all, &a.d, 0, 10);
	deadline_set(&all, &b.d, 0, 10);
	deadline_set(&all, &a.d, 5, 10);
	ck_assert_int_eq(deadlines_next(&all), 10);
	deadline_clear(&b.d);
	deadline_clear(&b.d); /* harmless */
	ck_assert_int_eq(deadlines_next(&all), 15);
	run_until(&all, 100);
	ck_assert_str_eq(fired, "a");
	deadlines_free(&all);
}
END_TEST

START_TEST(what_fires_may_set_and_clear)
{
	struct deadlines all = {0};
	ITEM(a, 'a');
	ITEM(b, 'b');
	now_ms = 0;
	a.clears = &b;
	a.sets = 7;
	deadline_set(&all, &a.d, 0, 10);
	deadline_set(&all, &b.d, 0, 10);
	run_until(&all, 30);
	ck_assert_str_eq(fired, "aaa"); /* 10, 17, 24 */
	deadlines_free(&all);
	ck_assert(!list_is_linked(&a.d.link));
}
END_TEST

START_TEST(durations_that_come_and_go_leave_nothing)
{
	struct deadlines all = {0};
	ITEM(a, 'a');
	for (int i = 1; i <= 1000; i++)
		deadline_set(&all, &a.d, 0, i);
	ck_assert_uint_le(all.n_classes, 65);
	deadlines_free(&all);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("deadline");
	TCase *t = tcase_create("deadline");
	tcase_add_test(t, they_fire_in_time_and_once);
	tcase_add_test(t, setting_anew_moves_and_clearing_removes);
	tcase_add_test(t, what_fires_may_set_and_clear);
	tcase_add_test(t, durations_that_come_and_go_leave_nothing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
