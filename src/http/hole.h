/* Holes of a stored response: places in its body and fields where bytes of one visitor were cut out, and where those of the
 * visitor who gets it are put in. Plain values: every tier keeps them with the response. Pure.
 *
 *	<input name="csrf" value="|">     a hole at the offset of |, of the value 0: the cookie asok_csrf
 *	Content-Security-Policy: script-src 'nonce-|'            a hole in a field, of the value 1: a nonce */
#ifndef LARDER_HTTP_HOLE_H
#define LARDER_HTTP_HOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum hole_kind {
	HOLE_TOKEN, /* what the visitor's cookie has; a fresh one of the same shape, with a Set-Cookie, when it has none */
	HOLE_SESSION, /* the token of the visitor's session, which only the origin knows */
	HOLE_NONCE    /* fresh for each answer */
};

/* The smallest of these that a value fits into; fresh ones are made of it. A value that ends in '=' is of the last two. */
enum hole_alphabet {
	HOLE_HEX_LOWER,
	HOLE_HEX_UPPER,
	HOLE_HEX, /* both cases in one value; fresh ones are in lower case */
	HOLE_ALNUM,
	HOLE_BASE64URL, /* A-Z a-z 0-9 - _ */
	HOLE_BASE64	/* A-Z a-z 0-9 + / */
};

struct hole_shape {
	uint16_t n;	  /* characters, the padding among them */
	uint8_t alphabet; /* enum hole_alphabet */
	uint8_t padding;  /* '=' at the end, 0 to 2 */
};

/* HOLE_MIN: a shorter token could be guessed, or stand in a page by chance. HOLE_NONCE_MIN is for nonces. */
enum { HOLE_MIN = 16, HOLE_NONCE_MIN = 8, HOLE_MAX = 512 };

/* How a value is written where it stands: what the characters beyond letters and digits become. Where a value shows no difference
 * between two forms, the first of them is meant. */
enum hole_form {
	HOLE_PLAIN,
	HOLE_URL,	  /* %2B %2F %3D: encodeURIComponent */
	HOLE_URL_LOWER,	  /* %2b %2f %3d */
	HOLE_URL_PATH,	  /* %2B / %3D: Python's quote, Django's urlencode */
	HOLE_HTML_HEX,	  /* + &#x2F; &#x3D;: mustache */
	HOLE_HTML_EQUALS, /* + / &#x3D;: Handlebars */
	HOLE_HTML_DEC,	  /* &#43; / =: Go's templates */
	HOLE_HTML_PLUS,	  /* &#x2B; / =: .NET */
	HOLE_JSON_SLASH,  /* + \/ =: PHP */
	HOLE_JSON_U,	  /* + / \u003d: Gson */
	HOLE_JSON_PLUS,	  /* \u002B / =: .NET */
	HOLE_JS,	  /* + / \u003D, and \u002D for '-': Django's escapejs */
	HOLE_HTML_ALL,	  /* &#x2B; &#x2F; &#x3D;: attributes of Twig */
	HOLE_JS_GO,	  /* \u002b \/ =: scripts in Go's templates */
	HOLE_JS_ALL,	  /* \u002B \/ \u003D, and \u002D for '-': scripts of Twig */
	HOLE_FORMS
};

/* What is put in. */
struct hole_value {
	enum hole_kind kind;
	struct hole_shape shape;
	struct str cookie; /* TOKEN: its name */
	/* TOKEN: what stood behind the value in the origin's Set-Cookie, "; Path=/; SameSite=Lax", an Expires made a Max-Age. */
	struct str attributes;
};

struct hole {
	uint64_t at;	/* offset in the bytes that are stored, of the body or of the field's value; ascending */
	uint32_t field; /* index in the stored headers; not used in the body */
	uint16_t value; /* index of the hole_value */
	uint8_t form;	/* enum hole_form */
};

/* Holes of one entry, of body and fields together. A page with more is not stored. */
enum { HOLES_MAX = 1000, HOLE_VALUES_MAX = 16 };

struct holes {
	const struct hole_value *values;
	const struct hole *body, *fields; /* fields: by field, then by offset */
	unsigned n_values, n_body, n_fields;
};

/* ---- shapes ---- */

/* The shape of a value. ERR_INVALID: empty, longer than HOLE_MAX, or with characters beyond all alphabets (one that has '+' or '/'
 * has neither '-' nor '_'; '=' stands at the end alone, filling up four). Shortness is for the caller to judge. */
int hole_shape_of(struct str value, struct hole_shape *out) MUST_CHECK;
/* Has this value that length, alphabet and padding? Then it may stand in a page in the stored one's place. '-' and '_' fit into
 * ALNUM too: of base64url tokens of 43 characters every fourth has neither, and they need no escape anywhere. */
bool hole_shape_fits(const struct hole_shape *s, struct str value);
/* So many random bytes does a fresh value of that shape need: HOLE_ENTROPY_MAX at most. */
size_t hole_shape_entropy(const struct hole_shape *s);
enum { HOLE_ENTROPY_MAX = (HOLE_MAX + 4) / 5 * 8 };
/* A fresh value, s->n characters into out. Each character of the alphabet is equally likely (of 62 to within 2^-34 of that); only the
 * last one of base64 whose bits do not all belong to a byte is such as an encoder writes. random: hole_shape_entropy bytes. */
void hole_shape_make(const struct hole_shape *s, const uint8_t *random, char *out);

/* ---- forms ---- */

/* The longest form of a character. */
enum { HOLE_FORM_GROWTH = 6 };
/* Writes the value in that form, at most HOLE_FORM_GROWTH times its length; returns how many bytes. Of any bytes, so that forms of
 * secrets are made of it as well: URL forms leave only unreserved characters (RFC 3986 2.3), HTML ones none of & < > " ', those of
 * JSON no bare " nor \. */
size_t hole_form_write(enum hole_form form, struct str value, char *out);

#endif
