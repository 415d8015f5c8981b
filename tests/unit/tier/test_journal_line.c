/* Lines of the journal: what is written reads the same, and nothing else is read. */
#include "suite.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tier/journal_line.h"
#include "must.h"

static struct journal_line line;

/* With the sum that belongs to it. */
static int read_summed(const char *text)
{
	char whole[512];
	int n = snprintf(
	    whole, sizeof(whole), "%s,\"sum\":\"%016llx\"}", text, (unsigned long long)hash128_str(str_of(text), 0).lo);
	must(n > 0 && (size_t)n < sizeof(whole), "a row is too long");
	return journal_line__read(str_make(whole, (size_t)n), &line);
}

#define RECORD(seq, kind, arg) "{\"seq\":" seq ",\"kind\":\"" kind "\",\"arg\":\"" arg "\",\"soft\":false"
#define HEAD(version, base)    "{\"journal\":" version ",\"base\":" base ",\"forgotten\":3,\"complete\":9"

static const struct {
	const char *what, *text;
	bool good;
} rows[] = {
    {"a record", RECORD("1", "tag", "t") ",\"invalidates\":false", true},
    {"members that are not known", RECORD("1", "tag", "t") ",\"invalidates\":false,\"more\":[{}]", true},
    {"no seq", "{\"kind\":\"tag\",\"arg\":\"\",\"soft\":false,\"invalidates\":false", false},
    {"seq 0", RECORD("0", "tag", "t") ",\"invalidates\":false", false},
    {"a seq below 0", RECORD("-1", "tag", "t") ",\"invalidates\":false", false},
    {"a seq that JSON cannot tell from the next", RECORD("9007199254740994", "tag", "t") ",\"invalidates\":false",
	false},
    {"a seq beyond all numbers", RECORD("1e999", "tag", "t") ",\"invalidates\":false", false},
    {"a kind that is not known", RECORD("1", "host", "t") ",\"invalidates\":false", false},
    {"half an escape", RECORD("1", "tag", "t%4") ",\"invalidates\":false", false},
    {"an escape that is none", RECORD("1", "tag", "%4g") ",\"invalidates\":false", false},
    {"invalidates is missing", RECORD("1", "tag", "t"), false},
    {"an invalidation of a tag", RECORD("1", "tag", "t") ",\"invalidates\":true", false},
    {"an invalidation of a URL", RECORD("1", "url", "GET http://h/") ",\"invalidates\":true", true},
    {"a head", HEAD("1", "3"), true},
    {"a head of another version", HEAD("2", "3"), false},
    {"a head that ends before it begins", HEAD("1", "10"), false},
    {"something else", "[1,2", false},
    {"no JSON", "hello", false},
    {"nothing", "", false},
};

START_TEST(lines_are_read_whole_or_not)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		must((read_summed(rows[i].text) == ERR_OK) == rows[i].good, "%s", rows[i].what);
	ck_assert_int_eq(journal_line__read(STR(""), &line), ERR_INVALID);
	ck_assert_int_eq(journal_line__read(STR("{}"), &line), ERR_INVALID);
}
END_TEST

START_TEST(a_changed_byte_is_noticed)
{
	struct buf b;
	buf_init(&b, JOURNAL_LINE_MAX);
	const struct tier_purge op = {.kind = PURGE_TAG, .arg = STR("post-1")};
	journal_line__add(&b, 12, &op, false, STR("host-1-1"), 1790000000000);
	struct str text = str_take(buf_str(&b), b.n - 1);
	ck_assert_int_eq(journal_line__read(text, &line), ERR_OK);
	ck_assert_uint_eq(line.seq, 12);
	for (size_t i = 0; i < text.n; i++) {
		b.p[i] ^= 1;
		must(journal_line__read(text, &line) == ERR_INVALID, "byte %zu", i);
		b.p[i] ^= 1;
		must(journal_line__read(str_take(text, i), &line) == ERR_INVALID, "cut at %zu", i);
	}
	buf_free(&b);
}
END_TEST

START_TEST(the_longest_argument_fits)
{
	static char arg[JOURNAL_ARG_MAX + 1];
	struct buf b;
	char from[JOURNAL_INSTANCE_MAX];
	memset(arg, 0xff, sizeof(arg));
	memset(from, 'h', sizeof(from));
	buf_init(&b, JOURNAL_LINE_MAX);
	struct tier_purge op = {.kind = PURGE_PREFIX, .arg = str_make(arg, JOURNAL_ARG_MAX), .soft = true};
	journal_line__add(&b, JOURNAL_SEQ_MAX, &op, false, str_make(from, sizeof(from)), INT64_MAX);
	ck_assert(!b.overflow);
	ck_assert_int_eq(journal_line__read(str_take(buf_str(&b), b.n - 1), &line), ERR_OK);
	ck_assert_uint_eq(line.seq, JOURNAL_SEQ_MAX);
	ck_assert(line.kind == PURGE_PREFIX && line.soft && str_eq(str_make(line.arg, line.n_arg), op.arg));
	buf_reset(&b);
	op.arg.n++;
	journal_line__add(&b, 1, &op, false, STR("h"), 0);
	ck_assert_int_eq(journal_line__read(str_take(buf_str(&b), b.n - 1), &line), ERR_OK);
	ck_assert_msg(line.kind == PURGE_ALL && line.soft && line.n_arg == 0, "a longer one is of everything");
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/journal_line");
	TCase *t = tcase_create("lines");
	tcase_add_test(t, lines_are_read_whole_or_not);
	tcase_add_test(t, a_changed_byte_is_noticed);
	tcase_add_test(t, the_longest_argument_fits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
