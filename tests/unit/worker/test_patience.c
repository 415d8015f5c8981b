/* When a request that waits is not suspended. */
#include "suite.h"

#include "worker/patience.h"

START_TEST(a_crowd_is_what_begins_within_two_turns)
{
	static const struct {
		const char *sentence;
		unsigned before, now, waited;
		bool lasts;
	} rows[] = {
	    {"nobody comes", 0, 0, 0, false},
	    {"few come", 1, 2, 0, false},
	    {"many come in this turn", 0, 4, 0, true},
	    {"many came in the turn before", 4, 0, 0, true},
	    {"the two together", 2, 2, 0, true},
	    {"it has waited for a while", 2, 2, PATIENCE_TURNS - 1, true},
	    {"it has waited long enough", 2, 2, PATIENCE_TURNS, false},
	    {"it has waited and nobody comes any more", 0, 0, 3, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct patience p = patience_new();
		p.begun = rows[i].before;
		patience_turn(&p);
		p.begun += rows[i].now;
		ck_assert_msg(patience_lasts(&p, rows[i].waited) == rows[i].lasts, "%s", rows[i].sentence);
	}
}
END_TEST

static unsigned tries(struct patience *p, unsigned n)
{
	unsigned lasted = 0;
	for (unsigned i = 0; i < n; i++)
		lasted += patience_lasts(p, 0);
	return lasted;
}

START_TEST(where_it_is_in_vain_hardly_one_tries)
{
	struct patience p = patience_new();
	p.begun = 100;
	for (unsigned i = 0; i < PATIENCE_LUCK; i++) {
		ck_assert(patience_lasts(&p, 0));
		patience_ended(&p);
	}
	patience_ended(&p); /* not below nothing */
	ck_assert_uint_eq(tries(&p, 10 * PATIENCE_TRIES), 10);
	ck_assert(patience_lasts(&p, 1)); /* who has begun to wait goes on */
	patience_paid(&p);
	ck_assert_uint_eq(tries(&p, 10), 10);
	for (unsigned i = 0; i < 2 * PATIENCE_LUCK; i++)
		patience_paid(&p);
	ck_assert_uint_eq(p.luck, PATIENCE_LUCK);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("patience");
	TCase *t = tcase_create("patience");
	suite_add_tcase(s, t);
	tcase_add_test(t, a_crowd_is_what_begins_within_two_turns);
	tcase_add_test(t, where_it_is_in_vain_hardly_one_tries);
	return suite_run(s);
}
