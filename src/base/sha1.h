/* SHA-1 (FIPS 180-4), by libcrypto: the name that Redis gives a script. Not for anything that must withstand an attacker. Pure. */
#ifndef LARDER_BASE_SHA1_H
#define LARDER_BASE_SHA1_H

#include "base/str.h"

enum { SHA1_HEX = 40 };

/* 40 lowercase hexadecimal digits and a NUL. */
void sha1_hex(struct str s, char out[SHA1_HEX + 1]);

#endif
