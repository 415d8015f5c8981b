#include "suite.h"

#include "base/err.h"

#include <limits.h>
#include <string.h>

START_TEST(every_error_is_negative_and_has_its_name_and_text)
{
	static const struct {
		const char *name;
		const char *text;
		int err;
	} rows[] = {
	    {"OK", "no error", ERR_OK},
#define X(name, text) {#name, text, ERR_##name},
#include "base/err.def"
#undef X
	};
	for (int i = 0; i < (int)(sizeof(rows) / sizeof(rows[0])); i++) {
		ck_assert_int_eq(rows[i].err, -i);
		ck_assert_str_eq(err_name(rows[i].err), rows[i].name);
		ck_assert_str_eq(err_text(rows[i].err), rows[i].text);
	}
}
END_TEST

START_TEST(a_number_that_is_no_error_is_unknown)
{
	static const int none[] = {1, 5, -1000, INT_MAX, INT_MIN};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_assert_str_eq(err_name(none[i]), "UNKNOWN");
		ck_assert_str_eq(err_text(none[i]), "unknown error");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/err");
	TCase *c = tcase_create("err");
	suite_add_tcase(s, c);
	tcase_add_test(c, every_error_is_negative_and_has_its_name_and_text);
	tcase_add_test(c, a_number_that_is_no_error_is_unknown);
	return suite_run(s);
}
