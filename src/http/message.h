/* HTTP/1.1 messages (RFC 9112): a strict incremental reader of responses, a writer of requests.
 * Pure: bytes in, values out; no I/O, no clock. What is ambiguous is refused, never guessed. */
#ifndef LARDER_HTTP_MESSAGE_H
#define LARDER_HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/headers.h"

enum http_method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_PATCH,
	METHOD_OPTIONS,
	METHOD_TRACE,
	METHOD_CONNECT,
	METHOD_PURGE
};

enum http_method http_method_of(struct str name);
bool http_method_is_safe(enum http_method m);	    /* RFC 9110 9.2.1; OTHER is not */
bool http_method_is_idempotent(enum http_method m); /* RFC 9110 9.2.2; OTHER is not */

/* A request as received, framing already undone. All strings borrowed from the connection or the arena. */
struct http_request {
	enum http_method method;
	struct str method_name;
	struct str target; /* raw, as received */
	struct str scheme; /* "http" or "https" as the client sees it */
	struct str host;   /* Host field (or the authority of an absolute target), as received */
	int minor;	   /* HTTP/1.minor */
	struct headers headers;
	bool has_body;	     /* Content-Length > 0 or Transfer-Encoding */
	int64_t body_length; /* -1: chunked */
};

/* Makes *to a copy that lies in `a` with all its strings. */
void http_request_copy(const struct http_request *from, struct arena *a, struct http_request *to);

struct http_limits {
	size_t max_head;      /* bytes of start line and fields together */
	uint32_t max_headers; /* fields */
};

struct http_response {
	int status; /* 100..999 */
	int minor;
	struct str reason;
	struct headers headers;
	const char *why; /* what was wrong, static, set with an error */
};

/* Reads one response head from the start of `in`; strings point into `in`, the field array into `a`.
 * ERR_OK: *used bytes belong to it. ERR_AGAIN: not whole yet (and within max_head). ERR_PROTOCOL, ERR_TOO_LARGE:
 * out->why says which rule. Refused among others: bare LF, CR or NUL, folded lines (RFC 9112 5.2), blanks before the colon
 * (5.1), HTTP/0.9 and HTTP/2, a status that is not three digits. Bytes above 127 and odd spellings are kept. */
int http_read_response(struct str in, const struct http_limits *limits, struct arena *a, struct http_response *out,
    size_t *used) MUST_CHECK;

enum http_body_kind { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_CLOSE };

/* State of a body being read (RFC 9112 6.3, 7.1). */
struct http_body {
	enum http_body_kind kind;
	uint64_t left;	  /* of the body, or of the chunk */
	uint64_t length;  /* Content-Length as stated, UINT64_MAX when it is not known */
	int state;	  /* of the chunk reader */
	uint32_t trailer; /* bytes of trailer and chunk extensions seen, bounded */
};

/* Decides how the body of a response ends (RFC 9112 6.3): ERR_OK, or ERR_PROTOCOL with r->why: different
 * Content-Lengths, one with Transfer-Encoding, bad numbers, "gzip, chunked". `head` is true when the request was HEAD.
 * Repeated equal Content-Lengths become one field. Transfer-Encoding stays (it is hop-by-hop, headers_remove_hop_by_hop);
 * an unknown coding without chunked is BODY_CLOSE, its bytes the content. */
int http_body_of_response(struct http_response *r, bool head, struct http_body *out) MUST_CHECK;

/* Consumes bytes of a body: *data is the run of content found at the front, *used the bytes eaten. Content may come with
 * each of the first three results, or be empty.
 * ERR_OK: call again with the rest. ERR_AGAIN: all eaten, more is needed. ERR_EOF: the body is complete (bytes that
 * remain in `in` belong to nobody; the connection is not reused then). ERR_PROTOCOL: broken chunking, or more than 8 KiB
 * of extensions to a chunk or of trailers. Trailers are read and dropped. */
int http_body_read(struct http_body *b, struct str in, size_t *used, struct str *data) MUST_CHECK;

/* When the content can be received straight into place: how many bytes may (0: the reader must see them). */
uint64_t http_body_direct(const struct http_body *b);
/* n bytes were received that way. ERR_OK or ERR_EOF (complete). */
int http_body_skip(struct http_body *b, uint64_t n) MUST_CHECK;

/* The connection was closed in order: ERR_EOF when that ends the body, ERR_SHORT otherwise. */
int http_body_closed(const struct http_body *b);

/* True when the connection can carry another request after this response (RFC 9112 9.3). */
bool http_keeps_alive(const struct http_response *r, const struct http_body *b);
/* For how many seconds its sender keeps the connection open when nothing comes, by the field that all servers send for it:
 * "Keep-Alive: timeout=5, max=100" (RFC 2068 19.7.1). UINT64_MAX: no word about it. */
uint64_t http_keeps_alive_s(const struct http_response *r);

/* Writes "METHOD target HTTP/1.1", the fields as given and the empty line. 0, ERR_TOO_LARGE, or ERR_INVALID when a
 * name, value or the target could break the framing (defence in depth: nothing is sent then). */
int http_write_request(struct buf *out, struct str method, struct str target, const struct headers *h) MUST_CHECK;

#endif
