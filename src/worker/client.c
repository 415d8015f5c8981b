/* libmicrohttpd in external-epoll mode (daemons.c), over connections that accept.c hands in. What happens to a request on one
 * is in client_request.c.
 *
 *   accepted -> [HEAD] -> a request -> [SEND] -> [IDLE] -> a request ...                  in brackets: what watch.c waits for
 *
 * The library calls back only from inside MHD_run, which the loop runs once a turn, after all events of that turn. */
#include "worker/client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "worker/client_private.h"

enum { TICK_MS = 500 }; /* by default */

static void on_tick(uv_timer_t *timer)
{
	struct clients *c = timer->data;
	kept_sweep(c->kept);
	watch_sweep(&c->watch, &c->env->conf->server, c->tick_ms, client__now_ms(c), client__on_late, c);
}

/* The library would decode %XX in place; the origin and the key need the raw form. */
static size_t keep_escaped(void *cls, struct MHD_Connection *connection, char *s)
{
	return strlen(s);
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
	client__end_request(c, false);
	early_free(&c->early);
	acceptor_left(clients->acceptor);
	daemon_left(c->daemon);
	clients->open--;
	metrics_add(metrics, METRIC_CONNECTIONS_OPEN, -1);
	free(c);
}

/* Each connection is named: inet_ntop would do it with printf. */
static void name_ipv4(const unsigned char *bytes, char *to)
{
	for (unsigned i = 0; i < 4; i++) {
		to = str_put_u64(to, bytes[i]);
		*to++ = i < 3 ? '.' : '\0';
	}
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
	if (bytes && family == AF_INET)
		name_ipv4(bytes, c->address_text);
	else if (!bytes || !inet_ntop(family, bytes, c->address_text, sizeof(c->address_text)))
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
	watch_set(&clients->watch, &c->watch, WATCH_HEAD, client__now_ms(clients));
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

/* MHD_USE_TURBO: a new connection is read at once, and registered with epoll only if it is waited for, which one that carries a
 * single request never is (listen.c shows us those that have sent something); and there is no shutdown right before a close. */
static struct MHD_Daemon *make_daemon(void *ctx)
{
	struct clients *c = ctx;
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0,
	    NULL, NULL, client__on_request, c, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->pool, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)INT_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 0u, MHD_OPTION_NOTIFY_CONNECTION, on_connection, c,
	    MHD_OPTION_NOTIFY_COMPLETED, client__on_completed, c, MHD_OPTION_URI_LOG_CALLBACK, client__on_target, c,
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
	c->kept = kept_new(o->env->tier ? o->env->tier->budget : NULL);
	c->daemons = daemons_new(o->loop, &daemons_events, c);
	if (!c->daemons) {
		log_error("client", "libmicrohttpd does not start");
		kept_free(&c->kept);
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

void clients_conf_changed(struct clients *c)
{
	kept_clear(c->kept);
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
		client__shut(c, SHUT_RD);
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
	client__kill_parked(CONTAINER_OF(item, struct conn, watch));
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
	kept_free(&c->kept);
	uv_close((uv_handle_t *)&c->tick, on_tick_closed);
	*clients = NULL;
}
