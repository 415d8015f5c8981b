#include "suite.h"

#include "base/mem.h"
#include "policy/mask.h"

/* Made by Django 3.2: a secret, three masked forms of it, one of another. */
#define SECRET	"u8jzPde0IgxLd6GncfBAepfJBd0Kh8oO"
#define ONE	"TeKdNnFRIBXuDL7DxtpYlSXpfKtHF4vUdcTCsqJHgHk5GHDQzyQop72YGNjhM2Jy"
#define TWO	"CsMehGAkWvj7FAc9QeWJKY40uvSwMFLZWqVDWJEauBGIIwImSjn9Od9zVyI6TDZD"
#define THREE	"De1f8rESQedUStPKR0CsTy4Qwb8DwkNhXcaENuIIokAvVplXT53SXN9pXeYdDi1V"
#define OTHER	"FdnXsiVpzz63FfkCzJr4i0B3JrTAwR4yjOl02TksNBFVNxKL7Q1nRQieP2teIea7"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

START_TEST(forms_of_a_secret)
{
	static const struct {
		const char *what, *cookie;
		bool is_read;
		const char *token;
		bool covers;
	} rows[] = {
	    {"a bare secret in the cookie", SECRET, true, ONE, true},
	    {"another form of it", SECRET, true, TWO, true},
	    {"a masked one in the cookie", THREE, true, ONE, true},
	    {"the cookie's own form", THREE, true, THREE, true},
	    {"of another secret", SECRET, true, OTHER, false},
	    {"of another secret, masked in the cookie", OTHER, true, ONE, false},
	    {"the secret twice is no form", SECRET, true, SECRET SECRET, false},
	    {"too short", "abcdef0123456789abcdef012345678", false, ONE, false},
	    {"neither length", "abcdef0123456789abcdef0123456789abcdef", false, ONE, false},
	    {"not of letters and digits", "abcdef0123456789abcdef012345678-", false, ONE, false},
	    {"empty", "", false, ONE, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct mask m;
		ck_assert_msg(mask_read(str_of(rows[i].cookie), &m) == rows[i].is_read, "%s", rows[i].what);
		if (rows[i].is_read)
			ck_assert_msg(mask_covers(&m, rows[i].token) == rows[i].covers, "%s", rows[i].what);
	}
}
END_TEST

/* Each character of both halves counts. */
START_TEST(nothing_else_is_a_form)
{
	struct mask m;
	ck_assert(mask_read(STR(SECRET), &m));
	for (size_t at = 0; at < MASK_TOKEN; at++) {
		char token[] = ONE;
		for (const char *c = LETTERS; *c; c++) {
			token[at] = *c;
			ck_assert_msg(mask_covers(&m, token) == (*c == (ONE)[at]), "%c at %zu", *c, at);
		}
	}
}
END_TEST

START_TEST(letters)
{
	for (unsigned c = 0; c < 256; c++) {
		bool is_letter = c != 0 && strchr(LETTERS, (int)c);
		ck_assert_msg(mask_is_letter((char)c) == is_letter, "byte %u", c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/mask");
	TCase *t = tcase_create("mask");
	tcase_add_test(t, forms_of_a_secret);
	tcase_add_test(t, nothing_else_is_a_form);
	tcase_add_test(t, letters);
	suite_add_tcase(s, t);
	return suite_run(s);
}
