#include "suite.h"

#include "base/clock.h"

#include <time.h>

START_TEST(the_wall_clock_counts_milliseconds_since_1970)
{
	int64_t before = (int64_t)time(NULL) - 1; /* time() may lag by a tick of the kernel */
	int64_t now = clock_wall_ms() / 1000;
	int64_t after = (int64_t)time(NULL) + 1;
	ck_assert_int_le(before, now);
	ck_assert_int_le(now, after);
}
END_TEST

START_TEST(the_monotonic_clock_never_goes_back)
{
	int64_t last = clock_mono_us();
	for (int i = 0; i < 10000; i++) {
		int64_t now = clock_mono_us();
		ck_assert_int_le(last, now);
		last = now;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/clock");
	TCase *c = tcase_create("clock");
	suite_add_tcase(s, c);
	tcase_add_test(c, the_wall_clock_counts_milliseconds_since_1970);
	tcase_add_test(c, the_monotonic_clock_never_goes_back);
	return suite_run(s);
}
