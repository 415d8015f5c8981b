/* The reader of ini text: one item after the other, without copies, lines of any length. Knows nothing of options.
 * Private to conf/.
 *
 *   ; comment                      also #, at the start of a line or after a blank
 *   [keyword label]                the section ends at the last ] of its line
 *   name = value ; comment
 *   name = "value ; no comment"    quotes around a whole value are taken off; within quotes nothing begins a comment
 */
#ifndef LARDER_CONF_INI_H
#define LARDER_CONF_INI_H

#include "base/str.h"

enum ini_kind { INI_END, INI_SECTION, INI_OPTION, INI_BAD };

struct ini {
	struct str rest;
	unsigned line;
};

struct ini_item {
	enum ini_kind kind;
	unsigned line;	     /* 1.. */
	struct str name;     /* of the option; keyword of the section */
	struct str value;    /* of the option; label of the section, empty when it has none */
	const char *problem; /* of INI_BAD, static: what is wrong */
};

/* Borrows the text. A byte order mark is skipped. */
void ini_init(struct ini *i, struct str text);
/* The next item; its strings point into the text. INI_BAD is one bad line: the reading goes on behind it. */
enum ini_kind ini_next(struct ini *i, struct ini_item *item);

/* The run of s before a comment, trimmed; *open is set when a double quote is not closed. */
struct str ini_without_comment(struct str s, bool *open);
/* Without the quotes when one pair of them holds all of it. */
struct str ini_unquote(struct str s);
/* True when a value must be written in quotes to be read back as it is. */
bool ini_needs_quotes(struct str value);

/* The next element of a list: commas separate, but not inside quotes, nor inside brackets of a regular expression (an
 * element with a ~). Trimmed; quotes around a whole element are taken off. False at the end. */
bool ini_list_next(struct str *rest, struct str *element);

#endif
