/* The texts that are made from the table: they are those in the repository, and what they show is legal.
 * After a change of options.def: CONF_UPDATE=1 build/tests/test-conf-docs writes the files anew. */
#include "conf/load.h"

#include <stdio.h>

#include "conf_fixture.h"

/* Tests run in the build folder or below it; by hand also at the top. */
static FILE *open_file(const char *name, const char *mode)
{
	static const char *const tops[] = {"", "../", "../../", "../../../"};
	for (size_t i = 0; i < COUNT(tops); i++) {
		char path[256];
		(void)snprintf(path, sizeof(path), "%smeson_options.txt", tops[i]);
		FILE *top = fopen(path, "r");
		if (!top)
			continue;
		(void)fclose(top);
		(void)snprintf(path, sizeof(path), "%s%s", tops[i], name);
		return fopen(path, mode);
	}
	return NULL;
}

static void compare(const char *name, void (*write)(struct buf *out))
{
	struct buf made;
	buf_init(&made, 1 << 20);
	write(&made);
	ck_assert(!made.overflow);
	if (getenv("CONF_UPDATE")) {
		FILE *f = open_file(name, "w");
		ck_assert_ptr_nonnull(f);
		ck_assert_uint_eq(fwrite(made.p, 1, made.n, f), made.n);
		ck_assert_int_eq(fclose(f), 0);
	}
	FILE *f = open_file(name, "r");
	ck_assert_msg(f, "%s is not there", name);
	char *there = malloc(1 << 20);
	ck_assert_ptr_nonnull(there);
	size_t n = fread(there, 1, 1 << 20, f);
	(void)fclose(f);
	ck_assert_msg(str_eq(str_make(there, n), buf_str(&made)),
	    "%s differs from the table: CONF_UPDATE=1 writes it anew", name);
	free(there);
	buf_free(&made);
}

START_TEST(the_example_is_made_from_the_table)
{
	compare("proxy.example.ini", conf_write_example);
}
END_TEST

START_TEST(the_page_is_made_from_the_table)
{
	compare("docs/configuration.md", conf_write_docs);
}
END_TEST

START_TEST(the_example_loads_without_a_word)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	conf_write_example(&text);
	(void)buf_addc(&text, '\0');
	(void)load_good(text.p);
	ck_assert_str_eq(problems.p, "");
	buf_free(&text);
}
END_TEST

/* Each ";name = value" with its sign taken off: only the two tokens contradict each other, files are missing, and
 * there is no Redis in backend. */
START_TEST(every_line_of_the_example_is_legal)
{
	struct buf text, all;
	buf_init(&text, 1 << 20);
	buf_init(&all, 1 << 20);
	conf_write_example(&text);
	struct str rest = buf_str(&text), line;
	while (rest.p && str_cut(&rest, '\n', &line)) {
		bool sign = line.n > 1 && line.p[0] == ';' && line.p[1] != ' ';
		if (!str_starts(line, STR(";token_file")) && !str_starts(line, STR(";tls_ca")) &&
		    !str_starts(line, STR(";redis_url")))
			(void)buf_addf(&all, "%.*s\n", STR_ARG(str_skip(line, sign)));
	}
	(void)buf_addc(&all, '\0');
	(void)load_good(all.p);
	ck_assert_str_eq(problems.p, "");
	ck_assert_uint_eq(loaded->routes[0].response_headers.n, 4);
	buf_free(&text);
	buf_free(&all);
}
END_TEST

START_TEST(the_texts_name_every_option)
{
	void (*const writers[])(struct buf *) = {conf_write_docs, conf_write_help, conf_write_example};
	for (size_t w = 0; w < COUNT(writers); w++) {
		struct buf text;
		buf_init(&text, 1 << 20);
		writers[w](&text);
		ck_assert(!text.overflow);
		for (unsigned i = 0; i < n_options; i++) {
			struct buf name;
			buf_init(&name, 256);
			if (writers[w] == conf_write_help && options[i].section != SECTION_ROUTE)
				option_flag_name(&options[i], &name);
			else
				(void)buf_add(&name, str_of(options[i].name));
			ck_assert_msg(str_find(buf_str(&text), buf_str(&name)) < text.n, "%s", options[i].name);
			buf_free(&name);
		}
		buf_free(&text);
	}
}
END_TEST

START_TEST(help_fits_a_terminal)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	conf_write_help(&text);
	struct str rest = buf_str(&text), line;
	while (rest.p && str_cut(&rest, '\n', &line))
		ck_assert_msg(line.n <= 100 || line.p[2] == '-' || str_starts(str_trim(line), STR("query")), "%.*s",
		    STR_ARG(line));
	buf_free(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/docs");
	TCase *t = tcase_create("docs");
	tcase_add_checked_fixture(t, fixture_start, fixture_stop);
	tcase_add_test(t, the_example_is_made_from_the_table);
	tcase_add_test(t, the_page_is_made_from_the_table);
	tcase_add_test(t, the_example_loads_without_a_word);
	tcase_add_test(t, every_line_of_the_example_is_legal);
	tcase_add_test(t, the_texts_name_every_option);
	tcase_add_test(t, help_fits_a_terminal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
