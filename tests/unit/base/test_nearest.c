/* "Did you mean". */
#include "base/nearest.h"

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *says, *given, *nearest; /* of start, stop, restart, reload */
} words[] = {{"a slip", "strat", "start"}, {"a missing letter", "stp", "stop"}, {"capitals", "RELOAD", "reload"},
    {"a beginning", "rel", "reload"}, {"something else", "configuration", NULL}, {"nothing", "", NULL}};

START_TEST(finds_the_nearest_word)
{
	static const char *const known[] = {"start", "stop", "restart", "reload"};
	struct nearest n = nearest_to(str_of(words[_i].given));
	for (size_t i = 0; i < COUNT(known); i++)
		nearest_offer(&n, str_of(known[i]));
	ck_assert_msg(words[_i].nearest ? str_eq(n.word, str_of(words[_i].nearest)) : !n.word.p, "%s: %.*s",
	    words[_i].says, STR_ARG(n.word));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/nearest");
	TCase *t = tcase_create("nearest");
	tcase_add_loop_test(t, finds_the_nearest_word, 0, COUNT(words));
	suite_add_tcase(s, t);
	return suite_run(s);
}
