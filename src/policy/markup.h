/* Fields of forms that hold a token: <input name=F value=X> and <meta name=F content=X>. Reads one tag, not documents: what is a tag
 * in a script, a comment or a template is one here too. Pure. */
#ifndef LARDER_POLICY_MARKUP_H
#define LARDER_POLICY_MARKUP_H

#include "conf/conf.h"

/* What is looked for must stand within so many bytes of a tag's beginning. */
enum { MARKUP_MAX = 4096 };

enum markup {
	MARKUP_FIELD, /* a field of these names; *value: its text, not empty, entities as they stand */
	MARKUP_OTHER, /* no such tag begins here, whatever follows */
	MARKUP_MORE   /* more bytes would tell; never when there are MARKUP_MAX of them */
};

/* `text` begins with the '<'. Names of tags, attributes and fields are compared without case. Of two attributes of one name the
 * first counts, as in HTML 13.2.5.33. *value is left alone unless it is a field. */
enum markup markup_field(struct str text, const struct str_list *names, struct str *value);

#endif
