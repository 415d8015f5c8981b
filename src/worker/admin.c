/* Carries the admin interface over HTTP with a libmicrohttpd daemon and its one thread.
 *
 *   on_uri (raw target kept) -> on_request: head -> form, bounded -> whole: guard, parameters, page -> answer -> on_completed
 *
 * Everything below runs on that thread, so nothing here is locked. Connections are few and bounded; when they run out the one
 * that has been silent or trickling longest makes room, so that nobody can lock the operator out by holding them open.
 *
 * Not done here: who may ask (admin/guard.c) and what is answered (admin/admin.c). */
#include "worker/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "worker/listen.h"

enum {
	CONNECTIONS_MAX = 64,
	CONNECTIONS_SPARE = 8, /* from here on the oldest is cut for each new one */
	TIMEOUT_S = 10,
	CONNECTION_MEMORY = 32 << 10,
	UNIX_MODE = 0600
};

struct peer {
	struct peer *next, *prev; /* oldest first */
	int fd;
	bool cut;
};

struct admin_server {
	struct MHD_Daemon *daemon;
	struct admin_env env;
	struct conf_addr listen; /* its text lies behind */
	char address[LISTEN_TEXT_MAX];
	struct str address_text;
	struct peer peers; /* head of the ring */
	unsigned n_peers;
};

/* One request. */
struct exchange {
	struct arena arena;
	struct str target; /* raw */
	struct buf form;
	bool begun;
};

/* ---- connections ---- */

static void unlink_peer(struct peer *p)
{
	p->next->prev = p->prev;
	p->prev->next = p->next;
}

static void append_peer(struct admin_server *s, struct peer *p)
{
	p->prev = s->peers.prev;
	p->next = &s->peers;
	p->prev->next = p;
	s->peers.prev = p;
}

static void cut_oldest(struct admin_server *s)
{
	for (struct peer *p = s->peers.next; p != &s->peers; p = p->next) {
		if (p->cut)
			continue;
		p->cut = true;
		shutdown(p->fd, SHUT_RDWR); /* the daemon sees its end and closes it */
		return;
	}
}

static void on_connection(
    void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode code)
{
	struct admin_server *s = ctx;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		struct peer *p = *slot;
		unlink_peer(p);
		s->n_peers--;
		free(p);
		return;
	}
	if (s->n_peers >= CONNECTIONS_MAX - CONNECTIONS_SPARE)
		cut_oldest(s);
	struct peer *p = mem_zalloc(sizeof(*p));
	p->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	append_peer(s, p);
	s->n_peers++;
	*slot = p;
}

/* ---- requests ---- */

/* Comes before anything is parsed. The target is copied, and what follows its '?' is hidden from the library, which would
 * parse the arguments in time that grows with the square of their number. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = mem_zalloc(sizeof(*x));
	arena_init(&x->arena, 0);
	buf_init(&x->form, ADMIN_FORM_MAX);
	x->target = arena_str(&x->arena, str_of(uri));
	size_t query = str_index(x->target, '?');
	if (query < x->target.n)
		((char *)uri)[query + 1] = '\0';
	return x;
}

static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *s)
{
	return strlen(s);
}

static void on_completed(
    void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
	struct admin_server *s = ctx;
	struct exchange *x = *slot;
	if (!x)
		return;
	*slot = NULL;
	buf_free(&x->form);
	arena_free(&x->arena);
	free(x);
	/* It has shown good manners: now it is the youngest. */
	struct peer *p = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	unlink_peer(p);
	append_peer(s, p);
}

static enum MHD_Result queue_answer(struct MHD_Connection *connection, struct admin_answer *answer)
{
	struct buf *body = &answer->body;
	struct MHD_Response *response = body->p
					    ? MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE)
					    : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!response) {
		buf_free(body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", answer->content_type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (answer->allow)
		MHD_add_response_header(response, "Allow", answer->allow);
	if (answer->authenticate)
		MHD_add_response_header(response, "WWW-Authenticate", answer->authenticate);
	enum MHD_Result result = MHD_queue_response(connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static struct str field(struct MHD_Connection *connection, const char *name)
{
	return str_of(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

/* curl -d and HTML forms say so; what says nothing means it. */
static bool is_form(struct str content_type)
{
	struct str type = str_trim(str_take(content_type, str_index(content_type, ';')));
	return type.n == 0 || str_eq_nocase(type, STR("application/x-www-form-urlencoded"));
}

/* Query and form, decoded. False with the answer made. */
static bool read_params(struct MHD_Connection *connection, struct exchange *x, struct str query,
    struct admin_request *request, struct admin_param params[ADMIN_PARAMS_MAX], struct admin_answer *answer)
{
	struct str form = str_eq(request->method, STR("POST")) ? buf_str(&x->form) : STR_NONE;
	if (x->form.overflow) {
		admin_refuse(answer, 413, STR("The form is larger than 64 KB."));
		return false;
	}
	if (form.n && !is_form(field(connection, "Content-Type"))) {
		admin_refuse(answer, 415, STR("Parameters come in the query or as application/x-www-form-urlencoded."));
		return false;
	}
	int err = ERR_OK;
	if (query.n)
		err = admin_params_read(query, &x->arena, params, ADMIN_PARAMS_MAX, &request->n_params);
	if (!err && form.n)
		err = admin_params_read(form, &x->arena, params, ADMIN_PARAMS_MAX, &request->n_params);
	if (err)
		admin_refuse(answer, 400,
		    err == ERR_TOO_LARGE
			? STR("There are too many parameters.")
			: STR("The parameters are not well encoded: % is followed by two hex digits."));
	return err == ERR_OK;
}

static void make_answer(struct admin_server *s, struct MHD_Connection *connection, const char *method,
    struct exchange *x, struct admin_answer *answer)
{
	struct admin_param params[ADMIN_PARAMS_MAX];
	struct str path, query;
	target_split(x->target, &path, &query);
	struct admin_request request = {.method = str_of(method),
	    .path = path,
	    .params = params,
	    .authorization = field(connection, MHD_HTTP_HEADER_AUTHORIZATION),
	    .host = field(connection, MHD_HTTP_HEADER_HOST),
	    .origin = field(connection, "Origin"),
	    .fetch_site = field(connection, "Sec-Fetch-Site"),
	    .accept = field(connection, "Accept"),
	    .now_ms = clock_wall_ms()};
	struct conf *conf = s->env.conf(s->env.ctx);
	struct admin_guard guard = {.token = conf->admin.token,
	    .listen = s->listen.text,
	    .is_unix = s->listen.is_unix,
	    .is_loopback = s->listen.is_loopback};
	bool admitted = admin_guard(&guard, &request, answer);
	conf_release(&conf);
	if (admitted && read_params(connection, x, query, &request, params, answer))
		admin_handle(&s->env, &request, answer);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *n_data, void **slot)
{
	struct exchange *x = *slot;
	if (!x->begun) { /* the head; the library wants the answer in a later call */
		x->begun = true;
		return MHD_YES;
	}
	if (*n_data) {
		buf_add(&x->form, str_make(data, *n_data)); /* beyond its maximum the bytes are thrown away */
		*n_data = 0;
		return MHD_YES;
	}
	struct admin_answer answer = {.status = 500, .content_type = "text/plain"};
	buf_init(&answer.body, ADMIN_BODY_MAX);
	make_answer(ctx, connection, method, x, &answer);
	return queue_answer(connection, &answer);
}

/* ---- start and stop ---- */

/* Signals are for the main thread: the daemon's is born with all of them blocked. */
static struct MHD_Daemon *start_daemon(struct admin_server *s, int fd)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* poll, since select ends at descriptor 1023 and the workers have many */
	struct MHD_Daemon *daemon =
	    MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, on_request, s,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s, MHD_OPTION_UNESCAPE_CALLBACK,
		keep_escapes, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return daemon;
}

int admin_server_start(const struct conf_admin *conf, const struct admin_env *env, struct admin_server **out)
{
	*out = NULL;
	if (!conf->enabled)
		return ERR_OK;
	if (!conf->listen.is_loopback && !conf->listen.is_unix && !conf->token.n)
		return ERR_DENIED;
	int fd;
	if (listen_open(&conf->listen, false, UNIX_MODE, &fd) != ERR_OK)
		return ERR_IO;
	/* The settings that the address came from may go with a reload. */
	struct admin_server *s = mem_zalloc(sizeof(*s));
	s->env = *env;
	s->peers.next = s->peers.prev = &s->peers;
	s->listen = conf->listen;
	s->listen.text = str_make(mem_dup(conf->listen.text.p, conf->listen.text.n), conf->listen.text.n);
	s->address_text = listen_text(&s->listen, fd, s->address);
	s->daemon = start_daemon(s, fd);
	if (!s->daemon) {
		close(fd);
		listen_remove(&s->listen);
		free((char *)s->listen.text.p);
		free(s);
		errno = ENOMEM; /* all that it can want for: a thread, memory */
		return ERR_IO;
	}
	*out = s;
	return ERR_OK;
}

void admin_server_stop(struct admin_server **server)
{
	struct admin_server *s = *server;
	if (!s)
		return;
	*server = NULL;
	MHD_stop_daemon(s->daemon); /* closes the listening socket too */
	listen_remove(&s->listen);
	free((char *)s->listen.text.p);
	free(s);
}

struct str admin_server_address(const struct admin_server *s)
{
	return s->address_text;
}
