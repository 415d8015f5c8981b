#include "suite.h"

#include "base/mem.h"
#include "http/message.h"

START_TEST(methods_have_their_registered_properties)
{
	static const struct {
		const char *name;
		enum http_method method;
		bool safe, idempotent;
	} rows[] = {
	    {"GET", METHOD_GET, true, true},
	    {"HEAD", METHOD_HEAD, true, true},
	    {"POST", METHOD_POST, false, false},
	    {"PUT", METHOD_PUT, false, true},
	    {"DELETE", METHOD_DELETE, false, true},
	    {"PATCH", METHOD_PATCH, false, false},
	    {"OPTIONS", METHOD_OPTIONS, true, true},
	    {"TRACE", METHOD_TRACE, true, true},
	    {"CONNECT", METHOD_CONNECT, false, false},
	    {"PURGE", METHOD_PURGE, false, true},
	    {"get", METHOD_OTHER, false, false},
	    {"GETS", METHOD_OTHER, false, false},
	    {"GE", METHOD_OTHER, false, false},
	    {"", METHOD_OTHER, false, false},
	    {"PROPFIND", METHOD_OTHER, false, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		enum http_method m = http_method_of(str_of(rows[i].name));
		ck_assert_msg(m == rows[i].method, "%s", rows[i].name);
		ck_assert_msg(http_method_is_safe(m) == rows[i].safe, "%s", rows[i].name);
		ck_assert_msg(http_method_is_idempotent(m) == rows[i].idempotent, "%s", rows[i].name);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/method");
	TCase *c = tcase_create("method");
	suite_add_tcase(s, c);
	tcase_add_test(c, methods_have_their_registered_properties);
	return suite_run(s);
}
