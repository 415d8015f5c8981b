/* Content codings, of streams made by the libraries' encoders and by hand. Every stream is read in pieces of many sizes. */
#include "suite.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/decode.h"
#include "base/mem.h"

#include <brotli/encode.h>
#include <stdio.h>
#include <zlib.h>

enum { LIMIT = 1 << 22 };

/* ---- encoders ---- */

/* window: as for deflateInit2. dictionary, name: NULL for none. */
static void add_deflated_with(struct buf *to, struct str text, int window, const char *dictionary, const char *name)
{
	z_stream z = {0};
	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	if (dictionary)
		ck_assert_int_eq(deflateSetDictionary(&z, (const Bytef *)dictionary, (uInt)strlen(dictionary)), Z_OK);
	char field[] = "name of a file";
	gz_header header = {
	    .name = (Bytef *)field, .extra = (Bytef *)field, .extra_len = 5, .comment = (Bytef *)field, .hcrc = 1};
	if (name)
		ck_assert_int_eq(deflateSetHeader(&z, &header), Z_OK);
	size_t n = deflateBound(&z, text.n) + 100;
	char *out = mem_alloc(n);
	z.next_in = (Bytef *)(uintptr_t)text.p;
	z.avail_in = (uInt)text.n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)n;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_add(to, str_make(out, n - z.avail_out));
	free(out);
	deflateEnd(&z);
}

enum { ZLIB = 15, GZIP = 31, BARE = -15 };

static void add_deflated(struct buf *to, struct str text, int window)
{
	add_deflated_with(to, text, window, NULL, NULL);
}

static void add_brotli(struct buf *to, struct str text, int window)
{
	size_t n = BrotliEncoderMaxCompressedSize(text.n) + 100;
	uint8_t *out = mem_alloc(n);
	ck_assert(BrotliEncoderCompress(5, window, BROTLI_MODE_TEXT, text.n, (const uint8_t *)text.p, &n, out) ==
		  BROTLI_TRUE);
	buf_add(to, str_make((char *)out, n));
	free(out);
}

/* What the name of a row stands for. */
static struct buf encoded(const char *how, struct str text)
{
	struct buf b;
	buf_init(&b, LIMIT);
	if (strcmp(how, "gzip") == 0) {
		add_deflated(&b, text, GZIP);
	} else if (strcmp(how, "named") == 0) {
		add_deflated_with(&b, text, GZIP, NULL, "yes");
	} else if (strcmp(how, "members") == 0) {
		add_deflated(&b, str_take(text, text.n / 2), GZIP);
		add_deflated(&b, STR(""), GZIP);
		add_deflated_with(&b, str_skip(text, text.n / 2), GZIP, NULL, "yes");
	} else if (strcmp(how, "zlib") == 0) {
		add_deflated(&b, text, ZLIB);
	} else if (strcmp(how, "zlib, small window") == 0) {
		add_deflated(&b, text, 9);
	} else if (strcmp(how, "bare") == 0) {
		add_deflated(&b, text, BARE);
	} else if (strcmp(how, "dictionary") == 0) {
		add_deflated_with(&b, text, ZLIB, "The page of the visitor", NULL);
	} else if (strcmp(how, "br") == 0) {
		add_brotli(&b, text, 16);
	} else if (strcmp(how, "br, large window") == 0) {
		add_brotli(&b, text, 24);
	} else {
		buf_add(&b, text);
	}
	return b;
}

/* ---- reading ---- */

struct result {
	int err;
	bool whole;
	struct buf text;
};

/* In pieces of `in` bytes, with room for `out` at a time. */
static struct result decode_in_pieces(const char *coding, struct str bytes, size_t in_n, size_t out_n)
{
	struct result r = {0};
	buf_init(&r.text, LIMIT);
	char *out = mem_alloc(out_n);
	struct decode *d;
	bool fits = true; /* not asserted in the loop: Check's assertions are slower than what they ask here */
	ck_assert_int_eq(decode_new(str_of(coding), &d), ERR_OK);
	while (bytes.n > 0 && r.err == ERR_OK) {
		struct str piece = str_take(bytes, in_n);
		bytes = str_skip(bytes, piece.n);
		size_t wrote = 0;
		do {
			r.err = decode_some(d, &piece, out, out_n, &wrote);
			fits = fits && wrote <= out_n && buf_add(&r.text, str_make(out, wrote)) == ERR_OK;
		} while (r.err == ERR_OK && (piece.n > 0 || wrote == out_n));
	}
	ck_assert(fits);
	r.whole = r.err == ERR_OK && decode_is_whole(d);
	if (r.err != ERR_OK) { /* and it stays so */
		struct str more = STR("x");
		size_t wrote = 1;
		ck_assert_int_eq(decode_some(d, &more, out, out_n, &wrote), r.err);
		ck_assert_uint_eq(wrote, 0);
		ck_assert(!decode_is_whole(d));
	}
	free(out);
	decode_free(&d);
	ck_assert_ptr_null(d);
	return r;
}

static const size_t sizes[] = {1, 2, 3, 7, 64, 65536};

#define PAGE "<html><p>The page of the visitor, of the visitor, of the visitor</p><script nonce=\"aaaaaaaa\">"

static const struct {
	const char *name, *coding, *how;
} whole_rows[] = {
    {"gzip", "gzip", "gzip"},
    {"a coding's name has no case (RFC 9110 8.4.1)", "GZip", "gzip"},
    {"blanks around it", " gzip\t", "gzip"},
    {"x-gzip is gzip (RFC 9110 8.4.1.3)", "x-gzip", "gzip"},
    {"gzip with a file name, extra bytes, a comment and a check of its head", "gzip", "named"},
    {"several members are one text (RFC 1952 2.2)", "gzip", "members"},
    {"deflate in the zlib format (RFC 9110 8.4.1.2)", "deflate", "zlib"},
    {"deflate in the zlib format, of a small window", "deflate", "zlib, small window"},
    {"deflate without it, as some servers send it", "deflate", "bare"},
    {"br", "br", "br"},
    {"br of the largest window", "Br", "br, large window"},
    {"identity", "identity", "as it is"},
    {"no coding", "", "as it is"},
};

START_TEST(whole_streams)
{
	static char large[100000];
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)('a' + (i * i + i / 7) % 26);
	const struct str texts[] = {STR(PAGE), STR(""), STR("a"), {large, sizeof(large)}};
	for (size_t i = 0; i < COUNT_OF(whole_rows) * COUNT_OF(texts); i++) {
		struct str text = texts[i % COUNT_OF(texts)];
		const char *name = whole_rows[i / COUNT_OF(texts)].name;
		struct buf b = encoded(whole_rows[i / COUNT_OF(texts)].how, text);
		for (size_t k = 0; k < COUNT_OF(sizes) * COUNT_OF(sizes); k++) {
			size_t in_n = sizes[k / COUNT_OF(sizes)], out_n = sizes[k % COUNT_OF(sizes)];
			struct result r =
			    decode_in_pieces(whole_rows[i / COUNT_OF(texts)].coding, buf_str(&b), in_n, out_n);
			ck_assert_msg(r.err == ERR_OK, "%s, %zu bytes by %zu to %zu: %s", name, text.n, in_n, out_n,
			    err_text(r.err));
			ck_assert_msg(r.whole, "%s, %zu bytes by %zu to %zu: not whole", name, text.n, in_n, out_n);
			ck_assert_msg(str_eq(buf_str(&r.text), text), "%s, %zu bytes by %zu to %zu: other bytes", name,
			    text.n, in_n, out_n);
			buf_free(&r.text);
		}
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_stream_that_ends_early_is_not_whole)
{
	for (size_t i = 0; i < COUNT_OF(whole_rows); i++) {
		struct buf b = encoded(whole_rows[i].how, STR(PAGE));
		struct str bytes = buf_str(&b);
		if (str_eq(bytes, STR(PAGE)))
			bytes.n = 0;
		for (size_t n = 1; n < bytes.n; n++) {
			struct result r = decode_in_pieces(whole_rows[i].coding, str_take(bytes, n), 7, 64);
			ck_assert_msg(r.err == ERR_OK, "%s: %zu of %zu bytes: %s", whole_rows[i].name, n, bytes.n,
			    err_text(r.err));
			bool between = strcmp(whole_rows[i].how, "members") == 0 && r.whole;
			ck_assert_msg(
			    !r.whole || between, "%s: %zu of %zu bytes are whole", whole_rows[i].name, n, bytes.n);
			ck_assert_msg(str_starts(STR(PAGE), buf_str(&r.text)), "%s: other bytes", whole_rows[i].name);
			buf_free(&r.text);
		}
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_body_without_bytes_is_whole)
{
	for (size_t i = 0; i < COUNT_OF(whole_rows); i++) {
		struct decode *d;
		struct str nothing = STR_NONE;
		char out[1];
		size_t wrote = 1;
		ck_assert_int_eq(decode_new(str_of(whole_rows[i].coding), &d), ERR_OK);
		ck_assert_int_eq(decode_some(d, &nothing, out, sizeof(out), &wrote), ERR_OK);
		ck_assert_uint_eq(wrote, 0);
		ck_assert_msg(decode_is_whole(d), "%s", whole_rows[i].name);
		decode_free(&d);
		decode_free(&d); /* NULL by now */
	}
}
END_TEST

/* What stands behind the stream. */
#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
	const char *name, *coding, *how;
	const char *behind;
	size_t behind_n;
} broken_rows[] = {
    {"bytes behind gzip", "gzip", "gzip", BYTES("x")},
    {"zeros behind gzip", "gzip", "gzip", BYTES("\0\0\0\0")},
    {"half a member behind gzip whose method is unknown", "gzip", "gzip", BYTES("\x1f\x8b\x09\0\0\0\0\0\0\0")},
    {"bytes behind several members", "gzip", "members", BYTES("<!-- x -->")},
    {"bytes behind deflate", "deflate", "zlib", BYTES("x")},
    {"a second stream behind deflate", "deflate", "zlib", BYTES("\x78\x9c\x03\0\0\0\0\x01")},
    {"bytes behind bare deflate", "deflate", "bare", BYTES("x")},
    {"bytes behind br", "br", "br", BYTES("x")},
    {"a second stream behind br", "br", "br", BYTES("\x06")},
    {"gzip that is none", "gzip", "as it is", BYTES("")},
    {"deflate that is none", "deflate", "as it is", BYTES("")},
    {"br that is none", "br", "as it is", BYTES("")},
    {"zlib's format called gzip", "gzip", "zlib", BYTES("")},
    {"gzip called deflate", "deflate", "gzip", BYTES("")},
    {"gzip called br", "br", "gzip", BYTES("")},
    {"a dictionary that nobody agreed upon", "deflate", "dictionary", BYTES("")},
};

START_TEST(broken_streams)
{
	for (size_t i = 0; i < COUNT_OF(broken_rows); i++) {
		struct buf b = encoded(broken_rows[i].how, STR(PAGE));
		buf_add(&b, str_make(broken_rows[i].behind, broken_rows[i].behind_n));
		for (size_t k = 0; k < COUNT_OF(sizes) * COUNT_OF(sizes); k++) {
			struct result r = decode_in_pieces(
			    broken_rows[i].coding, buf_str(&b), sizes[k / COUNT_OF(sizes)], sizes[k % COUNT_OF(sizes)]);
			ck_assert_msg(r.err == ERR_INVALID, "%s: %s", broken_rows[i].name, err_text(r.err));
			if (broken_rows[i].behind_n > 0)
				ck_assert_msg(str_eq(buf_str(&r.text), STR(PAGE)),
				    "%s: what came before it is not right", broken_rows[i].name);
			buf_free(&r.text);
		}
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_changed_byte_is_noticed)
{
	/* gzip and zlib have a check; br has none, so that a changed literal is another text. */
	static const struct {
		const char *coding, *how;
	} rows[] = {{"gzip", "gzip"}, {"deflate", "zlib"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = encoded(rows[i].how, STR(PAGE));
		struct str bytes = buf_str(&b);
		for (size_t at = 10; at < bytes.n; at++) { /* behind gzip's head, whose time and system mean nothing */
			char *copy = mem_dup(bytes.p, bytes.n);
			copy[at] = (char)(copy[at] ^ 0x10);
			struct result r = decode_in_pieces(rows[i].coding, str_make(copy, bytes.n), 64, 64);
			bool is_padding = str_eq(buf_str(&r.text), STR(PAGE)); /* bits behind the last block */
			ck_assert_msg(!r.whole || is_padding, "%s: another byte at %zu is taken", rows[i].coding, at);
			buf_free(&r.text);
			free(copy);
		}
		buf_free(&b);
	}
}
END_TEST

START_TEST(codings_that_are_not_known)
{
	static const char *const rows[] = {"zstd", "compress", "x-compress", "gzip, gzip", "gzip, identity", "gzip,",
	    "gz ip", "gzipp", "*", "x-br", "dcb"};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct decode *d = (struct decode *)&rows;
		ck_assert_msg(decode_new(str_of(rows[i]), &d) == ERR_MISSING, "%s", rows[i]);
		ck_assert_ptr_null(d);
	}
}
END_TEST

START_TEST(codings_that_change_nothing)
{
	static const struct {
		const char *coding;
		bool is_identity;
	} rows[] = {{"", true}, {" ", true}, {"identity", true}, {"Identity", true}, {"gzip", false}, {"br", false},
	    {"deflate", false}, {"identity, gzip", false}, {"zstd", false}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(decode_is_identity(str_of(rows[i].coding)) == rows[i].is_identity, "%s", rows[i].coding);
}
END_TEST

/* 512 MB of zeros, of which the caller takes one; what the longest call took is told, not judged. */
static void take_some_of_a_bomb(const char *coding, struct str bomb, size_t per_call)
{
	enum { WANTED = 1 << 20, ROOM = 1 << 14 };
	static char out[ROOM];
	struct decode *d;
	ck_assert_int_eq(decode_new(str_of(coding), &d), ERR_OK);
	int64_t longest = 0;
	for (size_t all = 0, wrote = 0; all < WANTED; all += wrote) {
		size_t before = bomb.n;
		int64_t begin = clock_mono_us();
		int err = decode_some(d, &bomb, out, sizeof(out), &wrote);
		int64_t took = clock_mono_us() - begin;
		ck_assert_int_eq(err, ERR_OK);
		longest = took > longest ? took : longest;
		ck_assert_uint_eq(wrote, sizeof(out));
		ck_assert_uint_le(before - bomb.n, per_call);
	}
	ck_assert(!decode_is_whole(d));
	decode_free(&d);
	printf("%s: a bomb of %zu bytes left, the longest call %lld us\n", coding, bomb.n, (long long)longest);
}

START_TEST(a_bomb_is_bounded_by_its_caller)
{
	enum { PIECE = 1 << 20, PIECES = 512 };
	char *zeros = mem_zalloc(PIECE);
	size_t n = PIECE;
	char *packed = mem_alloc(n);

	z_stream z = {0};
	ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = (Bytef *)packed;
	z.avail_out = (uInt)n;
	for (unsigned i = 0; i < 64; i++) { /* zlib needs a byte for a thousand: 64 MB will do */
		z.next_in = (Bytef *)zeros;
		z.avail_in = PIECE;
		ck_assert_int_eq(deflate(&z, i == 63 ? Z_FINISH : Z_NO_FLUSH), i == 63 ? Z_STREAM_END : Z_OK);
	}
	take_some_of_a_bomb("gzip", str_make(packed, n - z.avail_out), 4096);
	deflateEnd(&z);

	BrotliEncoderState *br = BrotliEncoderCreateInstance(NULL, NULL, NULL);
	BrotliEncoderSetParameter(br, BROTLI_PARAM_LGWIN, 24);
	BrotliEncoderSetParameter(br, BROTLI_PARAM_QUALITY, 2);
	uint8_t *next_out = (uint8_t *)packed;
	size_t room = n;
	for (unsigned i = 0; i < PIECES; i++) {
		size_t in = PIECE;
		const uint8_t *next_in = (const uint8_t *)zeros;
		ck_assert(BrotliEncoderCompressStream(br,
		    i + 1 == PIECES ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &in, &next_in, &room,
		    &next_out, NULL));
	}
	ck_assert(BrotliEncoderIsFinished(br));
	take_some_of_a_bomb("br", str_make(packed, n - room), n - room);
	BrotliEncoderDestroyInstance(br);
	free(packed);
	free(zeros);
}
END_TEST

START_TEST(ten_thousand_empty_members_are_no_text)
{
	struct buf b;
	buf_init(&b, LIMIT);
	for (unsigned i = 0; i < 10000; i++)
		add_deflated(&b, STR(""), GZIP);
	struct result r = decode_in_pieces("gzip", buf_str(&b), 4096, 64);
	ck_assert(r.whole);
	ck_assert_uint_eq(buf_str(&r.text).n, 0);
	buf_free(&r.text);
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/decode");
	TCase *c = tcase_create("decode");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, whole_streams);
	tcase_add_test(c, a_stream_that_ends_early_is_not_whole);
	tcase_add_test(c, a_body_without_bytes_is_whole);
	tcase_add_test(c, broken_streams);
	tcase_add_test(c, a_changed_byte_is_noticed);
	tcase_add_test(c, codings_that_are_not_known);
	tcase_add_test(c, codings_that_change_nothing);
	tcase_add_test(c, a_bomb_is_bounded_by_its_caller);
	tcase_add_test(c, ten_thousand_empty_members_are_no_text);
	return suite_run(s);
}
