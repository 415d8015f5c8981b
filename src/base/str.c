/* Borrowed strings: comparing, searching, cutting. Case is ASCII case always, never that of a locale. */
#include "base/str.h"

#include "base/err.h"

#include <assert.h>

#define BYTES(x)     ((uint64_t)(x)*0x0101010101010101u)
#define DISTANCE_MAX 64
#define WORD_BYTES   sizeof(uint64_t)

/* Eight bytes in lower case at once: no byte carries into its neighbour, since the sums stay below 256. */
static uint64_t lower_word(uint64_t word)
{
	uint64_t low7 = word & BYTES(0x7f);
	uint64_t from_a = low7 + BYTES(0x80 - 'A');
	uint64_t above_z = low7 + BYTES(0x7f - 'Z');
	uint64_t is_upper = (from_a ^ above_z) & ~word & BYTES(0x80);
	return word | is_upper >> 2;
}

static unsigned char lower_byte(char c)
{
	unsigned char u = (unsigned char)c;
	return u >= 'A' && u <= 'Z' ? u | 0x20 : u;
}

static bool word_eq_nocase(const char *a, const char *b)
{
	uint64_t x, y;
	memcpy(&x, a, WORD_BYTES);
	memcpy(&y, b, WORD_BYTES);
	return x == y || lower_word(x) == lower_word(y);
}

/* Field names are compared here for every field of every request, hence by words. */
bool str__eq_bytes_nocase(const char *a, const char *b, size_t n)
{
	if (n >= WORD_BYTES) {
		for (size_t i = 0; i + WORD_BYTES <= n; i += WORD_BYTES) {
			if (!word_eq_nocase(a + i, b + i))
				return false;
		}
		return word_eq_nocase(a + n - WORD_BYTES, b + n - WORD_BYTES);
	}
	for (size_t i = 0; i < n; i++) {
		if (lower_byte(a[i]) != lower_byte(b[i]))
			return false;
	}
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return prefix.n <= s.n && str_eq(str_take(s, prefix.n), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return prefix.n <= s.n && str__eq_bytes_nocase(s.p, prefix.p, prefix.n);
}

bool str_ends(struct str s, struct str suffix)
{
	return suffix.n <= s.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

size_t str_index(struct str s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_find(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	const char *at = needle.n <= s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_find_nocase(struct str s, struct str needle)
{
	for (size_t i = 0; i + needle.n <= s.n; i++) {
		if (str__eq_bytes_nocase(s.p + i, needle.p, needle.n))
			return i;
	}
	return s.n;
}

char *str_put_u64(char *to, uint64_t v)
{
	char digits[STR_I64_MAX];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return str_put(to, str_make(digits + at, sizeof(digits) - at));
}

char *str_put_i64(char *to, int64_t v)
{
	if (v >= 0)
		return str_put_u64(to, (uint64_t)v);
	*to = '-';
	return str_put_u64(to + 1, 0 - (uint64_t)v);
}

char *str_put_hex(char *to, uint64_t v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; v >>= 4)
		to[i] = "0123456789abcdef"[v & 15];
	return to + digits;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *rest, char sep, struct str *part)
{
	if (!rest->p)
		return false;
	size_t at = str_index(*rest, sep);
	*part = str_take(*rest, at);
	*rest = at < rest->n ? str_skip(*rest, at + 1) : STR_NONE;
	return true;
}

int str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
	if (s.n == 0)
		return ERR_INVALID;
	uint64_t v = 0;
	bool too_large = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_INVALID;
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		/* A wrong character further on is still to be found, so this is told at the end. */
		too_large = too_large || digit > max || v > (max - digit) / 10;
		v = v * 10 + digit;
	}
	if (too_large)
		return ERR_TOO_LARGE;
	*out = v;
	return ERR_OK;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

/* Optimal string alignment: insert, delete, change, and swap of two neighbours (the commonest slip of a hand) cost one
 * each. Three rows of the matrix are kept. */
unsigned str_distance(struct str a, struct str b)
{
	unsigned rows[3][DISTANCE_MAX + 1];
	a = str_take(a, DISTANCE_MAX);
	b = str_take(b, DISTANCE_MAX);
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = (unsigned)j;

	for (size_t i = 1; i <= a.n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned change = a.p[i - 1] != b.p[j - 1];
			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return rows[a.n % 3][b.n];
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* RFC 3629 4: overlong forms, surrogates and what lies beyond U+10FFFF are found by the second byte. */
size_t str_utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xc2 && p[0] <= 0xdf	  ? 2
		   : p[0] >= 0xe0 && p[0] <= 0xef ? 3
		   : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
						  : 0;
	if (n == 0 || n > s.n)
		return 0;
	unsigned char lowest = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char highest = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < lowest || p[1] > highest)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}
