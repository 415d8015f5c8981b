/* Bare items and keys of structured fields: what has no parts. Each reader eats its own bytes from the front of the field and
 * leaves the rest, as the algorithms of RFC 9651 4.2.3 to 4.2.10 do; what may follow is the caller's matter. */
#include "http/sf_bare.h"

#include "http/chars.h"

#define INTEGER_DIGITS	15
#define WHOLE_DIGITS	12 /* before the point of a decimal */
#define FRACTION_DIGITS 3

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_alpha(char c)
{
	return is_lower((char)(c | 0x20));
}

/* VCHAR or SP: what a string may hold. Bytes above 127 are none, whatever the sign of char. */
static bool is_printable(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static bool starts_key(char c)
{
	return is_lower(c) || c == '*';
}

static bool continues_key(char c)
{
	return starts_key(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}

static bool starts_token(char c)
{
	return is_alpha(c) || c == '*';
}

static bool continues_token(char c)
{
	return http__is(c, CHAR_TOKEN) || c == ':' || c == '/';
}

/* Eats the run of bytes at the front that is() takes; an empty one where there are none. */
static struct str eat_run(struct str *in, bool (*is)(char c))
{
	size_t n = 0;
	while (n < in->n && is(in->p[n]))
		n++;
	struct str run = str_take(*in, n);
	*in = str_skip(*in, n);
	return run;
}

int http__sf_key(struct str *in, struct str *out)
{
	if (in->n == 0 || !starts_key(in->p[0]))
		return ERR_INVALID;
	*out = eat_run(in, continues_key);
	return ERR_OK;
}

/* At most 15 digits: no overflow. */
static int64_t value_of(struct str digits)
{
	int64_t v = 0;
	for (size_t i = 0; i < digits.n; i++)
		v = v * 10 + (digits.p[i] - '0');
	return v;
}

/* RFC 9651 4.2.4. A decimal is kept in thousandths, so all of its digits are there. */
static int read_number(struct str *in, struct sf_bare *out)
{
	int sign = http__sf_eat(in, '-') ? -1 : 1;
	struct str whole = eat_run(in, is_digit);
	if (whole.n == 0 || whole.n > INTEGER_DIGITS)
		return ERR_INVALID;
	if (!http__sf_eat(in, '.')) {
		*out = (struct sf_bare){.type = SF_INTEGER, .number = sign * value_of(whole)};
		return ERR_OK;
	}
	struct str fraction = eat_run(in, is_digit);
	if (whole.n > WHOLE_DIGITS || fraction.n == 0 || fraction.n > FRACTION_DIGITS)
		return ERR_INVALID;
	int64_t thousandths = value_of(fraction);
	for (size_t n = fraction.n; n < FRACTION_DIGITS; n++)
		thousandths *= 10;
	*out = (struct sf_bare){.type = SF_DECIMAL, .number = sign * (value_of(whole) * 1000 + thousandths)};
	return ERR_OK;
}

static struct str unescape(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, s.n);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		i += s.p[i] == '\\';
		p[n++] = s.p[i];
	}
	return str_make(p, n);
}

/* RFC 9651 4.2.5, behind the opening quote. */
static int read_string(struct str *in, struct arena *a, struct sf_bare *out)
{
	bool has_escapes = false;
	size_t n = 0;
	for (; n < in->n && in->p[n] != '"'; n++) {
		if (!is_printable(in->p[n]))
			return ERR_INVALID;
		if (in->p[n] != '\\')
			continue;
		has_escapes = true;
		n++;
		if (n == in->n || (in->p[n] != '"' && in->p[n] != '\\'))
			return ERR_INVALID;
	}
	if (n == in->n)
		return ERR_INVALID;
	struct str raw = str_take(*in, n);
	*out = (struct sf_bare){.type = SF_STRING, .text = has_escapes ? unescape(raw, a) : raw};
	*in = str_skip(*in, n + 1);
	return ERR_OK;
}

static int base64_digit(char c)
{
	if (is_alpha(c))
		return is_lower(c) ? c - 'a' + 26 : c - 'A';
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 9651 4.2.7: padding that is missing is made up, and the bits behind the last byte may be anything. More padding than the
 * digits need, or padding between them, is no base64 (RFC 4648 3.2, 3.3). */
static int decode_base64(struct str text, struct arena *a, struct str *out)
{
	size_t padding = 0;
	while (text.n > 0 && text.p[text.n - 1] == '=') {
		text.n--;
		padding++;
	}
	if (text.n % 4 == 1 || padding > (4 - text.n % 4) % 4)
		return ERR_INVALID;

	char *bytes = arena_alloc(a, text.n / 4 * 3 + 2);
	size_t n = 0;
	unsigned bits = 0, held = 0;
	for (size_t i = 0; i < text.n; i++) {
		int digit = base64_digit(text.p[i]);
		if (digit < 0)
			return ERR_INVALID;
		held = (held << 6 | (unsigned)digit) & 0xfff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (char)(held >> bits & 0xff);
		}
	}
	*out = str_make(bytes, n);
	return ERR_OK;
}

/* Behind the opening colon. */
static int read_bytes(struct str *in, struct arena *a, struct sf_bare *out)
{
	size_t end = str_index(*in, ':');
	if (end == in->n)
		return ERR_INVALID;
	*out = (struct sf_bare){.type = SF_BYTES};
	int err = decode_base64(str_take(*in, end), a, &out->text);
	*in = str_skip(*in, end + 1);
	return err;
}

/* RFC 9651 4.2.8, behind the question mark. */
static int read_boolean(struct str *in, struct sf_bare *out)
{
	*out = (struct sf_bare){.type = SF_BOOLEAN, .number = http__sf_eat(in, '1')};
	return out->number || http__sf_eat(in, '0') ? ERR_OK : ERR_INVALID;
}

/* RFC 9651 4.2.9, behind the "@". */
static int read_date(struct str *in, struct sf_bare *out)
{
	int err = read_number(in, out);
	if (err < 0 || out->type != SF_INTEGER)
		return ERR_INVALID;
	out->type = SF_DATE;
	return ERR_OK;
}

static bool is_utf8(struct str s)
{
	while (s.n > 0) {
		size_t n = str_utf8(s);
		if (n == 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

/* Two digits, in lower case only (4.2.10). -1 for others. */
static int hex_pair(struct str s)
{
	if (s.n < 2 || !(is_digit(s.p[0]) || is_lower(s.p[0])) || !(is_digit(s.p[1]) || is_lower(s.p[1])))
		return -1;
	int high = char_hex(s.p[0]), low = char_hex(s.p[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* RFC 9651 4.2.10, behind the percent sign. */
static int read_display(struct str *in, struct arena *a, struct sf_bare *out)
{
	if (!http__sf_eat(in, '"'))
		return ERR_INVALID;
	/* No escape holds a quote, so the first one ends it. */
	struct str raw = str_take(*in, str_index(*in, '"'));
	if (raw.n == in->n)
		return ERR_INVALID;
	*in = str_skip(*in, raw.n + 1);

	char *p = arena_alloc(a, raw.n);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (!is_printable(raw.p[i]))
			return ERR_INVALID;
		int octet = raw.p[i];
		if (octet == '%') {
			octet = hex_pair(str_skip(raw, i + 1));
			if (octet < 0)
				return ERR_INVALID;
			i += 2;
		}
		p[n++] = (char)octet;
	}
	*out = (struct sf_bare){.type = SF_DISPLAY, .text = {p, n}};
	return is_utf8(out->text) ? ERR_OK : ERR_INVALID;
}

int http__sf_bare(struct str *in, struct arena *a, struct sf_bare *out)
{
	if (in->n == 0)
		return ERR_INVALID;
	char first = in->p[0];
	if (first == '-' || is_digit(first))
		return read_number(in, out);
	if (starts_token(first)) {
		*out = (struct sf_bare){.type = SF_TOKEN, .text = eat_run(in, continues_token)};
		return ERR_OK;
	}
	*in = str_skip(*in, 1);
	switch (first) {
	case '"':
		return read_string(in, a, out);
	case ':':
		return read_bytes(in, a, out);
	case '?':
		return read_boolean(in, out);
	case '@':
		return read_date(in, out);
	case '%':
		return read_display(in, a, out);
	default:
		return ERR_INVALID;
	}
}
