/* Looks through a body as it comes, once for all values together: what is personal is cut out, what is secret is reported. Bytes that
 * may be the beginning of something are held back until the next ones tell (at most MARKUP_MAX, or as many as the longest form of a
 * value has); nothing else is. What comes out does not hang on how the bytes were cut into pieces. Pure.
 *
 *   cutter_new -> cutter_feed(piece) ... -> cutter_feed(last) -> cutter_free
 *                   \-> text(literal bytes), cut(hole, the bytes that stood there), found(secret): in the order of the body
 *
 * Where several things stand over each other the one that begins first is taken, of those the longest, of those a token's value. So a
 * secret within what is cut is none; one that only ends behind it is not seen. */
#ifndef LARDER_POLICY_CUTTER_H
#define LARDER_POLICY_CUTTER_H

#include "policy/personal.h"

struct cutter;

struct cutter_events {
	/* Bytes that stay. Valid during the call. */
	void (*text)(void *ctx, struct str bytes);
	/* A hole begins and ends here: `was` stood in the page. hole->at counts the bytes that stayed. There may be any number of
	 * them; what stood in a field of a form (token_field) was at most MARKUP_MAX bytes, and is no value's text. */
	void (*cut)(void *ctx, const struct hole *hole, struct str was);
	/* A secret stands here (its bytes are given to `text` all the same). Told once, of the first: a page with one is not stored,
	 * so no other is looked for. */
	void (*found)(void *ctx, const struct personal_secret *secret);
};

/* `p` is borrowed until cutter_free, `events` is copied; none of its functions may free the cutter. Never NULL. Values are looked for
 * in all forms of hole.h, secrets as they stand in `p`; where a token cookie fills the fields of forms, its masked forms too, as words
 * anywhere (policy/mask.h). */
struct cutter *cutter_new(const struct personal *p, const struct cutter_events *events, void *ctx);
/* The next bytes; `last`: they are the end, nothing is held back, and nothing may follow. One pass: time grows with the bytes, not
 * with the values. */
void cutter_feed(struct cutter *c, struct str bytes, bool last);
void cutter_free(struct cutter **c);

#endif
