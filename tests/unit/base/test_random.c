/* Bits from the kernel. */
#include "suite.h"

#include "base/random.h"

START_TEST(every_bit_is_used)
{
	uint64_t first, same_as_first = UINT64_MAX;
	ck_assert_int_eq(random_u64(&first), ERR_OK);
	for (unsigned i = 0; i < 64; i++) { /* that one bit stays all the time: one in 2^64 */
		uint64_t next;
		ck_assert_int_eq(random_u64(&next), ERR_OK);
		same_as_first &= ~(first ^ next);
	}
	ck_assert_uint_eq(same_as_first, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/random");
	TCase *c = tcase_create("random");
	suite_add_tcase(s, c);
	tcase_add_test(c, every_bit_is_used);
	return suite_run(s);
}
