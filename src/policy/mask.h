/* Tokens as Django masks them: an answer has the token of its cookie anew in each page, in a form of 64 letters and digits that the
 * text of the cookie does not show. Pure.
 *
 *	mask    32 random characters
 *	cipher  32 characters, each the sum of the secret's and the mask's, modulo 62
 *
 * The cookie holds the 32 characters of the secret (Django 4.1 and later) or a masked form of its own (before). Whoever has one masked
 * form can compute the secret from it. */
#ifndef LARDER_POLICY_MASK_H
#define LARDER_POLICY_MASK_H

#include "base/str.h"

enum { MASK_SECRET = 32, MASK_TOKEN = 2 * MASK_SECRET };

struct mask {
	uint8_t secret[MASK_SECRET]; /* as numbers below 62 */
};

/* The secret of a cookie. False when it is of no such shape. */
bool mask_read(struct str cookie, struct mask *out);

/* Letters and digits, all that such a token is made of. */
bool mask_is_letter(char c);

/* Is this run of letters and digits, MASK_TOKEN long, a form of that secret? */
bool mask_covers(const struct mask *m, const char *token);

#endif
