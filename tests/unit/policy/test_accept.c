#include "fields.h"

#include "base/mem.h"
#include "policy/accept.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* "name=thousandths ...", or "unreadable". */
static const char *read_as_text(const char *fields, enum accept_kind kind)
{
	struct headers h = fields_of(fields, &arena);
	struct accept list;
	struct str text = STR("");
	if (!accept_read(&h, STR("accept"), kind, &list))
		return "unreadable";
	for (unsigned i = 0; i < list.n; i++)
		text = arena_printf(&arena, "%.*s%s%.*s=%u", STR_ARG(text), i > 0 ? " " : "", STR_ARG(list.v[i].name),
		    list.v[i].weight);
	return arena_str(&arena, text).p;
}

START_TEST(lists_are_read)
{
	static const struct {
		const char *what, *fields;
		enum accept_kind kind;
		const char *members;
	} rows[] = {
	    {"no field", "Other: a", ACCEPT_ENCODING, ""},
	    {"an empty field", "Accept:", ACCEPT_ENCODING, ""},
	    {"RFC 9110 12.4.2: the default weight is 1", "Accept: gzip", ACCEPT_ENCODING, "gzip=1000"},
	    {"codings by name", "Accept: gzip, br;q=0.5", ACCEPT_ENCODING, "br=500 gzip=1000"},
	    {"languages by weight, then by name", "Accept: fr;q=0.5, en, de", ACCEPT_LANGUAGE,
		"de=1000 en=1000 fr=500"},
	    {"several lines are one list", "Accept: gzip\nAccept: br", ACCEPT_ENCODING, "br=1000 gzip=1000"},
	    {"a name that repeats counts once", "Accept: gzip, GZIP", ACCEPT_ENCODING, "gzip=1000"},
	    {"a name with two weights", "Accept: gzip, gzip;q=0.5", ACCEPT_ENCODING, "unreadable"},
	    {"a parameter that is no weight", "Accept: gzip;x=1", ACCEPT_ENCODING, "unreadable"},
	    {"RFC 9110 12.4.2: four digits", "Accept: gzip;q=0.1234", ACCEPT_ENCODING, "unreadable"},
	    {"RFC 9110 12.4.2: more than 1", "Accept: gzip;q=1.001", ACCEPT_ENCODING, "unreadable"},
	    {"rubbish", "Accept: gz ip", ACCEPT_ENCODING, "unreadable"},
	    {"RFC 9110 8.4.1: old names of codings", "Accept: x-gzip, x-compress", ACCEPT_ENCODING,
		"compress=1000 gzip=1000"},
	    {"languages have no old names", "Accept: x-gzip", ACCEPT_LANGUAGE, "x-gzip=1000"},
	    {"RFC 9110 12.5.3: a refused coding is as one not named", "Accept: gzip, br;q=0", ACCEPT_ENCODING,
		"gzip=1000"},
	    {"RFC 9110 12.5.3: but for identity", "Accept: gzip, identity;q=0", ACCEPT_ENCODING,
		"gzip=1000 identity=0"},
	    {"RFC 9110 12.5.3: and beside a star", "Accept: *, br;q=0", ACCEPT_ENCODING, "*=1000 br=0"},
	    {"a refused language stays", "Accept: de, en;q=0", ACCEPT_LANGUAGE, "de=1000 en=0"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *text = read_as_text(rows[i].fields, rows[i].kind);
		ck_assert_msg(strcmp(text, rows[i].members) == 0, "%s: %s", rows[i].what, text);
	}
}
END_TEST

START_TEST(the_first_language)
{
	static const struct {
		const char *what, *fields, *first;
	} rows[] = {
	    {"the only one", "Accept-Language: de", "de"},
	    {"the heaviest", "Accept-Language: fr;q=0.5, de;q=0.9", "de"},
	    {"RFC 9110 12.5.4: order says nothing", "Accept-Language: fr, de", ""},
	    {"a star wants none in particular", "Accept-Language: *, de;q=0.5", ""},
	    {"one before the star", "Accept-Language: de, *;q=0.5", "de"},
	    {"refused", "Accept-Language: de;q=0", ""},
	    {"none", "Accept: de", ""},
	    {"unreadable", "Accept-Language: de;level=1", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].fields, &arena);
		struct str first = accept_first_language(&h);
		ck_assert_msg(str_eq(first, str_of(rows[i].first)), "%s: %.*s", rows[i].what, STR_ARG(first));
	}
}
END_TEST

START_TEST(long_lists_are_not_read)
{
	struct str text = STR("Accept: a0");
	for (int i = 1; i < ACCEPT_MEMBERS; i++)
		text = arena_printf(&arena, "%.*s, a%d", STR_ARG(text), i);
	ck_assert_str_ne(read_as_text(text.p, ACCEPT_LANGUAGE), "unreadable");
	text = arena_printf(&arena, "%.*s, more", STR_ARG(text));
	ck_assert_str_eq(read_as_text(text.p, ACCEPT_LANGUAGE), "unreadable");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/accept");
	TCase *t = tcase_create("accept");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, lists_are_read);
	tcase_add_test(t, the_first_language);
	tcase_add_test(t, long_lists_are_not_read);
	suite_add_tcase(s, t);
	return suite_run(s);
}
