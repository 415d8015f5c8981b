/* The reader of responses: whatever comes, the result does not hang on how the bytes were cut. Each input is read three
 * times: whole, in pieces, and in pieces with the content received past the reader (http_body_direct).
 *
 * Input: one byte that sets the pieces and whether the request was HEAD, then what the peer sent. */
#include "fuzz.h"

#include "base/mem.h"
#include "http/message.h"

#include <assert.h>
#include <stdlib.h>

enum mode { WHOLE, PIECES, DIRECT };

struct result {
	struct arena arena;
	struct http_response response;
	int head_err, body_err;
	size_t eaten;
	struct buf content;
};

static const struct http_limits limits = {.max_head = 1024, .max_headers = 16};

/* Sizes 1 to 16, in an order that the seed sets. */
static size_t next_step(enum mode mode, struct str in, unsigned *seed)
{
	if (mode == WHOLE)
		return in.n;
	*seed = *seed * 1103515245 + 12345;
	return 1 + (*seed >> 16) % 16;
}

static void read_head(struct result *r, enum mode mode, struct str in, unsigned *seed)
{
	size_t n = 0;
	do {
		n += next_step(mode, str_skip(in, n), seed);
		n = n < in.n ? n : in.n;
		size_t used = 0;
		r->head_err = http_read_response(str_take(in, n), &limits, &r->arena, &r->response, &used);
		r->eaten = r->head_err == ERR_OK ? used : 0;
	} while (r->head_err == ERR_AGAIN && n < in.n);
	assert(r->eaten <= n && r->eaten <= limits.max_head);
	if (r->head_err != ERR_OK)
		assert(r->head_err == ERR_AGAIN || r->response.why);
}

/* One step past the reader; false when it wants to see the bytes. */
static bool receive_directly(struct result *r, struct http_body *b, struct str in)
{
	uint64_t may = http_body_direct(b);
	struct str piece = str_take(in, may < in.n ? (size_t)may : in.n);
	if (piece.n == 0)
		return false;
	buf_add(&r->content, piece);
	r->body_err = http_body_skip(b, piece.n);
	assert(r->body_err == ERR_OK || r->body_err == ERR_EOF);
	r->eaten += piece.n;
	return true;
}

static void read_step(struct result *r, struct http_body *b, struct str piece)
{
	size_t used;
	struct str data;
	r->body_err = http_body_read(b, piece, &used, &data);
	assert(used <= piece.n);
	assert(data.n <= used);
	assert(r->body_err != ERR_AGAIN || used == piece.n);
	assert(r->body_err != ERR_OK || used > 0);
	buf_add(&r->content, data);
	r->eaten += used;
}

static void read_body(struct result *r, enum mode mode, struct str in, unsigned *seed, bool head)
{
	struct http_body b;
	r->body_err = http_body_of_response(&r->response, head, &b);
	if (r->body_err < 0) {
		assert(r->body_err == ERR_PROTOCOL && r->response.why);
		return;
	}
	assert(headers_count(&r->response.headers, STR("Content-Length")) <= 1);
	size_t piece_end = r->eaten;
	do {
		if (r->eaten == piece_end)
			piece_end += next_step(mode, str_skip(in, r->eaten), seed);
		struct str piece = str_skip(str_take(in, piece_end), r->eaten);
		if (mode != DIRECT || !receive_directly(r, &b, piece))
			read_step(r, &b, piece);
	} while (r->body_err != ERR_EOF && r->body_err != ERR_PROTOCOL && r->eaten < in.n);
	if (r->body_err == ERR_OK)
		r->body_err = ERR_AGAIN; /* a skip does not say it */
	if (r->body_err == ERR_EOF) {
		assert(http_body_closed(&b) == ERR_EOF);
		assert(b.length == UINT64_MAX || b.kind == BODY_NONE || b.length == r->content.n);
	}
	(void)http_keeps_alive(&r->response, &b);
}

static void read_all(struct result *r, enum mode mode, struct str in, uint8_t flags)
{
	*r = (struct result){.body_err = ERR_OK};
	arena_init(&r->arena, 0);
	buf_init(&r->content, in.n);
	unsigned seed = flags;
	read_head(r, mode, in, &seed);
	if (r->head_err == ERR_OK)
		read_body(r, mode, in, &seed, (flags & 0x80) != 0);
	assert(!r->content.overflow);
}

static void assert_same_head(const struct http_response *a, const struct http_response *b)
{
	assert(a->status == b->status && a->minor == b->minor && a->why == b->why);
	assert(str_eq(a->reason, b->reason));
	assert(a->headers.n == b->headers.n);
	for (uint32_t i = 0; i < a->headers.n; i++) {
		assert(str_eq(a->headers.v[i].name, b->headers.v[i].name));
		assert(str_eq(a->headers.v[i].value, b->headers.v[i].value));
		assert(a->headers.v[i].name.n > 0 && is_field_value(a->headers.v[i].value));
	}
}

static void assert_same(const struct result *a, const struct result *b)
{
	assert(a->head_err == b->head_err && a->body_err == b->body_err);
	assert_same_head(&a->response, &b->response);
	/* Where chunking breaks within a piece, its content is not handed out. */
	if (a->body_err == ERR_PROTOCOL)
		return;
	assert(a->eaten == b->eaten);
	assert(str_eq(buf_str(&a->content), buf_str(&b->content)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str in = str_make((const char *)data + 1, size - 1);
	struct result results[3];
	for (int mode = WHOLE; mode <= DIRECT; mode++)
		read_all(&results[mode], (enum mode)mode, in, data[0]);
	assert_same(&results[WHOLE], &results[PIECES]);
	assert_same(&results[WHOLE], &results[DIRECT]);
	for (int mode = WHOLE; mode <= DIRECT; mode++) {
		arena_free(&results[mode].arena);
		buf_free(&results[mode].content);
	}
	return 0;
}
