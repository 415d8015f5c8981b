/* One exchange with an upstream, as req/ asks for it and worker/upstream.c carries it out. The struct belongs to the caller
 * and stays put until `done` was called or fetch_cancel returned. All events come on the worker that started it, never from
 * inside the call that started it.
 *
 *   fetch -> (interim)* -> head -> (space -> data)* -> done(0)
 *        \__________________ at any time: done(error), the last event */
#ifndef LARDER_REQ_FETCH_H
#define LARDER_REQ_FETCH_H

#include "conf/conf.h"
#include "http/message.h"

struct fetch;

struct fetch_events {
	/* A 1xx response (not 100 and 101). NULL: they are passed by. */
	void (*interim)(struct fetch *f, int status, const struct headers *h);
	/* The final head; its strings are valid during the call. `length`: Content-Length, also of a body that
	 * HEAD or a 304 only speaks of; -1 when not known, 0 for none. */
	void (*head)(struct fetch *f, const struct http_response *r, int64_t length);
	/* Where the next body bytes go. ERR_AGAIN: stop reading until fetch_resume. */
	int (*space)(struct fetch *f, char **p, size_t *n);
	void (*data)(struct fetch *f, size_t n);
	/* ERR_OK: the response is complete. Errors: RESOLVE, CONNECT, TLS, TIMEOUT, RESET, PROTOCOL, SHORT, BUSY, TOO_LARGE,
	 * INVALID (the request cannot be written: nothing was sent), and what `space` or `upload` returned.
	 * `why`: a static sentence. The struct may be freed in it. */
	void (*done)(struct fetch *f, int err, const char *why);
	/* Upload: the next bytes of the request body. ERR_AGAIN: fetch_body follows. ERR_EOF: whole. Other errors: the client left.
	 * Not called, and may be NULL, without has_body. */
	int (*upload)(struct fetch *f, const char **p, size_t *n);
	void (*uploaded)(struct fetch *f, size_t n);
};

struct fetch {
	/* in */
	struct conf *conf; /* kept alive by the caller */
	const struct conf_upstream *upstream;
	struct str method, target;
	const struct headers
	    *headers; /* end-to-end fields with Host and the forwarding ones; upstream.c adds framing and Connection */
	bool has_body;
	int64_t body_length; /* -1: chunked */
	bool retry; /* idempotent: may be repeated once when an idle connection turns out closed before any byte came */
	const struct fetch_events *events;
	void *ctx;
	/* out */
	int64_t sent_ms;		   /* wall clock when the request went out */
	int64_t started_us, first_byte_us; /* mono clock */
	/* of the worker */
	void *exchange;
};

#endif
