/* What writing and reading of the stored form (tier/form.h) have in common: its names and its numbers. */
#ifndef LARDER_TIER_FORM_TABLE_H
#define LARDER_TIER_FORM_TABLE_H

#include "http/stored.h"

enum {
	FORM_VERSION = 1,
	FORM_DEPTH = 8,		/* levels of the JSON text; it has 5 */
	FORM_ITEMS = 128 * 1024 /* values in it: what the tree of a text takes is bounded by them */
};

/* What JSON numbers hold exactly everywhere (RFC 8259 6); larger ones are written as strings. */
#define FORM_EXACT_MAX (((int64_t)1 << 53) - 1)

/* The end of the text: FORM_SUM_NAME, FORM_SUM_DIGITS, FORM_SUM_END. */
#define FORM_SUM_NAME "\"checksum\":\""
#define FORM_SUM_END  "\"}\n"
enum { FORM_SUM_DIGITS = 32, FORM_TAIL = sizeof FORM_SUM_NAME - 1 + FORM_SUM_DIGITS + sizeof FORM_SUM_END - 1 };

/* A time of struct stored. It is at most FORM_EXACT_MAX, 285,000 years in milliseconds: sums of them do not overflow. */
struct form_time {
	const char *name;
	size_t at; /* of the int64_t in struct stored */
	int64_t min;
};
enum { FORM_TIMES = 8 };
extern const struct form_time form__times[FORM_TIMES];

/* Names for the values of enum hole_kind, hole_alphabet, hole_form, which may be numbered otherwise in another version. */
enum { FORM_KINDS = HOLE_NONCE + 1, FORM_ALPHABETS = HOLE_BASE64 + 1 };
extern const char *const form__kinds[FORM_KINDS];
extern const char *const form__alphabets[FORM_ALPHABETS];
extern const char *const form__hole_forms[HOLE_FORMS];

/* In hexadecimal digits, the high half first. */
void form__sum(struct hash128 sum, char out[FORM_SUM_DIGITS + 1]);

#endif
