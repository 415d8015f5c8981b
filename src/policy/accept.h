/* Accept-Encoding and Accept-Language as lists of names with weights (RFC 9110 12.5.3, 12.5.4). Pure. */
#ifndef LARDER_POLICY_ACCEPT_H
#define LARDER_POLICY_ACCEPT_H

#include "http/headers.h"

/* Longer lists are not read. */
enum { ACCEPT_MEMBERS = 32 };

struct accept_member {
	struct str name; /* as it was sent; its case means nothing */
	unsigned weight; /* thousandths */
};

struct accept {
	struct accept_member v[ACCEPT_MEMBERS];
	unsigned n;
	bool by_weight; /* the order: heaviest first, then by name; else by name alone */
};

enum accept_kind { ACCEPT_ENCODING, ACCEPT_LANGUAGE };

/* Reads all fields of that name into the form that is equal for lists of equal meaning: each name once, in order, q=1 being
 * the default. Of codings, old names become the new ones, and those that the list refuses go where not to name them refuses
 * them as well (12.5.3). False when it is no such list, too long a one, or one whose meaning depends on its order. */
bool accept_read(const struct headers *h, struct str name, enum accept_kind kind, struct accept *out);

/* The language range that is wanted more than any other; STR_NONE when there is none, or several, or it is "*". */
struct str accept_first_language(const struct headers *request);

#endif
