#include "suite.h"

#include "base/mem.h"
#include "http/headers.h"

#include <stdio.h>

static struct arena arena;

static void begin(void)
{
	arena_init(&arena, 0);
}

static void end(void)
{
	arena_free(&arena);
}

/* "Name: value" lines, separated by '|'. */
static struct headers fields_of(const char *lines)
{
	struct headers h = {.n = 0};
	struct str rest = str_of(lines), line, name;
	while (rest.n > 0 && str_cut(&rest, '|', &line)) {
		str_cut(&line, ':', &name);
		headers_add(&h, &arena, name, str_trim(line));
	}
	return h;
}

static const char *lines_of(const struct headers *h)
{
	struct str text = STR("");
	for (uint32_t i = 0; i < h->n; i++)
		text = arena_printf(&arena, "%.*s%s%.*s: %.*s", STR_ARG(text), i > 0 ? "|" : "", STR_ARG(h->v[i].name),
		    STR_ARG(h->v[i].value));
	return arena_printf(&arena, "%.*s", STR_ARG(text)).p;
}

START_TEST(fields_keep_order_and_spelling_and_compare_without_case)
{
	struct headers h = fields_of("Via: a|x-Odd: 1|VIA: b|Empty:");
	ck_assert_str_eq(lines_of(&h), "Via: a|x-Odd: 1|VIA: b|Empty: ");
	ck_assert_ptr_eq(headers_find(&h, STR("via")), &h.v[0]);
	ck_assert_ptr_null(headers_find(&h, STR("Vi")));
	ck_assert(str_eq(headers_get(&h, STR("X-ODD")), STR("1")));
	ck_assert_ptr_null(headers_get(&h, STR("none")).p);
	ck_assert_msg(headers_get(&h, STR("empty")).p, "an empty value is not an absent one");
	ck_assert_uint_eq(headers_count(&h, STR("Via")), 2);
	ck_assert_uint_eq(headers_count(&h, STR("none")), 0);
}
END_TEST

START_TEST(many_fields_fit)
{
	struct headers h = {.n = 0};
	for (int i = 0; i < 1000; i++)
		headers_add(&h, &arena, arena_printf(&arena, "N%d", i), STR("v"));
	ck_assert_uint_eq(h.n, 1000);
	ck_assert_ptr_eq(headers_find(&h, STR("n999")), &h.v[999]);
}
END_TEST

START_TEST(a_copy_stands_on_its_own)
{
	struct headers h = {0}, copy;
	struct arena own;
	char value[] = "1";
	headers_add(&h, &arena, STR("A"), str_of(value));
	headers_add(&h, &arena, STR("b"), STR(""));
	arena_init(&own, 0);
	headers_copy(&h, &own, &copy);
	value[0] = '2';
	ck_assert_uint_eq(copy.n, 2);
	ck_assert(str_eq(headers_get(&copy, STR("a")), STR("1")) && str_eq(copy.v[1].name, STR("b")));
	(void)headers_remove(&copy, STR("A"));
	ck_assert_uint_eq(h.n, 2);
	arena_free(&own);
}
END_TEST

START_TEST(joining)
{
	struct headers h = fields_of("A: 1|B: x|a: |A: 3");
	ck_assert(str_eq(headers_joined(&h, &arena, STR("a")), STR("1, , 3")));
	ck_assert_msg(headers_joined(&h, &arena, STR("b")).p == h.v[1].value.p, "a single value is not copied");
	ck_assert_ptr_null(headers_joined(&h, &arena, STR("c")).p);
}
END_TEST

START_TEST(removing_and_setting)
{
	struct headers h = fields_of("A: 1|B: 2|a: 3|C: 4");
	headers_set(&h, &arena, STR("A"), STR("9"));
	ck_assert_str_eq(lines_of(&h), "A: 9|B: 2|C: 4");
	headers_set(&h, &arena, STR("D"), STR("5"));
	ck_assert_str_eq(lines_of(&h), "A: 9|B: 2|C: 4|D: 5");
	ck_assert_uint_eq(headers_remove(&h, STR("b")), 1);
	ck_assert_uint_eq(headers_remove(&h, STR("b")), 0);
	ck_assert_str_eq(lines_of(&h), "A: 9|C: 4|D: 5");
	h = fields_of("A: 1|A: 2|A: 3");
	ck_assert_uint_eq(headers_remove(&h, STR("a")), 3);
	ck_assert_uint_eq(h.n, 0);
	struct headers none = {.n = 0};
	ck_assert_uint_eq(headers_remove(&none, STR("a")), 0);
}
END_TEST

START_TEST(list_elements)
{
	static const struct {
		const char *what, *in, *out;
	} rows[] = {
	    {"plain", "a, b,c", "[a][b][c]"},
	    {"empty elements are skipped", " , a,, ,b, ", "[a][b]"},
	    {"nothing", "", ""},
	    {"only commas", ",,,", ""},
	    {"a comma in quotes does not split", "a=\"x, y\", b", "[a=\"x, y\"][b]"},
	    {"an escaped quote does not close", "a=\"x\\\", y\", b", "[a=\"x\\\", y\"][b]"},
	    {"an escaped backslash does", "a=\"x\\\\\", b", "[a=\"x\\\\\"][b]"},
	    {"an open quote takes the rest", "a, \"b, c", "[a][\"b, c]"},
	    {"an escape at the very end", "\"a\\", "[\"a\\]"},
	    {"blanks inside stay", "a b\t,\tc", "[a b][c]"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str rest = str_of(rows[i].in), element, got = STR("");
		while (list_next(&rest, &element))
			got = arena_printf(&arena, "%.*s[%.*s]", STR_ARG(got), STR_ARG(element));
		ck_assert_msg(str_eq(got, str_of(rows[i].out)), "%s: %.*s", rows[i].what, STR_ARG(got));
		ck_assert_msg(!rest.p && !list_next(&rest, &element), "%s: does not end", rows[i].what);
	}
}
END_TEST

START_TEST(lists_over_several_fields)
{
	struct headers h = fields_of("A: 1, 2|B: x|a:|A: 3");
	uint32_t field = 0;
	struct str rest = STR_NONE, element, got = STR("");
	while (headers_list_next(&h, STR("a"), &field, &rest, &element))
		got = arena_printf(&arena, "%.*s[%.*s]", STR_ARG(got), STR_ARG(element));
	ck_assert(str_eq(got, STR("[1][2][3]")));
	ck_assert(!headers_list_next(&h, STR("a"), &field, &rest, &element));

	ck_assert(headers_has_token(&h, STR("a"), STR("3")));
	ck_assert(headers_has_token(&h, STR("b"), STR("X")));
	ck_assert(!headers_has_token(&h, STR("a"), STR("x")));
	ck_assert(!headers_has_token(&h, STR("none"), STR("x")));
}
END_TEST

START_TEST(hop_by_hop_fields_are_removed)
{
	static const struct {
		const char *what, *in, *out;
	} rows[] = {
	    {"the known ones",
		"Connection: close|A: 1|keep-alive: 5|Proxy-Connection: x|TE: trailers|Trailer: b|Transfer-Encoding: "
		"chunked|"
		"UPGRADE: h2c|Proxy-Authenticate: x|Proxy-Authorization: y|Proxy-Authentication-Info: z|B: 2",
		"A: 1|B: 2"},
	    {"those that Connection names", "X-A: 1|Connection: x-a, close|x-a: 2|B: 3", "B: 3"},
	    {"named by a later Connection field", "X-A: 1|X-B: 2|Connection: x-a|C: 3|connection: X-B", "C: 3"},
	    {"an option without a field", "Connection: keep-alive, none|A: 1", "A: 1"},
	    {"Connection that names itself", "Connection: Connection, X-A|X-A: 1|B: 2", "B: 2"},
	    {"what every recipient needs stays (RFC 9110 7.6.1)",
		"Connection: host, Content-Length, cache-control, set-cookie, vary, age, authorization|Host: h|"
		"Content-Length: 5|Cache-Control: private|Set-Cookie: a|Vary: b|Age: 1|Authorization: c",
		"Host: h|Content-Length: 5|Cache-Control: private|Set-Cookie: a|Vary: b|Age: 1|Authorization: c"},
	    {"nothing to remove", "A: 1|B: 2", "A: 1|B: 2"},
	    {"nothing at all", "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(rows[i].in);
		headers_remove_hop_by_hop(&h);
		ck_assert_msg(strcmp(lines_of(&h), rows[i].out) == 0, "%s: got %s", rows[i].what, lines_of(&h));
	}
	ck_assert(header_is_hop_by_hop(STR("te")));
	ck_assert(!header_is_hop_by_hop(STR("tea")));
	ck_assert(!header_is_hop_by_hop(STR("")));
}
END_TEST

START_TEST(tokens)
{
	static const char good[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		bool wanted = c != 0 && strchr(good, c);
		ck_assert_msg(is_token(str_make(&byte, 1)) == wanted, "byte %02x", c);
		ck_assert_msg(is_field_name(str_make(&byte, 1)) == (wanted || c > 0x7f), "byte %02x", c);
	}
	ck_assert(is_token(STR("Content-Type")));
	ck_assert(!is_token(STR("")) && !is_field_name(STR("")));
	ck_assert(!is_token(STR("a b")));
	ck_assert(!is_token(STR("a\0b")));
}
END_TEST

START_TEST(field_values)
{
	/* Every byte at every place of a value that has two words and a tail. */
	for (int c = 0; c < 256; c++) {
		bool wanted = (c >= 0x20 && c != 0x7f) || c == '\t';
		for (size_t at = 0; at < 19; at++) {
			char value[19];
			memset(value, 0x80 + (c & 1), sizeof(value));
			value[at] = (char)c;
			if (is_field_value(str_make(value, sizeof(value))) != wanted)
				ck_abort_msg("byte %02x at %zu", (unsigned)c, at);
		}
	}
	ck_assert(is_field_value(STR("")));
	ck_assert(is_field_value(STR_NONE));
	ck_assert_msg(!is_field_value(STR("\t123456\x7f")), "a tab does not hide a control");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/headers");
	TCase *c = tcase_create("headers");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, fields_keep_order_and_spelling_and_compare_without_case);
	tcase_add_test(c, many_fields_fit);
	tcase_add_test(c, a_copy_stands_on_its_own);
	tcase_add_test(c, joining);
	tcase_add_test(c, removing_and_setting);
	tcase_add_test(c, list_elements);
	tcase_add_test(c, lists_over_several_fields);
	tcase_add_test(c, hop_by_hop_fields_are_removed);
	tcase_add_test(c, tokens);
	tcase_add_test(c, field_values);
	return suite_run(s);
}
