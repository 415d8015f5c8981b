/* Content codings, by zlib and libbrotlidec. Stricter than browsers in one thing: they show what came before a fault, or pass by
 * bytes behind the end; here both are errors, since what was not read was not searched. And wider in another: a gzip body of
 * several members is the whole of them (RFC 1952 2.2), though some browsers stop after the first.
 *
 * `deflate` is the zlib format around deflated bytes (RFC 9110 8.4.1.2), but some servers send them bare, and browsers take
 * both. The first two bytes tell: those of zlib (RFC 1950 2.2) would be a stored block whose padding is not zero, which nobody
 * writes.
 */
#include "base/decode.h"

#include <assert.h>
#include <brotli/decode.h>
#include <limits.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"

/* For inflateInit2: bits of the window; gzip's frame around it, or none at all. */
enum { WINDOW = MAX_WBITS, GZIP = MAX_WBITS + 16, BARE = -MAX_WBITS };

enum place { AT_BEGIN, INSIDE, AT_END, BROKEN };

struct decode {
	const struct coding *coding;
	enum place place;
	z_stream z;
	/* deflate: the bytes that tell if zlib's frame is there; they are decoded once both have come. */
	unsigned char head[2];
	unsigned n_head;
	BrotliDecoderState *br;
};

struct coding {
	struct str name;
	/* What decode_some does, of a stream that is not BROKEN. Any error makes it so. */
	int (*some)(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote);
	int window; /* zlib's argument; 0: the coding is not zlib's */
};

/* ---- memory: running out of it ends the process (base/mem.h) ---- */

static void *zlib_alloc(void *ctx, uInt items, uInt size)
{
	return mem_alloc((size_t)items * size);
}

static void *brotli_alloc(void *ctx, size_t n)
{
	return mem_alloc(n);
}

static void lib_free(void *ctx, void *p)
{
	free(p);
}

/* ---- identity ---- */

static int copy_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	*wrote = in->n < n ? in->n : n;
	if (*wrote > 0)
		memcpy(out, in->p, *wrote);
	*in = str_skip(*in, *wrote);
	return ERR_OK;
}

/* ---- gzip and deflate ---- */

/* One step of zlib; moves `in` and *wrote on. */
static int inflate_step(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	size_t room = n - *wrote;
	uInt in_n = in->n < UINT_MAX ? (uInt)in->n : UINT_MAX, out_n = room < UINT_MAX ? (uInt)room : UINT_MAX;
	d->z.next_in = (const Bytef *)in->p;
	d->z.avail_in = in_n;
	d->z.next_out = (Bytef *)out + *wrote;
	d->z.avail_out = out_n;
	int result = inflate(&d->z, Z_NO_FLUSH);
	*in = str_skip(*in, in_n - d->z.avail_in);
	*wrote += out_n - d->z.avail_out;

	if (result == Z_STREAM_END)
		d->place = AT_END;
	else if (result != Z_OK && result != Z_BUF_ERROR) /* the latter: there was nothing to do */
		return ERR_INVALID;			  /* a dictionary (Z_NEED_DICT) was agreed upon with nobody */
	return ERR_OK;
}

static int inflate_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	size_t in_n, out_n;
	do {
		if (d->place == AT_END) {
			if (in->n == 0)
				return ERR_OK;
			/* RFC 1952 2.2: members follow one another with nothing between them, and begin with this (2.3.1). */
			if (d->coding->window != GZIP || *in->p != 0x1f)
				return ERR_INVALID;
			inflateReset(&d->z);
			d->place = INSIDE;
		}
		in_n = in->n;
		out_n = *wrote;
		int err = inflate_step(d, in, out, n, wrote);
		if (err != ERR_OK)
			return err;
	} while (*wrote < n && (in->n < in_n || *wrote > out_n));
	return ERR_OK;
}

/* RFC 1950 2.2: the method 8, a window of at most 32 KB, and a check over both bytes. */
static bool is_zlib_head(const unsigned char head[2])
{
	return (head[0] & 0x0f) == Z_DEFLATED && head[0] >> 4 <= 7 && (head[0] << 8 | head[1]) % 31 == 0;
}

static int deflate_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	if (d->n_head < sizeof(d->head)) {
		while (d->n_head < sizeof(d->head) && in->n > 0) {
			d->head[d->n_head++] = (unsigned char)*in->p;
			*in = str_skip(*in, 1);
		}
		if (d->n_head < sizeof(d->head))
			return ERR_OK;
		if (!is_zlib_head(d->head))
			inflateReset2(&d->z, BARE);
		/* A literal is all that two bytes can hold, so they are used up. */
		struct str head = str_make((const char *)d->head, sizeof(d->head));
		int err = inflate_some(d, &head, out, n, wrote);
		assert(err != ERR_OK || head.n == 0);
		if (err != ERR_OK || *wrote == n)
			return err;
	}
	return inflate_some(d, in, out, n, wrote);
}

/* ---- br ---- */

static int brotli_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	if (d->place == AT_END)
		return in->n == 0 ? ERR_OK : ERR_INVALID;
	size_t in_n = in->n, out_n = n;
	const uint8_t *next_in = (const uint8_t *)in->p;
	uint8_t *next_out = (uint8_t *)out;
	BrotliDecoderResult result = BrotliDecoderDecompressStream(d->br, &in_n, &next_in, &out_n, &next_out, NULL);
	*in = str_skip(*in, in->n - in_n);
	*wrote = n - out_n;

	if (result == BROTLI_DECODER_RESULT_SUCCESS)
		d->place = AT_END;
	return result == BROTLI_DECODER_RESULT_ERROR ? ERR_INVALID : ERR_OK;
}

/* ---- public ---- */

static const struct coding codings[] = {
    {STR(""), copy_some, 0}, {STR("identity"), copy_some, 0}, {STR("gzip"), inflate_some, GZIP},
    {STR("x-gzip"), inflate_some, GZIP}, /* RFC 9110 8.4.1.3: SHOULD be taken for gzip */
    {STR("deflate"), deflate_some, WINDOW}, {STR("br"), brotli_some, 0}, /* RFC 7932 */
};

static const struct coding *find_coding(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(codings); i++)
		if (str_eq_nocase(codings[i].name, name)) /* RFC 9110 8.4.1: case does not matter */
			return &codings[i];
	return NULL;
}

bool decode_is_identity(struct str coding)
{
	const struct coding *found = find_coding(str_trim(coding));
	return found && found->some == copy_some;
}

int decode_new(struct str coding, struct decode **out)
{
	*out = NULL;
	const struct coding *found = find_coding(str_trim(coding));
	if (!found)
		return ERR_MISSING;

	struct decode *d = mem_zalloc(sizeof(*d));
	d->coding = found;
	if (found->window != 0) {
		d->z.zalloc = zlib_alloc;
		d->z.zfree = lib_free;
		int result = inflateInit2(&d->z, found->window);
		assert(result == Z_OK); /* it fails for want of memory, or for another zlib than was compiled for */
		(void)result;
	} else if (found->some == brotli_some) {
		d->br = BrotliDecoderCreateInstance(brotli_alloc, lib_free, NULL);
		assert(d->br);
	}
	*out = d;
	return ERR_OK;
}

int decode_some(struct decode *d, struct str *in, char *out, size_t n, size_t *wrote)
{
	assert(n > 0);
	*wrote = 0;
	if (d->place == BROKEN)
		return ERR_INVALID;
	if (d->place == AT_BEGIN) {
		if (in->n == 0)
			return ERR_OK;
		d->place = INSIDE;
	}
	int err = d->coding->some(d, in, out, n, wrote);
	if (err != ERR_OK)
		d->place = BROKEN;
	return err;
}

bool decode_is_whole(const struct decode *d)
{
	return d->place == AT_BEGIN || d->place == AT_END || (d->place == INSIDE && d->coding->some == copy_some);
}

void decode_free(struct decode **dp)
{
	struct decode *d = *dp;
	if (!d)
		return;
	if (d->coding->window != 0)
		inflateEnd(&d->z);
	if (d->br)
		BrotliDecoderDestroyInstance(d->br);
	free(d);
	*dp = NULL;
}
