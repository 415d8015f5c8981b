/* One server: its connection, what was sent to it and what waits for an answer. Inside this folder; one thread, the engine's. */
#ifndef LARDER_REDIS_NODE_H
#define LARDER_REDIS_NODE_H

#include <poll.h>

#include "redis/breaker.h"
#include "redis/op.h"
#include "redis/resolve.h"

struct redis_engine;
struct redisReader;
struct tls;

enum node_state { NODE_DOWN, NODE_RESOLVING, NODE_CONNECTING, NODE_SECURING, NODE_GREETING, NODE_READY };
enum node_role { ROLE_SERVER, ROLE_MASTER, ROLE_SENTINEL, ROLE_CLUSTER };
enum { NODE_NAME = 280, NODE_STEPS = 4, NODE_BACKOFF_MIN_MS = 50, NODE_BACKOFF_MAX_MS = 1000 };

struct node {
	struct redis_engine *engine;
	enum node_role role;
	enum node_state state;
	char host[NODE_NAME]; /* or the path of a socket */
	unsigned port;	      /* 0: of a socket */
	/* On the way to a connection. */
	struct resolving *job;
	struct addresses addresses;
	unsigned address;	 /* which is tried */
	int64_t give_up_us;	 /* of the whole way */
	int64_t next_address_us; /* of this one */
	/* The connection. */
	int fd;		 /* -1: none */
	struct tls *tls; /* NULL: without */
	int connect_errno;
	unsigned generation;
	struct redisReader *reader;
	size_t answer_bytes; /* that came since the last whole answer */
	struct list sent;    /* in the order of their answers; from `unsent` on not wholly written */
	struct op *unsent;
	int64_t heard_us; /* when it last said something, or had nothing to say */
	int64_t ready_us;
	char steps[NODE_STEPS]; /* of the greeting: what the answers are for */
	unsigned n_steps, step;
	/* After it was lost. */
	int err; /* what calls are told that come while it is down */
	int64_t retry_us;
	int64_t backoff_ms;
	bool was_connected;
	/* What the log was told last, and when. */
	bool told_up, told_down;
	int64_t told_us;
	struct breaker breaker;
	bool in_map, seed; /* of a cluster */
};

struct node *node_new(struct redis_engine *e, enum node_role role);
/* Where it is; only while it is down. */
void node_place(struct node *n, struct str host, unsigned port);
/* Ends what it has under way with ERR_CANCELLED. */
void node_free(struct node **n);

/* Begins; whatever comes of it is told by the engine's routing, later and never from within this call. */
void node_connect(struct node *n, int64_t now, int64_t timeout_us);
/* Puts it behind what was sent before; it is written by node_flush. The node is ready, or greets. */
void node_send(struct node *n, struct op *op, int64_t now);
void node_flush(struct node *n);
/* The connection is given up: ops are lost (op.h), and the routing is told. */
void node_fail(struct node *n, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Without telling anybody: there is nothing wrong with it. */
void node_close(struct node *n);
/* The op is not answered any more in time; true when it could be taken back before a byte of it was written. */
bool node_take_back(struct node *n, struct op *op);

/* For poll: false when there is no socket. */
bool node_wants(const struct node *n, struct pollfd *out);
void node_handle(struct node *n, short events, int64_t now);
/* What is due by the clock; and when that will be next. */
void node_tick(struct node *n, int64_t now);
int64_t node_due(const struct node *n);
/* Tells the log that it is connected, unless that was told, or something else within the last second: then node_tick does. A node of a cluster is
 * of no use before somebody has told the map: then the routing calls this. */
void node_tell_up(struct node *n, int64_t now);
/* Whether the log is to be told that it is down; that counts as told then. */
bool node_tells_down(struct node *n, int64_t now);
/* "host:port", into a buffer that the next call overwrites. */
const char *node_name(const struct node *n, char out[NODE_NAME + 16]);

/* greet.c: AUTH, SELECT, ROLE, PING at the beginning of a connection. */
void node_greet(struct node *n, int64_t now);
/* Asks whether it still lives (breaker). */
void node_probe(struct node *n, int64_t now);

#endif
