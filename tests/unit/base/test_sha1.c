#include "suite.h"

#include "base/sha1.h"

static const struct {
	const char *what, *text, *want;
} rows[] = {
    {"nothing", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc (FIPS 180-4 example)", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	"84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
};

START_TEST(gives_the_published_sums)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[SHA1_HEX + 1];
		sha1_hex(str_of(rows[i].text), out);
		ck_assert_msg(strcmp(out, rows[i].want) == 0, "%s: %s", rows[i].what, out);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/sha1");
	TCase *c = tcase_create("sha1");
	suite_add_tcase(s, c);
	tcase_add_test(c, gives_the_published_sums);
	return suite_run(s);
}
