#include "suite.h"

#include "lib/resp.h"

START_TEST(commands)
{
	const struct str words[] = {STR("SET"), STR("k"), STR(""), STR("0123456789")};
	static const char want[] = "*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n$10\r\n0123456789\r\n";
	char room[128];
	size_t n = (size_t)(resp_command(words, 4, room) - room);
	ck_assert_uint_eq(n, resp_command_size(words, 4));
	ck_assert(str_eq(str_make(room, n), str_of(want)));
}
END_TEST

START_TEST(how_long_a_reply_is)
{
	static const struct {
		const char *name, *text;
		int err;
		size_t n;
	} rows[] = {
	    {"a status", "+OK\r\n", ERR_OK, 5},
	    {"more behind it", "+OK\r\n:1\r\n", ERR_OK, 5},
	    {"nothing yet", "", ERR_AGAIN, 1},
	    {"half a line", "$1", ERR_AGAIN, 3},
	    {"bytes to come", "$5\r\nhe", ERR_AGAIN, 11},
	    {"all but the end", "$5\r\nhello\r", ERR_AGAIN, 11},
	    {"bytes", "$5\r\nhello\r\n", ERR_OK, 11},
	    {"no bytes", "$0\r\n\r\n", ERR_OK, 6},
	    {"nil", "$-1\r\n", ERR_OK, 5},
	    {"nil, as an array", "*-1\r\n", ERR_OK, 5},
	    {"nested", "*2\r\n*1\r\n:1\r\n$1\r\na\r\n", ERR_OK, 19},
	    {"nested, not whole", "*2\r\n*1\r\n:1\r\n", ERR_AGAIN, 13},
	    {"an error", "-ERR no\r\n", ERR_OK, 9},
	    {"no end behind the bytes", "$1\r\nabc", ERR_PROTOCOL, 0},
	    {"a length that is none", "$x\r\n", ERR_PROTOCOL, 0},
	    {"a length below nil", "$-2\r\n", ERR_PROTOCOL, 0},
	    {"a length that is too large", "$536870913\r\n", ERR_PROTOCOL, 0},
	    {"too many elements", "*1048577\r\n", ERR_PROTOCOL, 0},
	    {"another protocol", "HTTP/1.1 200 OK\r\n", ERR_PROTOCOL, 0},
	    {"another protocol's first byte", "H", ERR_PROTOCOL, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n;
		int err = resp_length(str_of(rows[i].text), &n);
		ck_assert_msg(err == rows[i].err, "%s: %s", rows[i].name, err_name(err));
		ck_assert_msg(err == ERR_PROTOCOL || n == rows[i].n, "%s: %zu", rows[i].name, n);
	}
}
END_TEST

START_TEST(items_one_by_one)
{
	struct str rest = STR("*4\r\n$2\r\nab\r\n:-7\r\n$-1\r\n-ERR x\r\n");
	struct resp item;
	ck_assert(resp_next(&rest, &item) && item.kind == RESP_ARRAY && item.number == 4);
	ck_assert(resp_next(&rest, &item) && item.kind == RESP_TEXT && str_eq(item.text, STR("ab")));
	ck_assert(resp_next(&rest, &item) && item.kind == RESP_INT && item.number == -7);
	ck_assert(resp_next(&rest, &item) && item.kind == RESP_NIL);
	ck_assert(resp_next(&rest, &item) && item.kind == RESP_ERROR && str_eq(item.text, STR("ERR x")));
	ck_assert(!resp_next(&rest, &item));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/resp");
	TCase *c = tcase_create("resp");
	tcase_add_test(c, commands);
	tcase_add_test(c, how_long_a_reply_is);
	tcase_add_test(c, items_one_by_one);
	suite_add_tcase(s, c);
	return suite_run(s);
}
