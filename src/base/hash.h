/* Quick seeded hashes for tables in memory; what clients choose is hashed with a secret seed. hash_str is not for what is kept or
 * sent: it may change with the library. */
#ifndef LARDER_BASE_HASH_H
#define LARDER_BASE_HASH_H

#include "base/str.h"

uint64_t hash_str(struct str s, uint64_t seed);

struct hash128 {
	uint64_t hi, lo;
};
/* XXH3 128. With seed 0 its form is fixed (XXH3_128bits), so what is kept on disk may be checked by it. */
struct hash128 hash128_str(struct str s, uint64_t seed);

#endif
