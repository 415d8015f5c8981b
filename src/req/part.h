/* Answers that are parts of a stored response: 206 and 416 (RFC 9110 14, 15.3.7, 15.5.17). */
#ifndef LARDER_REQ_PART_H
#define LARDER_REQ_PART_H

#include "req/request.h"

/* r->answer is a 200 made of `e` (a partial entry: of what there is), its kind and length set. Cuts it down to what the request's
 * Range asks for, if it does. Of a body that still grows one part can be cut, of known length; else the whole is sent. */
void part_cut(struct req *r, const struct entry *e);

#endif
