/* A stored page with holes (http/hole.h), filled in for one visitor. */
#ifndef LARDER_REQ_FILLIN_H
#define LARDER_REQ_FILLIN_H

#include "req/request.h"

/* r->answer has the entry's fields, in their order, and its status: puts his values into them and the body, which becomes slices of
 * the stored one. What he has no token of gets a fresh one, with its Set-Cookie. The answer is a 304 when he has that very page;
 * never the part of one that he asks for. `session`: the token of his session, of the characters that are tokens
 * (req/token.h); asserted where the page has holes for it. */
void fillin_answer(struct req *r, const struct entry *e, struct str session);

#endif
