/* What Django does to its token (django/middleware/csrf.py), undone. */
#include "policy/mask.h"

enum { LETTERS = 62 };

/* In the order of CSRF_ALLOWED_CHARS, a-z A-Z 0-9; LETTERS for others. */
static unsigned number_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a');
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A') + 26;
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') + 52 : LETTERS;
}

bool mask_is_letter(char c)
{
	return number_of(c) < LETTERS;
}

static unsigned unmasked(const char *token, size_t i)
{
	return (number_of(token[MASK_SECRET + i]) + LETTERS - number_of(token[i])) % LETTERS;
}

bool mask_read(struct str cookie, struct mask *out)
{
	if (cookie.n != MASK_SECRET && cookie.n != MASK_TOKEN)
		return false;
	for (size_t i = 0; i < cookie.n; i++) {
		if (!mask_is_letter(cookie.p[i]))
			return false;
	}
	for (size_t i = 0; i < MASK_SECRET; i++)
		out->secret[i] = (uint8_t)(cookie.n == MASK_TOKEN ? unmasked(cookie.p, i) : number_of(cookie.p[i]));
	return true;
}

bool mask_covers(const struct mask *m, const char *token)
{
	for (size_t i = 0; i < MASK_SECRET; i++) {
		if (unmasked(token, i) != m->secret[i])
			return false;
	}
	return true;
}
