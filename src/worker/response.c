/* libmicrohttpd frames: it adds Content-Length, Transfer-Encoding, Connection, and Date where the answer has none. What it
 * passes on as given is cleaned here (names that are no tokens, control bytes); what it cannot send is put so that it means the
 * same: an empty value as one blank.
 *
 * It is wrong about responses without a body whose length is not known: to HEAD and with 304 it sends a last chunk
 * all the same, which the client would take for the start of the next response. These go out without any framing and
 * close the connection (RFC 9112 6.3 needs none for them). */
#include "worker/response.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	BLOCK = 32 * 1024, /* bytes read at once of a stream of known length; the library allocates as much for it */
	SEGMENTS = 16,	   /* of a body that are put on the stack */
	TEXT_MAX = 4096,   /* bytes of fields that are put on the stack */
	POOL_RECORD = 64,  /* of a field or cookie, in the library's pool */
	POOL_OTHER = 512,
	OWN_FIELDS = 256 /* the status line, Date, Connection and framing, generously */
};

static ssize_t no_body(void *cls, uint64_t position, char *p, size_t max)
{
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* ---- bodies of many pieces ---- */

/* For the library to copy from, one behind the other. */
struct pieces {
	uint64_t at; /* where v[i] begins in the body */
	unsigned i, n;
	struct str v[];
};

static ssize_t read_pieces(void *cls, uint64_t position, char *to, size_t max)
{
	struct pieces *p = cls;
	size_t copied = 0;
	while (copied < max) {
		while (p->i < p->n && position + copied >= p->at + p->v[p->i].n)
			p->at += p->v[p->i++].n;
		if (p->i == p->n)
			break;
		struct str left = str_skip(p->v[p->i], (size_t)(position + copied - p->at));
		left = str_take(left, max - copied);
		memcpy(to + copied, left.p, left.n);
		copied += left.n;
	}
	return copied > 0 ? (ssize_t)copied : MHD_CONTENT_READER_END_OF_STREAM;
}

static struct MHD_Response *of_copied(const struct str *v, unsigned n)
{
	struct pieces *p = mem_alloc(sizeof(*p) + n * sizeof(*v));
	uint64_t length = 0;
	*p = (struct pieces){.n = n};
	memcpy(p->v, v, n * sizeof(*v));
	for (unsigned i = 0; i < n; i++)
		length += v[i].n;
	struct MHD_Response *r =
	    MHD_create_response_from_callback(length, length < BLOCK ? (size_t)length : BLOCK, read_pieces, p, free);
	if (!r)
		free(p);
	return r;
}

/* Without a copy where the list of them has room in the pool beside the head: where it has none, the library (0.9.75) unlocks a mutex
 * that it has not locked, and ends the process when it destroys it. */
static struct MHD_Response *of_pieces(const struct str *pieces, unsigned n, size_t room)
{
	struct MHD_IoVec few[SEGMENTS], *v = few;
	if (n == 0)
		return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	if (n == 1) /* head and body leave in one call */
		return MHD_create_response_from_buffer(
		    pieces[0].n, (void *)(uintptr_t)pieces[0].p, MHD_RESPMEM_PERSISTENT);
	if (n > IOV_MAX || n * sizeof(*v) + POOL_OTHER > room)
		return of_copied(pieces, n);
	if (n > SEGMENTS)
		v = mem_alloc(n * sizeof(*v));
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct MHD_IoVec){.iov_base = pieces[i].p, .iov_len = pieces[i].n};
	struct MHD_Response *r = MHD_create_response_from_iovec(v, n, NULL, NULL);
	if (v != few)
		free(v);
	return r;
}

static struct MHD_Response *of_segments(const struct answer *a, size_t room)
{
	struct str few[SEGMENTS], *segments = few;
	unsigned n = body_segments(a->entry->body, few, SEGMENTS);
	if (n > SEGMENTS) {
		segments = mem_alloc(n * sizeof(*segments));
		n = body_segments(a->entry->body, segments, n);
	}
	struct MHD_Response *r = of_pieces(segments, n, room);
	if (segments != few)
		free(segments);
	return r;
}

/* Sent by the kernel from the file (sendfile). The library closes the descriptor, so it gets one of its own. */
static struct MHD_Response *of_descriptor(const struct answer *a, int borrowed)
{
	if (a->length == 0)
		return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	int fd = fcntl(borrowed, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	struct MHD_Response *r = MHD_create_response_from_fd_at_offset64((uint64_t)a->length, fd, a->offset);
	if (!r)
		close(fd);
	return r;
}

/* From memory: without a copy where the body lies so that the kernel can; with it when there are no descriptors. */
static struct MHD_Response *of_whole(const struct answer *a, size_t room)
{
	int fd = body_memory(a->entry->body);
	struct MHD_Response *r = fd >= 0 ? of_descriptor(a, fd) : NULL;
	return r ? r : of_segments(a, room);
}

bool response_is_split(const struct answer *a)
{
	if (a->bodyless)
		return false;
	if (a->kind == ANSWER_FILE)
		return a->length > 0;
	if (a->kind == ANSWER_WHOLE)
		return body_memory(a->entry->body) >= 0 || body_segments(a->entry->body, NULL, 0) > 1;
	return a->kind == ANSWER_PARTS && a->n_slices > 1;
}

/* ---- the others ---- */

static struct MHD_Response *of_nothing(const struct answer *a)
{
	bool known = a->length >= 0;
	struct MHD_Response *r =
	    MHD_create_response_from_callback(known ? (uint64_t)a->length : MHD_SIZE_UNKNOWN, 1, no_body, NULL, NULL);
	/* No framing at all is only right for a connection that ends; 204 has none anyhow. */
	if (r && !known && a->status != MHD_HTTP_NO_CONTENT)
		MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	return r;
}

static struct MHD_Response *of_stream(const struct answer *a, MHD_ContentReaderCallback reader, void *ctx)
{
	if (a->length < 0)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, reader, ctx, NULL);
	uint64_t length = (uint64_t)a->length;
	size_t block = length < BLOCK ? (size_t)length : BLOCK;
	return MHD_create_response_from_callback(length, block ? block : 1, reader, ctx, NULL);
}

/* What the library writes itself, and what concerns one connection only. */
static bool is_ours(struct str name)
{
	return str_eq_nocase(name, STR("Content-Length")) || str_eq_nocase(name, STR("Connection")) ||
	       str_eq_nocase(name, STR("Transfer-Encoding"));
}

static bool can_be_sent(const struct header *h)
{
	return is_token(h->name) && is_field_value(h->value);
}

static bool is_sent(const struct header *h)
{
	if (is_ours(h->name))
		return false;
	if (can_be_sent(h))
		return true;
	log_debug("client", "a response field that would break the framing is left out");
	return false;
}

/* A field `name` whose value has n bytes, which may be written over; NULL: the library refuses it. */
static char *add_blank(struct MHD_Response *r, struct str name, size_t n)
{
	char few[TEXT_MAX], *text = few;
	if (name.n + n + 2 > sizeof(few))
		text = mem_alloc(name.n + n + 2);
	char *value = str_put(text, name), *room = NULL;
	*value++ = '\0';
	memset(value, ' ', n);
	value[n] = '\0';
	if (MHD_add_response_header(r, text, value) == MHD_YES)
		room = (char *)(uintptr_t)MHD_get_response_header(r, text);
	/* Of a release that keeps less, as without the blanks, memory beyond it would be written over. */
	if (!room || strlen(room) != n) {
		room = NULL;
		log_debug("client", "the library refuses the response field %s", text);
	}
	if (text != few)
		free(text);
	return room;
}

/* The one whose name the library has to know: it would add a Date of its own. */
static const struct header *first_of(const struct headers *h)
{
	const struct header *date = headers_find(h, STR("Date"));
	if (date && is_sent(date))
		return date;
	for (uint32_t i = 0; i < h->n; i++) {
		if (is_sent(&h->v[i]))
			return &h->v[i];
	}
	return NULL;
}

/* All fields as one, the others as lines in the value of the first: to add each costs the library three allocations and a dozen
 * searches through its text. It takes no line ends in a value, but keeps a copy of what it is given, with the length that it had:
 * so it is given blanks, and they are written over. `size`: bytes that suffice. */
static void add_fields(struct MHD_Response *r, const struct headers *h, size_t size)
{
	const struct header *first = first_of(h);
	if (!first)
		return;
	char few[TEXT_MAX], *text = size <= sizeof(few) ? few : mem_alloc(size);
	char *to = str_put(text, first->value);
	if (first->value.n == 0)
		*to++ =
		    ' '; /* legal (RFC 9110 5.5), but the library takes no empty one; blanks around a value do not count */
	for (uint32_t i = 0; i < h->n; i++) {
		const struct header *f = &h->v[i];
		if (f == first || !is_sent(f) || str_eq_nocase(f->name, STR("Date")))
			continue;
		to = str_put(to, STR("\r\n"));
		to = str_put(to, f->name);
		to = str_put(to, STR(": "));
		to = str_put(to, f->value);
	}
	size_t n = (size_t)(to - text);
	char *value = add_blank(r, first->name, n);
	if (value)
		memcpy(value, text, n);
	if (text != few)
		free(text);
}

struct MHD_Response *response_make(
    const struct answer *a, bool close, size_t room, MHD_ContentReaderCallback reader, void *ctx)
{
	struct MHD_Response *r;
	if (a->bodyless)
		r = of_nothing(a);
	else if (a->kind == ANSWER_WHOLE)
		r = of_whole(a, room);
	else if (a->kind == ANSWER_FILE)
		r = of_descriptor(a, body_file(a->entry->body));
	else if (a->kind == ANSWER_PARTS)
		r = of_pieces(a->slices, a->n_slices, room);
	else if (a->kind == ANSWER_TEXT)
		r = MHD_create_response_from_buffer(
		    a->text.n, (void *)(uintptr_t)(a->text.n ? a->text.p : ""), MHD_RESPMEM_PERSISTENT);
	else
		r = of_stream(a, reader, ctx);
	if (!r) {
		log_error("client", "libmicrohttpd made no response of status %d", a->status);
		return NULL;
	}
	/* First of all: with this field the library forgets that it was given a Date, and would add its own. */
	if (close)
		(void)!MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	add_fields(r, &a->headers, response_head_size(a));
	return r;
}

size_t response_head_size(const struct answer *a)
{
	size_t n = OWN_FIELDS;
	for (uint32_t i = 0; i < a->headers.n; i++)
		n += a->headers.v[i].name.n + a->headers.v[i].value.n + sizeof(":  \r\n");
	return n;
}

size_t response_head_room(size_t pool, size_t request_n, const struct headers *request)
{
	size_t used = POOL_OTHER + request_n + (size_t)request->n * POOL_RECORD;
	for (uint32_t i = 0; i < request->n; i++) {
		struct str v = request->v[i].value, cookie;
		if (!str_eq_nocase(request->v[i].name, STR("Cookie")))
			continue;
		used += v.n;
		while (str_cut(&v, ';', &cookie))
			used += POOL_RECORD;
	}
	return used < pool ? pool - used : 0;
}

static void write_head(struct buf *out, int status, const struct headers *h)
{
	buf_addf(out, "HTTP/1.1 %d %s\r\n", status, MHD_get_reason_phrase_for((unsigned)status));
	for (uint32_t i = 0; i < h->n; i++) {
		if (is_ours(h->v[i].name) || !can_be_sent(&h->v[i]))
			continue;
		buf_add(out, h->v[i].name);
		buf_add(out, STR(": "));
		buf_add(out, h->v[i].value);
		buf_add(out, STR("\r\n"));
	}
}

int response_write_interim(struct buf *out, int status, const struct headers *h)
{
	write_head(out, status, h);
	buf_add(out, STR("\r\n"));
	return out->overflow ? ERR_TOO_LARGE : ERR_OK;
}

int response_write_last(struct buf *out, const struct answer *a)
{
	write_head(out, a->status, &a->headers);
	buf_add(out, STR("Connection: close\r\n"));
	if (a->length >= 0 && a->status != MHD_HTTP_NO_CONTENT)
		buf_addf(out, "Content-Length: %lld\r\n", (long long)a->length);
	buf_add(out, STR("\r\n"));
	if (a->kind == ANSWER_TEXT && !a->bodyless)
		buf_add(out, a->text);
	return out->overflow ? ERR_TOO_LARGE : ERR_OK;
}
