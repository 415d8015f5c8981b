#include "suite.h"

#include "base/sha256.h"

static const struct {
	const char *what, *text, *want;
} rows[] = {
    {"nothing (FIPS 180-4 example)", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(gives_the_published_sums)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[SHA256_HEX + 1];
		sha256_hex(str_of(rows[i].text), out);
		ck_assert_msg(strcmp(out, rows[i].want) == 0, "%s: %s", rows[i].what, out);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/sha256");
	TCase *c = tcase_create("sha256");
	suite_add_tcase(s, c);
	tcase_add_test(c, gives_the_published_sums);
	return suite_run(s);
}
