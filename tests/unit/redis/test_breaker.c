#include "suite.h"

#include "base/mem.h"
#include "redis/breaker.h"

/* At each time something happens, and then the breaker is open or not, and wants a probe or not. */
static const struct step {
	const char *what;
	int64_t now;
	char
	    event; /* f: failed (within 20), a: answered, s: probe sent, p: probe answered, l: probe lost, c: met anew, -: nothing */
	bool open, wants_probe;
} steps[] = {
    {"the first failure", 100, 'f', false, false},
    {"the second", 110, 'f', false, false},
    {"an answer makes them forgotten", 115, 'a', false, false},
    {"the first again", 120, 'f', false, false},
    {"the second again", 130, 'f', false, false},
    {"the third in a row opens it", 140, 'f', true, false},
    {"an answer to what was asked before does not close it", 145, 'a', true, false},
    {"before the time", 1139, '-', true, false},
    {"a probe is due", 1140, '-', true, true},
    {"one at a time", 1150, 's', true, false},
    {"a late answer does not close it, but asks again at once", 1171, 'p', true, true},
    {"the next probe", 1180, 's', true, false},
    {"is lost: again later", 1190, 'l', true, false},
    {"not yet", 2189, '-', true, false},
    {"now", 2190, '-', true, true},
    {"the third probe", 2190, 's', true, false},
    {"is answered in time", 2210, 'p', false, false},
    {"all begins anew", 2220, 'f', false, false},
    {"for the second time", 2230, 'f', false, false},
    {"for the third", 2240, 'f', true, false},
    {"the server was met anew", 2250, 'c', false, false},
    {"and is trusted", 2260, 'f', false, false},
};

START_TEST(opens_and_closes)
{
	struct breaker b;
	breaker_init(&b, 3, 1000);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		const struct step *s = &steps[i];
		bool was_open = b.open, changed = false;
		if (s->event == 'f')
			changed = breaker_failed(&b, s->now, 20);
		else if (s->event == 'a')
			breaker_answered(&b);
		else if (s->event == 's')
			breaker_probe_sent(&b, s->now);
		else if (s->event == 'p' || s->event == 'l')
			changed = breaker_probe_ended(&b, s->now, s->event == 'p');
		else if (s->event == 'c')
			breaker_close(&b);
		ck_assert_msg(b.open == s->open, "%s: %s", s->what, b.open ? "open" : "closed");
		ck_assert_msg(breaker_wants_probe(&b, s->now) == s->wants_probe, "%s: the probe", s->what);
		ck_assert_msg(s->event == 'c' || changed == (was_open != b.open), "%s: what it tells", s->what);
	}
}
END_TEST

START_TEST(can_be_left_out)
{
	struct breaker b;
	breaker_init(&b, 0, 1000);
	for (int i = 0; i < 100; i++)
		ck_assert(!breaker_failed(&b, i, 20));
	ck_assert(!b.open);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis/breaker");
	TCase *c = tcase_create("breaker");
	suite_add_tcase(s, c);
	tcase_add_test(c, opens_and_closes);
	tcase_add_test(c, can_be_left_out);
	return suite_run(s);
}
