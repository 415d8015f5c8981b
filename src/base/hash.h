/* A quick seeded hash for tables in memory. Not for what is kept or sent: it may change with the library. */
#ifndef LARDER_BASE_HASH_H
#define LARDER_BASE_HASH_H

#include "base/str.h"

uint64_t hash_str(struct str s, uint64_t seed);

#endif
