/* What the answer to a method that is not safe does to the store: it takes pages out (RFC 9111 4.4), and a POST's may come in
 * (RFC 9110 9.3.3). Owner's thread of the flight. */
#ifndef LARDER_REQ_UNSAFE_H
#define LARDER_REQ_UNSAFE_H

#include "policy/storable.h"
#include "req/flight.h"

/* The final head f->response has come and nobody has been told: what it changed is gone from the store when this returns, so
 * that who knows of the change never gets the page from before. Nothing happens for a safe method and for an answer that
 * is none of 2xx and 3xx. *verdict is changed where the answer may be stored for later GETs: f->key and f->epoch are then
 * those of that entry. */
void unsafe_answered(struct flight *f, struct storable_out *verdict);

#endif
