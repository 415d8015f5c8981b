#include "suite.h"

#include "base/mem.h"
#include "http/headers.h"
#include "http/sf.h"
#include "sf_text.h"

static struct arena arena;
static struct buf text;

static void setup(void)
{
	arena_init(&arena, 0);
	buf_init(&text, 1 << 20);
}

static void teardown(void)
{
	buf_free(&text);
	arena_free(&arena);
}

/* What is read, written by 4.1; the error's name in brackets when it does not parse. */
static const char *text_of_list(struct str field)
{
	struct sf_list list;
	buf_reset(&text);
	int err = sf_list_read(field, &arena, &list);
	if (err < 0)
		(void)buf_addf(&text, "[%s]", err_name(err));
	else
		sf_text_members(&text, list.v, list.n);
	(void)buf_addc(&text, '\0');
	return text.p;
}

static const char *text_of_dictionary(struct str field)
{
	struct sf_dictionary dictionary;
	buf_reset(&text);
	int err = sf_dictionary_read(field, &arena, &dictionary);
	if (err < 0)
		(void)buf_addf(&text, "[%s]", err_name(err));
	else
		sf_text_members(&text, dictionary.v, dictionary.n);
	(void)buf_addc(&text, '\0');
	return text.p;
}

static const char *text_of_item(struct str field)
{
	struct sf_item item;
	buf_reset(&text);
	int err = sf_item_read(field, &arena, &item);
	if (err < 0)
		(void)buf_addf(&text, "[%s]", err_name(err));
	else
		sf_text_item(&text, &item);
	(void)buf_addc(&text, '\0');
	return text.p;
}

struct row {
	const char *what, *in, *out; /* out NULL: as it came in */
};

static void check(const struct row *rows, size_t n, const char *(*read)(struct str field))
{
	for (size_t i = 0; i < n; i++) {
		const char *want = rows[i].out ? rows[i].out : rows[i].in;
		const char *got = read(str_of(rows[i].in));
		ck_assert_msg(strcmp(got, want) == 0, "%s: \"%s\", not \"%s\"", rows[i].what, got, want);
	}
}

#define NO "[INVALID]"

START_TEST(lists)
{
	static const struct row rows[] = {
	    {"RFC 9651 3.1: tokens", "sugar, tea, rum", NULL},
	    {"RFC 9651 3.1.1: inner lists of strings", "(\"foo\" \"bar\"), (\"baz\"), (\"bat\" \"one\"), ()", NULL},
	    {"RFC 9651 3.1.1: parameters at both levels", "(\"foo\"; a=1;b=2);lvl=5, (\"bar\" \"baz\");lvl=1",
		"(\"foo\";a=1;b=2);lvl=5, (\"bar\" \"baz\");lvl=1"},
	    {"RFC 9651 3.1.2: parameters of items", "abc;a=1;b=2; cde_456, (ghi;jk=4 l);q=\"9\";r=w",
		"abc;a=1;b=2;cde_456, (ghi;jk=4 l);q=\"9\";r=w"},
	    {"RFC 9651 3.1: empty", "", NULL},
	    {"RFC 9651 4.2: spaces alone are an empty list", "  ", ""},
	    {"RFC 9651 4.2: a tab in front is no space", "\ta", NO},
	    {"RFC 9651 4.2: spaces around", "  a  ", "a"},
	    {"RFC 9651 4.2.1: tabs and spaces around commas", "a\t, \tb,c ,d", "a, b, c, d"},
	    {"RFC 9651 4.2.1: OWS behind the last member", "a \t", "a"},
	    {"RFC 9651 4.2.1: a trailing comma", "a,", NO},
	    {"RFC 9651 4.2.1: a trailing comma and blanks", "a, \t", NO},
	    {"RFC 9651 4.2.1: a comma in front", ",a", NO},
	    {"RFC 9651 4.2.1: an empty member", "a,,b", NO},
	    {"RFC 9651 4.2.1: no comma", "a b", NO},
	    {"RFC 9651 4.2.1: an error anywhere takes the whole field", "a, b, \x80", NO},
	    {"RFC 9651 4.2.1: members of a list may be equal", "a, a", NULL},
	    {"RFC 9651 4.2.1.2: several spaces within", "(  a   b  )", "(a b)"},
	    {"RFC 9651 4.2.1.2: a tab within", "(a\tb)", NO},
	    {"RFC 9651 4.2.1.2: nothing between two strings", "(\"a\"\"b\")", NO},
	    {"RFC 9651 4.2.1.2: a comma within", "(a, b)", NO},
	    {"RFC 9651 4.2.1.2: not closed", "(a b", NO},
	    {"RFC 9651 4.2.1.2: not closed, empty", "(", NO},
	    {"RFC 9651 4.2.1.2: not closed, behind a space", "(a ", NO},
	    {"RFC 9651 4.2.1.2: closed twice", "(a))", NO},
	    {"RFC 9651 4.2.1.2: none within another", "((a))", NO},
	    {"RFC 9651 4.2.1.1: a parenthesis without a beginning", ")", NO},
	};
	check(rows, COUNT_OF(rows), text_of_list);
}
END_TEST

START_TEST(dictionaries)
{
	static const struct row rows[] = {
	    {"RFC 9651 3.2: strings and bytes", "en=\"Applepie\", da=:w4ZibGV0w6ZydGU=:", NULL},
	    {"RFC 9651 3.2: booleans", "a=?0, b, c; foo=bar", "a=?0, b, c;foo=bar"},
	    {"RFC 9651 3.2: true may be written", "a=?1;x=?1", "a;x"},
	    {"RFC 9651 3.2: an inner list of tokens", "rating=1.5, feelings=(joy sadness)", NULL},
	    {"RFC 9651 3.2: items and inner lists", "a=(1 2), b=3, c=4;aa=bb, d=(5 6);valid", NULL},
	    {"RFC 9213 2.1: CDN-Cache-Control", "max-age=600, stale-while-revalidate=30, private", NULL},
	    {"RFC 9651 3.2: empty", "", NULL},
	    {"RFC 9651 4.2.2: the last of a key counts, in the place of the first", "a=1, b=2, a=3", "a=3, b=2"},
	    {"RFC 9651 4.2.2: with its parameters and its type", "a=(1 2);x, a", "a"},
	    {"RFC 9651 4.2.2: an error in a value that would not count", "a=-, a=1", NO},
	    {"RFC 9651 4.2.2: a trailing comma", "a=1,", NO},
	    {"RFC 9651 4.2.2: an empty member", "a=1,,b=2", NO},
	    {"RFC 9651 4.2.2: no value behind the sign", "a=", NO},
	    {"RFC 9651 4.2.2: no value, then a member", "a=,b", NO},
	    {"RFC 9651 4.2.2: a space before the sign", "a =1", NO},
	    {"RFC 9651 4.2.2: a space behind the sign", "a= 1", NO},
	    {"RFC 9651 4.2.2: two signs", "a==1", NO},
	    {"RFC 9651 4.2.2: no comma", "a=1 b=2", NO},
	    {"RFC 9651 4.2.2: a semicolon is none", "a=1;b=2", NULL},
	    {"RFC 9651 4.2.3.3: all characters of a key", "*a_z-0.9*=1", NULL},
	    {"RFC 9651 4.2.3.3: upper case in front", "A=1", NO},
	    {"RFC 9651 4.2.3.3: upper case within", "aB=1", NO},
	    {"RFC 9651 4.2.3.3: a digit in front", "0a=1", NO},
	    {"RFC 9651 4.2.3.3: a dash in front", "-a=1", NO},
	    {"RFC 9651 4.2.3.3: no key", "=1", NO},
	    {"RFC 9651 4.2.3.3: quotes", "\"a\"=1", NO},
	};
	check(rows, COUNT_OF(rows), text_of_dictionary);
}
END_TEST

START_TEST(items)
{
	static const struct row rows[] = {
	    {"RFC 9651 2.1: with a parameter", "2; foourl=\"https://foo.example.com/\"",
		"2;foourl=\"https://foo.example.com/\""},
	    {"RFC 9651 3.3: a token", "5; foo=bar", "5;foo=bar"},
	    {"RFC 9651 3.1.2: a parameter without a value is true", "1; a; b=?0", "1;a;b=?0"},
	    {"RFC 9651 4.2: spaces around", "  1  ", "1"},
	    {"RFC 9651 4.2: a tab behind", "1\t", NO},
	    {"RFC 9651 4.2: an item is not absent", "", NO},
	    {"RFC 9651 4.2: something behind", "1 2", NO},
	    {"RFC 9651 4.2: two lines are no item", "1, 2", NO},
	    {"RFC 9651 4.2.3: an inner list is no item", "(1)", NO},
	    {"RFC 9651 4.2.3.2: the last of a key counts, in the place of the first", "1;a=1;b=2;a=3", "1;a=3;b=2"},
	    {"RFC 9651 4.2.3.2: spaces behind the semicolon", "1;   a=1", "1;a=1"},
	    {"RFC 9651 4.2.3.2: a space before the semicolon", "1 ;a=1", NO},
	    {"RFC 9651 4.2.3.2: a tab behind the semicolon", "1;\ta=1", NO},
	    {"RFC 9651 4.2.3.2: a semicolon without a key", "1;", NO},
	    {"RFC 9651 4.2.3.2: two semicolons", "1;;a", NO},
	    {"RFC 9651 4.2.3.2: no value behind the sign", "1;a=", NO},
	    {"RFC 9651 4.2.3.2: an inner list is no value", "1;a=(1)", NO},
	    {"RFC 9651 4.2.3.2: spaces around the sign", "1;a = 1", NO},
	    {"RFC 9651 4.2.3.3: upper case in a key", "1;A=1", NO},
	};
	check(rows, COUNT_OF(rows), text_of_item);
}
END_TEST

/* unit, n times, with something between. */
static struct str repeat(const char *unit, const char *between, unsigned n)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < n; i++)
		(void)buf_addf(&b, "%s%s", i > 0 ? between : "", unit);
	struct str copy = arena_str(&arena, buf_str(&b));
	buf_free(&b);
	return copy;
}

/* "k0=1, k1=1, ..." */
static struct str numbered(const char *format, unsigned n)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < n; i++) {
		struct str part = arena_printf(&arena, "%sk%u", i > 0 ? format : "", i);
		(void)buf_add(&b, part);
	}
	struct str copy = arena_str(&arena, buf_str(&b));
	buf_free(&b);
	return copy;
}

static int read_list(struct str field)
{
	struct sf_list list;
	return sf_list_read(field, &arena, &list);
}

static int read_dictionary(struct str field)
{
	struct sf_dictionary dictionary;
	return sf_dictionary_read(field, &arena, &dictionary);
}

static int read_item(struct str field)
{
	struct sf_item item;
	return sf_item_read(field, &arena, &item);
}

START_TEST(sizes_that_must_parse_do_and_larger_ones_fail_whole)
{
	struct {
		const char *what;
		int (*read)(struct str field);
		struct str in;
		int err;
	} rows[] = {
	    {"RFC 9651 3.1: 1024 members of a list", read_list, repeat("a", ",", 1024), ERR_OK},
	    {"1025 members of a list", read_list, repeat("a", ",", 1025), ERR_TOO_LARGE},
	    {"RFC 9651 3.2: 1024 keys", read_dictionary, numbered(",", 1024), ERR_OK},
	    {"1025 keys", read_dictionary, numbered(",", 1025), ERR_TOO_LARGE},
	    {"a key that comes 2000 times is one", read_dictionary, repeat("a=1", ",", 2000), ERR_OK},
	    {"RFC 9651 3.1.1: 256 items of an inner list", read_list,
		arena_printf(&arena, "(%s)", repeat("a", " ", 256).p), ERR_OK},
	    {"257 items of an inner list", read_list, arena_printf(&arena, "(%s)", repeat("a", " ", 257).p),
		ERR_TOO_LARGE},
	    {"RFC 9651 3.1.2: 256 parameters", read_item, arena_printf(&arena, "1;%s", numbered(";", 256).p), ERR_OK},
	    {"257 parameters", read_item, arena_printf(&arena, "1;%s", numbered(";", 257).p), ERR_TOO_LARGE},
	    {"a parameter that comes 2000 times is one", read_item,
		arena_printf(&arena, "1%s", repeat(";a", "", 2000).p), ERR_OK},
	    {"RFC 9651 3.2: a key of 64 characters and more", read_dictionary, repeat("abcd", "", 100), ERR_OK},
	    {"RFC 9651 3.3.3: a string of 1024 characters and more", read_item,
		arena_printf(&arena, "\"%s\"", repeat("a", "", 5000).p), ERR_OK},
	    {"RFC 9651 3.3.4: a token of 512 characters and more", read_item, repeat("a", "", 5000), ERR_OK},
	    {"RFC 9651 3.3.5: 16384 bytes and more", read_item,
		arena_printf(&arena, ":%s:", repeat("abcd", "", 16384 / 3 + 1).p), ERR_OK},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int err = rows[i].read(rows[i].in);
		ck_assert_msg(err == rows[i].err, "%s: %s", rows[i].what, err_name(err));
	}
}
END_TEST

START_TEST(lines_are_joined_before)
{
	static const struct {
		const char *what;
		const char *lines[3];
		const char *out;
	} rows[] = {
	    {"RFC 9651 3.2: a dictionary over two lines", {"foo=1", "bar=2"}, "foo=1, bar=2"},
	    {"RFC 9651 4.2: a key on a later line counts", {"foo=1", "bar=2", "foo=3"}, "foo=3, bar=2"},
	    {"RFC 9651 4.2: a line that is none takes all", {"foo=1", "Bar"}, NO},
	    {"RFC 9651 4.2: a string over two lines has the comma", {"foo=\"a", "b\""}, "foo=\"a, b\""},
	    {"RFC 9651 4.2.2: an empty line leaves a comma behind", {"foo=1", ""}, NO},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = {.n = 0};
		for (size_t j = 0; j < COUNT_OF(rows[i].lines) && rows[i].lines[j]; j++)
			headers_add(&h, &arena, STR("Field"), str_of(rows[i].lines[j]));
		const char *got = text_of_dictionary(headers_joined(&h, &arena, STR("field")));
		ck_assert_msg(strcmp(got, rows[i].out) == 0, "%s: %s", rows[i].what, got);
	}
}
END_TEST

/* RFC 9651 3.1.2, 3.2: access by index and by key. */
START_TEST(members_and_parameters_are_found_by_key)
{
	struct sf_dictionary d;
	ck_assert_int_eq(sf_dictionary_read(STR("a=1;x=2;y, b=(7 8);z=\"s\""), &arena, &d), 0);
	ck_assert_uint_eq(d.n, 2);
	const struct sf_member *a = sf_dictionary_find(&d, STR("a")), *b = sf_dictionary_find(&d, STR("b"));
	ck_assert_ptr_eq(a, &d.v[0]);
	ck_assert_ptr_eq(b, &d.v[1]);
	ck_assert_ptr_null(sf_dictionary_find(&d, STR("c")));
	ck_assert_ptr_null(sf_dictionary_find(&d, STR("A")));

	ck_assert(!a->is_inner && a->bare.type == SF_INTEGER && a->bare.number == 1);
	ck_assert_int_eq(sf_parameter_find(&a->parameters, STR("x"))->number, 2);
	ck_assert_int_eq(sf_parameter_find(&a->parameters, STR("y"))->type, SF_BOOLEAN);
	ck_assert_ptr_null(sf_parameter_find(&a->parameters, STR("z")));

	ck_assert(b->is_inner && b->inner.n == 2 && b->inner.v[1].bare.number == 8);
	ck_assert(str_eq(sf_parameter_find(&b->parameters, STR("z"))->text, STR("s")));

	/* A field that is not there is an empty dictionary. */
	ck_assert_int_eq(sf_dictionary_read(STR_NONE, &arena, &d), 0);
	ck_assert_uint_eq(d.n, 0);
	ck_assert_ptr_null(sf_dictionary_find(&d, STR("a")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/sf");
	TCase *c = tcase_create("sf");
	tcase_add_checked_fixture(c, setup, teardown);
	suite_add_tcase(s, c);
	tcase_add_test(c, lists);
	tcase_add_test(c, dictionaries);
	tcase_add_test(c, items);
	tcase_add_test(c, sizes_that_must_parse_do_and_larger_ones_fail_whole);
	tcase_add_test(c, lines_are_joined_before);
	tcase_add_test(c, members_and_parameters_are_found_by_key);
	return suite_run(s);
}
