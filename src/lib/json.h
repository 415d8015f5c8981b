/* JSON (RFC 8259) as text that is looked at and never turned into trees: values stay byte for byte as their writers made them, and nothing
 * needs memory but what is given back. Pure. */
#ifndef LARDER_LIB_JSON_H
#define LARDER_LIB_JSON_H

#include "base/str.h"

enum { JSON_DEPTH = 512 };

/* Takes one value, with the blanks around it, off the front of *rest: *value is its text. False: there is none, or it is not valid (not
 * UTF-8, a lone surrogate, deeper than JSON_DEPTH); *rest is anywhere then. */
bool json_cut(struct str *rest, struct str *value);
/* One value and nothing else but blanks: *value without them. */
bool json_whole(struct str text, struct str *value);

/* The text of a member of an object that json_cut found valid; the last one of that name, which is written without escapes. */
bool json_member(struct str object, struct str name, struct str *value);
/* How many members it has. */
size_t json_members(struct str object);
/* Takes the next element off the inside of an array that json_cut found valid: begin with json_inside. */
struct str json_inside(struct str array);
bool json_next(struct str *inside, struct str *element);

/* The number, of valid JSON; false: it is none. */
bool json_number(struct str value, double *out);
/* An integer that is written as one (no fraction, no exponent) and fits. */
bool json_int(struct str value, int64_t *out);

/* Characters of a valid JSON string, escapes resolved, to `to`, which has room for value.n, and may be value.p itself or lie before it; returns
 * what is behind them. */
char *json_decode(struct str value, char *to);
/* Bytes that json_encode would write, quotes included; 0: not UTF-8. */
size_t json_encoded(struct str s);
char *json_encode(struct str s, char *to);

/* Base64 (RFC 4648 4), with padding. */
size_t base64_encoded(size_t n);
char *base64_encode(struct str s, char *to);
/* How many bytes it stands for; BASE64_INVALID: not base64. Of what is, the bytes to `to`, which may be s.p itself or lie before it. */
#define BASE64_INVALID SIZE_MAX
size_t base64_decoded(struct str s);
char *base64_decode(struct str s, char *to);

#endif
