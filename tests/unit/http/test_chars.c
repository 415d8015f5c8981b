#include "suite.h"

#include "http/chars.h"

START_TEST(classes_follow_the_grammars)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	for (int c = 0; c < 256; c++) {
		bool is_unreserved = c != 0 && strchr(unreserved, c);
		bool is_token = is_unreserved || (c != 0 && strchr("!#$%&'*+^`|", c));
		bool is_visible = c > 0x20 && c != 0x7f;
		int wanted = (is_token ? CHAR_TOKEN | CHAR_FIELD_NAME : 0) | (is_unreserved ? CHAR_UNRESERVED : 0) |
			     (is_visible ? CHAR_VISIBLE | CHAR_VALUE : 0) | (c == ' ' || c == '\t' ? CHAR_VALUE : 0) |
			     (is_unreserved || (c != 0 && strchr("!$&'()*+,;=%", c)) ? CHAR_HOST : 0) |
			     (c > 0x7f ? CHAR_FIELD_NAME : 0);
		ck_assert_msg(http__is((char)c, 0xff) == wanted, "byte %02x", (unsigned)c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/chars");
	TCase *c = tcase_create("chars");
	suite_add_tcase(s, c);
	tcase_add_test(c, classes_follow_the_grammars);
	return suite_run(s);
}
