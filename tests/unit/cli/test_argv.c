/* The command line: what is understood, and with which words the rest is refused. */
#include "cli/argv.h"
#include "base/mem.h"
#include "suite.h"

enum { ARGUMENTS_MAX = 8 };

/* Reads "larder" and what follows, to the first NULL. */
static int read_line(const char *const words[ARGUMENTS_MAX], struct argv *out, struct buf *wrong)
{
	char *argv[ARGUMENTS_MAX + 2] = {(char *)"larder"};
	int n = 1;
	for (; n <= ARGUMENTS_MAX && words[n - 1]; n++)
		argv[n] = (char *)words[n - 1];
	return argv_read(n, argv, out, wrong);
}

START_TEST(what_is_understood)
{
	static const struct {
		const char *sentence;
		const char *words[ARGUMENTS_MAX];
		enum command command;
		const char *path, *section, *name, *value; /* of the last flag */
		unsigned n_words;
	} rows[] = {
	    {"nothing runs", {NULL}, COMMAND_RUN, NULL, NULL, NULL, NULL, 0},
	    {"a file", {"-c", "a.ini"}, COMMAND_RUN, "a.ini", NULL, NULL, NULL, 0},
	    {"a file at its letter", {"-ca.ini"}, COMMAND_RUN, "a.ini", NULL, NULL, NULL, 0},
	    {"a file by its long name", {"--config=a.ini"}, COMMAND_RUN, "a.ini", NULL, NULL, NULL, 0},
	    {"an upstream", {"--upstream", "http://h"}, COMMAND_RUN, NULL, "upstream", "url", "http://h", 0},
	    {"with an equals sign", {"--upstream=http://h?a=b"}, COMMAND_RUN, NULL, "upstream", "url", "http://h?a=b",
		0},
	    {"any option by its long name", {"--cache-memory-size", "1G"}, COMMAND_RUN, NULL, "cache", "memory_size",
		"1G", 0},
	    {"set", {"--set", "cache.memory_size=1G"}, COMMAND_RUN, NULL, "cache", "memory_size", "1G", 0},
	    {"set of a route with dots", {"--set", "route /a.html.ttl=60s"}, COMMAND_RUN, NULL, "route /a.html", "ttl",
		"60s", 0},
	    {"set to nothing", {"--set=log.access="}, COMMAND_RUN, NULL, "log", "access", "", 0},
	    {"a command", {"check"}, COMMAND_CHECK, NULL, NULL, NULL, NULL, 0},
	    {"a command behind a file", {"-c", "a.ini", "check"}, COMMAND_CHECK, "a.ini", NULL, NULL, NULL, 0},
	    {"a command before a file", {"check", "-c", "a.ini"}, COMMAND_CHECK, "a.ini", NULL, NULL, NULL, 0},
	    {"URLs", {"purge", "http://h/a", "/b"}, COMMAND_PURGE, NULL, NULL, NULL, NULL, 2},
	    {"a URL that looks like a switch", {"purge", "--", "--all"}, COMMAND_PURGE, NULL, NULL, NULL, NULL, 1},
	    {"a question with its fields", {"why", "-H", "A: b", "--header=C: d", "http://h/a", "--json"}, COMMAND_WHY,
		NULL, NULL, NULL, NULL, 1},
	    {"purge and admin", {"purge", "--tag", "x", "--admin", "unix:/s"}, COMMAND_PURGE, NULL, "admin", "listen",
		"unix:/s", 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct argv a;
		struct buf wrong;
		buf_init(&wrong, 4096);
		int err = read_line(rows[i].words, &a, &wrong);
		ck_assert_msg(err == ERR_OK, "%s: %.*s", rows[i].sentence, (int)wrong.n, wrong.p ? wrong.p : "");
		ck_assert_msg(a.command == rows[i].command, "%s: command", rows[i].sentence);
		ck_assert_pstr_eq(a.path, rows[i].path);
		ck_assert_msg(a.n_flags == (rows[i].section != NULL), "%s: flags", rows[i].sentence);
		if (rows[i].section) {
			const struct conf_flag *f = &a.flags[a.n_flags - 1];
			ck_assert_str_eq(f->section, rows[i].section);
			ck_assert_str_eq(f->name, rows[i].name);
			ck_assert_str_eq(f->value, rows[i].value);
		}
		ck_assert_msg(a.n_words == rows[i].n_words, "%s: words", rows[i].sentence);
		buf_free(&wrong);
		argv_free(&a);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	static const struct {
		const char *sentence;
		const char *words[ARGUMENTS_MAX];
		const char *told;
	} rows[] = {
	    {"an option near one of the settings", {"--upstrem", "x"},
		"unknown option --upstrem (did you mean --upstream?)"},
	    {"a long one", {"--cache-memory", "1G"}, "did you mean --cache-memory-size?"},
	    {"one near a switch", {"purge", "--sofd"}, "did you mean --soft?"},
	    {"one near nothing", {"--qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"}, "unknown option --qqqq"},
	    {"a letter", {"-x"}, "unknown option -x"},
	    {"the other version", {"-v"}, "did you mean -V?"},
	    {"an option without its value", {"--listen"}, "--listen needs a value"},
	    {"a file without its name", {"-c"}, "-c needs a value: -c FILE"},
	    {"a switch with a value", {"stats", "--json=1"}, "no value is taken by --json"},
	    {"a command near one", {"chek"}, "unknown command chek (did you mean check?)"},
	    {"a file without -c", {"proxy.ini"}, "did you mean -c proxy.ini?"},
	    {"a URL without --upstream", {"http://h"}, "did you mean --upstream http://h?"},
	    {"a file behind check", {"check", "proxy.ini"},
		"unexpected argument proxy.ini (did you mean -c proxy.ini?)"},
	    {"a switch of another command", {"check", "--json"}, "--json belongs to larder stats"},
	    {"a switch of a command that is not named", {"--tag", "x"}, "--tag belongs to larder purge"},
	    {"a question without a URL", {"why"}, "why takes one URL"},
	    {"a question about two", {"why", "http://h/a", "http://h/b"}, "why takes one URL"},
	    {"a field without a question", {"stats", "-H", "A: b"}, "--header belongs to larder why"},
	    {"a purge of nothing", {"purge"}, "purge takes one of"},
	    {"a purge of two things", {"purge", "--all", "--tag", "x"}, "purge takes one of"},
	    {"config without a form", {"config"}, "config takes one of"},
	    {"set without a section", {"--set", "ttl=1s"}, "--set takes SECTION.NAME=VALUE"},
	    {"set without a name", {"--set", "cache.=1"}, "--set takes SECTION.NAME=VALUE"},
	    {"set without a value", {"--set", "cache.backend"}, "--set takes SECTION.NAME=VALUE"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct argv a;
		struct buf wrong;
		buf_init(&wrong, 4096);
		ck_assert_msg(read_line(rows[i].words, &a, &wrong) == ERR_INVALID, "%s", rows[i].sentence);
		ck_assert_msg(str_find(buf_str(&wrong), str_of(rows[i].told)) < wrong.n, "%s: %.*s", rows[i].sentence,
		    STR_ARG(buf_str(&wrong)));
		buf_free(&wrong);
		argv_free(&a);
	}
}
END_TEST

START_TEST(help_forgives_what_is_missing)
{
	struct argv a;
	struct buf wrong;
	buf_init(&wrong, 4096);
	ck_assert_int_eq(read_line((const char *[ARGUMENTS_MAX]){"purge", "--help"}, &a, &wrong), ERR_OK);
	ck_assert(a.help && a.command == COMMAND_PURGE);
	argv_free(&a);
	ck_assert_int_eq(read_line((const char *[ARGUMENTS_MAX]){"-h"}, &a, &wrong), ERR_OK);
	ck_assert(a.help && a.command == COMMAND_RUN);
	argv_free(&a);
	ck_assert_int_eq(read_line((const char *[ARGUMENTS_MAX]){"-V"}, &a, &wrong), ERR_OK);
	ck_assert(a.version);
	argv_free(&a);
	buf_free(&wrong);
}
END_TEST

START_TEST(each_command_has_its_help)
{
	static const struct {
		enum command command;
		const char *has, *has_not;
	} rows[] = {
	    {COMMAND_RUN, "--cache-memory-size", "--soft"},
	    {COMMAND_RUN, "larder --upstream http://127.0.0.1:8000", "--json"},
	    {COMMAND_PURGE, "--soft", "--cache-memory-size"},
	    {COMMAND_STATS, "--json", "--soft"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf text;
		buf_init(&text, 1 << 20);
		argv_write_help(rows[i].command, &text);
		ck_assert_msg(str_find(buf_str(&text), str_of(rows[i].has)) < text.n, "%s", rows[i].has);
		ck_assert_msg(str_find(buf_str(&text), str_of(rows[i].has_not)) == text.n, "%s", rows[i].has_not);
		ck_assert(!text.overflow);
		buf_free(&text);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("argv");
	TCase *t = tcase_create("argv");
	tcase_add_test(t, what_is_understood);
	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, help_forgives_what_is_missing);
	tcase_add_test(t, each_command_has_its_help);
	suite_add_tcase(s, t);
	return suite_run(s);
}
