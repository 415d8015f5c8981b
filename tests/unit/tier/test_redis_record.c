/* Records of the stream of purges, as they are written and as anything may be found there. */
#include "suite.h"

#include "base/mem.h"
#include "tier/redis_record.h"

static struct redis_tier tier = {.mark = "00000000000000aa", .key_seed = 1};

/* A reply of the server's from its wire form. */
static redisReply *reply_of(const char *wire)
{
	void *reply = NULL;
	redisReader *reader = redisReaderCreate();
	ck_assert(redisReaderFeed(reader, wire, strlen(wire)) == REDIS_OK);
	ck_assert_msg(redisReaderGetReply(reader, &reply) == REDIS_OK && reply, "no reply: %s", wire);
	redisReaderFree(reader);
	return reply;
}

#define BULK(n, text)		 "$" #n "\r\n" text "\r\n"
#define RECORD(id, fields, more) "*2\r\n" id "*" #fields "\r\n" more

static const struct {
	const char *what, *wire;
	bool read;
	struct record is;
} rows[] = {
    {"a tag", RECORD(BULK(3, "7-0"), 4, BULK(4, "kind") BULK(3, "tag") BULK(3, "arg") BULK(4, "blog")), true,
	{.seq = 7, .purge = {.kind = PURGE_TAG, .arg = STR("blog")}}},
    {"softly", RECORD(BULK(3, "7-0"), 4, BULK(4, "kind") BULK(4, "glob") BULK(4, "soft") BULK(1, "1")), true,
	{.seq = 7, .purge = {.kind = PURGE_GLOB, .soft = true}}},
    {"an own one",
	RECORD(BULK(3, "7-0"), 4, BULK(4, "kind") BULK(6, "prefix") BULK(2, "by") BULK(16, "00000000000000aa")), true,
	{.seq = 7, .purge = {.kind = PURGE_PREFIX}, .own = true}},
    {"another's", RECORD(BULK(3, "7-0"), 4, BULK(4, "kind") BULK(3, "all") BULK(2, "by") BULK(16, "00000000000000ab")),
	true, {.seq = 7, .purge = {.kind = PURGE_ALL}}},
    {"a url", RECORD(BULK(3, "7-0"), 4, BULK(4, "kind") BULK(3, "url") BULK(3, "arg") BULK(12, "GET http://h")), true,
	{.seq = 7, .purge = {.kind = PURGE_URL, .arg = STR("GET http://h")}}},
    {"an invalidation", RECORD(BULK(3, "7-0"), 2, BULK(4, "kind") BULK(10, "invalidate")), true,
	{.seq = 7, .purge = {.kind = PURGE_URL}, .invalidates = true}},
    {"a kind that is not known purges everything", RECORD(BULK(3, "7-0"), 2, BULK(4, "kind") BULK(3, "new")), true,
	{.seq = 7, .purge = {.kind = PURGE_ALL}}},
    {"so does none", RECORD(BULK(3, "7-0"), 0, ""), true, {.seq = 7, .purge = {.kind = PURGE_ALL}}},
    {"a field that is not known is passed by",
	RECORD(BULK(3, "7-0"), 4, BULK(3, "new") BULK(1, "x") BULK(4, "kind") BULK(3, "tag")), true,
	{.seq = 7, .purge = {.kind = PURGE_TAG}}},
    {"a field without a value", RECORD(BULK(3, "7-0"), 3, BULK(4, "kind") BULK(3, "tag") BULK(4, "soft")), true,
	{.seq = 7, .purge = {.kind = PURGE_TAG}}},
    {"numbers for texts", RECORD(BULK(3, "7-0"), 2, ":1\r\n:2\r\n"), true, {.seq = 7, .purge = {.kind = PURGE_ALL}}},
    {"an id that is no number", RECORD(BULK(3, "x-0"), 0, ""), false, {.seq = 0}},
    {"an id that is too large", RECORD(BULK(22, "99999999999999999999-0"), 0, ""), false, {.seq = 0}},
    {"no id", RECORD("$-1\r\n", 0, ""), false, {.seq = 0}},
    {"no fields", "*2\r\n" BULK(3, "7-0") "$-1\r\n", false, {.seq = 0}},
    {"one element", "*1\r\n" BULK(3, "7-0"), false, {.seq = 0}},
    {"nil", "*-1\r\n", false, {.seq = 0}},
    {"a text", "+OK\r\n", false, {.seq = 0}},
};

START_TEST(records_are_read)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		redisReply *reply = reply_of(rows[i].wire);
		struct record r;
		ck_assert_msg(record__read(reply, &tier, &r) == rows[i].read, "%s", rows[i].what);
		if (rows[i].read) {
			const struct record *is = &rows[i].is;
			ck_assert_msg(r.seq == is->seq && r.own == is->own && r.invalidates == is->invalidates, "%s",
			    rows[i].what);
			ck_assert_msg(
			    r.purge.kind == is->purge.kind && r.purge.soft == is->purge.soft, "%s", rows[i].what);
			ck_assert_msg(str_eq(r.purge.arg, is->purge.arg), "%s", rows[i].what);
			ck_assert_msg(r.print != 0, "%s", rows[i].what);
			if (r.purge.kind == PURGE_URL)
				ck_assert_msg(str_eq(r.purge.key.text, is->purge.arg), "%s: key", rows[i].what);
		}
		freeReplyObject(reply);
	}
}
END_TEST

START_TEST(another_record_has_another_print)
{
	struct record r[COUNT_OF(rows)];
	redisReply *replies[COUNT_OF(rows)];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		replies[i] = reply_of(rows[i].wire);
		if (!record__read(replies[i], &tier, &r[i]) || rows[i].is.purge.kind == PURGE_ALL)
			continue;
		for (size_t k = 0; k < i; k++) {
			if (rows[k].read)
				ck_assert_msg(r[i].print != r[k].print, "%s, %s", rows[i].what, rows[k].what);
		}
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		freeReplyObject(replies[i]);
}
END_TEST

START_TEST(each_kind_has_a_name_that_is_read_again)
{
	for (int kind = PURGE_URL; kind <= PURGE_ALL; kind++) {
		for (int invalidates = 0; invalidates < (kind == PURGE_URL ? 2 : 1); invalidates++) {
			char wire[128];
			struct record r;
			const char *name =
			    record__kind(&(struct tier_purge){.kind = (enum purge_kind)kind}, invalidates);
			snprintf(wire, sizeof wire, "*2\r\n$3\r\n7-0\r\n*2\r\n$4\r\nkind\r\n$%zu\r\n%s\r\n",
			    strlen(name), name);
			redisReply *reply = reply_of(wire);
			ck_assert(record__read(reply, &tier, &r));
			ck_assert_msg(
			    r.purge.kind == (enum purge_kind)kind && r.invalidates == invalidates, "%s", name);
			freeReplyObject(reply);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_record");
	TCase *t = tcase_create("record");
	tcase_add_test(t, records_are_read);
	tcase_add_test(t, another_record_has_another_print);
	tcase_add_test(t, each_kind_has_a_name_that_is_read_again);
	suite_add_tcase(s, t);
	return suite_run(s);
}
