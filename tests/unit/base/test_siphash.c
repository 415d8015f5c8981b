/* SipHash-2-4 by the vectors of its authors: the key 00 01 .. 0f, the bytes 00 01 02 ... */
#include "suite.h"

#include "base/mem.h"
#include "base/siphash.h"

static const struct siphash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

START_TEST(vectors)
{
	static const struct {
		const char *what;
		size_t n;
		uint64_t hash;
	} rows[] = {
	    {"nothing", 0, 0x726fdb47dd0e0e31u},
	    {"one byte", 1, 0x74f839c593dc67fdu},
	    {"one less than a word", 7, 0xab0200f58b01d137u},
	    {"a word", 8, 0x93f5f5799a932462u},
	    {"and one byte", 9, 0x9e0082df0ba9e4b0u},
	    {"the example of the paper", 15, 0xa129ca6149be45e5u},
	    {"two words", 16, 0x3f2acc7f57c29bdbu},
	    {"many", 63, 0x958a324ceb064572u},
	};
	char bytes[64];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(siphash(&key, str_make(bytes, rows[i].n)) == rows[i].hash, "%s", rows[i].what);
	ck_assert_msg(siphash(&key, STR_NONE) == rows[0].hash, "an absent string is no empty one");
}
END_TEST

START_TEST(each_half_of_the_key_counts)
{
	struct siphash_key other = key;
	other.k0 ^= 1;
	ck_assert(siphash(&other, STR("token")) != siphash(&key, STR("token")));
	other = key;
	other.k1 ^= 1;
	ck_assert(siphash(&other, STR("token")) != siphash(&key, STR("token")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/siphash");
	TCase *t = tcase_create("siphash");
	tcase_add_test(t, vectors);
	tcase_add_test(t, each_half_of_the_key_counts);
	suite_add_tcase(s, t);
	return suite_run(s);
}
