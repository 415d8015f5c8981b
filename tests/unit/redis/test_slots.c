#include "suite.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/mem.h"
#include "redis/slots.h"

static const struct {
	const char *what, *key;
	unsigned want;
} slots[] = {
    {"the check value of CRC16/XMODEM", "123456789", 0x31C3},
    {"a word (CLUSTER KEYSLOT foo)", "foo", 12182},
    {"what stands in braces alone counts", "larder:{foo}:v1", 12182},
    {"an empty pair of braces does not", "{}foo", 9500},
    {"only the first pair does", "{foo}{bar}", 12182},
    {"a brace in braces counts along", "a{{foo}b", 13308},
    {"a brace that is not closed is a letter", "{foo", 13308},
};

START_TEST(finds_the_slot_of_a_key)
{
	for (size_t i = 0; i < COUNT_OF(slots); i++)
		ck_assert_msg(slot_of(str_of(slots[i].key)) == slots[i].want, "%s: %u", slots[i].what,
		    slot_of(str_of(slots[i].key)));
	ck_assert_uint_eq(slot_of(STR("")), 0);
}
END_TEST

static const struct {
	const char *what, *text;
	int err;
	bool ask;
	unsigned slot;
	const char *host;
	unsigned port;
} errors[] = {
    {"moved", "MOVED 3999 127.0.0.1:6381", ERR_OK, false, 3999, "127.0.0.1", 6381},
    {"ask", "ASK 16383 node.example.com:1", ERR_OK, true, 16383, "node.example.com", 1},
    {"IPv6 as Redis writes it", "MOVED 1 ::1:6381", ERR_OK, false, 1, "::1", 6381},
    {"IPv6 in brackets", "MOVED 1 [::1]:6381", ERR_OK, false, 1, "::1", 6381},
    {"the host that said it", "MOVED 1 :6381", ERR_OK, false, 1, "", 6381},
    {"another error", "ERR unknown command", ERR_MISSING, false, 0, "", 0},
    {"nearly one", "MOVEDX 1 h:1", ERR_MISSING, false, 0, "", 0},
    {"nothing", "", ERR_MISSING, false, 0, "", 0},
    {"a word alone", "MOVED", ERR_INVALID, false, 0, "", 0},
    {"no place", "MOVED 1", ERR_INVALID, false, 0, "", 0},
    {"a slot too many", "MOVED 16384 h:1", ERR_INVALID, false, 0, "", 0},
    {"no port", "MOVED 1 h", ERR_INVALID, false, 0, "", 0},
    {"port 0", "MOVED 1 h:0", ERR_INVALID, false, 0, "", 0},
};

START_TEST(reads_redirections)
{
	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		struct redirection r;
		int err = redirection_of(str_of(errors[i].text), &r);
		ck_assert_msg(err == errors[i].err, "%s: %s", errors[i].what, err_name(err));
		if (err == ERR_OK)
			ck_assert_msg(r.ask == errors[i].ask && r.slot == errors[i].slot &&
					  str_eq(r.host, str_of(errors[i].host)) && r.port == errors[i].port,
			    "%s", errors[i].what);
	}
}
END_TEST

static void add_range(void *ctx, unsigned first, unsigned last, struct str host, unsigned port)
{
	char *text = ctx;
	size_t n = strlen(text);
	snprintf(text + n, 256 - n, "%u-%u %.*s:%u;", first, last, STR_ARG(host), port);
}

static const struct {
	const char *what, *wire, *want; /* NULL: malformed */
} maps[] = {
    {"none", "*0\r\n", ""},
    {"two nodes, one with a replica",
	"*2\r\n*3\r\n:0\r\n:99\r\n*4\r\n$1\r\na\r\n:1\r\n$1\r\nx\r\n*0\r\n"
	"*4\r\n:100\r\n:16383\r\n*3\r\n$1\r\nb\r\n:2\r\n$1\r\nx\r\n*3\r\n$1\r\nc\r\n:3\r\n$1\r\nx\r\n",
	"0-99 a:1;100-16383 b:2;"},
    {"nodes that do not know their names",
	"*2\r\n*3\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:1\r\n*3\r\n:2\r\n:3\r\n*2\r\n$-1\r\n:2\r\n", "0-1 :1;2-3 :2;"},
    {"an unknown name", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\n?\r\n:1\r\n", "0-1 :1;"},
    {"no array", ":1\r\n", NULL},
    {"a range that is none", "*1\r\n:1\r\n", NULL},
    {"a range without a node", "*1\r\n*2\r\n:0\r\n:1\r\n", NULL},
    {"a range that ends before it begins", "*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
    {"a slot too many", "*1\r\n*3\r\n:2\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
    {"a negative slot", "*1\r\n*3\r\n:-2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", NULL},
    {"port 0", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n", NULL},
    {"a number as a name", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n", NULL},
};

START_TEST(reads_the_map)
{
	for (size_t i = 0; i < COUNT_OF(maps); i++) {
		redisReader *reader = redisReaderCreate();
		void *reply = NULL;
		char text[256] = "";
		redisReaderFeed(reader, maps[i].wire, strlen(maps[i].wire));
		ck_assert_msg(
		    redisReaderGetReply(reader, &reply) == REDIS_OK && reply, "%s: the row is wrong", maps[i].what);
		int err = slots_read(reply, add_range, text);
		ck_assert_msg(err == (maps[i].want ? ERR_OK : ERR_INVALID), "%s: %s", maps[i].what, err_name(err));
		ck_assert_msg(!maps[i].want || strcmp(text, maps[i].want) == 0, "%s: %s", maps[i].what, text);
		freeReplyObject(reply);
		redisReaderFree(reader);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis/slots");
	TCase *c = tcase_create("slots");
	suite_add_tcase(s, c);
	tcase_add_test(c, finds_the_slot_of_a_key);
	tcase_add_test(c, reads_redirections);
	tcase_add_test(c, reads_the_map);
	return suite_run(s);
}
