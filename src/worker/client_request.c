/* A request on a connection: asked, answered, ended.
 *
 *   client__on_target -> client__on_request (first call: strict.c, req_begin) -> (again, with the body) -> (last: the answer is queued,
 *   or the connection is parked until client_resume) -> on_content -> client__on_completed
 *
 * A parked connection is suspended in the library: it is not polled, so watch.c looks whether its client is still there. Before, it
 * may linger for some turns (patience.h): the library asks client__on_request anew in each of them, and watch.c has it in
 * the same list. Whoever ends the waiting goes through resume(), which knows the two apart.
 * Whether something has come is always asked right before parking, on the one thread, so no wake is lost; one that comes
 * from inside the question itself sets `woken`.
 *
 * The library has no call to close a connection. A parked one is resumed and refused in the next callback (`dead`);
 * any other notices that its socket was shut down. One whose response broke off is closed by the library, which then forgets
 * to free it: client.c lets go of it. */
#include "worker/client_private.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "worker/response.h"

enum { INTERIM_MAX = 8 * 1024 }; /* bytes of a 1xx that are relayed */

/* Ending */

void client__shut(struct conn *c, int how)
{
	watch_set(&c->clients->watch, &c->watch, WATCH_NONE, 0);
	shutdown(c->watch.fd, how);
}

static void resume(struct conn *c)
{
	watch_set(&c->clients->watch, &c->watch, c->answered ? WATCH_SEND : WATCH_BODY, client__now_ms(c->clients));
	if (!c->lingers)
		MHD_resume_connection(c->mhd);
	else
		patience_paid(&c->clients->patience);
	c->lingers = false;
	daemon_is_due(c->daemon);
}

void client__kill_parked(struct conn *c)
{
	c->dead = true;
	resume(c);
}

/* What was not sent yet is dropped and the peer gets a reset: a body that ends with the connection cannot be taken for whole.
 * Not by SO_LINGER: that waits for the close, which is the library's. Unix sockets know no reset. */
static void reset_now(const struct conn *c)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	connect(c->watch.fd, &nowhere, sizeof(nowhere)); /* tcp(7): dissolves the connection */
}

static uint64_t body_bytes_sent(const struct conn *c, const struct answer *a, bool whole)
{
	if (!a || a->bodyless)
		return 0;
	if (a->kind == ANSWER_STREAM)
		return c->sent;
	return whole ? (uint64_t)a->length : 0;
}

void client__end_request(struct conn *c, bool whole)
{
	if (!c->req)
		return;
	uint64_t sent = body_bytes_sent(c, req_answer_bare(c->req), whole);
	if (!whole && !c->broken)
		req_gone(c->req);
	req_free(&c->req, sent, whole);
}

/* Where the library takes no response any more: written to the socket, best effort. */
static void send_refusal(const struct conn *c, const char *status)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
	(void)!send(c->watch.fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void go_on_early(struct conn *c)
{
	do {
		c->woken = false;
		c->gathering = true;
		early_go_on(&c->early, c->req, c->watch.fd);
		c->gathering = false;
	} while (c->early.state == EARLY_GATHERING && c->woken);
	if (c->early.state == EARLY_GATHERING)
		return;
	c->broken = c->early.state == EARLY_BROKEN;
	if (c->broken)
		reset_now(c);
	c->sent = c->early.body;
	client__end_request(c, !c->broken);
	c->dead = c->body_whole || c->broken;
	if (c->watch.kind == WATCH_PARKED)
		resume(c);
	/* Its bytes are read on, or the system would throw the answer away with a reset (RFC 9112 9.6). */
	watch_set(&c->clients->watch, &c->watch, WATCH_LINGER, client__now_ms(c->clients));
}

/* The client does not come to the end of its body. */
static void answer_early(struct conn *c)
{
	early_begin(&c->early, c->req);
	watch_set(&c->clients->watch, &c->watch, WATCH_BODY, client__now_ms(c->clients));
	if (c->early.state == EARLY_GATHERING)
		go_on_early(c);
}

void client__on_late(void *ctx, struct watch_item *item)
{
	struct conn *c = CONTAINER_OF(item, struct conn, watch);
	switch (item->kind) {
	case WATCH_PARKED:
		client__kill_parked(c);
		return;
	case WATCH_SEND:
		reset_now(c);
		break;
	case WATCH_ANSWER:
		answer_early(c);
		return;
	case WATCH_HEAD:
	case WATCH_BODY:
		/* Not to a connection that never began a request: nobody asked (RFC 9110 15.5.9). */
		if (c->target.p && !c->answered)
			send_refusal(c, "408 Request Timeout");
		break;
	default:
		break;
	}
	client__shut(c, SHUT_RDWR);
}

/* Answering */

static void park(struct conn *c)
{
	watch_set(&c->clients->watch, &c->watch, WATCH_PARKED, client__now_ms(c->clients));
	MHD_suspend_connection(c->mhd);
}

/* The library wants bytes of a streamed body. */
static ssize_t on_content(void *cls, uint64_t position, char *p, size_t max)
{
	struct conn *c = cls;
	while (!c->dead) {
		c->woken = false;
		int64_t n = req_read(c->req, p, max);
		if (n > 0) {
			c->sent += (uint64_t)n;
			return (ssize_t)n;
		}
		if (n == ERR_EOF)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (n < 0) {
			c->broken = true;
			break;
		}
		if (!c->woken) {
			park(c); /* returning 0 without that would spin */
			return 0;
		}
	}
	const struct answer *a = req_answer_bare(c->req);
	if (req_message(c->req)->minor == 0 && a->length < 0)
		reset_now(c);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* One that is kept, or one that is made for this answer; *is_own: to be destroyed when it is queued. `room` for its head. */
static struct MHD_Response *response_for(struct conn *c, size_t room, bool *is_own)
{
	struct clients *clients = c->clients;
	size_t size = 0;
	struct MHD_Response *r = clients->draining ? NULL : kept_find(clients->kept, req_answer_bare(c->req), &size);
	*is_own = false;
	if (r && size <= room) {
		if (response_is_split(req_answer_bare(c->req)))
			cork_put(&c->cork, c->watch.fd);
		return r;
	}
	const struct answer *a = req_answer(c->req);
	size = response_head_size(a);
	if (size > room) {
		log_warning("client", "a response's head of %zu bytes does not fit; raise [server] max_header", size);
		req_too_large(c->req);
		a = req_answer(c->req);
		size = room;
	}
	if (response_is_split(a))
		cork_put(&c->cork, c->watch.fd);
	r = response_make(a, a->close || clients->draining, room - size, on_content, c);
	*is_own = r && (clients->draining || !kept_put(clients->kept, a, r, size));
	return r;
}

static enum MHD_Result queue(struct conn *c)
{
	const union MHD_ConnectionInfo *head = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t room = response_head_room(c->clients->pool, head->header_size, &req_message(c->req)->headers);
	bool is_own;
	struct MHD_Response *r = response_for(c, room, &is_own);
	if (!r)
		return MHD_NO;
	int status = req_answer_bare(c->req)->status;
	c->answered = true;
	watch_set(&c->clients->watch, &c->watch, WATCH_SEND, client__now_ms(c->clients));
	enum MHD_Result result = MHD_queue_response(c->mhd, (unsigned)status, r);
	if (is_own)
		MHD_destroy_response(r);
	if (result != MHD_YES)
		log_error("client", "libmicrohttpd refuses a response of status %d", status);
	return result;
}

/* Parks it until there is an answer. */
static void wait_for_answer(struct conn *c)
{
	struct clients *clients = c->clients;
	bool lingers = c->lingers;
	c->lingers = patience_lasts(&clients->patience, c->turns);
	c->turns += c->lingers;
	if (lingers && !c->lingers)
		patience_ended(&clients->patience);
	if (!c->lingers)
		park(c);
	else if (!lingers)
		watch_set(&clients->watch, &c->watch, WATCH_PARKED, client__now_ms(clients));
}

static enum MHD_Result answer(struct conn *c)
{
	for (;;) {
		c->woken = false;
		if (req_answer_bare(c->req))
			return queue(c);
		if (!c->woken) {
			wait_for_answer(c);
			return MHD_YES;
		}
	}
}

/* Asking */

/* The client has sent something, or may begin to. */
static void wait_for_body(struct conn *c)
{
	bool answered = req_answer_bare(c->req) != NULL && c->early.state == EARLY_NONE;
	enum watch_kind kind = answered ? WATCH_ANSWER : WATCH_BODY;
	if (c->watch.kind != kind)
		watch_set(&c->clients->watch, &c->watch, kind, client__now_ms(c->clients));
	else if (kind == WATCH_BODY)
		watch_moved(&c->watch, client__now_ms(c->clients));
}

static enum MHD_Result take_body(struct conn *c, const char *p, size_t *n)
{
	if (!strict_chunk(c->body, p)) {
		send_refusal(c, "400 Bad Request");
		return MHD_NO;
	}
	wait_for_body(c);
	while (*n > 0) {
		c->woken = false;
		size_t taken = req_upload(c->req, p, *n);
		p += taken;
		*n -= taken;
		if (taken == 0 && !c->woken) {
			park(c);
			break;
		}
	}
	return MHD_YES;
}

/* What on_target hid is put back: the request's strings are those of the connection's buffer. */
static void show_query(struct conn *c)
{
	if (!c->query)
		return;
	c->query[0] = '?';
	if (c->query + 1 < c->target.p + c->target.n)
		c->query[1] = c->query_first;
}

static bool waits_for_continue(const struct http_request *m)
{
	return m->has_body && m->minor == 1 && headers_has_token(&m->headers, STR("Expect"), STR("100-continue"));
}

/* The first call: the head is there. A response that is queued in this call closes the connection. */
static enum MHD_Result begin(struct conn *c, const char *method, const char *version)
{
	struct clients *clients = c->clients;
	show_query(c);
	clients->patience.begun++;
	c->req = req_new(clients->env, &c->from, c);
	struct http_request *m = req_message(c->req);
	struct strict_head head = {
	    .mode = clients->strict, .connection = c->mhd, .method = method, .version = version, .target = c->target};
	const char *why = strict_read(&head, req_arena(c->req), m);
	if (why) {
		req_refuse(c->req, MHD_HTTP_BAD_REQUEST, why);
		return queue(c);
	}
	if (m->has_body && m->body_length < 0)
		c->body = strict_body(&head);
	bool there = req_begin(c->req);
	/* Refused before the body was sent: say so instead of 100 (RFC 9110 10.1.1). */
	if (there && waits_for_continue(m))
		return queue(c);
	wait_for_body(c);
	return MHD_YES;
}

enum MHD_Result client__on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_n, void **con_cls)
{
	struct conn *c = *con_cls;
	if (c->dead)
		return MHD_NO;
	if (c->early.state == EARLY_SENT) { /* the rest is swallowed, until the client has read its answer */
		bool more = *upload_n > 0;
		*upload_n = 0;
		return more ? MHD_YES : MHD_NO;
	}
	if (!c->req)
		return begin(c, method, version);
	if (*upload_n > 0)
		return take_body(c, upload, upload_n);
	if (!c->body_whole) {
		c->body_whole = true;
		if (req_message(c->req)->has_body)
			req_upload_end(c->req);
	}
	if (c->early.state == EARLY_GATHERING) {
		park(c);
		return MHD_YES;
	}
	return answer(c);
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The request line was read: the whole raw target, before the library takes it apart. A NUL behind the '?' keeps it from
 * parsing arguments, which it does in quadratic time. The result becomes *con_cls. */
void *client__on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct conn *c = conn_of(connection);
	c->target = str_of(uri);
	size_t mark = str_index(c->target, '?');
	c->query = NULL;
	if (mark < c->target.n) {
		c->query = (char *)(uintptr_t)(uri + mark); /* the library's own, writable buffer */
		c->query_first = c->query[1];
		c->query[1] = '\0';
	}
	watch_set(&c->clients->watch, &c->watch, WATCH_HEAD, client__now_ms(c->clients));
	return c;
}

void client__on_completed(
    void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct conn *c = *con_cls;
	bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK && c->answered && !c->broken && !c->dead;
	bool broke_off = c->answered && (c->broken || c->dead);
	cork_pull(&c->cork, c->watch.fd);
	if (!c->req && c->target.p && code != MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN)
		metrics_inc(
		    c->clients->env->metrics, METRIC_REQUESTS_REFUSED); /* by the library, which answered it itself */
	client__end_request(c, whole);
	c->target = STR_NONE;
	c->query = NULL;
	c->body = NULL;
	c->turns = 0;
	c->woken = c->lingers = c->body_whole = c->answered = c->broken = c->dead = false;
	c->sent = 0;
	early_free(&c->early);
	watch_set(&c->clients->watch, &c->watch, broke_off ? WATCH_BROKEN : WATCH_IDLE, client__now_ms(c->clients));
	*con_cls = NULL;
	/* Its response was queued before the drain began, without Connection: close. */
	if (c->clients->draining)
		client__shut(c, SHUT_RD);
}

void client_resume(struct clients *clients, struct req *r)
{
	struct conn *c = req_owner(r);
	c->woken = true;
	if (c->early.state == EARLY_GATHERING && !c->gathering)
		go_on_early(c);
	else if (!c->gathering && c->watch.kind == WATCH_PARKED)
		resume(c);
	else if (c->watch.kind == WATCH_BODY)
		wait_for_body(c);
}

void client_interim(struct clients *clients, struct req *r, int status, const struct headers *h)
{
	struct conn *c = req_owner(r);
	/* RFC 9110 15.2: never to HTTP/1.0. */
	if (c->answered || c->dead || req_message(r)->minor == 0)
		return;
	struct buf out;
	buf_init(&out, INTERIM_MAX);
	if (response_write_interim(&out, status, h) == ERR_OK) {
		ssize_t n = send(c->watch.fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0 && (size_t)n < out.n) /* the rest would arrive behind the response */
			shutdown(c->watch.fd, SHUT_RDWR);
	}
	buf_free(&out);
}
