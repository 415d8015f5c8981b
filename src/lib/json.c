/* A recursive descent over the text whose only state is the rest of it, and how deep it is. What was cut once is known to be valid, so the
 * functions that look into a value do it with less care. */
#include "lib/json.h"

#include <assert.h>
#include <stdio.h>
#include <float.h>

static bool cut_value(struct str *rest, unsigned depth);

static void skip_blanks(struct str *rest)
{
	while (rest->n > 0 && (*rest->p == ' ' || *rest->p == '\t' || *rest->p == '\n' || *rest->p == '\r'))
		*rest = str_skip(*rest, 1);
}

static bool cut_char(struct str *rest, char c)
{
	if (rest->n == 0 || *rest->p != c)
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static bool cut_word(struct str *rest, struct str word)
{
	if (!str_starts(*rest, word))
		return false;
	*rest = str_skip(*rest, word.n);
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool cut_digits(struct str *rest)
{
	size_t n = 0;
	while (n < rest->n && is_digit(rest->p[n]))
		n++;
	*rest = str_skip(*rest, n);
	return n > 0;
}

static bool cut_number(struct str *rest)
{
	cut_char(rest, '-');
	if (!cut_char(rest, '0') && !cut_digits(rest))
		return false;
	if (cut_char(rest, '.') && !cut_digits(rest))
		return false;
	if (cut_char(rest, 'e') || cut_char(rest, 'E')) {
		if (!cut_char(rest, '+'))
			cut_char(rest, '-');
		return cut_digits(rest);
	}
	return true;
}

static bool hex4(struct str s, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < s.n ? char_hex(s.p[i]) : -1;
		if (digit < 0)
			return false;
		*out = *out * 16 + (unsigned)digit;
	}
	return true;
}

/* What stands behind "\u": one unit, or two that are a pair. */
static bool cut_unicode(struct str *rest, unsigned *character)
{
	unsigned low;
	if (!hex4(*rest, character))
		return false;
	*rest = str_skip(*rest, 4);
	if (*character < 0xd800 || *character > 0xdfff)
		return true;
	if (*character > 0xdbff || !cut_word(rest, STR("\\u")) || !hex4(*rest, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*rest = str_skip(*rest, 4);
	*character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static bool cut_escape(struct str *rest)
{
	unsigned character;
	if (cut_char(rest, 'u'))
		return cut_unicode(rest, &character);
	if (rest->n == 0 || !memchr("\"\\/bfnrt", *rest->p, 8))
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static bool cut_string(struct str *rest)
{
	if (!cut_char(rest, '"'))
		return false;
	while (rest->n > 0 && *rest->p != '"') {
		if (cut_char(rest, '\\')) {
			if (!cut_escape(rest))
				return false;
			continue;
		}
		size_t n = (unsigned char)*rest->p < 0x20 ? 0 : str_utf8(*rest);
		if (n == 0)
			return false;
		*rest = str_skip(*rest, n);
	}
	return cut_char(rest, '"');
}

/* Behind '[' or '{'. */
static bool cut_members(struct str *rest, char end, unsigned depth)
{
	skip_blanks(rest);
	if (cut_char(rest, end))
		return true;
	for (;;) {
		if (end == '}') {
			skip_blanks(rest);
			if (!cut_string(rest))
				return false;
			skip_blanks(rest);
			if (!cut_char(rest, ':'))
				return false;
		}
		if (!cut_value(rest, depth))
			return false;
		if (cut_char(rest, end))
			return true;
		if (!cut_char(rest, ','))
			return false;
	}
}

static bool cut_bare(struct str *rest, unsigned depth)
{
	if (rest->n == 0)
		return false;
	switch (*rest->p) {
	case '{':
	case '[': {
		char end = *rest->p == '{' ? '}' : ']';
		*rest = str_skip(*rest, 1);
		return depth < JSON_DEPTH && cut_members(rest, end, depth + 1);
	}
	case '"':
		return cut_string(rest);
	case 't':
		return cut_word(rest, STR("true"));
	case 'f':
		return cut_word(rest, STR("false"));
	case 'n':
		return cut_word(rest, STR("null"));
	default:
		return cut_number(rest);
	}
}

static bool cut_value(struct str *rest, unsigned depth)
{
	skip_blanks(rest);
	if (!cut_bare(rest, depth))
		return false;
	skip_blanks(rest);
	return true;
}

bool json_cut(struct str *rest, struct str *value)
{
	skip_blanks(rest);
	const char *begin = rest->p;
	if (!cut_bare(rest, 0))
		return false;
	*value = str_make(begin, (size_t)(rest->p - begin));
	skip_blanks(rest);
	return true;
}

bool json_whole(struct str text, struct str *value)
{
	return json_cut(&text, value) && text.n == 0;
}

struct str json_inside(struct str array)
{
	return str_make(array.p + 1, array.n - 2);
}

bool json_next(struct str *inside, struct str *element)
{
	if (!json_cut(inside, element))
		return false;
	cut_char(inside, ',');
	return true;
}

/* Off the inside of an object. */
static bool next_member(struct str *inside, struct str *name, struct str *value)
{
	if (!json_cut(inside, name) || !cut_char(inside, ':'))
		return false;
	return json_next(inside, value);
}

bool json_member(struct str object, struct str name, struct str *value)
{
	bool found = false;
	struct str key, member;
	if (object.n < 2 || *object.p != '{')
		return false;
	for (struct str inside = json_inside(object); next_member(&inside, &key, &member);) {
		if (str_eq(json_inside(key), name)) {
			*value = member;
			found = true;
		}
	}
	return found;
}

size_t json_members(struct str object)
{
	size_t n = 0;
	struct str key, member;
	if (object.n >= 2 && *object.p == '{') {
		for (struct str inside = json_inside(object); next_member(&inside, &key, &member);)
			n++;
	}
	return n;
}

/* Enough for a time: 17 digits and an exponent that is small. The C library's strtod obeys the locale. */
bool json_number(struct str value, double *out)
{
	struct str rest = value;
	if (!cut_number(&rest) || rest.n > 0)
		return false;
	bool minus = cut_char(&value, '-');
	double number = 0, scale = 1;
	bool fraction = false;
	for (; value.n > 0 && (is_digit(*value.p) || *value.p == '.'); value = str_skip(value, 1)) {
		if (*value.p == '.') {
			fraction = true;
		} else if (scale < 1e15) {
			number = number * 10 + (*value.p - '0');
			if (fraction)
				scale *= 10;
		}
	}
	number /= scale;
	uint64_t exponent = 0;
	if (value.n > 0) {
		value = str_skip(value, 1);
		bool down = cut_char(&value, '-');
		if (!down)
			cut_char(&value, '+');
		if (str_to_u64(value, 400, &exponent) < 0)
			exponent = 400;
		for (; exponent > 0; exponent--)
			number = down ? number / 10 : number * 10;
	}
	*out = minus ? -number : number;
	return number <= DBL_MAX;
}

bool json_int(struct str value, int64_t *out)
{
	uint64_t size;
	bool minus = cut_char(&value, '-');
	if (str_to_u64(value, (uint64_t)INT64_MAX + minus, &size) < 0)
		return false;
	*out = minus ? (int64_t)(0 - size) : (int64_t)size;
	return true;
}

/* --- strings --- */

static char *put_utf8(unsigned c, char *to)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

char *json_decode(struct str value, char *to)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	for (struct str s = json_inside(value); s.n > 0;) {
		size_t plain = str_index(s, '\\');
		memmove(to, s.p, plain); /* to may be value.p */
		to += plain;
		s = str_skip(s, plain);
		if (s.n == 0)
			break;
		char c = s.p[1];
		s = str_skip(s, 2);
		if (c == 'u') {
			unsigned character = 0;
			if (!cut_unicode(&s, &character))
				break;
			to = put_utf8(character, to);
		} else {
			const char *letter = strchr(letters, c);
			*to++ = letter ? meanings[letter - letters] : c;
		}
	}
	return to;
}

/* The letter behind the backslash; 'u' for those that have none; 0: stands for itself. */
static char escape_of(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return (unsigned char)c < 0x20 ? 'u' : '\0';
	}
}

size_t json_encoded(struct str s)
{
	size_t size = 2;
	while (s.n > 0) {
		char escape = escape_of(*s.p);
		size_t n = str_utf8(s);
		if (n == 0)
			return 0;
		size += escape == 'u' ? 6 : escape ? 2 : n;
		s = str_skip(s, n);
	}
	return size;
}

char *json_encode(struct str s, char *to)
{
	static const char digits[] = "0123456789abcdef";
	*to++ = '"';
	for (size_t i = 0; i < s.n; i++) {
		char escape = escape_of(s.p[i]);
		if (escape)
			*to++ = '\\';
		*to++ = escape ? escape : s.p[i];
		if (escape == 'u') {
			to = str_put(to, STR("00"));
			*to++ = digits[s.p[i] >> 4];
			*to++ = digits[s.p[i] & 15];
		}
	}
	*to++ = '"';
	return to;
}

/* --- base64 --- */

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encoded(size_t n)
{
	return (n + 2) / 3 * 4;
}

char *base64_encode(struct str s, char *to)
{
	while (s.n > 0) {
		unsigned char three[3] = {0};
		size_t n = s.n < 3 ? s.n : 3;
		memcpy(three, s.p, n);
		unsigned bits = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
		for (unsigned i = 0; i < 4; i++)
			*to++ = i <= n ? base64_digits[bits >> (18 - 6 * i) & 63] : '=';
		s = str_skip(s, n);
	}
	return to;
}

/* The bits of four characters, and how many bytes they are; 0: not base64. */
static size_t base64_four(const char *p, bool last, unsigned *bits)
{
	unsigned digits = 0;
	*bits = 0;
	for (unsigned i = 0; i < 4; i++) {
		const char *digit = p[i] ? strchr(base64_digits, p[i]) : NULL;
		*bits = *bits << 6 | (digit ? (unsigned)(digit - base64_digits) : 0);
		if (digit && digits == i)
			digits++;
		else if (digit || p[i] != '=' || !last)
			return 0;
	}
	return digits > 1 ? digits - 1 : 0;
}

size_t base64_decoded(struct str s)
{
	size_t size = 0;
	unsigned bits;
	for (; s.n >= 4; s = str_skip(s, 4)) {
		size_t n = base64_four(s.p, s.n == 4, &bits);
		if (n == 0)
			return BASE64_INVALID;
		size += n;
	}
	return s.n == 0 ? size : BASE64_INVALID;
}

char *base64_decode(struct str s, char *to)
{
	unsigned bits;
	for (; s.n >= 4; s = str_skip(s, 4)) {
		size_t n = base64_four(s.p, s.n == 4, &bits);
		for (size_t i = 0; i < n; i++)
			*to++ = (char)(bits >> (16 - 8 * i));
	}
	return to;
}
