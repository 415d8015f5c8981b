/* Shapes of values and the forms they stand in.
 *
 * A shape is what can be told from one value: how long it is and of which characters. It is chosen as small as it can be, since a
 * fresh value is put where the stored one stood, in the same form: a character that was not among the stored one's might need an
 * escape there that nobody has seen. */
#include "http/hole.h"

#include "base/mem.h"
#include "http/chars.h"

#include <assert.h>

/* ---- alphabets ---- */

/* In the order of base64 (RFC 4648 4), so that the first 62 are ALNUM. */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char hex_lower[] = "0123456789abcdef", hex_upper[] = "0123456789ABCDEF";

/* What a character takes away from the alphabets that may be meant. */
enum {
	FITS_HEX_LOWER = 1 << HOLE_HEX_LOWER,
	FITS_HEX_UPPER = 1 << HOLE_HEX_UPPER,
	FITS_HEX = 1 << HOLE_HEX,
	FITS_ALNUM = 1 << HOLE_ALNUM,
	FITS_BASE64URL = 1 << HOLE_BASE64URL,
	FITS_BASE64 = 1 << HOLE_BASE64,
	FITS_LETTERS = FITS_ALNUM | FITS_BASE64URL | FITS_BASE64,
};

static unsigned alphabets_of(char c)
{
	if (c >= '0' && c <= '9')
		return FITS_HEX_LOWER | FITS_HEX_UPPER | FITS_HEX | FITS_LETTERS;
	if (c >= 'a' && c <= 'z')
		return c <= 'f' ? FITS_HEX_LOWER | FITS_HEX | FITS_LETTERS : FITS_LETTERS;
	if (c >= 'A' && c <= 'Z')
		return c <= 'F' ? FITS_HEX_UPPER | FITS_HEX | FITS_LETTERS : FITS_LETTERS;
	if (c == '-' || c == '_')
		return FITS_BASE64URL;
	return c == '+' || c == '/' ? FITS_BASE64 : 0;
}

static unsigned alphabets_of_all(struct str s)
{
	unsigned fits = ~0u;
	for (size_t i = 0; i < s.n; i++)
		fits &= alphabets_of(s.p[i]);
	return fits;
}

static size_t padding_of(struct str s)
{
	size_t n = 0;
	while (n < 2 && n < s.n && s.p[s.n - 1 - n] == '=')
		n++;
	return n;
}

/* ---- shapes ---- */

int hole_shape_of(struct str value, struct hole_shape *out)
{
	size_t padding = padding_of(value);
	struct str body = str_take(value, value.n - padding);
	if (body.n == 0 || value.n > HOLE_MAX || (padding > 0 && value.n % 4 != 0))
		return ERR_INVALID;
	unsigned fits = alphabets_of_all(body);
	if (padding > 0)
		fits &= FITS_BASE64URL | FITS_BASE64;
	if (fits == 0)
		return ERR_INVALID;
	*out = (struct hole_shape){
	    .n = (uint16_t)value.n, .alphabet = (uint8_t)__builtin_ctz(fits), .padding = (uint8_t)padding};
	return 0;
}

bool hole_shape_fits(const struct hole_shape *s, struct str value)
{
	if (value.n != s->n || padding_of(value) != s->padding)
		return false;
	unsigned wanted = 1u << s->alphabet;
	if (s->alphabet == HOLE_ALNUM)
		wanted |= FITS_BASE64URL;
	return alphabets_of_all(str_take(value, value.n - s->padding)) & wanted;
}

/* ---- fresh values ---- */

/* 62^5 is below 2^30: that many characters of 64 random bits leave a bias below 2^-34. */
enum { ALNUM_GROUP = 5, ALNUM_BYTES = 8 };

static unsigned bits_of(const struct hole_shape *s)
{
	return s->alphabet <= HOLE_HEX ? 4 : 6;
}

size_t hole_shape_entropy(const struct hole_shape *s)
{
	size_t n = s->n - s->padding;
	if (s->alphabet == HOLE_ALNUM)
		return (n + ALNUM_GROUP - 1) / ALNUM_GROUP * ALNUM_BYTES;
	return (n * bits_of(s) + 7) / 8;
}

static void make_alnum(size_t n, const uint8_t *random, char *out)
{
	uint64_t x = 0;
	for (size_t i = 0; i < n; i++) {
		if (i % ALNUM_GROUP == 0)
			memcpy(&x, random + i / ALNUM_GROUP * ALNUM_BYTES, ALNUM_BYTES);
		out[i] = letters[x % 62];
		x /= 62;
	}
}

static char digit_of(const struct hole_shape *s, unsigned index)
{
	if (s->alphabet == HOLE_HEX_UPPER)
		return hex_upper[index];
	if (s->alphabet <= HOLE_HEX)
		return hex_lower[index];
	if (index < 62)
		return letters[index];
	return s->alphabet == HOLE_BASE64 ? "+/"[index - 62] : "-_"[index - 62];
}

/* RFC 4648 3.5: bits beyond the last byte are zero, and some decoders insist. */
static unsigned unused_bits(const struct hole_shape *s)
{
	size_t rest = s->alphabet < HOLE_BASE64URL ? 0 : (s->n - s->padding) % 4;
	return rest == 2 ? 4 : rest == 3 ? 2 : 0;
}

static void make_digits(const struct hole_shape *s, size_t n, const uint8_t *random, char *out)
{
	unsigned bits = bits_of(s), have = 0, pool = 0;
	for (size_t i = 0; i < n; i++) {
		if (have < bits) {
			pool |= (unsigned)*random++ << have;
			have += 8;
		}
		unsigned index = pool & ((1u << bits) - 1);
		if (i == n - 1)
			index &= ~0u << unused_bits(s);
		out[i] = digit_of(s, index);
		pool >>= bits;
		have -= bits;
	}
}

void hole_shape_make(const struct hole_shape *s, const uint8_t *random, char *out)
{
	assert(s->n > s->padding && s->n <= HOLE_MAX);
	size_t n = s->n - s->padding;
	if (s->alphabet == HOLE_ALNUM)
		make_alnum(n, random, out);
	else
		make_digits(s, n, random, out);
	memset(out + n, '=', s->padding);
}

/* ---- forms ---- */

enum family { AS_IT_IS, FAMILY_URL, FAMILY_HTML, FAMILY_JSON };

struct form {
	enum family family;
	const char *plus, *slash, *equals, *minus; /* NULL: as it is, or as its family has it */
};

static const struct form forms[HOLE_FORMS] = {
    [HOLE_PLAIN] = {AS_IT_IS, NULL, NULL, NULL, NULL},
    [HOLE_URL] = {FAMILY_URL, NULL, NULL, NULL, NULL},
    [HOLE_URL_LOWER] = {FAMILY_URL, NULL, NULL, NULL, NULL},
    [HOLE_URL_PATH] = {FAMILY_URL, NULL, "/", NULL, NULL},
    [HOLE_HTML_HEX] = {FAMILY_HTML, NULL, "&#x2F;", "&#x3D;", NULL},
    [HOLE_HTML_EQUALS] = {FAMILY_HTML, NULL, NULL, "&#x3D;", NULL},
    [HOLE_HTML_DEC] = {FAMILY_HTML, "&#43;", NULL, NULL, NULL},
    [HOLE_HTML_PLUS] = {FAMILY_HTML, "&#x2B;", NULL, NULL, NULL},
    [HOLE_JSON_SLASH] = {FAMILY_JSON, NULL, "\\/", NULL, NULL},
    [HOLE_JSON_U] = {FAMILY_JSON, NULL, NULL, "\\u003d", NULL},
    [HOLE_JSON_PLUS] = {FAMILY_JSON, "\\u002B", NULL, NULL, NULL},
    [HOLE_JS] = {FAMILY_JSON, NULL, NULL, "\\u003D", "\\u002D"},
    [HOLE_HTML_ALL] = {FAMILY_HTML, "&#x2B;", "&#x2F;", "&#x3D;", NULL},
    [HOLE_JS_GO] = {FAMILY_JSON, "\\u002b", "\\/", NULL, NULL},
    [HOLE_JS_ALL] = {FAMILY_JSON, "\\u002B", "\\/", "\\u003D", "\\u002D"},
};

static const char *of_form(const struct form *f, char c)
{
	switch (c) {
	case '+':
		return f->plus;
	case '/':
		return f->slash;
	case '=':
		return f->equals;
	case '-':
		return f->minus;
	default:
		return NULL;
	}
}

static const char *of_html(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Control characters stay: none can be in a field's value but HTAB. */
static const char *of_json(char c)
{
	return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\t' ? "\\t" : NULL;
}

static const char *of_family(enum family family, char c)
{
	return family == FAMILY_HTML ? of_html(c) : family == FAMILY_JSON ? of_json(c) : NULL;
}

static size_t write_percent(const char *digits, char c, char *out)
{
	out[0] = '%';
	out[1] = digits[(unsigned char)c >> 4];
	out[2] = digits[(unsigned char)c & 15];
	return 3;
}

size_t hole_form_write(enum hole_form form, struct str value, char *out)
{
	const struct form *f = &forms[form];
	const char *digits = form == HOLE_URL_LOWER ? hex_lower : hex_upper;
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		const char *text = of_form(f, c);
		text = text ? text : of_family(f->family, c);
		if (text) {
			struct str s = str_of(text);
			memcpy(out + n, s.p, s.n);
			n += s.n;
		} else if (f->family == FAMILY_URL && !http__is(c, CHAR_UNRESERVED)) {
			n += write_percent(digits, c, out + n);
		} else {
			out[n++] = c;
		}
	}
	return n;
}
