/* Which answers tell a token, and which one. */
#include "suite.h"

#include "base/mem.h"
#include "http/hole.h"
#include "req/token.h"

#define T "Token0123456789abcdef"

START_TEST(forms)
{
	static const struct {
		const char *what;
		int status;
		const char *type, *coding;
		enum token_form form;
	} rows[] = {
	    {"text", 200, "text/plain", NULL, TOKEN_TEXT},
	    {"text with a charset", 200, "Text/Plain ; charset=utf-8", NULL, TOKEN_TEXT},
	    {"JSON", 200, "application/json", NULL, TOKEN_JSON},
	    {"identity is no coding", 200, "application/json", "identity", TOKEN_JSON},
	    {"a page is no token", 200, "text/html", NULL, TOKEN_NO_FORM},
	    {"no type", 200, NULL, NULL, TOKEN_NO_FORM},
	    {"a type that begins like it", 200, "text/plainer", NULL, TOKEN_NO_FORM},
	    {"what was not asked for", 200, "text/plain", "gzip", TOKEN_NO_FORM},
	    {"another status", 201, "text/plain", NULL, TOKEN_NO_FORM},
	    {"a part", 206, "text/plain", NULL, TOKEN_NO_FORM},
	    {"an error", 500, "application/json", NULL, TOKEN_NO_FORM},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_response answer = {.status = rows[i].status};
		const char *why;
		struct arena a;
		arena_init(&a, 0);
		if (rows[i].type)
			headers_add(&answer.headers, &a, STR("content-type"), str_of(rows[i].type));
		if (rows[i].coding)
			headers_add(&answer.headers, &a, STR("Content-Encoding"), str_of(rows[i].coding));
		ck_assert_msg(token_form_of(&answer, &why) == rows[i].form, "%s", rows[i].what);
		ck_assert_msg((why != NULL) == (rows[i].form == TOKEN_NO_FORM), "%s: why", rows[i].what);
		arena_free(&a);
	}
}
END_TEST

START_TEST(tokens)
{
	static const struct {
		const char *what;
		enum token_form form;
		const char *body, *token; /* token NULL: none */
	} rows[] = {
	    {"text", TOKEN_TEXT, T, T},
	    {"with a line's end", TOKEN_TEXT, "\t" T " \r\n", T},
	    {"all characters of tokens", TOKEN_TEXT, "aZ09+/=-_.~aaaaaaa", "aZ09+/=-_.~aaaaaaa"},
	    {"just long enough", TOKEN_TEXT, "0123456789abcdef", "0123456789abcdef"},
	    {"too short", TOKEN_TEXT, "0123456789abcde", NULL},
	    {"nothing", TOKEN_TEXT, "", NULL},
	    {"blanks", TOKEN_TEXT, " \n ", NULL},
	    {"two words", TOKEN_TEXT, T " " T, NULL},
	    {"a quote", TOKEN_TEXT, T "\"", NULL},
	    {"an angle", TOKEN_TEXT, "<" T, NULL},
	    {"an ampersand", TOKEN_TEXT, T "&", NULL},
	    {"a percent sign", TOKEN_TEXT, T "%2B", NULL},
	    {"a byte above 127", TOKEN_TEXT, T "\xc3\xa4", NULL},
	    {"JSON", TOKEN_JSON, "{\"token\": \"" T "\"}", T},
	    {"csrf_token", TOKEN_JSON, " {\"a\": [1, {}], \"csrf_token\": \"" T "\"}\n", T},
	    {"_token", TOKEN_JSON, "{\"_token\": \"" T "\"}", T},
	    {"token before the others", TOKEN_JSON, "{\"_token\": \"0123456789abcdef\", \"token\": \"" T "\"}", T},
	    {"one that is no text is passed by", TOKEN_JSON, "{\"token\": 1, \"_token\": \"" T "\"}", T},
	    {"escapes are undone", TOKEN_JSON, "{\"token\": \"" T "\\u002b\\/\"}", T "+/"},
	    {"a name of other case", TOKEN_JSON, "{\"Token\": \"" T "\"}", NULL},
	    {"none of the names", TOKEN_JSON, "{\"csrf\": \"" T "\"}", NULL},
	    {"deeper", TOKEN_JSON, "{\"data\": {\"token\": \"" T "\"}}", NULL},
	    {"a text alone", TOKEN_JSON, "\"" T "\"", NULL},
	    {"a list", TOKEN_JSON, "[\"" T "\"]", NULL},
	    {"null", TOKEN_JSON, "null", NULL},
	    {"nothing", TOKEN_JSON, "", NULL},
	    {"cut off", TOKEN_JSON, "{\"token\": \"" T "\"", NULL},
	    {"more behind it", TOKEN_JSON, "{\"token\": \"" T "\"} x", NULL},
	    {"markup in it", TOKEN_JSON, "{\"token\": \"" T "\\u003c\"}", NULL},
	    {"blanks in it", TOKEN_JSON, "{\"token\": \" " T "\"}", NULL},
	    {"too short", TOKEN_JSON, "{\"token\": \"short\"}", NULL},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		/* No NUL behind it, so that a sanitizer sees who reads on. */
		size_t n = strlen(rows[i].body);
		char *body = mem_alloc(n + 1);
		memcpy(body, rows[i].body, n);
		body = mem_realloc(body, n ? n : 1);
		struct str token = STR_NONE;
		const char *why = NULL;
		struct arena a;
		arena_init(&a, 0);
		int err = token_read(rows[i].form, str_make(body, n), &a, &token, &why);
		ck_assert_msg(err == (rows[i].token ? ERR_OK : ERR_INVALID), "%s: %d", rows[i].what, err);
		if (rows[i].token)
			ck_assert_msg(str_eq(token, str_of(rows[i].token)), "%s: %.*s", rows[i].what, STR_ARG(token));
		else
			ck_assert_msg(why && !token.p, "%s: why", rows[i].what);
		arena_free(&a);
		free(body);
	}
}
END_TEST

START_TEST(the_longest)
{
	char text[HOLE_MAX + 1];
	struct str token;
	const char *why;
	struct arena a;
	arena_init(&a, 0);
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(token_read(TOKEN_TEXT, str_make(text, HOLE_MAX), &a, &token, &why), ERR_OK);
	ck_assert_uint_eq(token.n, HOLE_MAX);
	ck_assert_int_eq(token_read(TOKEN_TEXT, str_make(text, HOLE_MAX + 1), &a, &token, &why), ERR_INVALID);
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/token");
	TCase *t = tcase_create("token");
	tcase_add_test(t, forms);
	tcase_add_test(t, tokens);
	tcase_add_test(t, the_longest);
	suite_add_tcase(s, t);
	return suite_run(s);
}
