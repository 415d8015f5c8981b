/* Content codings: in whatever pieces a stream is read, it is the same text, or the same error. Input: a byte for the coding, two
 * for the sizes of the pieces, then the stream. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/decode.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

/* What is taken of a bomb. */
enum { LIMIT = 1 << 18 };

struct result {
	int err;
	bool cut, whole;
	struct buf text;
};

static struct result read_in_pieces(struct str coding, struct str bytes, size_t in_n, size_t out_n)
{
	struct result r = {0};
	buf_init(&r.text, 2 * LIMIT);
	char *out = mem_alloc(out_n);
	struct decode *d;
	int known = decode_new(coding, &d);
	assert(known == ERR_OK);
	while (bytes.n > 0 && r.err == ERR_OK && !r.cut) {
		struct str piece = str_take(bytes, in_n);
		bytes = str_skip(bytes, piece.n);
		size_t wrote, before;
		do {
			before = piece.n;
			r.err = decode_some(d, &piece, out, out_n, &wrote);
			assert(r.err == ERR_OK || r.err == ERR_INVALID);
			assert(wrote <= out_n && piece.n <= before);
			assert(r.err != ERR_OK || wrote > 0 || piece.n < before || before == 0); /* it goes on */
			int fits = buf_add(&r.text, str_make(out, wrote));
			assert(fits == ERR_OK);
			r.cut = r.text.n > LIMIT;
		} while (r.err == ERR_OK && !r.cut && (piece.n > 0 || wrote == out_n));
	}
	r.whole = decode_is_whole(d);
	decode_free(&d);
	free(out);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct str codings[] = {STR("gzip"), STR("deflate"), STR("br"), STR("identity")};
	if (size < 3)
		return 0;
	struct str coding = codings[data[0] % COUNT_OF(codings)], bytes = str_make((const char *)data + 3, size - 3);
	struct result a = read_in_pieces(coding, bytes, size, 1 << 16);
	struct result b = read_in_pieces(coding, bytes, 1 + data[1] % 64, 1 + data[2] * 16);

	size_t common = a.text.n < b.text.n ? a.text.n : b.text.n;
	assert(str_eq(str_take(buf_str(&a.text), common), str_take(buf_str(&b.text), common)));
	if (!a.cut && !b.cut) { /* an error may be told before what stands in front of it was handed out */
		assert(a.err == b.err && a.whole == b.whole);
		assert(a.err != ERR_OK || a.text.n == b.text.n);
	}
	buf_free(&a.text);
	buf_free(&b.text);
	return 0;
}
