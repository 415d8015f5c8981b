/* Writes structured fields as RFC 9651 4.1 does, so that tests compare text: shared by the unit test and the fuzz target.
 * What a reader took, writes back to the same value; what is written twice is the same text. */
#ifndef LARDER_TESTS_SF_TEXT_H
#define LARDER_TESTS_SF_TEXT_H

#include "base/buf.h"
#include "http/sf.h"

#include <stdlib.h>

/* 4.1.5; the fraction without zeros behind it. */
static inline void sf_text_decimal(struct buf *out, int64_t thousandths)
{
	long long whole = llabs((long long)thousandths) / 1000, fraction = llabs((long long)thousandths) % 1000;
	(void)buf_addf(out, "%s%lld.", thousandths < 0 ? "-" : "", whole);
	if (fraction % 10 > 0)
		(void)buf_addf(out, "%03lld", fraction);
	else if (fraction % 100 > 0)
		(void)buf_addf(out, "%02lld", fraction / 10);
	else
		(void)buf_addf(out, "%lld", fraction / 100);
}

/* 4.1.6 */
static inline void sf_text_string(struct buf *out, struct str s)
{
	(void)buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			(void)buf_addc(out, '\\');
		(void)buf_addc(out, s.p[i]);
	}
	(void)buf_addc(out, '"');
}

/* 4.1.8 */
static inline void sf_text_bytes(struct buf *out, struct str s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	(void)buf_addc(out, ':');
	for (size_t i = 0; i < s.n; i += 3) {
		unsigned bits = 0;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (i + j < s.n ? (unsigned char)s.p[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			(void)buf_addc(out, i + j > s.n ? '=' : digits[bits >> (18 - 6 * j) & 63]);
	}
	(void)buf_addc(out, ':');
}

/* 4.1.11 */
static inline void sf_text_display(struct buf *out, struct str s)
{
	(void)buf_add(out, STR("%\""));
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '%' || c == '"' || c < 0x20 || c > 0x7e)
			(void)buf_addf(out, "%%%02x", c);
		else
			(void)buf_addc(out, s.p[i]);
	}
	(void)buf_addc(out, '"');
}

/* 4.1.3.1 */
static inline void sf_text_bare(struct buf *out, const struct sf_bare *b)
{
	switch (b->type) {
	case SF_INTEGER:
		(void)buf_addf(out, "%lld", (long long)b->number);
		return;
	case SF_DECIMAL:
		sf_text_decimal(out, b->number);
		return;
	case SF_STRING:
		sf_text_string(out, b->text);
		return;
	case SF_TOKEN:
		(void)buf_add(out, b->text);
		return;
	case SF_BYTES:
		sf_text_bytes(out, b->text);
		return;
	case SF_BOOLEAN:
		(void)buf_addf(out, "?%d", b->number != 0);
		return;
	case SF_DATE:
		(void)buf_addf(out, "@%lld", (long long)b->number);
		return;
	case SF_DISPLAY:
		sf_text_display(out, b->text);
		return;
	}
}

static inline bool sf_text_is_true(const struct sf_bare *b)
{
	return b->type == SF_BOOLEAN && b->number;
}

/* 4.1.1.2 */
static inline void sf_text_parameters(struct buf *out, const struct sf_parameters *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		(void)buf_addc(out, ';');
		(void)buf_add(out, p->v[i].key);
		if (sf_text_is_true(&p->v[i].value))
			continue;
		(void)buf_addc(out, '=');
		sf_text_bare(out, &p->v[i].value);
	}
}

static inline void sf_text_item(struct buf *out, const struct sf_item *item)
{
	sf_text_bare(out, &item->bare);
	sf_text_parameters(out, &item->parameters);
}

static inline void sf_text_member(struct buf *out, const struct sf_member *m)
{
	bool is_true = !m->is_inner && sf_text_is_true(&m->bare);
	if (m->key.p) {
		(void)buf_add(out, m->key);
		if (!is_true)
			(void)buf_addc(out, '=');
	}
	if (m->is_inner) {
		(void)buf_addc(out, '(');
		for (uint32_t i = 0; i < m->inner.n; i++) {
			if (i > 0)
				(void)buf_addc(out, ' ');
			sf_text_item(out, &m->inner.v[i]);
		}
		(void)buf_addc(out, ')');
	} else if (!m->key.p || !is_true) {
		sf_text_bare(out, &m->bare);
	}
	sf_text_parameters(out, &m->parameters);
}

/* 4.1.1, 4.1.2 */
static inline void sf_text_members(struct buf *out, const struct sf_member *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			(void)buf_add(out, STR(", "));
		sf_text_member(out, &v[i]);
	}
}

#endif
