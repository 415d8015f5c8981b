/* Entity tags and lists of them (RFC 9110 8.8.3, 13.1.1, 13.1.2). Pure; strings are borrowed from the field. */
#ifndef LARDER_HTTP_ETAG_H
#define LARDER_HTTP_ETAG_H

#include "http/headers.h"

/* Any value of a field becomes one of these. What is no entity-tag by the grammar, `ETag: abc` above all, is kept as its very
 * bytes: sloppy origins send it, their clients send it back, and equal bytes mean the same page (weak comparison). Where bytes
 * of two responses would be put together (strong comparison), such a tag equals nothing. */
struct etag {
	struct str opaque; /* with its quotes; n == 0: no tag */
	bool weak;
	bool valid; /* an entity-tag by the grammar */
};

/* One tag: the value of ETag or of If-Range, without blanks around it. */
struct etag etag_of(struct str value);

/* Weak comparison (8.8.3.2): of If-None-Match, and what a 304 confirms. False when either is no tag. */
bool etag_same_weakly(struct etag a, struct etag b);
/* Strong comparison (8.8.3.2): of If-Match, If-Range, and of parts that are to be one response. */
bool etag_same_strongly(struct etag a, struct etag b);

/* Next member of the list in *rest, the value of one field; start with all of it. False at the end. Empty members are skipped
 * (5.6.1.2). A member that is no tag is returned too, as such. */
bool etag_next(struct str *rest, struct etag *out);

/* True when the fields of that name (If-None-Match, If-Match) are one and hold "*": with anything beside it, it is invalid. */
bool etag_list_is_any(const struct headers *h, struct str name);
/* True when the list in the fields of that name has the tag, by weak comparison. "*" does not count as it. */
bool etag_list_has(const struct headers *h, struct str name, struct etag tag);

#endif
