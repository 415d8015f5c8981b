/* An errand in each order of the four: begun, answered, told, left. */
#include "world.h"

#include "req/errand.h"

static struct {
	unsigned told, freed;
	bool leaves_when_told;
	struct errand *last;
} seen;

static void told(struct errand *e)
{
	seen.told++;
	seen.last = e;
	if (seen.leaves_when_told)
		errand_leave(e);
}

static void free_it(struct errand *e)
{
	seen.freed++;
	free(e);
}

static struct errand *begun(struct world *w)
{
	struct errand *e = mem_zalloc(sizeof *e);
	seen.told = seen.freed = 0;
	seen.leaves_when_told = false;
	errand_begin(e, &w->workers[0].env, told, free_it);
	ck_assert_uint_eq(w->workers[0].env.active, 1);
	return e;
}

START_TEST(who_asked_is_told_by_letter)
{
	struct world *w = world_new("");
	struct errand *e = begun(w);
	errand_done(e);
	ck_assert_uint_eq(seen.told, 0);
	ck_assert_uint_eq(w->workers[0].env.active, 1); /* its worker does not end before the letter */
	world_deliver(w);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_ptr_eq(seen.last, e);
	ck_assert_uint_eq(w->workers[0].env.active, 0);
	ck_assert_uint_eq(seen.freed, 0); /* what was brought is still looked at */
	errand_leave(e);
	ck_assert_uint_eq(seen.freed, 1);
	world_free(&w);
}
END_TEST

START_TEST(it_may_be_left_while_it_is_told)
{
	struct world *w = world_new("");
	struct errand *e = begun(w);
	seen.leaves_when_told = true;
	errand_done(e);
	world_deliver(w);
	ck_assert_uint_eq(seen.freed, 1);
	world_free(&w);
}
END_TEST

START_TEST(nobody_is_told_who_has_left)
{
	for (int late = 0; late < 2; late++) {
		struct world *w = world_new("");
		struct errand *e = begun(w);
		if (late)
			errand_done(e);
		errand_leave(e);
		ck_assert_uint_eq(seen.freed, 0); /* the tier still has it */
		ck_assert_uint_eq(w->workers[0].env.active, 1);
		if (!late)
			errand_done(e);
		world_deliver(w);
		ck_assert_uint_eq(seen.told, 0);
		ck_assert_uint_eq(seen.freed, 1);
		world_free(&w);
	}
}
END_TEST

START_TEST(an_answer_at_once_brings_no_letter)
{
	struct world *w = world_new("");
	struct errand *e = begun(w);
	errand_answered(e);
	ck_assert_uint_eq(w->workers[0].env.active, 0);
	ck_assert(list_is_empty(&w->workers[0].letters));
	errand_leave(e);
	ck_assert_uint_eq(seen.freed, 1);
	ck_assert_uint_eq(seen.told, 0);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/errand");
	TCase *t = tcase_create("errand");
	suite_add_tcase(s, t);
	tcase_add_test(t, who_asked_is_told_by_letter);
	tcase_add_test(t, it_may_be_left_while_it_is_told);
	tcase_add_test(t, nobody_is_told_who_has_left);
	tcase_add_test(t, an_answer_at_once_brings_no_letter);
	return suite_run(s);
}
