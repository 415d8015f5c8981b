/* Connections by libcurl, see connect.h. The only file that includes curl.h.
 *
 * An attempt is an easy handle with CURLOPT_CONNECT_ONLY in a multi, and the multi is driven by the loop: libcurl says
 * which sockets to poll (on_curl_socket) and when to come back (on_curl_timer), the loop tells it (curl_multi_socket_action), and finished
 * attempts are collected (collect).
 *
 *   plain, unix: the descriptor is taken from libcurl (its wish to close it is ignored) and the handle is freed.
 *   TLS: the handle keeps the session, so it stays in its multi as long as the connection lives. libcurl looks for a
 *        handle's connection among all of its multi at every read and write, so a multi takes at most TLS_HANDLES.
 *
 * A multi reads a CA file once and keeps the certificates; connector_reload therefore retires the multis: they serve
 * the connections that they have, take no more, and are freed when empty.
 *
 * OpenSSL wants a write that would have blocked repeated with the very same bytes. So what is sent over TLS is
 * copied first, and what is blocked stays in that copy until it is out (link_flushing).
 *
 * Not here: HTTP (no byte of it is libcurl's), pooling, deadlines other than that of the connect. */
#include "worker/connect.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

enum {
	TLS_HANDLES = 64,
	TLS_RECORD = 16384,    /* curl_easy_recv and _send take no more at once */
	FAILURE_LOG_MS = 1000, /* at most one line about failed connects in this time */
};

struct multi {
	struct multi *next;
	struct connector *c;
	CURLM *curl;
	uv_timer_t timer;
	unsigned handles;
	bool retired;
};

struct connector {
	uv_loop_t *loop;
	struct multi *plain;
	struct multi *tls; /* newest first */
	uint64_t logged_ms;
};

struct connecting {
	struct multi *multi;
	CURL *easy;
	struct connect_event event;
	char *where; /* the URL as configured, for the log */
	bool tls, is_unix;
	int taken_fd;
	char error[CURL_ERROR_SIZE];
};

struct tls {
	struct multi *multi;
	CURL *easy;
	size_t blocked; /* bytes of `out` that have to be sent again as they are */
	char out[TLS_RECORD];
};

/* What libcurl polls; freed when the loop has let go of it. */
struct polled {
	uv_poll_t poll;
	struct multi *multi;
	curl_socket_t fd;
};

static const struct link no_link = {-1, NULL};

static void collect(struct multi *m);

static void on_polled_closed(uv_handle_t *h)
{
	free(CONTAINER_OF((uv_poll_t *)h, struct polled, poll));
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct polled *s = CONTAINER_OF(h, struct polled, poll);
	struct multi *m = s->multi;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;
	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	int running;
	curl_multi_socket_action(m->curl, s->fd, flags, &running);
	collect(m);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *multi, void *polled)
{
	struct multi *m = multi;
	struct polled *s = polled;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			uv_close((uv_handle_t *)&s->poll, on_polled_closed);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (!s) {
		s = mem_zalloc(sizeof(*s));
		s->multi = m;
		s->fd = fd;
		if (uv_poll_init(m->timer.loop, &s->poll, fd) != 0) {
			free(s);
			return -1;
		}
		curl_multi_assign(m->curl, fd, s);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&s->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timer(uv_timer_t *h)
{
	struct multi *m = CONTAINER_OF(h, struct multi, timer);
	int running;
	curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(m);
}

static int on_curl_timer(CURLM *curl, long after_ms, void *multi)
{
	struct multi *m = multi;
	if (after_ms < 0)
		uv_timer_stop(&m->timer);
	else
		uv_timer_start(&m->timer, on_timer, (uint64_t)after_ms, 0);
	return 0;
}

static struct multi *multi_new(struct connector *c)
{
	struct multi *m = mem_zalloc(sizeof(*m));
	m->c = c;
	uv_timer_init(c->loop, &m->timer);
	m->curl = curl_multi_init();
	if (!m->curl)
		mem_exhausted();
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	/* Its own cache must never close a connection to make room: they are all ours. */
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)1 << 20);
	return m;
}

static void on_multi_closed(uv_handle_t *h)
{
	free(CONTAINER_OF((uv_timer_t *)h, struct multi, timer));
}

static void multi_free(struct multi *m)
{
	assert(m->handles == 0);
	curl_multi_cleanup(m->curl);
	uv_close((uv_handle_t *)&m->timer, on_multi_closed);
}

/* Not at once: the multi may be working further up the stack. */
static void on_reap(uv_timer_t *h)
{
	multi_free(CONTAINER_OF(h, struct multi, timer));
}

static void multi_leave(struct multi *m)
{
	assert(m->handles > 0);
	m->handles--;
	if (m->handles == 0 && m->retired)
		uv_timer_start(&m->timer, on_reap, 0, 0);
}

static struct multi *multi_for(struct connector *c, bool tls)
{
	if (!tls)
		return c->plain;
	for (struct multi *m = c->tls; m; m = m->next)
		if (m->handles < TLS_HANDLES)
			return m;
	struct multi *m = multi_new(c);
	m->next = c->tls;
	c->tls = m;
	return m;
}

/* --- one attempt --- */

static int err_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
		return ERR_RESOLVE;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_PEER_FAILED_VERIFICATION:
		return ERR_TLS;
	default:
		return ERR_CONNECT;
	}
}

static const char *why_of(CURLcode code, int err)
{
	switch (err) {
	case ERR_RESOLVE:
		return "the upstream's name cannot be resolved";
	case ERR_TIMEOUT:
		return "no connection to the upstream within connect_timeout";
	case ERR_TLS:
		return code == CURLE_PEER_FAILED_VERIFICATION ? "the upstream's certificate is not trusted"
							      : "the TLS handshake with the upstream failed";
	default:
		return "no connection to the upstream";
	}
}

/* The details come from libcurl and may quote the peer's certificate. */
static void log_failure(struct connector *c, struct connecting *a, CURLcode code)
{
	uint64_t now = uv_now(c->loop);
	if (c->logged_ms && now - c->logged_ms < FAILURE_LOG_MS)
		return;
	c->logged_ms = now;
	for (char *p = a->error; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	/* Of a unix socket they would tell the URL that only libcurl sees. */
	bool details = a->error[0] && !a->is_unix;
	log_warning("upstream", "connect to %s: %s", a->where, details ? a->error : curl_easy_strerror(code));
}

/* libcurl closes what failed; the descriptor that was taken is ours. */
static int on_curl_close(void *attempt, curl_socket_t fd)
{
	struct connecting *a = attempt;
	return fd == a->taken_fd ? 0 : close(fd);
}

static void attempt_free(struct connecting *a)
{
	if (a->easy) {
		curl_multi_remove_handle(a->multi->curl, a->easy);
		curl_easy_cleanup(a->easy);
		multi_leave(a->multi);
	}
	free(a->where);
	free(a);
}

static void finish(struct connecting *a, CURLcode code)
{
	struct link link = no_link;
	curl_socket_t fd = CURL_SOCKET_BAD;
	if (code == CURLE_OK)
		code = curl_easy_getinfo(a->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (code == CURLE_OK && fd == CURL_SOCKET_BAD)
		code = CURLE_COULDNT_CONNECT;
	if (code != CURLE_OK) {
		log_failure(a->multi->c, a, code);
	} else if (a->tls) {
		link.fd = fd;
		link.tls = mem_alloc(sizeof(*link.tls));
		link.tls->multi = a->multi;
		link.tls->easy = a->easy;
		link.tls->blocked = 0;
		curl_easy_setopt(a->easy, CURLOPT_ERRORBUFFER, NULL);
		a->easy = NULL;
	} else {
		link.fd = a->taken_fd = fd;
	}
	int err = err_of(code);
	struct connect_event event = a->event;
	attempt_free(a);
	event.done(event.ctx, link, err, err ? why_of(code, err) : NULL);
}

static void collect(struct multi *m)
{
	CURLMsg *msg;
	int left;
	while ((msg = curl_multi_info_read(m->curl, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		char *attempt;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &attempt);
		finish((struct connecting *)(void *)attempt, code);
	}
}

static void set_address(CURL *easy, const struct url *url)
{
	struct buf b;
	buf_init(&b, url->scheme.n + url->host.n + 64); /* fits always */
	if (str_eq(url->scheme, STR("unix"))) {
		buf_addf(&b, "%.*s", STR_ARG(url->host));
		buf_addc(&b, '\0');
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, b.p);
		curl_easy_setopt(easy, CURLOPT_URL, "http://localhost/");
	} else {
		bool v6 = str_index(url->host, ':') < url->host.n;
		buf_addf(&b, "%.*s://%s%.*s%s:%u/", STR_ARG(url->scheme), v6 ? "[" : "", STR_ARG(url->host),
		    v6 ? "]" : "", (unsigned)url->port);
		buf_addc(&b, '\0');
		curl_easy_setopt(easy, CURLOPT_URL, b.p);
	}
	buf_free(&b);
}

static void set_tls(CURL *easy, const struct conf_upstream *upstream)
{
	/* One file, no directory: with the default directory libcurl reads the whole bundle for every connection,
	 * because only a file's certificates are kept (27 ms and half a megabyte each). */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	if (upstream->tls_ca.n > 0) {
		char *file = mem_dup(upstream->tls_ca.p, upstream->tls_ca.n);
		curl_easy_setopt(easy, CURLOPT_CAINFO, file);
		free(file);
	}
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, upstream->tls_verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, upstream->tls_verify ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
}

struct connecting *connect_start(struct connector *c, const struct conf_upstream *upstream, struct connect_event event)
{
	struct connecting *a = mem_zalloc(sizeof(*a));
	a->tls = str_eq(upstream->url.scheme, STR("https"));
	a->is_unix = str_eq(upstream->url.scheme, STR("unix"));
	a->where = mem_dup(upstream->url_text.p, upstream->url_text.n);
	a->multi = multi_for(c, a->tls);
	a->event = event;
	a->taken_fd = -1;
	CURL *easy = a->easy = curl_easy_init();
	if (!easy)
		mem_exhausted();
	curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)a);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none from the environment either */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	/* libcurl closes connections that it believes idle for long; ours only look so. */
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 0x7fffffffL);
	/* A name that is being resolved would hold the loop in the end of its attempt: leave the thread behind instead. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	/* libcurl itself must know it: it divides the time between the addresses of a name. */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)upstream->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->error);
	set_address(easy, &upstream->url);
	if (a->tls) {
		set_tls(easy, upstream);
	} else {
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_curl_close);
		curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, a);
	}
	a->multi->handles++;
	curl_multi_add_handle(a->multi->curl, easy);
	return a;
}

void connect_cancel(struct connecting **attempt)
{
	attempt_free(*attempt);
	*attempt = NULL;
}

/* --- links --- */

/* libcurl takes any end of the stream for a proper one. A body that ends with the connection would then be complete when somebody
 * cuts the wire: RFC 9112 9.8 asks for the closure alert. */
static bool is_closed_in_order(struct tls *t)
{
	struct curl_tlssessioninfo *info = NULL;
	if (curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info || !info->internals)
		return false;
	return SSL_get_shutdown(info->internals) & SSL_RECEIVED_SHUTDOWN;
}

static int64_t tls_recv(struct tls *t, char *p, size_t n)
{
	size_t got = 0;
	CURLcode code = curl_easy_recv(t->easy, p, n < TLS_RECORD ? n : TLS_RECORD, &got);
	if (code == CURLE_AGAIN)
		return ERR_AGAIN;
	if (code != CURLE_OK || (got == 0 && !is_closed_in_order(t)))
		return ERR_RESET;
	return (int64_t)got;
}

/* Sends what is in `out`: 0, ERR_AGAIN or ERR_RESET. */
static int tls_flush(struct tls *t)
{
	while (t->blocked > 0) {
		size_t sent = 0;
		CURLcode code = curl_easy_send(t->easy, t->out, t->blocked, &sent);
		if (code == CURLE_AGAIN || (code == CURLE_OK && sent == 0))
			return ERR_AGAIN;
		if (code != CURLE_OK)
			return ERR_RESET;
		t->blocked -= sent;
		memmove(t->out, t->out + sent, t->blocked);
	}
	return ERR_OK;
}

static int64_t tls_send(struct tls *t, const struct iovec *parts, int n_parts)
{
	int r = tls_flush(t);
	if (r)
		return r;
	size_t n = 0;
	for (int i = 0; i < n_parts; i++) {
		size_t room = sizeof(t->out) - n;
		size_t m = parts[i].iov_len < room ? parts[i].iov_len : room;
		if (m > 0)
			memcpy(t->out + n, parts[i].iov_base, m);
		n += m;
	}
	t->blocked = n;
	r = tls_flush(t);
	return r == ERR_RESET ? r : (int64_t)n;
}

int64_t link_recv(struct link *l, char *p, size_t n)
{
	if (l->tls)
		return tls_recv(l->tls, p, n);
	ssize_t got;
	do
		got = recv(l->fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_RESET;
}

int64_t link_send(struct link *l, const struct iovec *parts, int n_parts)
{
	if (l->tls)
		return tls_send(l->tls, parts, n_parts);
	if (n_parts == 0)
		return 0;
	struct msghdr msg = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)n_parts};
	ssize_t sent;
	do
		sent = sendmsg(l->fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EWOULDBLOCK ? ERR_AGAIN : ERR_RESET;
}

bool link_flushing(const struct link *l)
{
	return l->tls && l->tls->blocked > 0;
}

void link_close(struct link *l)
{
	if (l->tls) {
		curl_multi_remove_handle(l->tls->multi->curl, l->tls->easy);
		curl_easy_cleanup(l->tls->easy);
		multi_leave(l->tls->multi);
		free(l->tls);
	} else if (l->fd >= 0) {
		close(l->fd);
	}
	*l = no_link;
}

/* --- the connector --- */

static void prepare_libcurl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		mem_exhausted();
}

struct connector *connector_new(uv_loop_t *loop)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, prepare_libcurl);
	struct connector *c = mem_zalloc(sizeof(*c));
	c->loop = loop;
	c->plain = multi_new(c);
	return c;
}

void connector_reload(struct connector *c)
{
	for (struct multi *m = c->tls, *next; m; m = next) {
		next = m->next;
		m->retired = true;
		if (m->handles == 0)
			uv_timer_start(&m->timer, on_reap, 0, 0);
	}
	c->tls = NULL;
}

void connector_free(struct connector **c)
{
	if (!*c)
		return;
	for (struct multi *m = (*c)->tls, *next; m; m = next) {
		next = m->next;
		multi_free(m);
	}
	multi_free((*c)->plain);
	free(*c);
	*c = NULL;
}
