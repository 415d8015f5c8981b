/* Structured fields (RFC 9651): a complete parser of items, lists and dictionaries. Pure. A field parses as a whole or not
 * at all (2.2): after an error nothing of *out may be read, and the field counts as absent.
 *
 * A field that came in several lines is one value, its lines joined by commas (4.2): give headers_joined(). One that is not
 * there, or empty, is an empty list or dictionary, and no item. Strings of the result point into the field where its bytes
 * stand for themselves, else into the arena; both outlive it. Sizes are bounded by the field's length and by the numbers
 * below, depth by the grammar: an inner list holds items only. */
#ifndef LARDER_HTTP_SF_H
#define LARDER_HTTP_SF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* What the RFC asks a parser to support, and no more: a field beyond it does not parse. */
#define SF_MEMBERS_MAX	  1024 /* of a list or dictionary (3.1, 3.2) */
#define SF_INNER_MAX	  256  /* items of an inner list (3.1.1) */
#define SF_PARAMETERS_MAX 256  /* of an item or inner list (3.1.2) */

enum sf_type {
	SF_INTEGER,
	SF_DECIMAL,
	SF_STRING,
	SF_TOKEN,
	SF_BYTES,
	SF_BOOLEAN,
	SF_DATE,
	SF_DISPLAY, /* a string in UTF-8 */
};

struct sf_bare {
	enum sf_type type;
	int64_t number;	 /* INTEGER; DECIMAL: in thousandths; BOOLEAN: 0 or 1; DATE: seconds since 1970 */
	struct str text; /* STRING, TOKEN, BYTES, DISPLAY: decoded; BYTES may hold NUL */
};

struct sf_parameter {
	struct str key;
	struct sf_bare value;
};

/* In the order of their first appearance; each key once, with the value that came last (4.2.3.2). */
struct sf_parameters {
	struct sf_parameter *v;
	uint32_t n;
};

struct sf_item {
	struct sf_bare bare;
	struct sf_parameters parameters;
};

/* An item or an inner list. */
struct sf_member {
	struct str key; /* in a dictionary; STR_NONE in a list */
	bool is_inner;
	struct sf_bare bare; /* when it is an item */
	struct {
		struct sf_item *v;
		uint32_t n;
	} inner;			 /* when it is an inner list */
	struct sf_parameters parameters; /* of the item or of the inner list */
};

struct sf_list {
	struct sf_member *v;
	uint32_t n;
};

/* In the order of their first appearance; each key once, with the value that came last (4.2.2). */
struct sf_dictionary {
	struct sf_member *v;
	uint32_t n;
};

/* Parse a whole field value. 0; ERR_INVALID: no such field; ERR_TOO_LARGE: more members, items or parameters than the
 * maxima above (which means the same to a caller). */
int sf_item_read(struct str field, struct arena *a, struct sf_item *out) MUST_CHECK;
int sf_list_read(struct str field, struct arena *a, struct sf_list *out) MUST_CHECK;
int sf_dictionary_read(struct str field, struct arena *a, struct sf_dictionary *out) MUST_CHECK;

/* The member, the parameter's value, of that key (keys have a case: there are no upper case ones), or NULL. */
const struct sf_member *sf_dictionary_find(const struct sf_dictionary *d, struct str key);
const struct sf_bare *sf_parameter_find(const struct sf_parameters *p, struct str key);

#endif
