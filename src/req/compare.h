/* Is what comes the page that is about to be stored? Both are decoded, and what is personal in each is cut out, so that the bytes of
 * the page itself and the places of its holes are compared, as they come; nothing of what comes is kept. One thread. */
#ifndef LARDER_REQ_COMPARE_H
#define LARDER_REQ_COMPARE_H

#include "policy/personal.h"
#include "tier/entry.h"

struct compare;

/* `e`: whole, its body retained; a reference is taken. `other`: what is personal in what comes, copied but for what it borrows; its
 * secrets do not matter. `coding`: the Content-Encoding of what comes. Never NULL. */
struct compare *compare_new(struct entry *e, const struct personal *other, struct str coding);
/* The next bytes, in their coding. False: it is another page; nothing more is to be fed. Work is bounded by the bytes of the page that
 * is stored, however much these become. */
bool compare_feed(struct compare *c, struct str bytes);
/* It is whole. False: it is another page. */
bool compare_end(struct compare *c);
/* After a false: where they part, for people to find it. A few bytes before that are shown, which both pages have, and nothing that
 * only one of them has. In `a`. */
struct str compare_where(const struct compare *c, struct arena *a);
/* NULL is fine. */
void compare_free(struct compare **c);

#endif
