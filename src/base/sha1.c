/* libcrypto is there already, for SHA-256. */
#include "base/sha1.h"

#include <openssl/sha.h>

void sha1_hex(struct str s, char out[SHA1_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA_DIGEST_LENGTH];
	SHA1((const unsigned char *)(s.n > 0 ? s.p : ""), s.n, sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[SHA1_HEX] = '\0';
}
