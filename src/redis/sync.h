/* A connection to Redis that waits for its answers: for liblarder, and for threads that follow a stream. One thread at a time. It
 * connects when it is first used and again after a failure; it asks sentinels and follows a cluster as client.h does. */
#ifndef LARDER_REDIS_SYNC_H
#define LARDER_REDIS_SYNC_H

#include "redis/call.h"
#include "redis/url.h"

struct redis_sync;

/* NULL: no memory. The URL is copied. */
struct redis_sync *redis_sync_new(const struct redis_url *url, int64_t timeout_ms);
/* ERR_OK with a reply that the caller frees (freeReplyObject), which may be an error of the server's (REDIS_REPLY_ERROR); ERR_CONNECT,
 * ERR_TIMEOUT, ERR_RESET, ERR_DENIED (password), ERR_FULL (no memory). `wait_ms`: how much longer than the timeout the server itself
 * may take (XREAD BLOCK). A command is sent again on a new connection only when it surely did not reach the server, or when
 * `repeatable`. Blocks. */
int redis_sync_call(struct redis_sync *s, const struct redis_command *command, bool repeatable, int64_t wait_ms,
    struct redisReply **out) MUST_CHECK;
/* Several commands for one node, sent together; replies in their order. The same errors; all or nothing. */
int redis_sync_calls(struct redis_sync *s, const struct redis_command *commands, unsigned n, bool repeatable,
    struct redisReply **out) MUST_CHECK;
/* What the last failure was, for people; valid until the next call. Never shows a password. */
const char *redis_sync_error(const struct redis_sync *s);
/* From another thread: a call that waits ends soon with ERR_CANCELLED, and so do all later ones. */
void redis_sync_cancel(struct redis_sync *s);
void redis_sync_free(struct redis_sync **s);

#endif
