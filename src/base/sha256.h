/* SHA-256 (FIPS 180-4), by libcrypto: names of files that others find as well. Pure. */
#ifndef LARDER_BASE_SHA256_H
#define LARDER_BASE_SHA256_H

#include "base/str.h"

enum { SHA256_HEX = 64 };

/* 64 lowercase hexadecimal digits and a NUL. */
void sha256_hex(struct str s, char out[SHA256_HEX + 1]);

#endif
