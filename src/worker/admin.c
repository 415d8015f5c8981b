/* Carries the admin interface over HTTP with a libmicrohttpd daemon and its one thread.
 *
 *   on_uri (raw target kept) -> on_request: head -> admit: guard -> body, bounded -> dispatch: parameters, page -> answer -> on_completed
 *                                                                                   | a page that may wait for tiers (its lane)
 *                     the connection is suspended -> [QUEUED] -> a thread of the lane: run -> resumed -> on_request: answer
 *                                                       ^-- [WAITS] for a lease of another client <-'
 *
 * Everything but what stands in the lanes runs on that thread, so nothing is locked: an exchange belongs to the thread until it is
 * parked, then to its job, and again to the thread when that has resumed the connection (the library's lock is between them).
 *
 * Connections are few and bounded; when they run out the one that has been silent or trickling longest makes room, so that nobody can
 * lock the operator out by holding them open. Parked ones, which the library does not look at, cannot: of them there are fewer, for what the
 * lanes and the leases take is bounded. Bodies under way are bounded as a whole.
 *
 * Not done here: who may ask (admin/guard.c) and what is answered (admin/admin.c). */
#include "worker/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "tier/io_pool.h"
#include "worker/listen.h"

enum {
	CONNECTIONS_MAX = 512,
	CONNECTIONS_SPARE = 8, /* from here on the oldest is cut for each new one */
	PAGES_THREADS = 4,
	PAGES_QUEUE = 128,
	VALUES_THREADS = 8,
	VALUES_QUEUE = 128,	   /* with their threads and LEASE_WAITERS_MAX all that can be parked */
	VALUES_PATIENCE_MS = 5000, /* who has waited so long for a thread is refused */
	BODIES_MAX = 128 << 20,	   /* bytes, of all requests together */
	TIMEOUT_S = 10,
	CONNECTION_MEMORY = 32 << 10,
	UNIX_MODE = 0600
};

struct peer {
	struct list link; /* in admin_server.peers */
	int fd;
	bool cut, parked;
};

struct admin_server {
	struct MHD_Daemon *daemon;
	struct io_pool *lanes[ADMIN_VALUES + 1]; /* of ADMIN_HERE: none */
	atomic_bool stopping;			 /* what still waits in the lanes is refused */
	size_t bodies;				 /* bytes in all exchanges */
	struct admin_env env;
	struct conf_addr listen; /* its text lies behind */
	char address[LISTEN_TEXT_MAX];
	struct str address_text;
	struct list peers; /* oldest first */
	unsigned n_peers;
};

/* One request. */
struct exchange {
	struct admin_server *server;
	struct MHD_Connection *connection;
	struct arena arena;
	struct str target; /* raw */
	struct buf body;
	bool begun, refused, crowded, parked, answered;
	struct admin_request request;
	struct admin_param params[ADMIN_PARAMS_MAX];
	struct admin_answer answer;
	/* in a lane */
	struct io_job job;
	struct io_pool *lane;
	int64_t queued_ms; /* 0: it is not to hurry */
	struct lease_waiter waiter;
	atomic_uint turns; /* it goes on when both have come: the end of run, and wake */
};

/* ---- connections ---- */

static void cut_oldest(struct admin_server *s)
{
	LIST_EACH (struct peer, p, &s->peers, link) {
		if (p->cut || p->parked)
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
		list_remove(&p->link);
		s->n_peers--;
		free(p);
		return;
	}
	if (s->n_peers >= CONNECTIONS_MAX - CONNECTIONS_SPARE)
		cut_oldest(s);
	struct peer *p = mem_zalloc(sizeof(*p));
	p->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	list_add_last(&s->peers, &p->link);
	s->n_peers++;
	*slot = p;
}

/* ---- requests ---- */

/* Comes before anything is parsed. The target is copied, and what follows its '?' is hidden from the library, which would
 * parse the arguments in time that grows with the square of their number. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = mem_zalloc(sizeof(*x));
	x->server = ctx;
	x->connection = connection;
	arena_init(&x->arena, 0);
	buf_init(&x->answer.body, ADMIN_BODY_MAX);
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

static struct peer *peer_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void on_completed(
    void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
	struct admin_server *s = ctx;
	struct exchange *x = *slot;
	if (!x)
		return;
	*slot = NULL;
	s->bodies -= x->body.n;
	buf_free(&x->body);
	buf_free(&x->answer.body);
	arena_free(&x->arena);
	free(x);
	/* It has shown good manners: now it is the youngest. */
	struct peer *p = peer_of(connection);
	list_remove(&p->link);
	list_add_last(&s->peers, &p->link);
}

static void add_fields(struct MHD_Response *response, const struct admin_answer *answer)
{
	if (answer->status != MHD_HTTP_NO_CONTENT)
		MHD_add_response_header(response, "Content-Type", answer->content_type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (answer->allow)
		MHD_add_response_header(response, "Allow", answer->allow);
	if (answer->authenticate)
		MHD_add_response_header(response, "WWW-Authenticate", answer->authenticate);
	if (answer->lease[0])
		MHD_add_response_header(response, "Larder-Lease", answer->lease);
	if (answer->is_stale) {
		char seconds[24];
		snprintf(seconds, sizeof(seconds), "%lld", (long long)answer->stale_s);
		MHD_add_response_header(response, "Larder-Stale", seconds);
	}
}

static enum MHD_Result queue_answer(struct MHD_Connection *connection, struct admin_answer *answer)
{
	struct buf *body = &answer->body;
	struct MHD_Response *response = body->p
					    ? MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_FREE)
					    : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	*body = (struct buf){.p = NULL}; /* the library frees it */
	add_fields(response, answer);
	enum MHD_Result result = MHD_queue_response(connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* A copy: the library's lies in the connection, and others look at it meanwhile. */
static struct str field(struct MHD_Connection *connection, struct arena *a, const char *name)
{
	struct str value = str_of(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
	return value.p ? arena_str(a, value) : value;
}

/* curl -d and HTML forms say so; what says nothing means it. */
static bool is_form(struct str content_type)
{
	struct str type = str_trim(str_take(content_type, str_index(content_type, ';')));
	return type.n == 0 || str_eq_nocase(type, STR("application/x-www-form-urlencoded"));
}

/* Query and form, decoded. False with the answer made. */
static bool read_params(struct exchange *x)
{
	struct admin_request *r = &x->request;
	bool is_put = str_eq(r->method, STR("PUT"));
	struct str path, query, form = str_eq(r->method, STR("POST")) ? buf_str(&x->body) : STR_NONE;
	target_split(x->target, &path, &query);
	if (x->body.overflow || x->crowded) {
		admin_refuse(&x->answer, x->crowded ? 503 : 413,
		    x->crowded ? STR("Too many bodies are under way.")
		    : is_put   ? STR("The value is larger than 16 MB.")
			       : STR("The form is larger than 64 KB."));
		return false;
	}
	if (form.n && !is_form(r->content_type)) {
		admin_refuse(
		    &x->answer, 415, STR("Parameters come in the query or as application/x-www-form-urlencoded."));
		return false;
	}
	int err = ERR_OK;
	if (query.n)
		err = admin_params_read(query, &x->arena, x->params, ADMIN_PARAMS_MAX, &r->n_params);
	if (!err && form.n)
		err = admin_params_read(form, &x->arena, x->params, ADMIN_PARAMS_MAX, &r->n_params);
	if (err)
		admin_refuse(&x->answer, 400,
		    err == ERR_TOO_LARGE
			? STR("There are too many parameters.")
			: STR("The parameters are not well encoded: % is followed by two hex digits."));
	return err == ERR_OK;
}

/* The head is there. What is refused now is not read any further. */
static void admit(struct admin_server *s, struct exchange *x, const char *method)
{
	struct MHD_Connection *c = x->connection;
	struct str path, query;
	target_split(x->target, &path, &query);
	x->request = (struct admin_request){.method = arena_str(&x->arena, str_of(method)),
	    .path = path,
	    .params = x->params,
	    .authorization = field(c, &x->arena, MHD_HTTP_HEADER_AUTHORIZATION),
	    .host = field(c, &x->arena, MHD_HTTP_HEADER_HOST),
	    .origin = field(c, &x->arena, "Origin"),
	    .fetch_site = field(c, &x->arena, "Sec-Fetch-Site"),
	    .accept = field(c, &x->arena, "Accept"),
	    .content_type = field(c, &x->arena, "Content-Type"),
	    .lease = field(c, &x->arena, "Larder-Lease"),
	    .waiter = &x->waiter};
	buf_init(&x->body, str_eq(x->request.method, STR("PUT")) ? ADMIN_BODY_MAX : ADMIN_FORM_MAX);
	struct conf *conf = s->env.conf(s->env.ctx);
	struct admin_guard guard = {.token = conf->admin.token,
	    .listen = s->listen.text,
	    .is_unix = s->listen.is_unix,
	    .is_loopback = s->listen.is_loopback};
	x->refused = !admin_guard(&guard, &x->request, &x->answer);
	conf_release(&conf);
}

static void take_body(struct admin_server *s, struct exchange *x, struct str piece)
{
	if (x->refused || x->crowded)
		return;
	if (s->bodies + piece.n > BODIES_MAX) {
		x->crowded = true;
		return;
	}
	size_t before = x->body.n;
	buf_add(&x->body, piece); /* beyond its maximum the bytes are thrown away */
	s->bodies += x->body.n - before;
}

/* ---- lanes ---- */

/* The thread takes it back. */
static void resume(struct exchange *x)
{
	x->answered = true;
	MHD_resume_connection(x->connection); /* from here on it may be gone */
}

/* On a thread of the lane. */
static void run(struct io_job *job)
{
	struct exchange *x = CONTAINER_OF(job, struct exchange, job);
	struct admin_answer *answer = &x->answer;
	bool late = x->queued_ms > 0 && clock_mono_us() / 1000 - x->queued_ms > VALUES_PATIENCE_MS;
	if (late || atomic_load(&x->server->stopping)) {
		admin_refuse(answer, 503,
		    late ? STR("The place of the values is too slow for what is asked of it.") : STR("Larder ends."));
		resume(x);
		return;
	}
	atomic_store(&x->turns, 0);
	answer->waits = false;
	admin_handle(&x->server->env, &x->request, answer);
	if (!answer->waits)
		resume(x);
	else if (atomic_fetch_add(&x->turns, 1) == 1)
		io_pool_add_always(x->lane, &x->job);
}

/* On the thread of whoever ended the lease. */
static void wake(struct lease_waiter *w)
{
	struct exchange *x = CONTAINER_OF(w, struct exchange, waiter);
	x->queued_ms = 0;
	if (atomic_fetch_add(&x->turns, 1) == 1)
		io_pool_add_always(x->lane, &x->job);
}

/* Suspended first: the job may be done before this returns. */
static void park(struct exchange *x, enum admin_lane lane)
{
	x->parked = peer_of(x->connection)->parked = true;
	x->lane = x->server->lanes[lane];
	x->queued_ms = lane == ADMIN_VALUES ? clock_mono_us() / 1000 : 0;
	x->waiter.wake = wake;
	x->job.fn = run;
	x->job.bytes = x->body.n;
	MHD_suspend_connection(x->connection);
	if (io_pool_add(x->lane, &x->job) == ERR_OK)
		return;
	admin_refuse(&x->answer, 503, STR("Too many requests are waiting."));
	resume(x);
}

/* True: the answer is made. */
static bool dispatch(struct admin_server *s, struct exchange *x)
{
	if (x->refused || !read_params(x))
		return true;
	struct admin_request *r = &x->request;
	r->now_ms = clock_wall_ms();
	r->body = buf_str(&x->body);
	enum admin_lane lane = admin_lane_of(r->method, r->path);
	if (lane != ADMIN_HERE) {
		park(x, lane);
		return false;
	}
	admin_handle(&s->env, r, &x->answer);
	return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *data, size_t *n_data, void **slot)
{
	struct admin_server *s = ctx;
	struct exchange *x = *slot;
	if (!x->begun) { /* the head; the library wants the answer in a later call */
		x->begun = true;
		admit(s, x, method);
		return MHD_YES;
	}
	if (*n_data) {
		take_body(s, x, str_make(data, *n_data));
		*n_data = 0;
		return MHD_YES;
	}
	if (!x->parked && !dispatch(s, x))
		return MHD_YES;
	peer_of(connection)->parked = false;
	return queue_answer(connection, &x->answer);
}

/* ---- start and stop ---- */

static struct MHD_Daemon *start_daemon(struct admin_server *s, int fd)
{
	/* poll, since select ends at descriptor 1023 and the workers have many */
	return MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
	    NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
}

static void free_server(struct admin_server *s)
{
	for (unsigned i = 0; i < COUNT_OF(s->lanes); i++)
		io_pool_close(&s->lanes[i]);
	listen_remove(&s->listen);
	free((char *)s->listen.text.p);
	free(s);
}

/* Signals are for the main thread: these are born with all of them blocked. */
static int start_threads(struct admin_server *s, int fd)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = io_pool_new(PAGES_THREADS, PAGES_QUEUE, SIZE_MAX, &s->lanes[ADMIN_PAGES]);
	if (!err)
		err = io_pool_new(VALUES_THREADS, VALUES_QUEUE, SIZE_MAX, &s->lanes[ADMIN_VALUES]);
	if (!err && s->env.values)
		err = leases_start(s->env.values->leases);
	if (!err) {
		s->daemon = start_daemon(s, fd);
		err = s->daemon ? ERR_OK : ERR_IO;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
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
	list_init(&s->peers);
	s->listen = conf->listen;
	s->listen.text = str_make(mem_dup(conf->listen.text.p, conf->listen.text.n), conf->listen.text.n);
	s->address_text = listen_text(&s->listen, fd, s->address);
	if (start_threads(s, fd) != ERR_OK) {
		if (env->values)
			leases_stop(env->values->leases);
		close(fd);
		free_server(s);
		errno = ENOMEM; /* all that it can want for: a thread, memory */
		return ERR_IO;
	}
	*out = s;
	return ERR_OK;
}

/* The library must not be stopped with suspended connections. Who waits for a lease is woken first; then the lanes end what they
 * are at, refuse what waits in them, and take nothing any more. */
void admin_server_stop(struct admin_server **server)
{
	struct admin_server *s = *server;
	if (!s)
		return;
	*server = NULL;
	atomic_store(&s->stopping, true);
	if (s->env.values)
		leases_stop(s->env.values->leases);
	for (unsigned i = ADMIN_HERE + 1; i < COUNT_OF(s->lanes); i++)
		io_pool_stop(s->lanes[i]);
	MHD_stop_daemon(s->daemon); /* closes the listening socket too */
	free_server(s);
}

struct str admin_server_address(const struct admin_server *s)
{
	return s->address_text;
}
