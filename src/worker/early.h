/* The answer that is there before its request's body has been sent: a refusal of a large upload. libmicrohttpd takes a
 * response only when the whole request was read, which may be never, since the client may be waiting for it (RFC 9112 9.3:
 * a server may answer and close). So it is written to the socket here; the connection cannot be used again.
 *
 *   NONE -> early_begin -> GATHERING -> (early_go_on: the body is whole) -> SENT
 *                      \-> NEVER: not for this one, the request's body is read to its end */
#ifndef LARDER_WORKER_EARLY_H
#define LARDER_WORKER_EARLY_H

#include "base/buf.h"
#include "req/req.h"

enum early_state { EARLY_NONE, EARLY_GATHERING, EARLY_SENT, EARLY_BROKEN, EARLY_NEVER };

struct early { /* zero before the first use */
	enum early_state state;
	struct buf out;
	uint64_t body; /* bytes of the body in it */
};

/* There is an answer: decides whether it goes out this way. */
void early_begin(struct early *e, struct req *r);
/* GATHERING: takes what the body has; once it is whole, sends everything and closes the socket's sending side. BROKEN: the body
 * broke off, is too large after all, or the client takes nothing; nothing or not all was sent. */
void early_go_on(struct early *e, struct req *r, int fd);
/* Back to NONE. */
void early_free(struct early *e);

#endif
