/* A growing buffer, born with its maximum. A write beyond it changes nothing and marks the buffer as
 * overflowed; all later writes are refused too, so that a chain of writes is checked once, at its end. */
#ifndef LARDER_BASE_BUF_H
#define LARDER_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
/* Empties it and clears the overflow; memory is kept. */
void buf_reset(struct buf *b);

/* 0 or ERR_TOO_LARGE (nothing was added). */
int buf_add(struct buf *b, struct str s);
int buf_addc(struct buf *b, char c);
int buf_add_u64(struct buf *b, uint64_t v);
int buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* s as the inside of a JSON string: quotes, controls and bytes that are not UTF-8 escaped. */
int buf_add_json(struct buf *b, struct str s);

/* Makes room for n bytes at b->p + b->n; the caller fills and adds to b->n. 0 or ERR_TOO_LARGE (not an overflow: less
 * may still fit). */
int buf_reserve(struct buf *b, size_t n);
/* Drops the first n bytes; the rest moves to the front. */
void buf_consume(struct buf *b, size_t n);

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
