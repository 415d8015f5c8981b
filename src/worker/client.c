/* libmicrohttpd in external-epoll mode (daemons.c), over connections that accept.c hands in.
 *
 *   accepted -> [HEAD] -> on_target -> on_request (first call: strict.c, req_begin) -> (again, with the body) ->
 *   (last: the answer is queued, or the connection is parked until client_resume) -> [SEND] on_content -> on_completed ->
 *   [IDLE] -> on_target ...                                  in brackets: what watch.c waits for
 *
 * The library calls back only from inside MHD_run, which the loop runs once a turn, after all events of that turn.
 *
 * A parked connection is suspended in the library: it is not polled, so watch.c looks whether its client is still there.
 * Whether something has come is always asked right before parking, on the one thread, so no wake is lost; one that comes
 * from inside the question itself sets `woken`.
 *
 * The library has no call to close a connection. A parked one is resumed and refused in the next callback (`dead`);
 * any other notices that its socket was shut down. One whose response broke off is closed by the library, which then forgets
 * to free it: let_go. */
#include "worker/client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "worker/accept.h"
#include "worker/cork.h"
#include "worker/daemons.h"
#include "worker/early.h"
#include "worker/patience.h"
#include "worker/response.h"
#include "worker/strict.h"
#include "worker/watch.h"

enum {
	TICK_MS = 500,		/* by default */
	INTERIM_MAX = 8 * 1024, /* bytes of a 1xx that are relayed */
};

struct conn {
	struct watch_item watch; /* with the descriptor */
	struct clients *clients;
	struct daemon *daemon;
	struct MHD_Connection *mhd;
	struct sockaddr_storage address;
	char address_text[INET6_ADDRSTRLEN];
	struct req_client from;

	/* of the request; cleared after it */
	struct req *req;
	struct str target; /* raw; p is NULL until the request line was read */
	char *query;	   /* the '?' in it, hidden from the library meanwhile */
	char query_first;  /* the byte after it */
	const char *body;  /* where it begins in the library's buffer, when it is chunked */
	bool woken;	   /* client_resume came while it was not parked */
	bool lingers;	   /* it is parked without being suspended */
	unsigned turns;	   /* that it did so */
	bool body_whole;
	bool answered; /* the response is queued */
	bool broken;   /* the response's body ended with an error */
	bool dead;     /* the client left or was cut: the next callback ends it */
	uint64_t sent; /* bytes of a streamed body */
	struct early early;
	bool gathering; /* its body is being asked for */
	struct cork cork;
};

struct clients {
	uv_loop_t *loop;
	struct req_env *env;
	struct acceptor *acceptor;
	struct daemons *daemons;
	struct watch watch;
	enum strict_mode strict;
	size_t pool;	       /* bytes that the library has for the heads of a connection */
	struct conn *arriving; /* during MHD_add_connection */
	unsigned open;
	unsigned tick_ms;
	struct patience patience;
	bool draining;
	uv_timer_t tick;
};

static int64_t now_ms(const struct clients *c)
{
	return (int64_t)uv_now(c->loop);
}

/* Ending */

static void shut(struct conn *c, int how)
{
	watch_set(&c->clients->watch, &c->watch, WATCH_NONE, 0);
	shutdown(c->watch.fd, how);
}

static void resume(struct conn *c)
{
	watch_set(&c->clients->watch, &c->watch, c->answered ? WATCH_SEND : WATCH_BODY, now_ms(c->clients));
	if (!c->lingers)
		MHD_resume_connection(c->mhd);
	else
		patience_paid(&c->clients->patience);
	c->lingers = false;
	daemon_is_due(c->daemon);
}

static void kill_parked(struct conn *c)
{
	c->dead = true;
	resume(c);
}

/* What was not sent yet is dropped and the peer gets a reset: a body that ends with the connection cannot be taken for whole.
 * Not by SO_LINGER: the library sends a FIN before it closes. Unix sockets know no reset. */
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

static void end_request(struct conn *c, bool whole)
{
	if (!c->req)
		return;
	uint64_t sent = body_bytes_sent(c, req_answer(c->req), whole);
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
	end_request(c, !c->broken);
	c->dead = c->body_whole || c->broken;
	if (c->watch.kind == WATCH_PARKED)
		resume(c);
	/* Its bytes are read on, or the system would throw the answer away with a reset (RFC 9112 9.6). */
	watch_set(&c->clients->watch, &c->watch, WATCH_LINGER, now_ms(c->clients));
}

/* The client does not come to the end of its body. */
static void answer_early(struct conn *c)
{
	early_begin(&c->early, c->req);
	watch_set(&c->clients->watch, &c->watch, WATCH_BODY, now_ms(c->clients));
	if (c->early.state == EARLY_GATHERING)
		go_on_early(c);
}

static void on_late(void *ctx, struct watch_item *item)
{
	struct conn *c = CONTAINER_OF(item, struct conn, watch);
	switch (item->kind) {
	case WATCH_PARKED:
		kill_parked(c);
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
	shut(c, SHUT_RDWR);
}

static void on_tick(uv_timer_t *timer)
{
	struct clients *c = timer->data;
	watch_sweep(&c->watch, &c->env->conf->server, c->tick_ms, now_ms(c), on_late, c);
}

/* Answering */

static void park(struct conn *c)
{
	watch_set(&c->clients->watch, &c->watch, WATCH_PARKED, now_ms(c->clients));
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
	const struct answer *a = req_answer(c->req);
	if (req_message(c->req)->minor == 0 && a->length < 0)
		reset_now(c);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static enum MHD_Result queue(struct conn *c, const struct answer *a)
{
	const union MHD_ConnectionInfo *head = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t room = response_head_room(c->clients->pool, head->header_size, &req_message(c->req)->headers);
	size_t size = response_head_size(a);
	if (size > room) {
		log_warning("client", "a response's head of %zu bytes does not fit; raise [server] max_header", size);
		req_too_large(c->req);
		a = req_answer(c->req);
		size = room;
	}
	if (response_is_split(a))
		cork_put(&c->cork, c->watch.fd);
	struct MHD_Response *r = response_make(a, a->close || c->clients->draining, room - size, on_content, c);
	if (!r)
		return MHD_NO;
	c->answered = true;
	watch_set(&c->clients->watch, &c->watch, WATCH_SEND, now_ms(c->clients));
	enum MHD_Result result = MHD_queue_response(c->mhd, (unsigned)a->status, r);
	MHD_destroy_response(r);
	if (result != MHD_YES)
		log_error("client", "libmicrohttpd refuses a response of status %d", a->status);
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
		watch_set(&clients->watch, &c->watch, WATCH_PARKED, now_ms(clients));
}

static enum MHD_Result answer(struct conn *c)
{
	for (;;) {
		c->woken = false;
		const struct answer *a = req_answer(c->req);
		if (a)
			return queue(c, a);
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
	bool answered = req_answer(c->req) != NULL && c->early.state == EARLY_NONE;
	enum watch_kind kind = answered ? WATCH_ANSWER : WATCH_BODY;
	if (c->watch.kind != kind)
		watch_set(&c->clients->watch, &c->watch, kind, now_ms(c->clients));
	else if (kind == WATCH_BODY)
		watch_moved(&c->watch, now_ms(c->clients));
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
		return queue(c, req_answer(c->req));
	}
	if (m->has_body && m->body_length < 0)
		c->body = strict_body(&head);
	bool there = req_begin(c->req);
	/* Refused before the body was sent: say so instead of 100 (RFC 9110 10.1.1). */
	if (there && waits_for_continue(m))
		return queue(c, req_answer(c->req));
	wait_for_body(c);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
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
static void *on_target(void *cls, const char *uri, struct MHD_Connection *connection)
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
	watch_set(&c->clients->watch, &c->watch, WATCH_HEAD, now_ms(c->clients));
	return c;
}

/* The library would decode %XX in place; the origin and the key need the raw form. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *s)
{
	return strlen(s);
}

static void on_completed(
    void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct conn *c = *con_cls;
	bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK && c->answered && !c->broken && !c->dead;
	bool broke_off = c->answered && (c->broken || c->dead);
	cork_pull(&c->cork, c->watch.fd);
	if (!c->req && c->target.p && code != MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN)
		metrics_inc(
		    c->clients->env->metrics, METRIC_REQUESTS_REFUSED); /* by the library, which answered it itself */
	end_request(c, whole);
	c->target = STR_NONE;
	c->query = NULL;
	c->body = NULL;
	c->woken = c->lingers = c->body_whole = c->answered = c->broken = c->dead = false;
	c->turns = 0;
	c->sent = 0;
	early_free(&c->early);
	watch_set(&c->clients->watch, &c->watch, broke_off ? WATCH_BROKEN : WATCH_IDLE, now_ms(c->clients));
	*con_cls = NULL;
	/* Its response was queued before the drain began, without Connection: close. */
	if (c->clients->draining)
		shut(c, SHUT_RD);
}

/* Connections */

static void on_connection(
    void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct clients *clients = cls;
	struct metrics_worker *metrics = clients->env->metrics;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct conn *c = clients->arriving;
		clients->arriving = NULL;
		c->mhd = connection;
		*context = c;
		clients->open++;
		metrics_add(metrics, METRIC_CONNECTIONS_OPEN, 1);
		return;
	}
	struct conn *c = *context;
	watch_set(&clients->watch, &c->watch, WATCH_NONE, 0);
	end_request(c, false);
	early_free(&c->early);
	acceptor_left(clients->acceptor);
	daemon_left(c->daemon);
	clients->open--;
	metrics_add(metrics, METRIC_CONNECTIONS_OPEN, -1);
	free(c);
}

static void name_address(struct conn *c)
{
	const void *bytes = NULL;
	int family = c->address.ss_family;
	if (family == AF_INET) {
		bytes = &((const struct sockaddr_in *)&c->address)->sin_addr;
	} else if (family == AF_INET6) {
		const struct in6_addr *six = &((const struct sockaddr_in6 *)&c->address)->sin6_addr;
		bytes = six;
		if (IN6_IS_ADDR_V4MAPPED(six)) {
			family = AF_INET;
			bytes = &six->s6_addr[12];
		}
	}
	if (!bytes || !inet_ntop(family, bytes, c->address_text, sizeof(c->address_text)))
		memcpy(c->address_text, "unix", sizeof("unix"));
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *address, socklen_t n, struct str local_text)
{
	struct clients *clients = ctx;
	struct conn *c = mem_zalloc(sizeof(*c));
	c->clients = clients;
	c->address = *address;
	c->watch.fd = fd;
	c->watch.is_tcp = address->ss_family != AF_UNIX;
	name_address(c);
	c->from = (struct req_client){.address = (const struct sockaddr *)&c->address,
	    .address_text = str_of(c->address_text),
	    .local_text = local_text};
	clients->arriving = c;
	struct daemon *daemon = c->daemon = daemon_join(clients->daemons);
	enum MHD_Result result = MHD_add_connection(daemon_mhd(daemon), fd, c->from.address, n);
	daemon_is_due(daemon);
	if (clients->arriving) { /* never became a connection; the library has closed the descriptor */
		clients->arriving = NULL;
		daemon_left(daemon);
		free(c);
		acceptor_left(clients->acceptor);
		metrics_inc(clients->env->metrics, METRIC_CONNECTIONS_REFUSED);
		return;
	}
	if (result != MHD_YES)
		return;
	metrics_inc(clients->env->metrics, METRIC_CONNECTIONS);
	watch_set(&clients->watch, &c->watch, WATCH_HEAD, now_ms(clients));
}

static void on_refused(void *ctx)
{
	struct clients *c = ctx;
	metrics_inc(c->env->metrics, METRIC_CONNECTIONS_REFUSED);
}

static unsigned connection_limit(void *ctx)
{
	const struct clients *c = ctx;
	return c->env->conf->server.max_connections;
}

static const struct accept_events accept_events = {on_accepted, on_refused, connection_limit};

/* The loop */

/* When on_content reports an error, the library closes the connection and drops it from the list of those it looks at again
 * (connection.c, MHD_CONNECTION_*_BODY_UNREADY), so it is freed only should it happen to be the oldest of all. To be
 * suspended and resumed puts it back into that list. */
static void let_go(void *ctx, struct watch_item *item)
{
	struct clients *clients = ctx;
	struct conn *c = CONTAINER_OF(item, struct conn, watch);
	watch_set(&clients->watch, item, WATCH_NONE, 0);
	MHD_suspend_connection(c->mhd);
	MHD_resume_connection(c->mhd);
	daemon_is_due(c->daemon);
}

static void on_ran(void *ctx)
{
	struct clients *c = ctx;
	patience_turn(&c->patience);
	watch_each(&c->watch, WATCH_BROKEN, let_go, c);
}

static void on_tick_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct MHD_Daemon *make_daemon(void *ctx)
{
	struct clients *c = ctx;
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
	    on_request, c, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->pool, MHD_OPTION_CONNECTION_LIMIT, (unsigned)INT_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION, on_connection, c,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, c, MHD_OPTION_URI_LOG_CALLBACK, on_target, c,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, c, MHD_OPTION_STRICT_FOR_CLIENT,
	    c->strict == STRICT_LIBRARY ? 1 : 0, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static const struct daemons_events daemons_events = {make_daemon, on_ran};

/* Public */

int clients_new(const struct clients_options *o, struct clients **out)
{
	enum strict_mode strict = strict_probe(MHD_get_version());
	if (strict == STRICT_UNSUPPORTED) {
		log_error("client", "libmicrohttpd %s: the checks on requests were made for 0.9.75 to 0.9.77 and 1.x",
		    MHD_get_version());
		return ERR_IO;
	}
	struct clients *c = mem_zalloc(sizeof(*c));
	*c = (struct clients){.loop = o->loop,
	    .env = o->env,
	    .strict = strict,
	    .patience = patience_new(),
	    .pool = o->env->conf->server.max_header,
	    .tick_ms = o->tick_ms ? o->tick_ms : TICK_MS};
	watch_init(&c->watch);
	c->daemons = daemons_new(o->loop, &daemons_events, c);
	if (!c->daemons) {
		log_error("client", "libmicrohttpd does not start");
		free(c);
		return ERR_IO;
	}
	c->acceptor = acceptor_new(o->loop, o->connections, &accept_events, c);
	uv_timer_init(c->loop, &c->tick);
	c->tick.data = c;
	uv_timer_start(&c->tick, on_tick, c->tick_ms, c->tick_ms);
	*out = c;
	return ERR_OK;
}

int clients_listen(struct clients *c, int fd, struct str local_text)
{
	return acceptor_listen(c->acceptor, fd, local_text);
}

void clients_stop_listening(struct clients *c)
{
	acceptor_stop(c->acceptor);
}

/* Only the reading side: a request that has arrived but was not read yet is still answered. */
static void drain_one(void *ctx, struct watch_item *item)
{
	struct conn *c = CONTAINER_OF(item, struct conn, watch);
	if (!c->target.p)
		shut(c, SHUT_RD);
}

void clients_drain(struct clients *c)
{
	c->draining = true;
	watch_each(&c->watch, WATCH_HEAD, drain_one, c);
	watch_each(&c->watch, WATCH_IDLE, drain_one, c);
}

unsigned clients_open(const struct clients *c)
{
	return c->open;
}

static void kill_one(void *ctx, struct watch_item *item)
{
	kill_parked(CONTAINER_OF(item, struct conn, watch));
}

void clients_free(struct clients **clients)
{
	struct clients *c = *clients;
	if (!c)
		return;
	acceptor_stop(c->acceptor);
	/* The library must not be stopped with suspended connections. */
	watch_each(&c->watch, WATCH_PARKED, kill_one, c);
	daemons_free(&c->daemons);
	assert(c->open == 0);
	acceptor_free(&c->acceptor);
	watch_free(&c->watch);
	uv_close((uv_handle_t *)&c->tick, on_tick_closed);
	*clients = NULL;
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
