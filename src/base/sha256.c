/* libcrypto is there already: libcurl speaks TLS by it. Its old interface is taken on purpose: it needs no memory, so it cannot fail, where the
 * newer one looks for an implementation first (liblarder must do without memory). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <openssl/sha.h>

void sha256_hex(struct str s, char out[SHA256_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA256_DIGEST_LENGTH];
	SHA256_CTX context;
	SHA256_Init(&context);
	SHA256_Update(&context, s.n > 0 ? s.p : "", s.n);
	SHA256_Final(sum, &context);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[SHA256_HEX] = '\0';
}
