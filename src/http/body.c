/* The reader of bodies. Only the chunked form (RFC 9112 7.1) needs its bytes looked at; its states in order:
 *
 *     SIZE_FIRST -> SIZE -> [EXTENSION] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE_FIRST ...
 *                                             |
 *                              (size 0) ------+-> TRAILER_START -> TRAILER_NAME -> TRAILER_VALUE -> TRAILER_LF -+
 *                                                   ^   |                                                       |
 *                                                   |   +-> END_LF -> DONE                                      |
 *                                                   +-----------------------------------------------------------+
 *
 * All state is in struct http_body, so bytes may come in any pieces. Chunk extensions and trailers are checked, counted
 * and dropped. */
#include "http/message.h"

#include "http/chars.h"

#include <assert.h>

enum {
	SIZE_FIRST, /* the first digit of a chunk's size */
	SIZE,	    /* digits */
	SIZE_BLANK, /* blanks behind the digits */
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START, /* of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	DONE,
};

/* Of one chunk's line, and of all trailers: more is no use, and an origin that sends it without end is stopped. */
#define OVERHEAD_MAX 8192

/* True when the body has no more bytes to come. */
static bool is_complete(const struct http_body *b)
{
	switch (b->kind) {
	case BODY_LENGTH:
		return b->left == 0;
	case BODY_CHUNKED:
		return b->state == DONE;
	case BODY_CLOSE:
		return false;
	case BODY_NONE:
		break;
	}
	return true;
}

static int add_digit(struct http_body *b, int digit)
{
	if (b->left > (uint64_t)INT64_MAX >> 4)
		return ERR_PROTOCOL;
	b->left = b->left << 4 | (uint64_t)digit;
	b->state = SIZE;
	return ERR_OK;
}

/* chunk-size [ chunk-ext ] CRLF. Blanks behind the size are met in the wild and harmless: they end nothing. */
static int read_size(struct http_body *b, char c)
{
	int digit = char_hex(c);
	if (digit >= 0 && b->state != SIZE_BLANK)
		return add_digit(b, digit);
	if (b->state == SIZE_FIRST)
		return ERR_PROTOCOL;
	switch (c) {
	case ' ':
	case '\t':
		b->state = SIZE_BLANK;
		return ERR_OK;
	case ';':
		b->state = EXTENSION;
		return ERR_OK;
	case '\r':
		b->state = SIZE_LF;
		return ERR_OK;
	default:
		return ERR_PROTOCOL;
	}
}

/* The inside of an extension or a trailer: anything but controls, up to the CR. A bare LF is one (a reader that ends the
 * line there would see other chunks than we do). */
static int read_text(struct http_body *b, char c, int after)
{
	if (c == '\r')
		b->state = after;
	else if (!http__is(c, CHAR_VALUE))
		return ERR_PROTOCOL;
	return ERR_OK;
}

static int expect(struct http_body *b, char c, char wanted, int next)
{
	if (c != wanted)
		return ERR_PROTOCOL;
	b->state = next;
	return ERR_OK;
}

static int read_trailer_start(struct http_body *b, char c)
{
	if (c == '\r')
		return expect(b, c, '\r', END_LF);
	b->state = TRAILER_NAME;
	return http__is(c, CHAR_FIELD_NAME) ? ERR_OK : ERR_PROTOCOL;
}

static int read_trailer_name(struct http_body *b, char c)
{
	if (c == ':')
		b->state = TRAILER_VALUE;
	else if (!http__is(c, CHAR_FIELD_NAME))
		return ERR_PROTOCOL;
	return ERR_OK;
}

/* One byte of everything that is not content. */
static int read_framing(struct http_body *b, char c)
{
	switch (b->state) {
	case SIZE_FIRST:
	case SIZE:
	case SIZE_BLANK:
		return read_size(b, c);
	case EXTENSION:
		return read_text(b, c, SIZE_LF);
	case SIZE_LF:
		b->trailer = 0;
		return expect(b, c, '\n', b->left > 0 ? DATA : TRAILER_START);
	case DATA_CR:
		return expect(b, c, '\r', DATA_LF);
	case DATA_LF:
		b->trailer = 0;
		return expect(b, c, '\n', SIZE_FIRST);
	case TRAILER_START:
		return read_trailer_start(b, c);
	case TRAILER_NAME:
		return read_trailer_name(b, c);
	case TRAILER_VALUE:
		return read_text(b, c, TRAILER_LF);
	case TRAILER_LF:
		return expect(b, c, '\n', TRAILER_START);
	case END_LF:
		return expect(b, c, '\n', DONE);
	default: /* DATA and DONE have none */
		assert(false);
		return ERR_PROTOCOL;
	}
}

/* Cuts the content at the front of `in`: as much as the body or chunk has left. */
static void take_content(struct http_body *b, struct str in, size_t *used, struct str *data)
{
	struct str rest = str_skip(in, *used);
	*data = str_take(rest, b->left < rest.n ? (size_t)b->left : rest.n);
	b->left -= data->n;
	*used += data->n;
}

/* Framing, one run of content, and the framing behind it: the last chunk and the end come out of one call. */
static int read_chunked(struct http_body *b, struct str in, size_t *used, struct str *data)
{
	while (*used < in.n && b->state != DONE) {
		if (b->state == DATA) {
			if (data->n > 0)
				return ERR_OK;
			take_content(b, in, used, data);
			if (b->left == 0)
				b->state = DATA_CR;
			continue;
		}
		if (++b->trailer > OVERHEAD_MAX || read_framing(b, in.p[*used]) < 0)
			return ERR_PROTOCOL;
		(*used)++;
	}
	return b->state == DONE ? ERR_EOF : ERR_AGAIN;
}

int http_body_read(struct http_body *b, struct str in, size_t *used, struct str *data)
{
	*used = 0;
	*data = str_take(in, 0);
	switch (b->kind) {
	case BODY_NONE:
		return ERR_EOF;
	case BODY_LENGTH:
		take_content(b, in, used, data);
		return b->left == 0 ? ERR_EOF : ERR_AGAIN;
	case BODY_CHUNKED:
		return read_chunked(b, in, used, data);
	case BODY_CLOSE:
		*data = in;
		*used = in.n;
		return ERR_AGAIN;
	}
	return ERR_PROTOCOL;
}

uint64_t http_body_direct(const struct http_body *b)
{
	switch (b->kind) {
	case BODY_LENGTH:
		return b->left;
	case BODY_CHUNKED:
		return b->state == DATA ? b->left : 0;
	case BODY_CLOSE:
		return UINT64_MAX;
	case BODY_NONE:
		break;
	}
	return 0;
}

int http_body_skip(struct http_body *b, uint64_t n)
{
	assert(n <= http_body_direct(b));
	if (b->kind == BODY_LENGTH || b->kind == BODY_CHUNKED)
		b->left -= n;
	if (b->kind == BODY_CHUNKED && b->state == DATA && b->left == 0)
		b->state = DATA_CR;
	return is_complete(b) ? ERR_EOF : ERR_OK;
}

int http_body_closed(const struct http_body *b)
{
	/* A body that ends with the connection is complete when nothing contradicts it (RFC 9112 8). */
	return b->kind == BODY_CLOSE || is_complete(b) ? ERR_EOF : ERR_SHORT;
}
