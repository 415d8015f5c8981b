#include "suite.h"

#include "base/mem.h"
#include "http/hole.h"

#include <string.h>

#define HEX16  "0123456789abcdef"
#define TEXT64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

START_TEST(values_have_shapes)
{
	static const struct {
		const char *what, *value;
		int err, alphabet, padding;
	} rows[] = {
	    {"hex in lower case", "0123456789abcdef0123456789abcdef", 0, HOLE_HEX_LOWER, 0},
	    {"hex in upper case", "0123456789ABCDEF", 0, HOLE_HEX_UPPER, 0},
	    {"hex in both cases", "0123456789abcdEF", 0, HOLE_HEX, 0},
	    {"digits alone", "0123456789012345", 0, HOLE_HEX_LOWER, 0},
	    {"letters and digits", "0123456789abcdeg", 0, HOLE_ALNUM, 0},
	    {"one letter beyond hex in upper case", "0123456789ABCDEG", 0, HOLE_ALNUM, 0},
	    {"base64url by its minus", "abcdefghijklmno-", 0, HOLE_BASE64URL, 0},
	    {"base64url by its underscore", "_bcdefghijklmnop", 0, HOLE_BASE64URL, 0},
	    {"a UUID is of that alphabet", "123e4567-e89b-12d3-a456-426614174000", 0, HOLE_BASE64URL, 0},
	    {"base64 by its plus", "abcdefghijklmno+", 0, HOLE_BASE64, 0},
	    {"base64 by its slash", "abcdefgh/jklmnop", 0, HOLE_BASE64, 0},
	    {"base64 with one '='", "abcdefghijklm+o=", 0, HOLE_BASE64, 1},
	    {"base64 with two '='", "abcdefghijklm/==", 0, HOLE_BASE64, 2},
	    {"padding, and no character that tells which base64", "abcdefghijklmn==", 0, HOLE_BASE64URL, 2},
	    {"hex and padding", "0123456789abcd==", 0, HOLE_BASE64URL, 2},
	    {"padding that fills up no four", "abcdefghijklmnopq=", ERR_INVALID, 0, 0},
	    {"padding behind a whole four", "abcdefghijklmnop=", ERR_INVALID, 0, 0},
	    {"three '='", "abcdefghijklm===", ERR_INVALID, 0, 0},
	    {"'=' alone", "==", ERR_INVALID, 0, 0},
	    {"'=' within", "abcdef=hijklmnop", ERR_INVALID, 0, 0},
	    {"of both base64 alphabets", "abcdefghijklm+o-", ERR_INVALID, 0, 0},
	    {"slash and underscore", "abcdefghijklm/o_", ERR_INVALID, 0, 0},
	    {"a dot, as signed tokens have", "abcdefgh.ijklmnop", ERR_INVALID, 0, 0},
	    {"a percent sign", "abcdefghijklmn%3D", ERR_INVALID, 0, 0},
	    {"a quote", "abcdefghijklmn\"", ERR_INVALID, 0, 0},
	    {"quoted", "\"abcdefghijklmnop\"", ERR_INVALID, 0, 0},
	    {"markup", "<script>alert(1)", ERR_INVALID, 0, 0},
	    {"a blank", "abcdefgh ijklmnop", ERR_INVALID, 0, 0},
	    {"a line end", "abcdefghijklmnop\n", ERR_INVALID, 0, 0},
	    {"a byte above 127", "abcdefghijklmno\xc3\xa4", ERR_INVALID, 0, 0},
	    {"nothing", "", ERR_INVALID, 0, 0},
	    {"short ones have a shape too", "a", 0, HOLE_HEX_LOWER, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hole_shape s = {0};
		struct str value = str_of(rows[i].value);
		ck_assert_msg(hole_shape_of(value, &s) == rows[i].err, "%s", rows[i].what);
		if (rows[i].err)
			continue;
		ck_assert_msg(s.n == value.n && s.alphabet == rows[i].alphabet && s.padding == rows[i].padding,
		    "%s: %u characters of alphabet %u, padding %u", rows[i].what, s.n, s.alphabet, s.padding);
		ck_assert_msg(hole_shape_fits(&s, value), "%s: does not fit itself", rows[i].what);
	}
}
END_TEST

START_TEST(a_shape_has_a_greatest_length)
{
	char text[HOLE_MAX + 2];
	struct hole_shape s;
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(hole_shape_of(str_make(text, HOLE_MAX), &s), 0);
	ck_assert_uint_eq(s.n, HOLE_MAX);
	ck_assert_int_eq(hole_shape_of(str_make(text, HOLE_MAX + 1), &s), ERR_INVALID);
	/* Within a longer text, only its own bytes count. */
	memcpy(text + HOLE_MIN, "\"><", 3);
	ck_assert_int_eq(hole_shape_of(str_make(text, HOLE_MIN), &s), 0);
}
END_TEST

START_TEST(values_fit_or_not)
{
	static const struct {
		const char *what, *stored, *value;
		bool fits;
	} rows[] = {
	    {"another of the same shape", "0123456789abcdef", "ffffffffffffffff", true},
	    {"of digits alone into hex", "0123456789abcdef", "0123456789012345", true},
	    {"one shorter", "0123456789abcdef", "0123456789abcde", false},
	    {"one longer", "0123456789abcdef", "0123456789abcdef0", false},
	    {"none", "0123456789abcdef", "", false},
	    {"upper case into lower case", "0123456789abcdef", "0123456789ABCDEF", false},
	    {"lower case into upper case", "0123456789ABCDEF", "0123456789abcdef", false},
	    {"lower case into both cases", "0123456789abcdEF", "0123456789abcdef", true},
	    {"letters into hex", "0123456789abcdef", "0123456789abcdeg", false},
	    {"hex into letters and digits", "0123456789abcdeg", "0123456789abcdef", true},
	    {"base64url into letters and digits: the stored one may have had neither by chance", "0123456789abcdeg",
		"0123456789abcd-_", true},
	    {"base64 into letters and digits would need escapes", "0123456789abcdeg", "0123456789abcd+/", false},
	    {"base64 into base64url", "0123456789abcd-_", "0123456789abcd+/", false},
	    {"base64url into base64", "0123456789abcd+/", "0123456789abcd-_", false},
	    {"of both into base64", "0123456789abcd+/", "0123456789abcd+-", false},
	    {"less padding", "abcdefghijkl+n==", "abcdefghijkl+no=", false},
	    {"more padding", "abcdefghijkl+no=", "abcdefghijkl+n==", false},
	    {"no padding", "abcdefghijkl+no=", "abcdefghijkl+nop", false},
	    {"padding where none was", "abcdefghijkl+nop", "abcdefghijkl+no=", false},
	    {"the same padding", "abcdefghijkl+n==", "ABCDEFGHIJKL/N==", true},
	    {"a quote", "0123456789abcdeg", "0123456789abcde\"", false},
	    {"markup", "0123456789abcdeg", "<script src=/x/>", false},
	    {"a line end", "0123456789abcdeg", "0123456789abcde\n", false},
	    {"markup into base64", "0123456789abcd+/", "0123456789abcd/>", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hole_shape s;
		ck_assert_int_eq(hole_shape_of(str_of(rows[i].stored), &s), 0);
		ck_assert_msg(hole_shape_fits(&s, str_of(rows[i].value)) == rows[i].fits, "%s", rows[i].what);
	}
}
END_TEST

/* Every byte above 127 and every control and punctuation character stays out, whatever the alphabet. */
START_TEST(nothing_else_ever_fits)
{
	static const char *const stored[] = {
	    HEX16, "0123456789ABCDEF", "0123456789abcdEF", "0123456789abcdeg", "0123456789abcd-_", "0123456789abcd+/"};
	for (size_t i = 0; i < COUNT_OF(stored); i++) {
		struct hole_shape s;
		ck_assert_int_eq(hole_shape_of(str_of(stored[i]), &s), 0);
		for (unsigned c = 0; c < 256; c++) {
			char value[16] = "000000000000000";
			value[7] = (char)c;
			value[15] = '0';
			bool harmless = c != 0 && c < 128 && strchr(TEXT64 "+/", (int)c);
			ck_assert_msg(
			    harmless || !hole_shape_fits(&s, str_make(value, 16)), "%s: byte %u", stored[i], c);
		}
	}
}
END_TEST

/* ---- fresh values ---- */

static void fill_random(uint8_t *out, size_t n)
{
	static uint64_t x = 88172645463325252u; /* xorshift64* */
	for (size_t i = 0; i < n; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		out[i] = (uint8_t)((x * 2685821657736338717u) >> 56);
	}
}

START_TEST(fresh_values_have_the_shape)
{
	static const struct {
		const char *what, *value;
		size_t entropy;
	} rows[] = {
	    {"hex takes 4 bits a character", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 32},
	    {"an odd number of digits", "0123456789abcdef0", 9},
	    {"hex in upper case", "0123456789ABCDEF", 8},
	    {"hex in both cases", "0123456789abcdEF", 8},
	    {"five letters of 64 bits", "0123456789abcdeg", 32},
	    {"a whole number of fives", "0123456789abcdefghij", 32},
	    {"base64url takes 6 bits a character", "0123456789abcd-_", 12},
	    {"base64", "0123456789abcd+/", 12},
	    {"17 of them", "0123456789abcd-_a", 13},
	    {"padding takes none", "0123456789abc+==", 11},
	    {"one character", "g", 8},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hole_shape s, made;
		ck_assert_int_eq(hole_shape_of(str_of(rows[i].value), &s), 0);
		ck_assert_msg(
		    hole_shape_entropy(&s) == rows[i].entropy, "%s: %zu", rows[i].what, hole_shape_entropy(&s));
		for (int k = 0; k < 1000; k++) {
			/* On the heap, so that a sanitizer sees a byte too many. */
			uint8_t *random = mem_alloc(rows[i].entropy);
			char *out = mem_alloc(s.n);
			fill_random(random, rows[i].entropy);
			hole_shape_make(&s, random, out);
			ck_assert_msg(hole_shape_fits(&s, str_make(out, s.n)), "%s: %.*s", rows[i].what, s.n, out);
			ck_assert_msg(hole_shape_of(str_make(out, s.n), &made) == 0 && made.alphabet <= s.alphabet,
			    "%s: %.*s", rows[i].what, s.n, out);
			free(random);
			free(out);
		}
	}
}
END_TEST

START_TEST(the_longest_value_needs_the_most_randomness)
{
	char text[HOLE_MAX];
	struct hole_shape s;
	memset(text, 'g', sizeof(text));
	ck_assert_int_eq(hole_shape_of(str_make(text, HOLE_MAX), &s), 0);
	ck_assert_uint_eq(hole_shape_entropy(&s), HOLE_ENTROPY_MAX);
}
END_TEST

START_TEST(every_character_is_equally_likely)
{
	static const struct {
		const char *what, *value, *alphabet;
	} rows[] = {
	    {"hex in lower case", HEX16, HEX16},
	    {"hex in upper case", "0123456789ABCDEF", "0123456789ABCDEF"},
	    {"letters and digits", "0123456789abcdeg",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"},
	    {"base64url", "0123456789abcd-_", TEXT64},
	    {"base64", "0123456789abcd+/", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
	};
	enum { ROUNDS = 64000 };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		static unsigned count[16][256];
		struct hole_shape s;
		size_t n = strlen(rows[i].alphabet);
		memset(count, 0, sizeof(count));
		ck_assert_int_eq(hole_shape_of(str_of(rows[i].value), &s), 0);
		for (int k = 0; k < ROUNDS; k++) {
			uint8_t random[HOLE_ENTROPY_MAX];
			char out[16];
			fill_random(random, hole_shape_entropy(&s));
			hole_shape_make(&s, random, out);
			for (int at = 0; at < 16; at++)
				count[at][(uint8_t)out[at]]++;
		}
		/* 1000 or more are expected of each: seven standard deviations. */
		double want = (double)ROUNDS / (double)n, far = 7 * 64;
		for (int at = 0; at < 16; at++)
			for (size_t c = 0; c < n; c++) {
				double got = count[at][(uint8_t)rows[i].alphabet[c]];
				ck_assert_msg(got > want - far && got < want + far && got > want / 2,
				    "%s: '%c' at %d stands %.0f times of %.0f", rows[i].what, rows[i].alphabet[c], at,
				    got, want);
			}
	}
}
END_TEST

START_TEST(fresh_base64_ends_as_an_encoder_writes)
{
	static const struct {
		const char *what, *value, *last;
	} rows[] = {
	    {"one '=': two bits are zero", "0123456789abc+0=", "AEIMQUYcgkosw048"},
	    {"two '=': four bits are zero", "0123456789abc+==", "AQgw"},
	    {"base64url without its '=', one byte over", "0123456789abcdef_0", "AQgw"},
	    {"base64url without its '=', two bytes over", "0123456789abcdef_00", "AEIMQUYcgkosw048"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct hole_shape s;
		bool seen[256] = {false};
		ck_assert_int_eq(hole_shape_of(str_of(rows[i].value), &s), 0);
		for (int k = 0; k < 1000; k++) {
			uint8_t random[HOLE_ENTROPY_MAX];
			char out[32];
			fill_random(random, hole_shape_entropy(&s));
			hole_shape_make(&s, random, out);
			char last = out[s.n - s.padding - 1];
			ck_assert_msg(strchr(rows[i].last, last), "%s: %c", rows[i].what, last);
			seen[(uint8_t)last] = true;
		}
		for (const char *c = rows[i].last; *c; c++)
			ck_assert_msg(seen[(uint8_t)*c], "%s: never %c", rows[i].what, *c);
	}
}
END_TEST

/* The same bits, the same value; all bits are used. */
START_TEST(all_random_bits_count)
{
	static const char *const values[] = {HEX16, "0123456789abcd-_"};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct hole_shape s;
		uint8_t random[HOLE_ENTROPY_MAX] = {0};
		char zero[16], other[16];
		ck_assert_int_eq(hole_shape_of(str_of(values[i]), &s), 0);
		hole_shape_make(&s, random, zero);
		for (size_t bit = 0; bit < hole_shape_entropy(&s) * 8; bit++) {
			random[bit / 8] = (uint8_t)(1u << (bit % 8));
			hole_shape_make(&s, random, other);
			ck_assert_msg(memcmp(zero, other, sizeof(zero)) != 0, "%s: bit %zu", values[i], bit);
			random[bit / 8] = 0;
		}
	}
}
END_TEST

/* ---- forms ---- */

START_TEST(forms_are_written)
{
	static const struct {
		const char *what;
		enum hole_form form;
		const char *in, *out;
	} rows[] = {
	    {"plain", HOLE_PLAIN, "a+b/c-d_=", "a+b/c-d_="},
	    {"encodeURIComponent", HOLE_URL, "a+b/c-d_=", "a%2Bb%2Fc-d_%3D"},
	    {"in lower case", HOLE_URL_LOWER, "a+b/c-d_=", "a%2bb%2fc-d_%3d"},
	    {"Python's quote leaves the slash", HOLE_URL_PATH, "a+b/c-d_=", "a%2Bb/c-d_%3D"},
	    {"mustache", HOLE_HTML_HEX, "a+b/c-d_=", "a+b&#x2F;c-d_&#x3D;"},
	    {"Handlebars", HOLE_HTML_EQUALS, "a+b/c-d_=", "a+b/c-d_&#x3D;"},
	    {"Go", HOLE_HTML_DEC, "a+b/c-d_=", "a&#43;b/c-d_="},
	    {"HTML of .NET", HOLE_HTML_PLUS, "a+b/c-d_=", "a&#x2B;b/c-d_="},
	    {"PHP", HOLE_JSON_SLASH, "a+b/c-d_=", "a+b\\/c-d_="},
	    {"Gson", HOLE_JSON_U, "a+b/c-d_=", "a+b/c-d_\\u003d"},
	    {"JSON of .NET", HOLE_JSON_PLUS, "a+b/c-d_=", "a\\u002Bb/c-d_="},
	    {"escapejs", HOLE_JS, "a+b/c-d_=", "a+b/c\\u002Dd_\\u003D"},
	    {"attributes of Twig", HOLE_HTML_ALL, "a+b/c-d_=", "a&#x2B;b&#x2F;c-d_&#x3D;"},
	    {"scripts of Go", HOLE_JS_GO, "a+b/c-d_=", "a\\u002bb\\/c-d_="},
	    {"scripts of Twig", HOLE_JS_ALL, "a+b/c-d_=", "a\\u002Bb\\/c\\u002Dd_\\u003D"},
	    {"secrets of any bytes in a URL", HOLE_URL, "\"<&>' \xc3\xa4%", "%22%3C%26%3E%27%20%C3%A4%25"},
	    {"in HTML", HOLE_HTML_DEC, "\"<&>'", "&quot;&lt;&amp;&gt;&#39;"},
	    {"in JSON", HOLE_JSON_SLASH, "\"\\\t/", "\\\"\\\\\\t\\/"},
	    {"nothing", HOLE_URL, "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct str in = str_of(rows[i].in);
		char *out = mem_alloc(in.n * HOLE_FORM_GROWTH + 1);
		size_t n = hole_form_write(rows[i].form, in, out);
		ck_assert_msg(str_eq(str_make(out, n), str_of(rows[i].out)), "%s: %.*s", rows[i].what, (int)n, out);
		free(out);
	}
}
END_TEST

static int hex(char c)
{
	const char *at = strchr("0123456789abcdef", char_lower(c));
	return at ? (int)(at - "0123456789abcdef") : 0;
}

static char url_one(const char *in, size_t *took)
{
	*took = *in == '%' ? 3 : 1;
	return *in == '%' ? (char)(hex(in[1]) << 4 | hex(in[2])) : *in;
}

static char html_one(const char *in, size_t *took)
{
	static const struct {
		const char *name, c;
	} names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
	*took = 1;
	if (*in != '&')
		return *in;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		*took = strlen(names[i].name);
		if (strncmp(in, names[i].name, *took) == 0)
			return names[i].c;
	}
	char *end;
	long c = in[2] == 'x' ? strtol(in + 3, &end, 16) : strtol(in + 2, &end, 10);
	ck_assert_int_eq(*end, ';');
	*took = (size_t)(end - in) + 1;
	return (char)c;
}

static char json_one(const char *in, size_t *took)
{
	*took = *in == '\\' ? 2 : 1;
	if (*in != '\\')
		return *in;
	if (in[1] != 'u')
		return in[1] == 't' ? '\t' : in[1];
	*took = 6;
	return (char)(hex(in[4]) << 4 | hex(in[5]));
}

static char plain_one(const char *in, size_t *took)
{
	*took = 1;
	return *in;
}

START_TEST(every_form_can_be_read_again)
{
	static char (*const readers[HOLE_FORMS])(const char *, size_t *) = {
	    [HOLE_PLAIN] = plain_one,
	    [HOLE_URL] = url_one,
	    [HOLE_URL_LOWER] = url_one,
	    [HOLE_URL_PATH] = url_one,
	    [HOLE_HTML_HEX] = html_one,
	    [HOLE_HTML_EQUALS] = html_one,
	    [HOLE_HTML_DEC] = html_one,
	    [HOLE_HTML_PLUS] = html_one,
	    [HOLE_JSON_SLASH] = json_one,
	    [HOLE_JSON_U] = json_one,
	    [HOLE_JSON_PLUS] = json_one,
	    [HOLE_JS] = json_one,
	    [HOLE_HTML_ALL] = html_one,
	    [HOLE_JS_GO] = json_one,
	    [HOLE_JS_ALL] = json_one,
	};
	char all[256], out[256 * HOLE_FORM_GROWTH + 1];
	size_t n_all = 0;
	for (unsigned c = 1; c < 256; c++)
		if (c >= ' ' || c == '\t')
			all[n_all++] = (char)c;
	for (int form = 0; form < HOLE_FORMS; form++) {
		size_t n = hole_form_write(form, str_make(all, n_all), out), at = 0, took;
		out[n] = '\0';
		ck_assert_uint_le(n, n_all * HOLE_FORM_GROWTH);
		for (size_t i = 0; i < n_all; i++, at += took)
			ck_assert_msg(
			    readers[form](out + at, &took) == all[i], "form %d: byte %u", form, (uint8_t)all[i]);
		ck_assert_uint_eq(at, n);
		/* What every token is made of is never touched. */
		static const struct str letters = STR("azAZ09_");
		ck_assert(str_eq(str_make(out, hole_form_write(form, letters, out)), letters));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http/hole");
	TCase *c = tcase_create("hole");
	suite_add_tcase(s, c);
	tcase_add_test(c, values_have_shapes);
	tcase_add_test(c, a_shape_has_a_greatest_length);
	tcase_add_test(c, values_fit_or_not);
	tcase_add_test(c, nothing_else_ever_fits);
	tcase_add_test(c, fresh_values_have_the_shape);
	tcase_add_test(c, the_longest_value_needs_the_most_randomness);
	tcase_add_test(c, every_character_is_equally_likely);
	tcase_add_test(c, fresh_base64_ends_as_an_encoder_writes);
	tcase_add_test(c, all_random_bits_count);
	tcase_add_test(c, forms_are_written);
	tcase_add_test(c, every_form_can_be_read_again);
	return suite_run(s);
}
