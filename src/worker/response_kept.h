/* Responses that a worker keeps for plain answers (req/req.h): what was made for one hit is sent for the next of the same second. One
 * worker's loop thread only; nothing blocks. */
#ifndef LARDER_WORKER_RESPONSE_KEPT_H
#define LARDER_WORKER_RESPONSE_KEPT_H

#include <microhttpd.h>

#include "req/req.h"

struct kept;

/* `budget` is charged with what is kept, and with the memory that a kept descriptor holds, and lends at most a 64th of it; NULL: nothing is
 * ever kept. */
struct kept *kept_new(struct budget *budget);
/* Connections may still be sending what was kept. */
void kept_free(struct kept **k);

/* The response kept for this answer, to be queued; borrowed until the next call. Its head has at most *head_size bytes
 * (response_head_size). NULL: there is none. */
struct MHD_Response *kept_find(struct kept *k, const struct answer *a, size_t *head_size);
/* The caller goes on with a response that it has made for the answer. Kept, with a reference of its own and true, when the same answer
 * was asked for before: the caller does not destroy it then. */
bool kept_put(struct kept *k, const struct answer *a, struct MHD_Response *r, size_t head_size);
/* Drops what was not used since the last sweep. At least every second: see the source. */
void kept_sweep(struct kept *k);
/* Drops all: the settings change. */
void kept_clear(struct kept *k);

#endif
