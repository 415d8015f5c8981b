/* libmicrohttpd 0.9.75 accepts much that two parties could read differently: bare LF and CR, NUL (which cuts a string short),
 * folded lines (which even change the name of the next field), two lengths, two Hosts. It parses in place, though, and
 * puts a NUL where something ended, so the pointers that it hands out show the bytes between them:
 *
 *   GET0/path0HTTP/1.10.Host0 example0.Accept0 * / *0.0.      0: was SP, colon or CR; .: was LF (both are NUL now)
 *      |     |        |     |        |
 *      +1    +1       +2    blanks   +2                  and +4 to the end of the head
 *
 * A gap of any other size means that something was there which the library swallowed. Once the gaps are right, each string
 * is what the client sent, and the rest are rules on values.
 *
 * Of chunked bodies the library reads sizes strictly, but takes a bare LF for the end of a line, and any byte in an extension.
 * What is before the content of a chunk in the buffer shows that, unless the two came apart, and not for the last chunk.
 * Chunks are framed anew for the upstream in any case. */
#include "worker/strict.h"

#include <stdlib.h>

#include "http/headers.h"
#include "http/url.h"

enum { VERSION_N = sizeof("HTTP/1.1") - 1 };

struct reading {
	enum strict_mode mode;
	struct arena *arena;
	struct http_request *request;
	const char *next; /* where the next field name must begin */
	const char *why;
	struct str content_length, transfer_encoding, host; /* p == NULL: none */
};

enum strict_mode strict_probe(const char *version)
{
	struct str rest = str_of(version), part[3] = {STR_NONE, STR_NONE, STR_NONE};
	uint64_t number[3] = {0};
	for (unsigned i = 0; i < 3 && str_cut(&rest, '.', &part[i]); i++) {
		/* "0.9.77-dev" and the like: what follows the digits does not count. */
		size_t digits = 0;
		while (digits < part[i].n && part[i].p[digits] >= '0' && part[i].p[digits] <= '9')
			digits++;
		if (str_to_u64(str_take(part[i], digits), 1000000, &number[i]) != ERR_OK)
			return STRICT_UNSUPPORTED;
	}
	if (number[0] == 0 && number[1] == 9 && number[2] >= 75 && number[2] <= 77)
		return STRICT_GAPS;
	return number[0] == 1 ? STRICT_LIBRARY : STRICT_UNSUPPORTED;
}

static bool all_blank(const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != ' ' && *p != '\t')
			return false;
	return true;
}

/* Keeps the one value of a field that must not be repeated. Equal Content-Lengths are refused as well: RFC 9112 6.3 allows
 * that, and no honest client sends them. */
static const char *keep_single(struct str *kept, struct str value, const char *why)
{
	if (kept->p)
		return why;
	*kept = value;
	return NULL;
}

static const char *note_field(struct reading *r, struct str name, struct str value)
{
	switch (name.n) {
	case sizeof("Host") - 1:
		if (str_eq_nocase(name, STR("Host")))
			return keep_single(&r->host, str_trim(value), "more than one Host field");
		return NULL;
	case sizeof("Content-Length") - 1:
		if (str_eq_nocase(name, STR("Content-Length")))
			return keep_single(&r->content_length, value, "more than one Content-Length field");
		return NULL;
	case sizeof("Transfer-Encoding") - 1:
		if (str_eq_nocase(name, STR("Transfer-Encoding")))
			return keep_single(&r->transfer_encoding, value, "more than one Transfer-Encoding field");
		return NULL;
	default:
		return NULL;
	}
}

static const char *read_field(struct reading *r, struct str name, struct str value)
{
	if (r->mode == STRICT_GAPS) {
		if (name.p != r->next)
			return "a line ends in a bare LF or CR, is folded, or holds a NUL"; /* RFC 9112 2.2, 5.2 */
		if (value.p <= name.p + name.n || !all_blank(name.p + name.n + 1, value.p))
			return "a field line is folded or holds a NUL"; /* RFC 9112 5.2 */
		r->next = value.p + value.n + 2;
	}
	if (!is_token(name))
		return "a field name is not a token, or blanks precede its colon"; /* RFC 9112 5.1 */
	if (!is_field_value(value))
		return "a field value holds control bytes"; /* RFC 9110 5.5 */
	headers_add(&r->request->headers, r->arena, name, str_trim(value));
	return note_field(r, name, value);
}

static enum MHD_Result on_field(
    void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value, size_t value_n)
{
	struct reading *r = cls;
	r->why = read_field(r, str_make(name, name_n), str_make(value ? value : name + name_n + 1, value_n));
	return r->why ? MHD_NO : MHD_YES;
}

const char *strict_body(const struct strict_head *head)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(head->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	return head->mode == STRICT_GAPS && info ? head->method + info->header_size : NULL;
}

bool strict_chunk(const char *body, const char *p)
{
	/* Content at the front of the buffer is the rest of a chunk, or its line was consumed before. */
	if (!body || p <= body)
		return true;
	if (p - body < 3 || p[-2] != '\r' || p[-1] != '\n')
		return false;
	/* Back over the size and its extensions, to the end of the chunk before. */
	const char *q = p - 3;
	while (q > body && *q != '\n' && *q != '\r')
		q--;
	return q == body || (*q == '\n' && q[-1] == '\r');
}

static const char *read_fields(struct reading *r, const struct strict_head *head)
{
	r->next = head->version + VERSION_N + 2;
	MHD_get_connection_values_n(head->connection, MHD_HEADER_KIND, on_field, r);
	if (r->why || r->mode != STRICT_GAPS)
		return r->why;
	if (r->next + 2 != strict_body(head))
		return "the head ends in a bare LF or CR, is folded, or holds a NUL";
	return NULL;
}

static const char *check_line(const struct strict_head *head, struct http_request *out)
{
	struct str method = str_of(head->method), version = str_of(head->version);
	if (str_eq(version, STR("HTTP/1.1")))
		out->minor = 1;
	else if (str_eq(version, STR("HTTP/1.0")))
		out->minor = 0;
	else
		return "the version is neither HTTP/1.1 nor HTTP/1.0";
	if (!is_token(method))
		return "the method is not a token";
	if (head->mode == STRICT_GAPS &&
	    (head->target.p != method.p + method.n + 1 || version.p != head->target.p + head->target.n + 1))
		return "the request line has more than two single blanks, or holds a NUL"; /* RFC 9112 3 */
	if (head->target.n == 0)
		return "the request target is empty";
	for (size_t i = 0; i < head->target.n; i++) {
		unsigned char c = (unsigned char)head->target.p[i];
		if (c <= ' ' || c >= 0x7f || c == '#')
			return "the request target holds a byte that no URI has";
	}
	out->method_name = method;
	out->method = http_method_of(method);
	return NULL;
}

static const char *check_framing(const struct reading *r, struct http_request *out)
{
	struct str te = r->transfer_encoding, length = r->content_length;
	if (te.p) {
		if (length.p)
			return "both Content-Length and Transfer-Encoding"; /* RFC 9112 6.1 */
		if (out->minor == 0)
			return "a transfer coding in HTTP/1.0"; /* RFC 9112 6.1 */
		/* Compared with all its blanks: the library takes only exactly this for chunked. */
		if (!str_eq_nocase(te, STR("chunked")))
			return "a transfer coding other than chunked"; /* RFC 9112 6.3 */
		out->has_body = true;
		out->body_length = -1;
	} else if (length.p) {
		uint64_t n;
		/* 2^64-1 is what the library takes for "not known". */
		if (str_to_u64(length, INT64_MAX, &n) != ERR_OK)
			return "a Content-Length that is no number";
		out->has_body = n > 0;
		out->body_length = (int64_t)n;
	}
	return NULL;
}

/* absolute-form (RFC 9112 3.2.2): its authority replaces the Host field, the rest goes on as origin-form. */
static const char *split_absolute(struct str target, struct arena *a, struct http_request *out)
{
	if (!str_starts_nocase(target, STR("http://")))
		return "the request target is neither a path nor an http URL";
	struct str rest = str_skip(target, sizeof("http://") - 1);
	size_t end = 0;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	out->host = str_take(rest, end);
	rest = str_skip(rest, end);
	if (out->host.n == 0 || !host_is_valid(out->host))
		return "the authority of the request target is not valid";
	if (rest.n == 0) /* RFC 9112 3.2.1, 3.2.4 */
		out->target = out->method == METHOD_OPTIONS ? STR("*") : STR("/");
	else if (rest.p[0] == '?')
		out->target = arena_printf(a, "/%.*s", STR_ARG(rest));
	else
		out->target = rest;
	return NULL;
}

static const char *check_target(const struct reading *r, struct str target, struct http_request *out)
{
	if (out->method == METHOD_CONNECT)
		return "CONNECT is not for a cache"; /* we are no tunnel: RFC 9110 9.3.6 */
	if (!r->host.p && out->minor == 1)
		return "no Host field"; /* RFC 9112 3.2 */
	if (r->host.p && (r->host.n == 0 || !host_is_valid(r->host)))
		return "the Host field is not valid"; /* RFC 9112 3.2 */
	out->host = r->host.p ? r->host : STR("");
	out->target = target;
	if (target.p[0] == '/')
		return NULL;
	if (str_eq(target, STR("*")))
		return out->method == METHOD_OPTIONS ? NULL : "the target * is for OPTIONS"; /* RFC 9112 3.2.4 */
	return split_absolute(target, r->arena, out);
}

const char *strict_read(const struct strict_head *head, struct arena *a, struct http_request *out)
{
	struct reading r = {.mode = head->mode, .arena = a, .request = out};
	out->scheme = STR("http");
	out->method_name = str_of(head->method);
	out->target = head->target;
	const char *why = check_line(head, out);
	if (!why)
		why = read_fields(&r, head);
	if (!why)
		why = check_framing(&r, out);
	if (!why)
		why = check_target(&r, head->target, out);
	return why;
}
