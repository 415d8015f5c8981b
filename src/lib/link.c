/* A socket that does not block, and poll, so that a deadline holds for a whole exchange. hiredis is not for here: it ends the process when it has
 * no memory (0.14), and writes to a broken connection with write, which raises SIGPIPE in the host program. */
#include "lib/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lib/resp.h"

enum { FIRST_READ = 16 * 1024, PATIENCE_MS = 1000 };

/* LARDER_OK: it is ready, or broken, which the next call on it tells. */
static int await(int fd, short events, int64_t deadline_us)
{
	for (;;) {
		int64_t left = deadline_us - clock_mono_us();
		if (left <= 0)
			return lib_fail(LARDER_TIMEOUT, "Redis did not answer in time");
		int64_t ms = left / 1000 + 1;
		struct pollfd p = {.fd = fd, .events = events};
		int n = poll(&p, 1, ms < PATIENCE_MS ? (int)ms : PATIENCE_MS);
		if (n > 0)
			return LARDER_OK;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return lib_fail(errno == ENOMEM ? LARDER_NO_MEMORY : LARDER_CONNECT, "poll: errno %d", errno);
	}
}

/* --- connecting --- */

static int no_connection(const char *where, int error)
{
	char reason[96];
	return lib_fail(error == ENOMEM || error == ENOBUFS ? LARDER_NO_MEMORY : LARDER_CONNECT,
	    "cannot connect to Redis at %.107s: %s", where, strerror_r(error, reason, sizeof(reason)));
}

static int connect_to(const struct sockaddr *address, socklen_t n, const char *where, int64_t deadline_us, int *out)
{
	int error = 0, one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(error);
	if (fd < 0)
		return no_connection(where, errno);
	int status = LARDER_OK;
	if (connect(fd, address, n) < 0)
		error = errno;
	if (error == EINPROGRESS || error == EINTR) {
		status = await(fd, POLLOUT, deadline_us);
		if (status == LARDER_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			error = errno;
	}
	if (status == LARDER_OK && error != 0)
		status = no_connection(where, error);
	if (status != LARDER_OK) {
		close(fd);
		return status;
	}
	if (address->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*out = fd;
	return LARDER_OK;
}

static int connect_unix(const char *path, int64_t deadline_us, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	if (n >= sizeof(address.sun_path))
		return lib_fail(LARDER_INVALID, "the path of the socket is too long");
	memcpy(address.sun_path, path, n);
	return connect_to((struct sockaddr *)&address, sizeof(address), path, deadline_us, fd);
}

static int connect_host(const char *host, unsigned port, int64_t deadline_us, int *fd)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char digits[16], where[300];
	snprintf(digits, sizeof(digits), "%u", port);
	snprintf(where, sizeof(where), "%.253s:%u", host, port);
	int failed = getaddrinfo(host, digits, &hints, &list);
	if (failed == EAI_MEMORY)
		return lib_no_memory();
	if (failed != 0)
		return lib_fail(LARDER_CONNECT, "cannot find %.107s: %s", where, gai_strerror(failed));
	int status = LARDER_CONNECT;
	for (struct addrinfo *a = list; a && status == LARDER_CONNECT; a = a->ai_next)
		status = connect_to(a->ai_addr, a->ai_addrlen, where, deadline_us, fd);
	freeaddrinfo(list);
	return status;
}

/* --- exchanges --- */

static int lost(int error)
{
	char reason[96];
	if (error == 0)
		return lib_fail(LARDER_CONNECT, "Redis closed the connection");
	return lib_fail(
	    LARDER_CONNECT, "the connection to Redis was lost: %s", strerror_r(error, reason, sizeof(reason)));
}

/* Of errno. */
static int broken(const struct link *l)
{
	return errno == EPROTO && l->tls ? lib_fail(LARDER_CONNECT, "TLS with Redis: %s", tls_why(l->tls))
					 : lost(errno);
}

/* Behind it TLS has nothing left to send. */
static int send_all(struct link *l, const char *p, size_t n, int64_t deadline_us)
{
	while (n > 0 || (l->tls && tls_events(l->tls))) {
		const struct iovec rest = {(void *)(uintptr_t)p, n};
		ssize_t sent = l->tls ? tls_write(l->tls, &rest, 1) : send(l->fd, p, n, MSG_NOSIGNAL);
		if (sent >= 0) {
			p += sent;
			n -= (size_t)sent;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return broken(l);
		int status = errno == EAGAIN ? await(l->fd, POLLOUT, deadline_us) : LARDER_OK;
		if (status != LARDER_OK)
			return status;
	}
	return LARDER_OK;
}

/* Double what there is, or what is known to come if that is more. */
static int make_room(struct text *in, size_t *cap, size_t wanted)
{
	if (wanted <= *cap)
		return LARDER_OK;
	size_t size = *cap > 0 ? *cap * 2 : FIRST_READ;
	if (size < wanted)
		size = wanted;
	char *p = alloc_try_resize(in->p, size + 1);
	if (!p)
		return lib_no_memory();
	in->p = p;
	*cap = size;
	return LARDER_OK;
}

/* So many replies and nothing behind them: what was asked is all that can be answered. */
static int receive(struct link *l, size_t n_replies, int64_t deadline_us, struct text *in)
{
	size_t cap = 0, whole = 0, wanted = 0;
	for (;;) {
		int err = resp_length(str_make(in->p + whole, in->n - whole), &wanted);
		wanted += whole;
		if (err == ERR_OK && --n_replies > 0) {
			whole = wanted;
			continue;
		}
		if (err == ERR_OK && wanted == in->n) {
			in->p[in->n] = '\0';
			return LARDER_OK;
		}
		if (err != ERR_AGAIN)
			return lib_fail(LARDER_CONNECT, "what answers does not speak the protocol of Redis");
		int status = make_room(in, &cap, wanted);
		if (status != LARDER_OK)
			return status;
		char *to = in->p + in->n;
		ssize_t got = l->tls ? tls_read(l->tls, to, cap - in->n) : recv(l->fd, to, cap - in->n, 0);
		if (got > 0)
			in->n += (size_t)got;
		else if (got == 0)
			return lost(0);
		else if (errno == EAGAIN)
			status = await(l->fd, POLLIN, deadline_us);
		else if (errno != EINTR)
			return broken(l);
		if (status != LARDER_OK)
			return status;
	}
}

int link_ask(struct link *l, const struct link_command *commands, size_t n, int64_t deadline_us, struct text *out)
{
	size_t size = 0;
	*out = (struct text){.p = NULL};
	for (size_t i = 0; i < n; i++)
		size += resp_command_size(commands[i].words, commands[i].n);
	char *all = alloc_try(size), *end = all;
	if (!all)
		return lib_no_memory();
	for (size_t i = 0; i < n; i++)
		end = resp_command(commands[i].words, commands[i].n, end);
	int status = send_all(l, all, size, deadline_us);
	free(all);
	if (status == LARDER_OK)
		status = receive(l, n, deadline_us, out);
	if (status != LARDER_OK) {
		free(out->p);
		*out = (struct text){.p = NULL};
	}
	return status;
}

int link_refused(struct str error)
{
	static const struct {
		struct str word;
		int status;
	} words[] = {
	    {STR("NOAUTH"), LARDER_DENIED},
	    {STR("WRONGPASS"), LARDER_DENIED},
	    {STR("NOPERM"), LARDER_DENIED},
	    {STR("ERR invalid password"), LARDER_DENIED},
	    {STR("ERR AUTH"), LARDER_DENIED},
	    {STR("ERR Client sent AUTH"), LARDER_DENIED},
	    {STR("NOTINT"), LARDER_NOT_INTEGER},
	};
	int status = LARDER_SERVER;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_starts(error, words[i].word))
			status = words[i].status;
	}
	if (status == LARDER_NOT_INTEGER)
		return lib_fail(status, "%s", larder_strerror(status));
	return lib_fail(status, "Redis: %.*s", STR_ARG(str_take(error, 180)));
}

static int expect_ok(struct link *l, const struct str *words, size_t n, int64_t deadline_us)
{
	const struct link_command command = {words, n};
	struct text reply;
	struct resp item;
	int status = link_ask(l, &command, 1, deadline_us, &reply);
	if (status != LARDER_OK)
		return status;
	struct str rest = str_make(reply.p, reply.n);
	if (!resp_next(&rest, &item) || item.kind == RESP_ERROR)
		status = link_refused(item.text);
	free(reply.p);
	return status;
}

static int log_in(struct link *l, const struct link_login *login, int64_t deadline_us)
{
	char digits[16];
	int status = LARDER_OK;
	if (login->password.p) {
		const struct str words[] = {
		    STR("AUTH"), login->user.p ? login->user : login->password, login->password};
		status = expect_ok(l, words, login->user.p ? 3 : 2, deadline_us);
	}
	if (status == LARDER_OK && login->db != 0) {
		snprintf(digits, sizeof(digits), "%u", login->db);
		const struct str words[] = {STR("SELECT"), str_of(digits)};
		status = expect_ok(l, words, COUNT_OF(words), deadline_us);
	}
	return status;
}

static int secure(struct link *l, struct tls_context *context, const char *host, int64_t deadline_us)
{
	l->tls = tls_new(context, l->fd, host);
	if (!l->tls)
		return lib_no_memory();
	for (;;) {
		int err = tls_handshake(l->tls);
		if (err == ERR_OK)
			return LARDER_OK;
		if (err != ERR_AGAIN)
			return lib_fail(LARDER_CONNECT, "TLS with Redis at %.107s: %s", host, tls_why(l->tls));
		int status = await(l->fd, tls_events(l->tls), deadline_us);
		if (status == LARDER_TIMEOUT)
			return lib_fail(status, "Redis at %.107s: no TLS in time: is it a port for TLS?", host);
		if (status != LARDER_OK)
			return status;
	}
}

int link_open(const char *host, unsigned port, const char *path, const struct link_login *login, int64_t deadline_us,
    struct link **out)
{
	struct link *l = alloc_try_zero(sizeof(*l));
	*out = NULL;
	if (!l)
		return lib_no_memory();
	l->pid = getpid();
	int status = *host ? connect_host(host, port, deadline_us, &l->fd) : connect_unix(path, deadline_us, &l->fd);
	if (status != LARDER_OK) {
		free(l);
		return status;
	}
	if (login->tls)
		status = secure(l, login->tls, host, deadline_us);
	if (status == LARDER_OK)
		status = log_in(l, login, deadline_us);
	if (status == LARDER_OK)
		*out = l;
	else
		link_drop(&l);
	return status;
}

void link_drop(struct link **l)
{
	if (*l) {
		tls_free(&(*l)->tls);
		close((*l)->fd);
		free(*l);
	}
	*l = NULL;
}

bool link_is_good(const struct link *l)
{
	char byte;
	return l->pid == getpid() && recv(l->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}
