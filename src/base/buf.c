/* A growing buffer with a maximum. Memory doubles up to it; one spare byte is always allocated, for the NUL that
 * vsnprintf insists on, and never counted. The contents are not NUL-terminated. */
#include "base/buf.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 256

void buf_init(struct buf *b, size_t max)
{
	assert(max < PTRDIFF_MAX);
	*b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->overflow = false;
}

static void grow(struct buf *b, size_t wanted)
{
	size_t cap = b->cap > 0 ? b->cap : FIRST_SIZE;
	while (cap < wanted)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	b->p = mem_realloc(b->p, cap + 1);
	b->cap = cap;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (n > b->max - b->n)
		return ERR_TOO_LARGE;
	if (n > b->cap - b->n || !b->p)
		grow(b, b->n + n);
	return ERR_OK;
}

/* Room for a write of n bytes. Once one write was refused all are: what is in the buffer stays a clean prefix of what
 * was to be written, and the check at the end of the chain cannot miss it. */
static int make_room(struct buf *b, size_t n)
{
	if (b->overflow || buf_reserve(b, n) < 0) {
		b->overflow = true;
		return ERR_TOO_LARGE;
	}
	return ERR_OK;
}

int buf_add(struct buf *b, struct str s)
{
	if (make_room(b, s.n) < 0)
		return ERR_TOO_LARGE;
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	return ERR_OK;
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, str_make(&c, 1));
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[STR_I64_MAX];
	return buf_add(b, str_make(digits, (size_t)(str_put_u64(digits, v) - digits)));
}

int buf_addf(struct buf *b, const char *format, ...)
{
	if (make_room(b, 0) < 0)
		return ERR_TOO_LARGE;

	/* First into the room there is; the spare byte takes the NUL. */
	va_list args;
	va_start(args, format);
	int n = vsnprintf(b->p + b->n, b->cap - b->n + 1, format, args);
	va_end(args);
	assert(n >= 0);
	if ((size_t)n > b->cap - b->n) {
		if (make_room(b, (size_t)n) < 0)
			return ERR_TOO_LARGE;
		va_start(args, format);
		vsnprintf(b->p + b->n, b->cap - b->n + 1, format, args);
		va_end(args);
	}
	b->n += (size_t)n;
	return ERR_OK;
}

/* The escape of one byte in a JSON string, empty when it stands for itself. */
static struct str json_escape(unsigned char c, bool valid, char out[7])
{
	switch (c) {
	case '"':
		return STR("\\\"");
	case '\\':
		return STR("\\\\");
	case '\n':
		return STR("\\n");
	case '\r':
		return STR("\\r");
	case '\t':
		return STR("\\t");
	default:
		if (valid && c >= 0x20 && c != 0x7f)
			return STR("");
		return str_make(out, (size_t)snprintf(out, 7, "\\u%04x", c));
	}
}

int buf_add_json(struct buf *b, struct str s)
{
	size_t n = b->n;
	struct str plain = {s.p, 0}; /* the run that stands for itself and is not yet added */
	while (s.n > 0) {
		size_t length = str_utf8(s);
		char hex[7];
		struct str escape = json_escape((unsigned char)s.p[0], length > 0, hex);
		size_t step = length > 0 ? length : 1;
		s = str_skip(s, step);
		if (escape.n == 0) {
			plain.n += step;
			continue;
		}
		buf_add(b, plain);
		buf_add(b, escape);
		plain = str_take(s, 0);
	}
	if (buf_add(b, plain) < 0) {
		b->n = n; /* nothing was added */
		return ERR_TOO_LARGE;
	}
	return ERR_OK;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n -= n;
	if (b->n > 0 && n > 0)
		memmove(b->p, b->p + n, b->n);
}
