/* The reader of response heads, and the decision how a response's body ends.
 *
 * A head is read in two passes. The first goes from line end to line end (memchr) until it finds the empty line; it
 * keeps nothing, so it can be repeated when more bytes have come, and it finds what can never become a head as soon
 * as it is there: a peer that sends bare line feeds, or no HTTP at all, is refused at once and not waited for. The second
 * pass runs over a whole head, once, and cuts it into fields.
 *
 * What two readers could understand in two ways is refused. Nothing is repaired: a response that needs guessing could be
 * cut at another place by whoever reads what we forward. */
#include "http/message.h"

#include "http/chars.h"

#define VERSION_PREFIX STR("HTTP/1.")
#define STATUS_AT      9 /* "HTTP/1.1 " */
#define STATUS_DIGITS  3

static int refuse(struct http_response *r, int err, const char *why)
{
	r->why = why;
	return err;
}

/* Something that is not, or not only, a version we speak; as soon as its bytes are there. */
static int check_version(struct str in, struct http_response *out)
{
	struct str seen = str_take(in, VERSION_PREFIX.n);
	if (str_eq(seen, str_take(VERSION_PREFIX, seen.n)))
		return ERR_OK;
	return refuse(out, ERR_PROTOCOL, "not an HTTP/1 response");
}

/* First pass: *used and the number of field lines of a whole head, ERR_AGAIN when its end has not come. */
static int find_end(
    struct str in, const struct http_limits *limits, struct http_response *out, size_t *used, uint32_t *fields)
{
	struct str rest = str_take(in, limits->max_head);
	*fields = 0;
	for (bool first = true;; first = false) {
		size_t lf = str_index(rest, '\n');
		if (lf == rest.n)
			break;
		/* RFC 9112 2.2 lets a recipient take a lone LF as a line end; who does not would see another message. */
		if (lf == 0 || rest.p[lf - 1] != '\r')
			return refuse(out, ERR_PROTOCOL, "a line ends with a bare LF");
		bool empty = lf == 1;
		rest = str_skip(rest, lf + 1);
		if (empty && !first) {
			*used = (size_t)(rest.p - in.p);
			return ERR_OK;
		}
		*fields += !first;
		if (*fields > limits->max_headers)
			return refuse(out, ERR_TOO_LARGE, "too many header fields");
	}
	if (in.n >= limits->max_head)
		return refuse(out, ERR_TOO_LARGE, "the head is larger than the limit");
	return ERR_AGAIN;
}

/* The next line without its CR LF; the caller knows that there is one. */
static struct str take_line(struct str *rest)
{
	size_t lf = str_index(*rest, '\n');
	struct str line = str_take(*rest, lf - 1);
	*rest = str_skip(*rest, lf + 1);
	return line;
}

/* HTTP-version SP status-code SP [ reason-phrase ] (RFC 9112 4). The last SP may be missing with the reason: many send
 * it so, and it cannot be misunderstood. */
static int read_status_line(struct str line, struct http_response *out)
{
	if (line.n < STATUS_AT + STATUS_DIGITS || line.p[STATUS_AT - 1] != ' ')
		return refuse(out, ERR_PROTOCOL, "the status line is malformed");
	char minor = line.p[VERSION_PREFIX.n];
	if (minor < '0' || minor > '9')
		return refuse(out, ERR_PROTOCOL, "the HTTP version is malformed");
	uint64_t status;
	if (str_to_u64(str_make(line.p + STATUS_AT, STATUS_DIGITS), 999, &status) < 0 || status < 100)
		return refuse(out, ERR_PROTOCOL, "the status is not a number from 100 to 999");

	struct str reason = str_skip(line, STATUS_AT + STATUS_DIGITS);
	if (reason.n > 0 && reason.p[0] != ' ')
		return refuse(out, ERR_PROTOCOL, "the status is not three digits");
	reason = str_skip(reason, 1);
	if (!is_field_value(reason))
		return refuse(out, ERR_PROTOCOL, "a control character is in the status line");

	out->minor = minor - '0';
	out->status = (int)status;
	out->reason = reason;
	return ERR_OK;
}

static size_t name_length(struct str line)
{
	size_t n = 0;
	while (n < line.n && http__is(line.p[n], CHAR_FIELD_NAME))
		n++;
	return n;
}

static int refuse_name(struct str line, size_t n, struct http_response *out)
{
	if (n == 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		return refuse(out, ERR_PROTOCOL, "a header field is folded"); /* RFC 9112 5.2 */
	if (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		return refuse(out, ERR_PROTOCOL, "a blank is before the colon of a header field"); /* RFC 9112 5.1 */
	return refuse(out, ERR_PROTOCOL, "the name of a header field is malformed");
}

static int read_field(struct str line, struct arena *a, struct http_response *out)
{
	size_t n = name_length(line);
	if (n == 0 || n == line.n || line.p[n] != ':')
		return refuse_name(line, n, out);
	struct str value = str_trim(str_skip(line, n + 1));
	/* CR, LF and NUL in a value are dangerous (RFC 9110 5.5), the other controls are of no use. */
	if (!is_field_value(value))
		return refuse(out, ERR_PROTOCOL, "a control character is in a header field");
	headers_add(&out->headers, a, str_take(line, n), value);
	return ERR_OK;
}

int http_read_response(
    struct str in, const struct http_limits *limits, struct arena *a, struct http_response *out, size_t *used)
{
	*out = (struct http_response){.status = 0};
	int err = check_version(in, out);
	if (err < 0)
		return err;
	size_t end;
	uint32_t fields;
	err = find_end(in, limits, out, &end, &fields);
	if (err < 0)
		return err;

	struct str rest = str_take(in, end);
	err = read_status_line(take_line(&rest), out);
	if (err < 0)
		return err;
	if (fields > 0)
		out->headers = (struct headers){.v = arena_alloc(a, fields * sizeof(struct header)), .cap = fields};
	for (uint32_t i = 0; i < fields; i++) {
		err = read_field(take_line(&rest), a, out);
		if (err < 0)
			return err;
	}
	*used = end;
	return ERR_OK;
}

/* The kind of body that the transfer codings make. They are a list over all fields, in the order they were applied. */
static int read_codings(struct http_response *r, enum http_body_kind *kind)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, element;
	unsigned codings = 0;
	bool chunked = false;
	while (headers_list_next(&r->headers, STR("Transfer-Encoding"), &field, &rest, &element)) {
		if (chunked)
			return refuse(r, ERR_PROTOCOL, "chunked is not the last transfer coding, or is there twice");
		/* A coding may have parameters, but chunked has none (RFC 9112 7.1). */
		struct str name = str_trim(str_take(element, str_index(element, ';')));
		if (!is_token(name))
			return refuse(r, ERR_PROTOCOL, "a transfer coding is malformed");
		chunked = str_eq_nocase(name, STR("chunked"));
		if (chunked && name.n != element.n)
			return refuse(r, ERR_PROTOCOL, "chunked has parameters");
		codings++;
	}
	if (codings == 0)
		return refuse(r, ERR_PROTOCOL, "Transfer-Encoding is empty");
	/* We asked for no other coding (TE is never sent) and cannot undo one. Under chunked it is refused. Alone its end is that of
	 * the connection (RFC 9112 6.3, 4), and its bytes are taken for the content: who names a coding that nobody asked for
	 * seldom applied it, and there is nobody who could. */
	if (chunked && codings > 1)
		return refuse(r, ERR_PROTOCOL, "an unknown transfer coding is under chunked");
	if (chunked)
		*kind = BODY_CHUNKED;
	return ERR_OK;
}

/* One number out of all Content-Length fields. Equal ones count as one (RFC 9112 6.3, 5), and are made one field, so that
 * nobody behind us has to decide again. */
static int read_length(struct http_response *r, uint64_t *length)
{
	static const struct str name = STR("Content-Length");
	struct str first = STR_NONE;
	for (uint32_t i = 0; i < r->headers.n; i++) {
		if (!str_eq_nocase(r->headers.v[i].name, name))
			continue;
		struct str rest = r->headers.v[i].value, element;
		while (str_cut(&rest, ',', &element)) {
			element = str_trim(element);
			uint64_t v;
			if (str_to_u64(element, INT64_MAX, &v) < 0)
				return refuse(r, ERR_PROTOCOL, "Content-Length is not a number");
			if (first.p && v != *length)
				return refuse(r, ERR_PROTOCOL, "Content-Length is there twice, with different numbers");
			*length = v;
			first = first.p ? first : element;
		}
	}
	if (!first.p)
		return refuse(r, ERR_PROTOCOL, "Content-Length is empty");
	/* There is a field, so there is room for one: the arena is not needed. */
	headers_set(&r->headers, NULL, name, first);
	return ERR_OK;
}

static bool status_has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

int http_body_of_response(struct http_response *r, bool head, struct http_body *out)
{
	*out = (struct http_body){.kind = BODY_CLOSE, .length = UINT64_MAX};
	bool coded = headers_find(&r->headers, STR("Transfer-Encoding"));
	bool sized = headers_find(&r->headers, STR("Content-Length"));
	/* RFC 9112 6.3, 3: "might indicate an attempt to perform request smuggling or response splitting". Such fields
	 * are not overlooked where no body follows either, since they would be forwarded. */
	if (coded && sized)
		return refuse(r, ERR_PROTOCOL, "both Transfer-Encoding and Content-Length are there");
	if (coded && r->minor == 0)
		return refuse(r, ERR_PROTOCOL, "Transfer-Encoding is in an HTTP/1.0 response"); /* RFC 9112 6.1 */

	int err = ERR_OK;
	if (coded)
		err = read_codings(r, &out->kind);
	if (sized)
		err = read_length(r, &out->length);
	if (err < 0)
		return err;

	if (head || status_has_no_body(r->status)) {
		out->kind = BODY_NONE;
	} else if (sized) {
		out->kind = BODY_LENGTH;
		out->left = out->length;
	}
	return ERR_OK;
}

bool http_keeps_alive(const struct http_response *r, const struct http_body *b)
{
	if (b->kind == BODY_CLOSE || r->status < 200)
		return false;
	/* Who announces a body with a status that has none may send one, too, and it may come when the next request is out. For a
	 * 204 it is forbidden (RFC 9110 8.6, RFC 9112 6.1); for a 304 it is allowed, but rare: that costs a connection. */
	bool announces =
	    (b->length != UINT64_MAX && b->length > 0) || headers_find(&r->headers, STR("Transfer-Encoding"));
	if (announces && (r->status == 204 || r->status == 304))
		return false;
	if (headers_has_token(&r->headers, STR("Connection"), STR("close")))
		return false;
	return r->minor > 0 || headers_has_token(&r->headers, STR("Connection"), STR("keep-alive"));
}

uint64_t http_keeps_alive_s(const struct http_response *r)
{
	uint64_t least = UINT64_MAX, seconds;
	uint32_t field = 0;
	struct str rest = STR_NONE, member;
	while (headers_list_next(&r->headers, STR("Keep-Alive"), &field, &rest, &member)) {
		size_t equals = str_index(member, '=');
		if (!str_eq_nocase(str_trim(str_take(member, equals)), STR("timeout")))
			continue;
		if (str_to_u64(str_trim(str_skip(member, equals + 1)), UINT32_MAX, &seconds) == ERR_OK &&
		    seconds < least)
			least = seconds;
	}
	return least;
}
