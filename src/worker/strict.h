/* The checks on a request's head that libmicrohttpd leaves out: what is ambiguous is refused, never guessed (RFC 9112 11.2). */
#ifndef LARDER_WORKER_STRICT_H
#define LARDER_WORKER_STRICT_H

#include <microhttpd.h>

#include "http/message.h"

enum strict_mode {
	STRICT_UNSUPPORTED, /* a library version that nobody has tried these checks on */
	STRICT_GAPS,	    /* 0.9.75 to 0.9.77: we look at the bytes between what it parsed in place */
	STRICT_LIBRARY	    /* 1.x: its own strictness does that, the rest is checked here */
};

/* By the version that the library states at run time: MHD_get_version(). */
enum strict_mode strict_probe(const char *version);

struct strict_head {
	enum strict_mode mode;
	struct MHD_Connection *connection;
	const char *method;  /* as the handler got them */
	const char *version; /* the same */
	struct str target;   /* whole and raw, from the URI callback */
};

/* In the first call of the handler. NULL: the head is good and *out is filled; its strings borrow from the connection,
 * the array (and an amended target) lies in `a`. Otherwise a static sentence: the request gets 400 and the connection
 * closes. An absolute target is given as its origin form, with its authority as the host (RFC 9112 3.2.2). */
const char *strict_read(const struct strict_head *head, struct arena *a, struct http_request *out);

/* For the bytes of a chunked body that the handler is given: false when the line with the size of their chunk, or the end of
 * the chunk before, has a bare LF or CR. Only seen when these came in one piece. `body`: where the body began, strict_body. */
bool strict_chunk(const char *body, const char *p);
/* Where in the connection's buffer the head ends. NULL when that is not known (STRICT_LIBRARY, which looks itself). */
const char *strict_body(const struct strict_head *head);

#endif
