/* The reader of ini text, item by item. */
#include "conf/ini.h"

#include <stdio.h>

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct row {
	const char *says, *text;
	enum ini_kind kind;
	unsigned line;
	const char *name, *value;
} rows[] = {
    {"an option", "a = b", INI_OPTION, 1, "a", "b"},
    {"blanks around are taken off", " \t a\t=  b c \t", INI_OPTION, 1, "a", "b c"},
    {"no blanks are needed", "a=b", INI_OPTION, 1, "a", "b"},
    {"the first = separates", "a = b = c", INI_OPTION, 1, "a", "b = c"},
    {"an empty value is told as such", "a =", INI_OPTION, 1, "a", ""},
    {"a comment behind a blank ends the value", "a = b ; c", INI_OPTION, 1, "a", "b"},
    {"the other comment sign too", "a = b\t# c", INI_OPTION, 1, "a", "b"},
    {"a comment sign within a word is plain", "a = b;c#d", INI_OPTION, 1, "a", "b;c#d"},
    {"a value that is all comment is empty", "a = ; c", INI_OPTION, 1, "a", ""},
    {"quotes keep comment signs", "a = \"b ; c # d\" ; e", INI_OPTION, 1, "a", "b ; c # d"},
    {"quotes within a value stay", "a = X: \"b ; c\" d", INI_OPTION, 1, "a", "X: \"b ; c\" d"},
    {"two quoted runs are no quoted whole", "a = \"b\", \"c\"", INI_OPTION, 1, "a", "\"b\", \"c\""},
    {"a quote behind a backslash is plain", "a = b\\\"c ; d", INI_OPTION, 1, "a", "b\\\"c"},
    {"a backslash behind a backslash leaves the quote", "a = \"b\\\\\" ; c", INI_OPTION, 1, "a", "b\\\\"},
    {"an apostrophe means nothing", "a = it's ; b", INI_OPTION, 1, "a", "it's"},
    {"an open quote is a problem", "a = \"b ; c", INI_BAD, 1, NULL, NULL},
    {"an option without a name is a problem", " = b", INI_BAD, 1, NULL, NULL},
    {"a line that is nothing is a problem", "listen 8080", INI_BAD, 1, NULL, NULL},
    {"comments and empty lines are skipped", "\n ; x\n\t# y\n\na = b", INI_OPTION, 5, "a", "b"},
    {"CRLF ends a line", "\r\n; x\r\na = b\r\nc = d\r\n", INI_OPTION, 3, "a", "b"},
    {"a byte order mark is skipped", "\xef\xbb\xbf[a]", INI_SECTION, 1, "a", ""},
    {"a section", "[a]", INI_SECTION, 1, "a", ""},
    {"a section with a label", " [ route \t /blog/* ] ; x", INI_SECTION, 1, "route", "/blog/*"},
    {"a label ends at the last bracket", "[route /[a]/x]", INI_SECTION, 1, "route", "/[a]/x"},
    {"a quote in a label is plain", "[route /a\"b] # c", INI_SECTION, 1, "route", "/a\"b"},
    {"a section that is not closed is a problem", "[a", INI_BAD, 1, NULL, NULL},
    {"only a bracket is a problem", "[", INI_BAD, 1, NULL, NULL},
    {"only a bracket and a comment is a problem", "[ ; x]", INI_BAD, 1, NULL, NULL},
    {"an empty section is a problem", "[ ]", INI_BAD, 1, NULL, NULL},
    {"text behind a section is a problem", "[a] b", INI_BAD, 1, NULL, NULL},
    {"a control byte is a problem", "a = b\001c", INI_BAD, 1, NULL, NULL},
    {"a lone carriage return is a problem", "a = b\rc = d", INI_BAD, 1, NULL, NULL},
    {"bytes above 127 are plain", "a = caf\xc3\xa9", INI_OPTION, 1, "a", "caf\xc3\xa9"},
    {"nothing is the end", "", INI_END, 0, NULL, NULL},
    {"only newlines are the end", "\n\n", INI_END, 0, NULL, NULL},
};

START_TEST(reads_one_item)
{
	const struct row *r = &rows[_i];
	struct ini ini;
	struct ini_item item;
	ini_init(&ini, str_of(r->text));
	enum ini_kind kind = ini_next(&ini, &item);
	ck_assert_msg(kind == r->kind && item.kind == kind, "%s", r->says);
	if (kind != INI_END)
		ck_assert_msg(item.line == r->line, "%s: line %u", r->says, item.line);
	if (kind == INI_BAD)
		ck_assert_msg(item.problem && *item.problem, "%s", r->says);
	if (r->name)
		ck_assert_msg(str_eq(item.name, str_of(r->name)) && str_eq(item.value, str_of(r->value)),
		    "%s: \"%.*s\" \"%.*s\"", r->says, STR_ARG(item.name), STR_ARG(item.value));
}
END_TEST

START_TEST(goes_on_behind_a_bad_line)
{
	struct ini ini;
	struct ini_item item;
	ini_init(&ini, STR("what\n[a]\nb = c"));
	ck_assert_int_eq(ini_next(&ini, &item), INI_BAD);
	ck_assert_int_eq(ini_next(&ini, &item), INI_SECTION);
	ck_assert_int_eq(ini_next(&ini, &item), INI_OPTION);
	ck_assert_uint_eq(item.line, 3);
	ck_assert_int_eq(ini_next(&ini, &item), INI_END);
	ck_assert_int_eq(ini_next(&ini, &item), INI_END);
}
END_TEST

START_TEST(reads_a_line_of_a_megabyte)
{
	size_t n = 1 << 20;
	char *text = malloc(n);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', n);
	text[1] = '=';
	struct ini ini;
	struct ini_item item;
	ini_init(&ini, str_make(text, n));
	ck_assert_int_eq(ini_next(&ini, &item), INI_OPTION);
	ck_assert_uint_eq(item.value.n, n - 2);
	free(text);
}
END_TEST

START_TEST(a_nul_byte_is_a_problem)
{
	struct ini ini;
	struct ini_item item;
	ini_init(&ini, STR("a = b\0c"));
	ck_assert_int_eq(ini_next(&ini, &item), INI_BAD);
}
END_TEST

static const struct list_row {
	const char *says, *text, *elements; /* joined with a bar */
} lists[] = {
    {"commas separate", "a, b ,c", "a|b|c"},
    {"empty elements are told", "a,,b,", "a||b|"},
    {"quotes hold commas", "\"a,b\", c", "a,b|c"},
    {"brackets of a regex hold commas", "~ ^/a{1,2}$, /b", "~ ^/a{1,2}$|/b"},
    {"a class of a regex holds commas and brackets", "~ ^/[,({]x, /b", "~ ^/[,({]x|/b"},
    {"an escaped bracket of a regex holds nothing", "~ ^/\\(x, /b", "~ ^/\\(x|/b"},
    {"a host before a regex changes nothing", "h.example ~ (a,b), c", "h.example ~ (a,b)|c"},
    {"brackets of a glob are plain", "/a(b,/c)d", "/a(b|/c)d"},
    {"a tilde within a glob begins no regex", "/~joe(x,/b", "/~joe(x|/b"},
    {"quotes behind a tilde stay", "~ \"^/a,b\", /c", "~ \"^/a,b\"|/c"},
};

START_TEST(splits_a_list)
{
	const struct list_row *r = &lists[_i];
	char joined[256] = "";
	size_t n = 0;
	struct str rest = str_of(r->text), element;
	for (bool first = true; ini_list_next(&rest, &element); first = false)
		n += (size_t)snprintf(joined + n, sizeof(joined) - n, "%s%.*s", first ? "" : "|", STR_ARG(element));
	ck_assert_msg(strcmp(joined, r->elements) == 0, "%s: %s", r->says, joined);
}
END_TEST

/* What check prints is read back as it is. */
START_TEST(a_value_that_needs_quotes_survives_them)
{
	static const char *const values[] = {
	    "a", "a ; b", "a # b", "# a", "a;b", " a", "", "X: \"a ; b\"", "a\\\" ; b"};
	for (size_t i = 0; i < COUNT(values); i++) {
		char line[128];
		const char *quote = ini_needs_quotes(str_of(values[i])) ? "\"" : "";
		(void)snprintf(line, sizeof(line), "a = %s%s%s", quote, values[i], quote);
		struct ini ini;
		struct ini_item item;
		ini_init(&ini, str_of(line));
		ck_assert_int_eq(ini_next(&ini, &item), INI_OPTION);
		ck_assert_msg(str_eq(item.value, str_of(values[i])), "%s", values[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/ini");
	TCase *t = tcase_create("ini");
	tcase_add_loop_test(t, reads_one_item, 0, COUNT(rows));
	tcase_add_test(t, goes_on_behind_a_bad_line);
	tcase_add_test(t, reads_a_line_of_a_megabyte);
	tcase_add_test(t, a_nul_byte_is_a_problem);
	tcase_add_loop_test(t, splits_a_list, 0, COUNT(lists));
	tcase_add_test(t, a_value_that_needs_quotes_survives_them);
	suite_add_tcase(s, t);
	return suite_run(s);
}
