/* Decoding of queries and forms. */
#include "admin/admin.h"
#include "base/mem.h"
#include "suite.h"

START_TEST(what_is_decoded)
{
	static const struct {
		const char *sentence, *encoded;
		int err;
		unsigned n;
		const char *name, *value; /* of the last */
	} rows[] = {
	    {"one", "a=b", ERR_OK, 1, "a", "b"},
	    {"several", "a=b&c=d", ERR_OK, 2, "c", "d"},
	    {"a name alone", "all", ERR_OK, 1, "all", ""},
	    {"an empty value", "all=", ERR_OK, 1, "all", ""},
	    {"an equals sign in the value", "u=a=b", ERR_OK, 1, "u", "a=b"},
	    {"nothing", "", ERR_OK, 0, NULL, NULL},
	    {"empty parts", "&&a=1&", ERR_OK, 1, "a", "1"},
	    {"plus and percent", "a+b=%41%2b%26+", ERR_OK, 1, "a b", "A+& "},
	    {"a percent without digits", "a=%", ERR_INVALID, 0, NULL, NULL},
	    {"with one digit", "a=%4", ERR_INVALID, 0, NULL, NULL},
	    {"with other letters", "a=%4g", ERR_INVALID, 0, NULL, NULL},
	    {"a hidden NUL", "a=%00", ERR_INVALID, 0, NULL, NULL},
	    {"too many", "a&b&c&d&e", ERR_TOO_LARGE, 4, NULL, NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena a;
		arena_init(&a, 0);
		struct admin_param params[4];
		unsigned n = 0;
		int err = admin_params_read(str_of(rows[i].encoded), &a, params, 4, &n);
		ck_assert_msg(err == rows[i].err, "%s: %s", rows[i].sentence, err_name(err));
		ck_assert_msg(n == rows[i].n, "%s: %u", rows[i].sentence, n);
		if (rows[i].name) {
			ck_assert_msg(str_eq(params[n - 1].name, str_of(rows[i].name)), "%s", rows[i].sentence);
			ck_assert_msg(str_eq(params[n - 1].value, str_of(rows[i].value)), "%s", rows[i].sentence);
			ck_assert_msg(params[n - 1].value.p != NULL, "%s: a value that is there", rows[i].sentence);
		}
		arena_free(&a);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("params");
	TCase *t = tcase_create("params");
	tcase_add_test(t, what_is_decoded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
