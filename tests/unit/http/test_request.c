#include "suite.h"

#include "base/mem.h"
#include "http/message.h"

static struct arena arena;

static void begin(void)
{
	arena_init(&arena, 0);
}

static void end(void)
{
	arena_free(&arena);
}

START_TEST(a_request_is_written_as_given)
{
	struct headers h = {.n = 0};
	headers_add(&h, &arena, STR("Host"), STR("a"));
	headers_add(&h, &arena, STR("x-Odd"), STR("1\t2 \xe9"));
	headers_add(&h, &arena, STR("Empty"), STR_NONE);
	headers_add(&h, &arena, STR("Host"), STR("b"));
	struct buf out;
	buf_init(&out, 1000);
	buf_add(&out, STR("before|"));
	ck_assert_int_eq(http_write_request(&out, STR("GET"), STR("/a?b=%20\xc3"), &h), 0);
	struct str wanted =
	    STR("before|GET /a?b=%20\xc3 HTTP/1.1\r\nHost: a\r\nx-Odd: 1\t2 \xe9\r\nEmpty: \r\nHost: b\r\n\r\n");
	ck_assert_msg(str_eq(buf_str(&out), wanted), "%.*s", STR_ARG(buf_str(&out)));
	buf_free(&out);
}
END_TEST

START_TEST(what_could_break_the_framing_is_not_written)
{
	static const struct {
		const char *what;
		struct str method, target, name, value;
	} rows[] = {
	    {"no method", STR(""), STR("/"), STR("A"), STR("b")},
	    {"a blank in the method", STR("GET /x"), STR("/"), STR("A"), STR("b")},
	    {"no target", STR("GET"), STR(""), STR("A"), STR("b")},
	    {"a blank in the target", STR("GET"), STR("/ HTTP/1.1"), STR("A"), STR("b")},
	    {"a line break in the target", STR("GET"), STR("/\r\nX:y"), STR("A"), STR("b")},
	    {"NUL in the target", STR("GET"), STR("/\0"), STR("A"), STR("b")},
	    {"no name", STR("GET"), STR("/"), STR(""), STR("b")},
	    {"a colon in the name", STR("GET"), STR("/"), STR("A:"), STR("b")},
	    {"a blank in the name", STR("GET"), STR("/"), STR("A "), STR("b")},
	    {"CR in the value", STR("GET"), STR("/"), STR("A"), STR("b\rc")},
	    {"LF in the value", STR("GET"), STR("/"), STR("A"), STR("b\nC: d")},
	    {"NUL in the value", STR("GET"), STR("/"), STR("A"), STR("b\0")},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = {.n = 0};
		headers_add(&h, &arena, STR("Host"), STR("a"));
		headers_add(&h, &arena, rows[i].name, rows[i].value);
		struct buf out;
		buf_init(&out, 1000);
		ck_assert_msg(
		    http_write_request(&out, rows[i].method, rows[i].target, &h) == ERR_INVALID, "%s", rows[i].what);
		ck_assert_msg(out.n == 0, "%s: something was written", rows[i].what);
		buf_free(&out);
	}
}
END_TEST

START_TEST(a_request_that_does_not_fit_leaves_nothing_behind)
{
	struct headers h = {.n = 0};
	headers_add(&h, &arena, STR("Host"), STR("a"));
	struct buf out;
	size_t size = strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	buf_init(&out, size - 1);
	ck_assert_int_eq(http_write_request(&out, STR("GET"), STR("/"), &h), ERR_TOO_LARGE);
	ck_assert_uint_eq(out.n, 0);
	ck_assert(out.overflow);
	buf_init(&out, size);
	ck_assert_int_eq(http_write_request(&out, STR("GET"), STR("/"), &h), 0);
	ck_assert_uint_eq(out.n, size);
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/request");
	TCase *c = tcase_create("request");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, a_request_is_written_as_given);
	tcase_add_test(c, what_could_break_the_framing_is_not_written);
	tcase_add_test(c, a_request_that_does_not_fit_leaves_nothing_behind);
	return suite_run(s);
}
