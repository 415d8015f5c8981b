/* What the two files of the client side share: client.c has the connections and the loop, client_request.c what happens to a request on
 * one of them. Loop thread only. */
#ifndef LARDER_WORKER_CLIENT_PRIVATE_H
#define LARDER_WORKER_CLIENT_PRIVATE_H

#include <microhttpd.h>
#include <netinet/in.h>

#include "worker/accept.h"
#include "worker/client.h"
#include "worker/cork.h"
#include "worker/daemons.h"
#include "worker/early.h"
#include "worker/patience.h"
#include "worker/response_kept.h"
#include "worker/strict.h"
#include "worker/watch.h"

struct conn {
	struct watch_item watch; /* with the descriptor */
	struct clients *clients;
	struct daemon *daemon;
	struct MHD_Connection *mhd;
	struct sockaddr_storage address;
	char address_text[INET6_ADDRSTRLEN];
	struct req_client from;

	/* of the request; cleared after it */
	struct req *req;
	struct str target; /* raw; p is NULL until the request line was read */
	char *query;	   /* the '?' in it, hidden from the library meanwhile */
	char query_first;  /* the byte after it */
	const char *body;  /* where it begins in the library's buffer, when it is chunked */
	bool woken;	   /* client_resume came while it was not parked */
	bool lingers;	   /* it is parked without being suspended */
	unsigned turns;	   /* that it did so */
	bool body_whole;
	bool answered; /* the response is queued */
	bool broken;   /* the response's body ended with an error */
	bool dead;     /* the client left or was cut: the next callback ends it */
	uint64_t sent; /* bytes of a streamed body */
	struct early early;
	bool gathering; /* its body is being asked for */
	struct cork cork;
};

struct clients {
	uv_loop_t *loop;
	struct req_env *env;
	struct acceptor *acceptor;
	struct daemons *daemons;
	struct watch watch;
	struct kept *kept;
	enum strict_mode strict;
	size_t pool;	       /* bytes that the library has for the heads of a connection */
	struct conn *arriving; /* during MHD_add_connection */
	unsigned open;
	unsigned tick_ms;
	struct patience patience;
	bool draining;
	uv_timer_t tick;
};

static inline int64_t client__now_ms(const struct clients *c)
{
	return (int64_t)uv_now(c->loop);
}

/* Callbacks of the library (its manual has their arguments); on_target's result becomes *con_cls. */
void *client__on_target(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result client__on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_n, void **con_cls);
void client__on_completed(
    void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code);

/* watch_sweep says that the connection waited too long, or that its client left. */
void client__on_late(void *ctx, struct watch_item *item);
/* Frees the request, if there is one. `whole`: its answer went out completely. */
void client__end_request(struct conn *c, bool whole);
/* shutdown(2); the library notices. */
void client__shut(struct conn *c, int how);
/* Resumes one that is parked, to be ended in its next callback. */
void client__kill_parked(struct conn *c);

#endif
