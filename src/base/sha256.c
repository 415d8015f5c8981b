/* libcrypto is there already: libcurl speaks TLS by it. */
#include "base/sha256.h"

#include <openssl/sha.h>

void sha256_hex(struct str s, char out[SHA256_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)(s.n > 0 ? s.p : ""), s.n, sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[SHA256_HEX] = '\0';
}
