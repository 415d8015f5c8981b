/* Polling of connections, see conn.h. The descriptor stays registered for reading from its first request to its end, also between
 * requests, so that a request costs no system call here. A hangup is asked for together with reading: a FIN that comes with
 * the last data is seen in the same turn, and the connection does not go idle as if it could be used again. */
#include "worker/conn.h"

#include <stdlib.h>

#include "base/mem.h"

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct conn *c = CONTAINER_OF(h, struct conn, poll);
	if (status < 0) {
		/* libuv ends the polling of a socket in error: reading tells what there was and what became of it. */
		c->watched = 0;
		events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
	}
	if (events & UV_DISCONNECT) {
		c->hangup = true;
		events |= UV_READABLE;
	}
	c->event(c, events & (UV_READABLE | UV_WRITABLE));
}

static void on_closed(uv_handle_t *h)
{
	free(CONTAINER_OF((uv_poll_t *)h, struct conn, poll));
}

struct conn *conn_new(
    uv_loop_t *loop, struct link *link_take, struct origin **origin_take, void (*event)(struct conn *c, int events))
{
	struct conn *c = mem_zalloc(sizeof(*c));
	c->link = *link_take;
	c->origin = *origin_take;
	c->event = event;
	*link_take = (struct link){-1, NULL};
	*origin_take = NULL;
	if (uv_poll_init(loop, &c->poll, c->link.fd) != 0) {
		link_close(&c->link);
		origin_release(&c->origin);
		free(c);
		return NULL;
	}
	return c;
}

void conn_watch(struct conn *c, int events)
{
	if (events & UV_READABLE)
		events |= UV_DISCONNECT;
	if (events == c->watched)
		return;
	c->watched = events;
	if (events)
		uv_poll_start(&c->poll, events, on_poll);
	else
		uv_poll_stop(&c->poll);
}

void conn_close(struct conn *c)
{
	uv_close((uv_handle_t *)&c->poll, on_closed); /* before the descriptor: the loop lets go of it here */
	link_close(&c->link);
	if (c->origin)
		origin_release(&c->origin);
}
