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
	/* To connect and greet; and a server that owes answers and says nothing for so long is given up, which leaves no place for
	 * commands that block longer (sync.h has). */
	int64_t timeout_ms;
	size_t max_queued; /* bytes of commands and answers under way; beyond: ERR_BUSY */
	/* The breaker: after so many calls without an answer in time, one behind the other, nothing is asked for a while but PING. */
	unsigned breaker_failures;
	int64_t breaker_ms;
};

/* Embedded by its caller; stays put, with what `command` points to, until redis_client_call refuses or `done` has begun. */
struct redis_call {
	struct redis_command command;
	int64_t timeout_ms;
	/* May be sent a second time when the connection is lost while its answer is awaited. What surely did not leave is sent again in
	 * any case. */
	bool repeatable;
	/* Once, on the client's thread, and not later than timeout_ms after the call (but for the thread's own delay, 1 ms or 2): ERR_OK
	 * with the reply, valid during the call, which may be an error of the server's (REDIS_REPLY_ERROR). Else without:
	 *   ERR_TIMEOUT    no answer in time; the command may still be carried out
	 *   ERR_RESET      the connection was lost after it was sent, it may have been carried out; or the answer was too long
	 *   ERR_CONNECT    there is no connection, and the last attempt failed (also: no sentinel knows a master, no node has a map)
	 *   ERR_DENIED     the same, by the user or the password; ERR_TLS: the server is not who it should be
	 *   ERR_BUSY       its server's breaker is open
	 *   ERR_CANCELLED  redis_client_free
	 * It must be quick; it may make calls (but not redis_client_free), and may free this one. */
	void (*done)(struct redis_call *c, int err, const struct redisReply *reply);
	void *ctx; /* the caller's */
	/* It waits for its server until its time is over: neither an open breaker nor a lost connection ends it. For what must not get lost. */
	bool patient;
	/* The client's own. */
	struct redis_call *next;
	int64_t deadline_us;
	void *state;
};

struct redis_client_stats {
	uint64_t calls;	   /* taken or refused */
	uint64_t errors;   /* ended by an error that is none of the next two, or answered by an error of the server's */
	uint64_t timeouts; /* ended by their deadline */
	uint64_t skipped;  /* ERR_BUSY */
	uint64_t reconnects; /* connections made anew */
	uint64_t redirects;  /* MOVED and ASK */
	bool down; /* the server (the master, a node of the cluster's map) is not connected, or its breaker is open */
};

/* Starts the thread; connects as soon as it runs, and again whenever the connection is lost, 50 ms to 1 s between attempts. NULL: the
 * system has no descriptor or no thread for it. */
struct redis_client *redis_client_new(const struct redis_client_options *o);
/* ERR_AGAIN: `done` follows, perhaps before this returns. ERR_BUSY at once, without `done`: the breaker of the only server is open, or
 * too much is under way. Any thread; never blocks. Calls that are made before the first connection is there wait for it. */
int redis_client_call(struct redis_client *c, struct redis_call *call) MUST_CHECK;
/* Any thread. */
void redis_client_stats(struct redis_client *c, struct redis_client_stats *out);
/* Calls under way are told ERR_CANCELLED, on the client's thread, before it returns; what `done` calls by then is refused with
 * ERR_BUSY. Not from `done`. Waits for the thread, which waits for nothing. NULL inside is fine. */
void redis_client_free(struct redis_client **c);

#endif
