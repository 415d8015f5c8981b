/* The arithmetic of a Redis Cluster. Pure. */
#ifndef LARDER_REDIS_SLOTS_H
#define LARDER_REDIS_SLOTS_H

#include "base/err.h"
#include "base/str.h"

struct redisReply;

enum { SLOTS = 16384 };

/* CRC16 (XMODEM) of the key, or of what stands in its first {...}, when that is not empty. */
unsigned slot_of(struct str key);

/* "MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381". */
struct redirection {
	bool ask; /* only this time */
	unsigned slot;
	struct str host; /* in the error's text; of IPv6 without brackets; empty: the same host as who said it */
	unsigned port;
};

/* ERR_OK; ERR_MISSING: an error of another kind; ERR_INVALID: such an error, malformed. */
int redirection_of(struct str error, struct redirection *out) MUST_CHECK;

/* Reads the answer of CLUSTER SLOTS: `range` is called for each run of slots (first <= last < SLOTS) with its master; host as above.
 * ERR_INVALID: not such an answer; `range` may have been called for a part of it. */
int slots_read(const struct redisReply *reply,
    void (*range)(void *ctx, unsigned first, unsigned last, struct str host, unsigned port), void *ctx) MUST_CHECK;

#endif
