/* The client side of a worker: libmicrohttpd in external-epoll mode over connections that we accept. */
#ifndef LARDER_WORKER_CLIENT_H
#define LARDER_WORKER_CLIENT_H

#include <uv.h>

#include "req/req.h"

struct clients;

struct clients_options {
	uv_loop_t *loop;
	struct req_env *env;
	atomic_uint *connections; /* of all workers, against conf->server.max_connections */
	unsigned
	    tick_ms; /* how often deadlines are looked at and whether the clients of parked requests left; 0: 500 */
};

/* 0 or ERR_IO (the library refused). */
int clients_new(const struct clients_options *o, struct clients **out) MUST_CHECK;
/* Starts accepting on a listening, non-blocking socket (owned by the caller). */
int clients_listen(struct clients *c, int fd, struct str local_text) MUST_CHECK;
/* env->conf is another one: what was made under the one before is forgotten. */
void clients_conf_changed(struct clients *c);
void clients_stop_listening(struct clients *c);
/* From now on every response closes its connection; idle ones are closed at once. */
void clients_drain(struct clients *c);
unsigned clients_open(const struct clients *c);
/* Cuts what is left; all requests are freed when it returns. */
void clients_free(struct clients **c);

/* Port functions. */
void client_resume(struct clients *c, struct req *r);
void client_interim(struct clients *c, struct req *r, int status, const struct headers *h);

#endif
