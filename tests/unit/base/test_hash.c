/* The seeded hash of tables. */
#include "suite.h"

#include "base/hash.h"

START_TEST(the_seed_and_every_byte_count)
{
	uint64_t h = hash_str(STR("tag"), 1);
	ck_assert_msg(hash_str(STR("tag"), 1) == h, "not the same twice");
	ck_assert_msg(hash_str(STR("tag"), 2) != h, "the seed does not count");
	ck_assert_msg(hash_str(STR("taG"), 1) != h, "the last byte does not count");
	ck_assert_msg(hash_str(STR("ta"), 1) != h, "the length does not count");
	ck_assert_msg(hash_str(STR_NONE, 1) == hash_str(STR(""), 1), "nothing is not the empty string");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/hash");
	TCase *t = tcase_create("hash");
	tcase_add_test(t, the_seed_and_every_byte_count);
	suite_add_tcase(s, t);
	return suite_run(s);
}
