/* The proxy's side of Redis: commands from any thread, answers on a thread of its own, which waits for nothing but its sockets and its
 * timers. It connects, authenticates, selects, asks sentinels, follows a cluster's MOVED and ASK, and comes back by itself. client.c
 * says how. */
#ifndef LARDER_REDIS_CLIENT_H
#define LARDER_REDIS_CLIENT_H

#include "redis/call.h"
#include "redis/url.h"

struct redis_client;

struct redis_client_options {
	const struct redis_url *url; /* copied */
	int64_t timeout_ms;	     /* to connect, and of a silent socket */
	size_t max_queued;	     /* bytes of commands and answers under way; beyond: ERR_BUSY */
	/* The breaker: after so many calls without an answer in time, one behind the other, nothing is asked for a while but PING. */
	unsigned breaker_failures;
	int64_t breaker_ms;
};

/* Embedded by its caller; stays put, with what `command` points to, until redis_client_call refuses or `done` has begun. */
struct redis_call {
	struct redis_command command;
	int64_t timeout_ms;
	/* Once, on the client's thread, and not later than timeout_ms after the call (but for the thread's own delay): ERR_OK with the
	 * reply, valid during the call, which may be an error of the server's (REDIS_REPLY_ERROR); ERR_TIMEOUT, ERR_CONNECT, ERR_RESET,
	 * ERR_BUSY without. It must be quick; it may make calls. */
	void (*done)(struct redis_call *c, int err, const struct redisReply *reply);
	void *ctx; /* the caller's */
	/* The client's own. */
	struct redis_call *next, *prev;
	int64_t deadline_us;
	void *state;
};

struct redis_client_stats {
	uint64_t calls, errors, timeouts, skipped, reconnects, redirects;
	bool down; /* not connected, or the breaker is open */
};

struct redis_client *redis_client_new(const struct redis_client_options *o);
/* ERR_AGAIN: `done` follows. ERR_BUSY at once: the breaker is open, or too much is under way. Any thread; never blocks. */
int redis_client_call(struct redis_client *c, struct redis_call *call) MUST_CHECK;
void redis_client_stats(struct redis_client *c, struct redis_client_stats *out);
/* Calls under way are told ERR_CANCELLED before it returns. */
void redis_client_free(struct redis_client **c);

#endif
