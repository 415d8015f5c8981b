/* What of a fetched response belongs to the visitor who caused the fetch (policy/personal.h), on its way: looked for in the body as
 * it comes. Tokens and nonces are cut out of what is stored, and the visitor's own are put in for him; a response that holds a
 * secret is his alone. Owner's thread of the flight, which is the leader's too. */
#ifndef LARDER_REQ_PERSONAL_H
#define LARDER_REQ_PERSONAL_H

#include "policy/storable.h"
#include "req/flight.h"
#include "req/req.h"

struct personal_fetch;

/* ---- of a flight ---- */

/* Makes the fields of the flight's fetch from those of `r`, the client's request or one that is made of it. Where the answer may be
 * stored, on a route with tokens, without the token cookies and without what keeps the bytes from being read (Accept-Encoding). */
void personal_ask(struct flight *f, const struct http_request *r);
/* The head was judged. Sets f->personal when the body has to be looked through; takes the verdict back when it cannot be. */
void personal_begin(struct flight *f, struct storable_out *verdict);
/* Before the first byte of the body: it is not stored, for whatever reason. Where there is nothing to put in for the leader, it goes to
 * him as it comes. */
void personal_begin_alone(struct flight *f);

/* True when the body is not what comes but what is made of it; else it is only looked at. */
bool personal_cuts(const struct flight *f);
/* At most so many bytes of the body stay, of `length` that come; -1: not known. */
int64_t personal_expects(const struct flight *f, int64_t length);
/* personal_cuts: where the next bytes go. ERR_AGAIN: what came before has no room in the body yet, its wake follows. ERR_PROTOCOL: they
 * cannot be decoded. */
int personal_space(struct flight *f, char **p, size_t *n) MUST_CHECK;
/* personal_cuts: n bytes were put there. */
void personal_came(struct flight *f, size_t n);
/* Otherwise: these bytes have come. */
void personal_look(struct flight *f, struct str bytes);

/* The fetch has brought all. ERR_OK: all of it is in the body; f->storing tells whether nothing was found. ERR_AGAIN: call again when the
 * body's wake comes. ERR_PROTOCOL: what came cannot be decoded. */
int personal_end(struct flight *f) MUST_CHECK;
/* personal_end said ERR_AGAIN: the fetch itself is over. */
bool personal_is_ending(const struct flight *f);
/* personal_cuts, the body is whole. False: what was cut out of a form stands elsewhere too, so it is not stored; those who wait are told. */
bool personal_is_cut_out(struct flight *f);
/* personal_cuts, the body is whole: f->entry, with its holes. ERR_FULL: no room. */
int personal_make_entry(struct flight *f) MUST_CHECK;

void personal_free(struct personal_fetch **p);

/* ---- of a request ---- */

/* Has it anything that must not be in what is stored, whatever the answer brings? */
bool personal_is_in_request(struct req *r);
/* The leader's answer: fields and length as his body will be. */
void personal_answer(struct req *r);
/* Of the stream that the leader reads: bytes that stand where he has read to and are not in the body. Returns how many, at most
 * max; 0: none. */
size_t personal_read(struct req *r, char *p, size_t max);
/* How many of the next n bytes of the body he may have before such a place. */
size_t personal_until(const struct req *r, size_t n);

#endif
