/* A connection to Redis that waits for its answers: for liblarder, and for threads that follow a stream. One thread at a time. It
 * connects when it is first used and again after a failure; it asks sentinels and follows a cluster as client.h does. Each call, with
 * all that (looking up a name, connecting, being sent elsewhere), ends within its time. */
#ifndef LARDER_REDIS_SYNC_H
#define LARDER_REDIS_SYNC_H

#include "redis/call.h"
#include "redis/url.h"

struct redis_sync;

/* timeout_ms: of a whole call. NULL: no memory, or no descriptor. The URL is copied. Does not block. */
struct redis_sync *redis_sync_new(const struct redis_url *url, int64_t timeout_ms);
/* ERR_OK with a reply that the caller frees (freeReplyObject), which may be an error of the server's (REDIS_REPLY_ERROR).
 *   ERR_CONNECT    no connection (also: no sentinel knows a master, no node has a map)
 *   ERR_DENIED     the same, by the user or the password; ERR_TLS: the server is not who it should be
 *   ERR_TIMEOUT    no answer within timeout_ms + wait_ms; the command may still be carried out
 *   ERR_RESET      the connection was lost after it was sent; it may have been carried out
 *   ERR_FULL       no memory for the answer
 *   ERR_CANCELLED  redis_sync_cancel
 * `wait_ms`: how much longer than the timeout the server itself may take (XREAD BLOCK). A command is sent again on a new connection only
 * when it surely did not reach the server, or when `repeatable`. Blocks. */
int redis_sync_call(struct redis_sync *s, const struct redis_command *command, bool repeatable, int64_t wait_ms,
    struct redisReply **out) MUST_CHECK;
/* Several commands, sent together; replies in their order, for the caller to free. In what order they are carried out is not promised
 * (a script the server did not know is sent again behind the others, a cluster has several nodes), so none may depend on another. The
 * same errors; all or nothing: out[] is NULL when it fails, though some may have been carried out. */
int redis_sync_calls(struct redis_sync *s, const struct redis_command *commands, unsigned n, bool repeatable,
    struct redisReply **out) MUST_CHECK;
/* What the last failure was, for people; valid until the next call. Never shows a password. */
const char *redis_sync_error(const struct redis_sync *s);
/* From another thread, while it lives: a call that waits ends soon with ERR_CANCELLED, and so do all later ones. */
void redis_sync_cancel(struct redis_sync *s);
/* NULL inside is fine. */
void redis_sync_free(struct redis_sync **s);

#endif
