/* SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits of a byte string under a secret key. Who knows no key can neither test guesses
 * of the string nor find others that give the same; base/hash.h is quicker and promises neither. Pure. */
#ifndef LARDER_BASE_SIPHASH_H
#define LARDER_BASE_SIPHASH_H

#include "base/str.h"

struct siphash_key {
	uint64_t k0, k1; /* of random_bytes: drawn once, used for one purpose */
};

uint64_t siphash(const struct siphash_key *key, struct str s);

#endif
