#include "suite.h"

#include "http/stored.h"

START_TEST(sources_of_a_lifetime_are_found_by_name)
{
	static const char *const all[] = {
	    LIFETIME_NONE, LIFETIME_TTL, LIFETIME_S_MAXAGE, LIFETIME_MAX_AGE, LIFETIME_EXPIRES, LIFETIME_HEURISTIC};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *found = stored_lifetime_source(str_of(all[i]));
		ck_assert_ptr_nonnull(found);
		ck_assert_str_eq(found, all[i]);
	}
	ck_assert_ptr_null(stored_lifetime_source(STR("expires")));
	ck_assert_ptr_null(stored_lifetime_source(STR("")));
	ck_assert_ptr_null(stored_lifetime_source(STR_NONE));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/stored");
	TCase *t = tcase_create("stored");
	tcase_add_test(t, sources_of_a_lifetime_are_found_by_name);
	suite_add_tcase(s, t);
	return suite_run(s);
}
