/* A token of a session is cut out of the fields of forms (token_field), by the field's name. The same token may stand elsewhere in the page,
 * in a script or a link, where nothing tells that it is one: everybody would get that of the first visitor. What the fields held is
 * known when the page is whole; here is looked whether it stands in what is left. Pure. */
#ifndef LARDER_POLICY_ELSEWHERE_H
#define LARDER_POLICY_ELSEWHERE_H

#include "http/headers.h"

/* Does one of the texts, in any form of http/hole.h, stand in a field's value or in the body? The body is what stays of it, in pieces
 * of any length. Texts shorter than HOLE_MIN stand there by chance, and do not count. One pass over the bytes; `a` is for the moment. */
bool policy_stands_elsewhere(const struct str *texts, unsigned n, const struct headers *kept, const struct str *pieces,
    unsigned n_pieces, struct arena *a);

#endif
