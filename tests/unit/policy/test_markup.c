/* Tags that hold a token: spellings, what is none, and how much must have come until it can be told. */
#include "policy/markup.h"

#include "base/mem.h"

#include "suite.h"

static struct str names_of[] = {{"csrf", 4}, {"X-Token", 7}};
static const struct str_list names = {names_of, COUNT_OF(names_of)};

static const struct {
	const char *says, *text;
	enum markup verdict;
	const char *value;
} rows[] = {
    {"an input", "<input type=\"hidden\" name=\"csrf\" value=\"T0\">", MARKUP_FIELD, "T0"},
    {"the value first", "<input value=\"T0\" name=\"csrf\">", MARKUP_FIELD, "T0"},
    {"a meta", "<meta name=\"csrf\" content=\"T0\" />", MARKUP_FIELD, "T0"},
    {"a meta, the content first", "<meta content='T0' name='csrf'/>", MARKUP_FIELD, "T0"},
    {"single quotes", "<input name='csrf' value='T\"0'>", MARKUP_FIELD, "T\"0"},
    {"no quotes", "<input name=csrf value=T0>", MARKUP_FIELD, "T0"},
    {"no quotes, ended by a blank", "<input value=a+/b== name=csrf>", MARKUP_FIELD, "a+/b=="},
    {"capitals", "<INPUT NAME=CSRF VALUE=T0>", MARKUP_FIELD, "T0"},
    {"another name of the list", "<input name=x-token value=T0>", MARKUP_FIELD, "T0"},
    {"blanks around =", "<input\tname \n= \"csrf\"\r\f value\n=\n\"T0\">", MARKUP_FIELD, "T0"},
    {"a slash for a blank", "<input/name=\"csrf\"/value=\"T0\"/>", MARKUP_FIELD, "T0"},
    {"no blank behind a quote", "<input name=\"csrf\"value=\"T0\">", MARKUP_FIELD, "T0"},
    {"attributes without a value", "<input hidden required name=csrf disabled value=T0>", MARKUP_FIELD, "T0"},
    {"a > within quotes", "<input title=\"a > b\" name=csrf value=T0>", MARKUP_FIELD, "T0"},
    {"a tag within quotes", "<input title=\"<b>\" name=csrf value=T0>", MARKUP_FIELD, "T0"},
    {"blanks in the value", "<input name=csrf value=\" T 0 \">", MARKUP_FIELD, " T 0 "},
    {"entities as they stand", "<input name=csrf value=\"T&#x3D;&amp;\">", MARKUP_FIELD, "T&#x3D;&amp;"},
    {"in the string of a script", "<input name=\\\"csrf\\\" value=\\\"T0\\\">", MARKUP_FIELD, "T0"},
    {"as soon as it can be told", "<input name=csrf value=\"T0\"", MARKUP_FIELD, "T0"},
    {"of two values the first", "<input name=csrf value=T0 value=T1>", MARKUP_FIELD, "T0"},
    {"of two values the first, before the name", "<input value=T0 value=T1 name=csrf>", MARKUP_FIELD, "T0"},

    {"of two names the first", "<input name=other name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"another name", "<input name=other value=T0>", MARKUP_OTHER, NULL},
    {"a longer name", "<input name=csrf2 value=T0>", MARKUP_OTHER, NULL},
    {"no name", "<input value=T0>", MARKUP_OTHER, NULL},
    {"a name without a value", "<input name value=T0>", MARKUP_OTHER, NULL},
    {"no value", "<input name=csrf>", MARKUP_OTHER, NULL},
    {"an empty value", "<input name=csrf value=\"\">", MARKUP_OTHER, NULL},
    {"an empty value without quotes", "<input name=csrf value=>", MARKUP_OTHER, NULL},
    {"an empty value in a script", "<input name=csrf value=\\\"\\\">", MARKUP_OTHER, NULL},
    {"an empty value before another", "<input name=csrf value='' value=T0>", MARKUP_OTHER, NULL},
    {"the attribute of the other tag", "<meta name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"the attribute of the other tag too", "<input name=csrf content=T0>", MARKUP_OTHER, NULL},
    {"another tag", "<button name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"a longer tag", "<inputs name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"no tag", "< input name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"an end tag", "</input name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"the end before the value", "<input name=csrf > value=T0>", MARKUP_OTHER, NULL},
    {"< in a tag", "<input name=csrf <input value=T0>", MARKUP_OTHER, NULL},
    {"< in a name", "<input na<me=csrf value=T0>", MARKUP_OTHER, NULL},
    {"< in a bare value", "<input value=T0<b name=csrf>", MARKUP_OTHER, NULL},
    {"a quote in a name", "<input a\"b name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"a quote for a name", "<input \"name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"a quote in a bare value", "<input value=T\"0 name=csrf>", MARKUP_OTHER, NULL},
    {"= for a name", "<input =name=csrf value=T0>", MARKUP_OTHER, NULL},
    {"part of a script", "<input (a && b) name=csrf", MARKUP_MORE, NULL},

    {"nothing but <", "<", MARKUP_MORE, NULL},
    {"a beginning of both", "<", MARKUP_MORE, NULL},
    {"a beginning", "<ME", MARKUP_MORE, NULL},
    {"a name that may go on", "<input", MARKUP_MORE, NULL},
    {"a quote that is open", "<input name=csrf value=\"T0", MARKUP_MORE, NULL},
    {"a bare value that may go on", "<input name=csrf value=T0", MARKUP_MORE, NULL},
    {"= that may come", "<input name=csrf value", MARKUP_MORE, NULL},
    {"a quote that may come", "<input name=csrf value=\\", MARKUP_MORE, NULL},
};

/* A block of its own, so that a sanitizer sees a look beyond it. */
static enum markup verdict_of(struct str text, struct str *value)
{
	char *copy = mem_alloc(text.n);
	memcpy(copy, text.p, text.n);
	enum markup verdict = markup_field(str_make(copy, text.n), &names, value);
	if (verdict == MARKUP_FIELD) {
		ck_assert(value->p >= copy && value->p + value->n <= copy + text.n);
		*value = str_make(text.p + (value->p - copy), value->n);
	}
	free(copy);
	return verdict;
}

START_TEST(reads_a_tag)
{
	struct str text = str_of(rows[_i].text), value = STR_NONE;
	enum markup verdict = verdict_of(text, &value);
	ck_assert_msg(verdict == rows[_i].verdict, "%s: %d", rows[_i].says, (int)verdict);
	ck_assert_msg(
	    !rows[_i].value || str_eq(value, str_of(rows[_i].value)), "%s: %.*s", rows[_i].says, STR_ARG(value));
	/* What came before either tells the same, or wants more. */
	for (size_t n = 1; n < text.n; n++) {
		struct str early = STR_NONE;
		enum markup before = verdict_of(str_take(text, n), &early);
		ck_assert_msg(before == MARKUP_MORE || (before == verdict && str_eq(early, value)),
		    "%s: after %zu bytes %d", rows[_i].says, n, (int)before);
	}
}
END_TEST

static const struct {
	const char *says;
	size_t filling; /* blanks before the name */
	enum markup verdict;
} lengths[] = {
    {"a tag whose value ends at the bound", MARKUP_MAX - sizeof("<input name=csrf value='T0'") + 1, MARKUP_FIELD},
    {"a byte more", MARKUP_MAX - sizeof("<input name=csrf value='T0'") + 2, MARKUP_OTHER},
    {"much more", (size_t)10 * MARKUP_MAX, MARKUP_OTHER},
};

START_TEST(gives_a_long_tag_up)
{
	size_t n = sizeof("<input name=csrf value='T0'") - 1 + lengths[_i].filling;
	char *text = mem_alloc(n);
	memset(text, ' ', n);
	memcpy(text, "<input", 6);
	memcpy(text + 6 + lengths[_i].filling, " name=csrf value='T0'", 21);
	struct str value;
	ck_assert_msg(verdict_of(str_make(text, n), &value) == lengths[_i].verdict, "%s", lengths[_i].says);
	ck_assert_msg(verdict_of(str_make(text, MARKUP_MAX - 1), &value) == MARKUP_MORE, "%s: less", lengths[_i].says);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/markup");
	TCase *t = tcase_create("markup");
	tcase_add_loop_test(t, reads_a_tag, 0, COUNT_OF(rows));
	tcase_add_loop_test(t, gives_a_long_tag_up, 0, COUNT_OF(lengths));
	suite_add_tcase(s, t);
	return suite_run(s);
}
