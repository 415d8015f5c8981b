/* XXH3. The seed keeps those who choose the strings from choosing the chains they fall in. */
#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_str(struct str s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.n > 0 ? s.p : "", s.n, seed);
}

struct hash128 hash128_str(struct str s, uint64_t seed)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(s.n > 0 ? s.p : "", s.n, seed);
	return (struct hash128){.hi = h.high64, .lo = h.low64};
}
