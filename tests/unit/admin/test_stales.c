/* Values that are kept beyond their time, in bounded room. */
#include "admin/stales.h"

#include <stdio.h>

#include "base/mem.h"
#include "suite.h"

/* "" when there is none. */
static const char *get(struct stales *s, const char *key, int64_t now_ms, int64_t *over_ms)
{
	static char text[256];
	struct buf out;
	int64_t over;
	buf_init(&out, 4096);
	text[0] = '\0';
	if (stales_get(s, str_of(key), now_ms, &out, over_ms ? over_ms : &over))
		snprintf(text, sizeof(text), "%.*s", STR_ARG(buf_str(&out)));
	buf_free(&out);
	return text;
}

START_TEST(a_value_is_there_until_its_time_is_over)
{
	struct stales *s = stales_new(10000);
	int64_t over_ms;
	stales_keep(s, STR("a"), STR("1"), 100, 500);
	stales_keep(s, STR("b"), STR("2"), 100, 500);
	ck_assert_str_eq(get(s, "a", 50, &over_ms), "1");
	ck_assert_int_eq(over_ms, 0);
	ck_assert_str_eq(get(s, "a", 499, &over_ms), "1");
	ck_assert_int_eq(over_ms, 399);
	ck_assert_str_eq(get(s, "a", 500, NULL), "");
	stales_keep(s, STR("b"), STR("3"), 200, 900);
	ck_assert_str_eq(get(s, "b", 600, &over_ms), "3");
	ck_assert_int_eq(over_ms, 400);
	stales_drop(s, STR("b"));
	stales_drop(s, STR("nobody"));
	ck_assert_str_eq(get(s, "b", 0, NULL), "");
	stales_keep(s, STR("a"), STR("4"), 100, 500);
	stales_keep(s, STR("b"), STR("5"), 100, 500);
	stales_drop(s, STR_NONE);
	ck_assert_str_eq(get(s, "a", 0, NULL), "");
	ck_assert_str_eq(get(s, "b", 0, NULL), "");
	stales_free(&s);
}
END_TEST

START_TEST(the_oldest_leave_when_there_is_no_room)
{
	static char large[1000];
	struct stales *s = stales_new(5000);
	char key[16];
	memset(large, 'x', sizeof(large));
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		stales_keep(s, str_of(key), str_make(large, 900), 100, 500);
	}
	ck_assert_str_eq(get(s, "0", 0, NULL), "");
	ck_assert_str_eq(get(s, "94", 0, NULL), "");
	ck_assert_str_ne(get(s, "95", 0, NULL), "");
	ck_assert_str_ne(get(s, "99", 0, NULL), "");
	stales_free(&s);
	s = stales_new(500);
	stales_keep(s, STR("a"), STR("1"), 100, 500);
	stales_keep(s, STR("a"), str_make(large, sizeof(large)), 100, 500);
	ck_assert_str_eq(get(s, "a", 0, NULL), ""); /* nor what it should have replaced */
	stales_free(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stales");
	TCase *t = tcase_create("stales");
	tcase_add_test(t, a_value_is_there_until_its_time_is_over);
	tcase_add_test(t, the_oldest_leave_when_there_is_no_room);
	suite_add_tcase(s, t);
	return suite_run(s);
}
