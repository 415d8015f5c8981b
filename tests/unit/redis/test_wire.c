#include "suite.h"

#include "base/mem.h"
#include "redis/wire.h"

static const struct redis_script script = {.text = "return 1"};

static const struct {
	const char *what;
	enum wire_form form;
	bool asking;
	const char *want;
} rows[] = {
    {"a command", WIRE_PLAIN, false, "*2\r\n$3\r\nGET\r\n$11\r\nhello world\r\n"},
    {"asked of a node that takes over a slot", WIRE_PLAIN, true,
	"*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nGET\r\n$11\r\nhello world\r\n"},
    {"a script by its sum", WIRE_EVALSHA, false,
	"*5\r\n$7\r\nEVALSHA\r\n$3\r\nsum\r\n$1\r\n1\r\n$3\r\nGET\r\n$11\r\nhello world\r\n"},
    {"a script as a whole", WIRE_EVAL, false,
	"*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$3\r\nGET\r\n$11\r\nhello world\r\n"},
};

START_TEST(writes_commands)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct redis_command c = {.argc = 2, .argv = (struct str[]){STR("GET"), STR("hello world")}};
		if (rows[i].form != WIRE_PLAIN)
			c.script = &script, c.n_keys = 1;
		size_t n;
		char *p = wire_command(&c, rows[i].form, "sum", rows[i].asking, &n);
		ck_assert_msg(str_eq(str_make(p, n), str_of(rows[i].want)), "%s: %.*s", rows[i].what, (int)n, p);
		free(p);
	}
}
END_TEST

START_TEST(writes_any_bytes)
{
	struct redis_command c = {.argc = 3, .argv = (struct str[]){STR("a\0\r\n"), STR(""), STR_NONE}};
	size_t n;
	char *p = wire_command(&c, WIRE_PLAIN, NULL, false, &n);
	ck_assert(str_eq(str_make(p, n), STR("*3\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n$0\r\n\r\n")));
	ck_assert(wire_cost(&c) >= n);
	free(p);
}
END_TEST

START_TEST(adds_one_to_another)
{
	char *p = NULL;
	size_t n = 0;
	wire_add(&p, &n, (struct str[]){STR("AUTH"), STR("pw")}, 2);
	wire_add(&p, &n, (struct str[]){STR("PING")}, 1);
	ck_assert(str_eq(str_make(p, n), STR("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*1\r\n$4\r\nPING\r\n")));
	free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis/wire");
	TCase *c = tcase_create("wire");
	suite_add_tcase(s, c);
	tcase_add_test(c, writes_commands);
	tcase_add_test(c, writes_any_bytes);
	tcase_add_test(c, adds_one_to_another);
	return suite_run(s);
}
