/* The admin listener: HTTP around admin_handle, on threads of its own, so that a purge of a million entries or a slow
 * reader of figures never holds up a worker's loop, and a slow Redis no look at the figures. */
#ifndef LARDER_WORKER_ADMIN_H
#define LARDER_WORKER_ADMIN_H

#include "admin/admin.h"

struct admin_server;

/* Listens and answers from now on, by way of a copy of *env. Main thread. *out is NULL when the listener is off. 0, ERR_IO with
 * errno set (the address), or ERR_DENIED (neither loopback nor unix, and no token). */
int admin_server_start(
    const struct conf_admin *conf, const struct admin_env *env, struct admin_server **out) MUST_CHECK;
/* Ends open connections and the threads. What has begun is carried out, so this blocks as long as a tier is waited for once (redis_timeout, or the
 * five seconds of receipts); what waits for a thread or a lease gets 503. */
void admin_server_stop(struct admin_server **s);
/* "127.0.0.1:8081", with the port that the system gave. */
struct str admin_server_address(const struct admin_server *s);

#endif
