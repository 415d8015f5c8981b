/* Looks through a body as it comes, once for all values together: what is personal is cut out, what is secret is reported. Bytes that
 * may be the beginning of something are held back until the next ones tell; nothing else is.
 *
 *   cutter_new -> cutter_feed(piece) ... -> cutter_feed(last) -> cutter_free
 *                   \-> text(literal bytes), cut(hole, the bytes that stood there), found(secret): in the order of the body */
#ifndef LARDER_POLICY_CUTTER_H
#define LARDER_POLICY_CUTTER_H

#include "policy/personal.h"

struct cutter;

struct cutter_events {
	/* Bytes that stay. Valid during the call. */
	void (*text)(void *ctx, struct str bytes);
	/* A hole begins and ends here: `was` stood in the page. hole->at counts the bytes that stayed. */
	void (*cut)(void *ctx, const struct hole *hole, struct str was);
	/* A secret stands here (its bytes are given to `text` all the same). Told once for each of them. */
	void (*found)(void *ctx, const struct personal_secret *secret);
};

/* `p` is borrowed until cutter_free. Never NULL. */
struct cutter *cutter_new(const struct personal *p, const struct cutter_events *events, void *ctx);
/* The next bytes; `last`: they are the end, nothing is held back. One pass: time grows with the bytes, not with the values. */
void cutter_feed(struct cutter *c, struct str bytes, bool last);
void cutter_free(struct cutter **c);

#endif
