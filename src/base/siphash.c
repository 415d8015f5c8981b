/* Two rounds for each eight bytes, four at the end, as in section 2.2 of the paper. */
#include "base/siphash.h"

#include <endian.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static void compress(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	mix(s);
	s->v0 ^= word;
}

/* n <= 8 bytes, the first one lowest. */
static uint64_t word_of(const char *p, size_t n)
{
	uint64_t word = 0;
	if (n > 0)
		memcpy(&word, p, n);
	return le64toh(word);
}

uint64_t siphash(const struct siphash_key *key, struct str s)
{
	struct state state = {
	    key->k0 ^ 0x736f6d6570736575u,
	    key->k1 ^ 0x646f72616e646f6du,
	    key->k0 ^ 0x6c7967656e657261u,
	    key->k1 ^ 0x7465646279746573u,
	};
	uint64_t n = s.n;
	for (; s.n >= 8; s = str_skip(s, 8))
		compress(&state, word_of(s.p, 8));
	compress(&state, n << 56 | word_of(s.p, s.n));
	state.v2 ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		mix(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
