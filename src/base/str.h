/* A borrowed run of bytes: pointer and length, never NUL-terminated by contract. Passed by value. */
#ifndef LARDER_BASE_STR_H
#define LARDER_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){("" literal), sizeof("" literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *cstr)
{
	return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only. */
static inline char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Value of a hexadecimal digit, -1 for others. */
static inline int char_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool str__eq_bytes_nocase(const char *a, const char *b, size_t n);

/* ASCII case is ignored (field names, tokens: RFC 9110 5.1). Lengths are compared in place: most names differ in theirs, and
 * every field of every request is asked. */
static inline bool str_eq_nocase(struct str a, struct str b)
{
	return a.n == b.n && str__eq_bytes_nocase(a.p, b.p, a.n);
}
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Position of c, or s.n when it is not there. */
size_t str_index(struct str s, char c);
/* Position of needle (ASCII case ignored for the nocase form), or s.n. */
size_t str_find(struct str s, struct str needle);
size_t str_find_nocase(struct str s, struct str needle);

/* s without its first n bytes (all of them when n > s.n); the first n bytes of s. */
static inline struct str str_skip(struct str s, size_t n)
{
	n = n < s.n ? n : s.n;
	return (struct str){s.p ? s.p + n : NULL, s.n - n};
}
static inline struct str str_take(struct str s, size_t n)
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

/* Copies the bytes of s to where there is room for them; returns what is behind them. */
static inline char *str_put(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

/* The decimal digits of v, at most STR_I64_MAX bytes with its sign, or its last `digits` hexadecimal ones; what is behind them. Without
 * printf, which costs a hit as much as looking it up. */
enum { STR_I64_MAX = 20 };
char *str_put_u64(char *to, uint64_t v);
char *str_put_i64(char *to, int64_t v);
char *str_put_hex(char *to, uint64_t v, unsigned digits);

/* Without blanks (SP, HTAB) on both ends: the OWS of RFC 9110 5.6.3. */
struct str str_trim(struct str s);

/* Cuts the part before the first sep off *rest into *part (not trimmed). False when *rest was used up
 * (rest->p is NULL then). "a,,b" gives "a", "", "b"; "" gives one empty part. */
bool str_cut(struct str *rest, char sep, struct str *part);

/* Decimal digits only, whole string; ERR_INVALID for none or others, ERR_TOO_LARGE beyond max. */
int str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* Edit distance, for "did you mean"; at most 64 bytes of each are looked at. */
unsigned str_distance(struct str a, struct str b);

int str_compare(struct str a, struct str b);

/* Length of the UTF-8 sequence at the front of s (no overlong forms, no surrogates, nothing above U+10FFFF); 0 when it is none. */
size_t str_utf8(struct str s);

#endif
