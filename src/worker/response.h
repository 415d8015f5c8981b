/* From an answer (req/req.h) to what goes to the client: a libmicrohttpd response, or the bytes of a 1xx. Loop thread only. */
#ifndef LARDER_WORKER_RESPONSE_H
#define LARDER_WORKER_RESPONSE_H

#include <microhttpd.h>

#include "req/req.h"

/* A new response with one reference (MHD_destroy_response). It borrows the answer's bytes: the request must live until the
 * response went out. STREAM answers are read with `reader(ctx, ...)`. `close`: says Connection: close. `room`: so many bytes does the
 * connection's pool have beside the head. NULL: the library refused (logged). This is where a response kept per entry and worker
 * would be looked up. */
struct MHD_Response *response_make(
    const struct answer *a, bool close, size_t room, MHD_ContentReaderCallback reader, void *ctx);

/* Does its body lie in pieces, so that the library sends head and body in calls of their own? */
bool response_is_split(const struct answer *a);

/* At most so many bytes of head will the library write for it, its own fields included. */
size_t response_head_size(const struct answer *a);
/* At least so many bytes does the library's pool of a connection (`pool` bytes) have for that head: it holds the request's head
 * of `request_n` bytes beside it, with a record for each field, and a copy and a record for each cookie. When the room does
 * not suffice the library closes the connection without a word. */
size_t response_head_room(size_t pool, size_t request_n, const struct headers *request);

/* The bytes of an interim response (RFC 9110 15.2). 0 or ERR_TOO_LARGE. */
int response_write_interim(struct buf *out, int status, const struct headers *h) MUST_CHECK;
/* The bytes of a response that closes its connection, without the body of a WHOLE, PARTS or STREAM answer. 0 or ERR_TOO_LARGE. */
int response_write_last(struct buf *out, const struct answer *a) MUST_CHECK;

#endif
