/* XXH3, the 64-bit form. The seed keeps those who choose the strings from choosing the chains they fall in. */
#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_str(struct str s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.n > 0 ? s.p : "", s.n, seed);
}
