#include "suite.h"

#include "base/budget.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdint.h>

struct reclaimer {
	struct budget *budget;
	size_t asked, calls, gives;
};

static void reclaim(void *ctx, size_t need)
{
	struct reclaimer *r = ctx;
	r->asked = need;
	r->calls++;
	budget_give_back(r->budget, r->gives);
}

START_TEST(charges_stop_at_the_limit)
{
	struct budget b = {.limit = 100};
	ck_assert_int_eq(budget_charge(&b, 60), 0);
	ck_assert_int_eq(budget_charge(&b, 41), ERR_FULL);
	ck_assert_uint_eq(b.used, 60);
	ck_assert_int_eq(budget_charge(&b, 40), 0);
	ck_assert_int_eq(budget_charge(&b, 0), 0);
	ck_assert_int_eq(budget_charge(&b, 1), ERR_FULL);
	ck_assert_int_eq(budget_charge(&b, SIZE_MAX), ERR_FULL);
	budget_give_back(&b, 100);
	ck_assert_uint_eq(b.used, 0);
}
END_TEST

START_TEST(reclaim_is_asked_for_what_is_missing)
{
	struct budget b = {.used = 90, .limit = 100, .reclaim = reclaim};
	struct reclaimer r = {.budget = &b, .gives = 15};
	b.ctx = &r;
	ck_assert_int_eq(budget_charge(&b, 25), 0);
	ck_assert_uint_eq(r.asked, 15);
	ck_assert_uint_eq(r.calls, 1);
	ck_assert_uint_eq(b.used, 100);
}
END_TEST

START_TEST(a_reclaim_in_vain_ends_with_an_error)
{
	struct budget b = {.used = 90, .limit = 100, .reclaim = reclaim};
	struct reclaimer r = {.budget = &b, .gives = 0};
	b.ctx = &r;
	ck_assert_int_eq(budget_charge(&b, 25), ERR_FULL);
	ck_assert_uint_eq(b.used, 90);
	ck_assert_uint_ge(r.calls, 1);
	ck_assert_uint_le(r.calls, 10);
}
END_TEST

START_TEST(what_can_never_fit_evicts_nothing)
{
	struct budget b = {.used = 90, .limit = 100, .reclaim = reclaim};
	struct reclaimer r = {.budget = &b, .gives = 10};
	b.ctx = &r;
	ck_assert_int_eq(budget_charge(&b, 101), ERR_FULL);
	ck_assert_uint_eq(r.calls, 0);
}
END_TEST

START_TEST(a_lowered_limit_is_paid_off_by_reclaim)
{
	struct budget b = {.used = 90, .limit = 50, .reclaim = reclaim};
	struct reclaimer r = {.budget = &b, .gives = 50};
	b.ctx = &r;
	ck_assert_int_eq(budget_charge(&b, 10), 0);
	ck_assert_uint_eq(r.asked, 50);
	ck_assert_uint_eq(b.used, 50);
}
END_TEST

#define ROUNDS 20000

static void *charge_and_check(void *ctx)
{
	struct budget *b = ctx;
	size_t over = 0;
	for (int i = 0; i < ROUNDS; i++) {
		if (budget_charge(b, 7) < 0)
			continue;
		over += atomic_load(&b->used) > atomic_load(&b->limit);
		budget_give_back(b, 7);
	}
	return (void *)over;
}

START_TEST(threads_never_pass_the_limit_together)
{
	struct budget b = {.limit = 20};
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, charge_and_check, &b), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *over;
		pthread_join(threads[i], &over);
		ck_assert_ptr_null(over);
	}
	ck_assert_uint_eq(b.used, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/budget");
	TCase *c = tcase_create("budget");
	suite_add_tcase(s, c);
	tcase_add_test(c, charges_stop_at_the_limit);
	tcase_add_test(c, reclaim_is_asked_for_what_is_missing);
	tcase_add_test(c, a_reclaim_in_vain_ends_with_an_error);
	tcase_add_test(c, what_can_never_fit_evicts_nothing);
	tcase_add_test(c, a_lowered_limit_is_paid_off_by_reclaim);
	tcase_add_test(c, threads_never_pass_the_limit_together);
	return suite_run(s);
}
