/* The connection to one server, from its name to its answers, on a non-blocking socket of our own. hiredis' reader takes the answers
 * apart; its connections are not used, since they know no deadline.
 *
 *   DOWN -> RESOLVING -> CONNECTING (one address after the other) -> SECURING (rediss://) -> GREETING -> READY
 *     ^         |             |                                          |                      |          |
 *     +---------+-------------+-------- node_fail, backoff --------------+----------------------+----------+
 *
 * What was sent stands in one queue in the order of the answers to come; each op has its bytes, and `unsent` is the first of which not
 * all are written. An op is written as a whole or not at all: one that nobody waits for any more is taken back as long as no byte of it
 * has left. A server that owes answers and is silent for as long as the engine's timeout is given up. */
#include "redis/node.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/engine.h"
#include "redis/tls.h"

enum { MAX_ELEMENTS = 1 << 20, READ_BYTES = 32 * 1024, READ_TURNS = 16, WRITE_OPS = 64 };
/* A connection that lived so long was a good one: the next is tried at once. */
enum { GOOD_US = 1000 * 1000 };

struct node *node_new(struct redis_engine *e, enum node_role role)
{
	struct node *n = mem_zalloc(sizeof(*n));
	list_init(&n->sent);
	n->engine = e;
	n->role = role;
	n->fd = -1;
	n->err = ERR_CONNECT;
	n->backoff_ms = NODE_BACKOFF_MIN_MS;
	n->told_us = -GOOD_US;
	breaker_init(&n->breaker, e->o.breaker_failures, e->o.breaker_ms * 1000);
	return n;
}

void node_place(struct node *n, struct str host, unsigned port)
{
	snprintf(n->host, sizeof(n->host), "%.*s", STR_ARG(str_take(host, sizeof(n->host) - 1)));
	n->port = port;
}

const char *node_name(const struct node *n, char out[NODE_NAME + 16])
{
	if (n->port == 0)
		snprintf(out, NODE_NAME + 16, "%s", n->host);
	else
		snprintf(out, NODE_NAME + 16, strchr(n->host, ':') ? "[%s]:%u" : "%s:%u", n->host, n->port);
	return out;
}

static void drop_connection(struct node *n)
{
	tls_free(&n->tls);
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	n->generation++;
	if (n->reader)
		redisReaderFree(n->reader);
	n->reader = NULL;
	resolve_drop(&n->job);
	n->answer_bytes = 0;
	n->state = NODE_DOWN;
	n->engine->dirty = true;
}

/* Each op is in no queue when the engine is told: it may go to another node, or to this one again. */
static void lose_ops(struct node *n, int err)
{
	struct list lost = LIST_EMPTY(lost);
	list_move_all(&lost, &n->sent);
	n->unsent = NULL;
	for (struct op *op; (op = LIST_FIRST(&lost, struct op, link));) {
		list_remove(&op->link);
		op->node = NULL;
		engine__lost(op, n, err);
	}
}

void node_close(struct node *n)
{
	drop_connection(n);
	lose_ops(n, ERR_CANCELLED);
}

void node_free(struct node **n)
{
	if (!*n)
		return;
	node_close(*n);
	free(*n);
	*n = NULL;
}

/* --- the log: a line when it goes, none for each attempt after that, a line when it is back; one a second at most ------------ */

static bool wants_to_tell_up(const struct node *n)
{
	return n->state == NODE_READY && !n->told_up && n->engine->o.service && n->role != ROLE_SENTINEL &&
	       (n->role != ROLE_CLUSTER || n->engine->cluster.known);
}

void node_tell_up(struct node *n, int64_t now)
{
	char name[NODE_NAME + 16];
	if (!wants_to_tell_up(n) || now - n->told_us < GOOD_US)
		return;
	log_info("redis", "connected to %s", node_name(n, name));
	n->told_up = true;
	n->told_down = false;
	n->told_us = now;
}

bool node_tells_down(struct node *n, int64_t now)
{
	if (!n->engine->o.service || n->told_down || now - n->told_us < GOOD_US)
		return false;
	n->told_down = true;
	n->told_up = false;
	n->told_us = now;
	return true;
}

void node_fail(struct node *n, int err, const char *format, ...)
{
	char name[NODE_NAME + 16], why[ENGINE_ERROR];
	bool was_ready = n->state == NODE_READY;
	int64_t now = clock_mono_us();
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	engine__note(n->engine, "%s: %s", node_name(n, name), why);
	if (n->role != ROLE_SENTINEL && node_tells_down(n, now))
		log_warning("redis", "%s; trying again until it answers", n->engine->error);
	drop_connection(n);
	n->err = err == ERR_DENIED || err == ERR_TLS ? err : ERR_CONNECT;
	if (was_ready && now - n->ready_us >= GOOD_US) {
		n->backoff_ms = NODE_BACKOFF_MIN_MS;
		n->retry_us = now;
	} else {
		n->retry_us = now + n->backoff_ms * 1000;
		n->backoff_ms = n->backoff_ms * 2 < NODE_BACKOFF_MAX_MS ? n->backoff_ms * 2 : NODE_BACKOFF_MAX_MS;
	}
	lose_ops(n, err);
	n->engine->routing->down(n, was_ready, now);
}

/* --- the way to a connection --------------------------------------------------------------------------------------------- */

static int socket_to(const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int one = 1;
	if (address->ss_family != AF_UNIX) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	/* A socket file whose queue is full says EAGAIN and is then not connecting at all. */
	if (connect(fd, (const struct sockaddr *)address, size) < 0 && errno != EINPROGRESS) {
		int err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* The next address, each with its part of the time that is left; false: there is none more. */
static bool try_addresses(struct node *n, int64_t now)
{
	for (; n->address < n->addresses.n; n->address++) {
		if (n->fd >= 0)
			close(n->fd);
		n->fd = socket_to(&n->addresses.v[n->address], n->addresses.size[n->address]);
		n->next_address_us = now + (n->give_up_us - now) / (n->addresses.n - n->address);
		if (n->fd >= 0)
			return true;
		n->connect_errno = errno;
	}
	return false;
}

static void place_socket(struct node *n)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	memcpy(un.sun_path, n->host, strnlen(n->host, sizeof(un.sun_path) - 1));
	memcpy(&n->addresses.v[0], &un, sizeof(un));
	n->addresses.size[0] = sizeof(un);
	n->addresses.n = 1;
}

static void begin_connect(struct node *n, int64_t now)
{
	n->state = NODE_CONNECTING;
	n->address = 0;
	n->next_address_us = now; /* node_tick, or node_connect, tries the first */
}

static bool can_secure(const struct node *n)
{
	return !n->engine->url.tls || n->engine->tls;
}

void node_connect(struct node *n, int64_t now, int64_t timeout_us)
{
	assert(n->state == NODE_DOWN);
	n->give_up_us = now + timeout_us;
	n->engine->dirty = true;
	n->connect_errno = ETIMEDOUT;
	int err = ERR_OK;
	if (n->port == 0)
		place_socket(n);
	else
		err = resolve_start(n->host, n->port, n->engine->event_fd, &n->addresses, &n->job);
	begin_connect(n, now);
	if (err == ERR_AGAIN)
		n->state = NODE_RESOLVING;
	else if (err != ERR_OK)
		n->addresses.n = 0; /* told by node_tick */
	else if (can_secure(n))
		try_addresses(n, now);
}

/* hiredis believes the length of an array and takes so much memory at once. */
static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *task, int elements);
static pthread_once_t bounded_once = PTHREAD_ONCE_INIT;

static void *create_bounded_array(const redisReadTask *task, int elements)
{
	return elements > MAX_ELEMENTS ? NULL : create_array(task, elements);
}

static void make_bounded(void)
{
	redisReader *reader = redisReaderCreate();
	if (!reader)
		mem_exhausted();
	bounded = *reader->fn;
	create_array = bounded.createArray;
	bounded.createArray = create_bounded_array;
	redisReaderFree(reader);
}

static redisReader *new_reader(void)
{
	pthread_once(&bounded_once, make_bounded);
	redisReader *reader = redisReaderCreateWithFunctions(&bounded);
	if (!reader)
		mem_exhausted();
	return reader;
}

static void begin_greeting(struct node *n, int64_t now)
{
	n->reader = new_reader();
	n->state = NODE_GREETING;
	n->heard_us = now;
	node_greet(n, now);
	node_flush(n);
}

static void secure(struct node *n, int64_t now)
{
	int err = tls_handshake(n->tls);
	if (err == ERR_OK)
		begin_greeting(n, now);
	else if (err != ERR_AGAIN)
		node_fail(n, err, "no TLS: %s", tls_why(n->tls));
}

static void begin_securing(struct node *n, int64_t now)
{
	n->state = NODE_SECURING;
	n->tls = tls_new(n->engine->tls, n->fd, n->host);
	if (n->tls)
		secure(n, now);
	else
		node_fail(n, ERR_TLS, "no memory for TLS");
}

static void connected(struct node *n, int64_t now)
{
	int err = 0;
	socklen_t size = sizeof(err);
	if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		err = errno;
	if (err != 0) {
		n->connect_errno = err;
		n->address++;
		if (!try_addresses(n, now))
			node_fail(n, ERR_CONNECT, "cannot connect: %s", strerror(n->connect_errno));
		return;
	}
	if (n->engine->url.tls)
		begin_securing(n, now);
	else
		begin_greeting(n, now);
}

static void tick_connecting(struct node *n, int64_t now)
{
	if (!can_secure(n)) {
		node_fail(n, ERR_TLS, "%s", n->engine->tls_why);
	} else if (n->fd < 0 || now >= n->next_address_us) {
		if (n->fd >= 0) {
			n->connect_errno = ETIMEDOUT;
			n->address++;
		}
		if (now >= n->give_up_us || !try_addresses(n, now))
			node_fail(n, ERR_CONNECT, "cannot connect: %s", strerror(n->connect_errno));
	}
}

static void tick_resolving(struct node *n, int64_t now)
{
	int err = resolve_result(&n->job, &n->addresses);
	if (err == ERR_AGAIN) {
		if (now >= n->give_up_us)
			node_fail(n, ERR_TIMEOUT, "its name was not resolved in time");
	} else if (err != ERR_OK) {
		node_fail(n, ERR_CONNECT, "its name cannot be resolved");
	} else {
		begin_connect(n, now);
		tick_connecting(n, now);
	}
}

void node_tick(struct node *n, int64_t now)
{
	if (n->state == NODE_RESOLVING)
		tick_resolving(n, now);
	else if (n->state == NODE_CONNECTING)
		tick_connecting(n, now);
	else if (n->state == NODE_SECURING && now >= n->give_up_us)
		node_fail(n, ERR_TIMEOUT, "no TLS in time: is it a port for TLS?");
	else if (n->state == NODE_GREETING && now >= n->give_up_us)
		node_fail(n, ERR_TIMEOUT, "no answer to the greeting in time");
	else if (n->state == NODE_READY && !list_is_empty(&n->sent) && n->engine->o.service &&
		 now - n->heard_us >= n->engine->o.timeout_ms * 1000)
		node_fail(n, ERR_TIMEOUT, "silent for %lld ms", (long long)n->engine->o.timeout_ms);
	else if (n->state == NODE_READY && breaker_wants_probe(&n->breaker, now))
		node_probe(n, now);
	node_tell_up(n, now);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t node_due(const struct node *n)
{
	int64_t due = INT64_MAX;
	switch (n->state) {
	case NODE_DOWN:
		break; /* the routing knows */
	case NODE_RESOLVING:
	case NODE_SECURING:
	case NODE_GREETING:
		due = n->give_up_us;
		break;
	case NODE_CONNECTING:
		due = n->fd < 0 ? 0 : sooner(n->give_up_us, n->next_address_us);
		break;
	case NODE_READY:
		if (!list_is_empty(&n->sent) && n->engine->o.service)
			due = n->heard_us + n->engine->o.timeout_ms * 1000;
		if (n->breaker.open && !n->breaker.probing)
			due = sooner(due, n->breaker.probe_us);
		if (wants_to_tell_up(n))
			due = sooner(due, n->told_us + GOOD_US);
		break;
	}
	return due;
}

/* --- to and fro ---------------------------------------------------------------------------------------------------------- */

void node_send(struct node *n, struct op *op, int64_t now)
{
	if (list_is_empty(&n->sent))
		n->heard_us = now; /* it owed nothing until now */
	list_add_last(&n->sent, &op->link);
	op->node = n;
	op->written = 0;
	if (!n->unsent)
		n->unsent = op;
}

/* NULL: it is the last. */
static struct op *behind(const struct node *n, const struct op *op)
{
	return LIST_NEXT(&n->sent, op, struct op, link);
}

bool node_take_back(struct node *n, struct op *op)
{
	if (op->written > 0)
		return false;
	if (n->unsent == op)
		n->unsent = behind(n, op);
	list_remove(&op->link);
	op->node = NULL;
	return true;
}

/* Of errno. */
static const char *broken(const struct node *n)
{
	return errno == EPROTO && n->tls ? tls_why(n->tls) : strerror(errno);
}

static ssize_t write_some(struct node *n)
{
	struct iovec v[WRITE_OPS];
	struct msghdr message = {.msg_iov = v};
	for (struct op *op = n->unsent; op && message.msg_iovlen < WRITE_OPS; op = behind(n, op))
		v[message.msg_iovlen++] = (struct iovec){op->bytes + op->written, op->n_bytes - op->written};
	if (n->tls)
		return tls_write(n->tls, v, (int)message.msg_iovlen);
	return sendmsg(n->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void count_written(struct node *n, size_t bytes)
{
	while (n->unsent) {
		struct op *op = n->unsent;
		size_t part = op->n_bytes - op->written < bytes ? op->n_bytes - op->written : bytes;
		op->written += part;
		bytes -= part;
		if (op->written < op->n_bytes)
			return;
		free(op->bytes);
		op->bytes = NULL;
		n->unsent = behind(n, op);
	}
}

void node_flush(struct node *n)
{
	while (n->unsent && n->state >= NODE_GREETING) {
		ssize_t wrote = write_some(n);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN)
			return;
		if (wrote < 0) {
			node_fail(n, ERR_RESET, "cannot write: %s", broken(n));
			return;
		}
		count_written(n, (size_t)wrote);
	}
	if (n->tls && n->state >= NODE_GREETING && tls_flush(n->tls) < 0 && errno != EAGAIN)
		node_fail(n, ERR_RESET, "cannot write: %s", broken(n));
}

/* "max number of clients reached" comes so. */
static void unasked(struct node *n, struct redisReply *r)
{
	bool error = r->type == REDIS_REPLY_ERROR;
	node_fail(n, ERR_RESET, "it answers what was not asked%s%.*s", error ? ": " : "", error ? (int)r->len : 0,
	    error ? r->str : "");
	freeReplyObject(r);
}

/* Whole answers go to whom they belong; false: the connection is gone, or another one by now. */
static bool give_answers(struct node *n, int64_t now)
{
	unsigned generation = n->generation;
	for (;;) {
		void *reply = NULL;
		if (redisReaderGetReply(n->reader, &reply) != REDIS_OK) {
			node_fail(n, n->reader->err == REDIS_ERR_OOM ? ERR_FULL : ERR_RESET,
			    "what it answers is not Redis' protocol: %s", n->reader->errstr);
			return false;
		}
		if (!reply)
			return true;
		n->answer_bytes = 0;
		struct op *op = LIST_FIRST(&n->sent, struct op, link);
		if (!op || op == n->unsent) {
			unasked(n, reply);
			return false;
		}
		op->n_replies--;
		if (op->n_replies > 0 && op->told) {
			op->told(n, ERR_OK, reply);
		} else if (op->n_replies == 0) {
			list_remove(&op->link);
			op->node = NULL;
			engine__answered(op, n, reply, now);
		}
		freeReplyObject(reply);
		if (n->generation != generation)
			return false;
	}
}

static bool read_some(struct node *n, int64_t now)
{
	char room[READ_BYTES];
	ssize_t got = n->tls ? tls_read(n->tls, room, sizeof(room)) : recv(n->fd, room, sizeof(room), 0);
	if (got < 0)
		return errno == EINTR ? true
				      : (errno == EAGAIN ? false : (node_fail(n, ERR_RESET, "%s", broken(n)), false));
	if (got == 0) {
		node_fail(n, ERR_RESET, "it closed the connection");
		return false;
	}
	n->heard_us = now;
	n->answer_bytes += (size_t)got;
	if (redisReaderFeed(n->reader, room, (size_t)got) != REDIS_OK) {
		node_fail(n, ERR_FULL, "no memory for its answer");
		return false;
	}
	if (!give_answers(n, now))
		return false;
	if (n->answer_bytes > n->engine->o.max_answer) {
		node_fail(n, ERR_RESET, "an answer of more than %zu bytes", n->engine->o.max_answer);
		return false;
	}
	return n->tls || (size_t)got == sizeof(room);
}

bool node_wants(const struct node *n, struct pollfd *out)
{
	if (n->fd < 0)
		return false;
	*out = (struct pollfd){.fd = n->fd, .events = n->state == NODE_CONNECTING ? POLLOUT : POLLIN};
	if (n->state == NODE_SECURING)
		out->events = tls_events(n->tls);
	else if (n->unsent || (n->tls && tls_events(n->tls)))
		out->events |= POLLOUT;
	return true;
}

void node_handle(struct node *n, short events, int64_t now)
{
	if (n->state == NODE_CONNECTING) {
		if (events)
			connected(n, now);
		return;
	}
	if (n->state == NODE_SECURING) {
		if (events)
			secure(n, now);
		return;
	}
	/* A peer that is gone may have answered before: reading tells. */
	unsigned generation = n->generation;
	if (events & (POLLIN | POLLHUP | POLLERR)) {
		for (int turn = 0; turn < READ_TURNS && read_some(n, now); turn++)
			;
	}
	if (n->generation == generation && (events & POLLOUT))
		node_flush(n);
}
