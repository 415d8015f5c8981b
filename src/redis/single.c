/* The routing of one server, at a port or at a socket: there is nobody else. */
#include "redis/engine.h"

static void start(struct redis_engine *e)
{
	struct node *n = node_new(e, ROLE_SERVER);
	if (e->url.kind == REDIS_UNIX)
		node_place(n, e->url.path, 0);
	else
		node_place(n, e->url.hosts[0].name, e->url.hosts[0].port);
	e->nodes[e->n_nodes++] = n;
}

static struct node *route(struct redis_engine *e, struct op *op)
{
	return e->nodes[0];
}

static bool look(struct redis_engine *e, struct node *n, int64_t now)
{
	if (e->o.service && now < n->retry_us)
		return false;
	node_connect(n, now, e->o.timeout_ms * 1000);
	return true;
}

static void ready(struct node *n, int64_t now)
{
}

/* Who waits for an attempt that failed is told at once; who lost a connection waits for the next attempt. */
static void down(struct node *n, bool was_ready, int64_t now)
{
	if (!was_ready)
		engine__fail_waiting(n->engine, n, n->err);
}

static bool refused(struct op *op, struct node *n, struct str error, int64_t now)
{
	return false;
}

static void tick(struct redis_engine *e, int64_t now)
{
	if (e->o.service && e->nodes[0]->state == NODE_DOWN && now >= e->nodes[0]->retry_us)
		node_connect(e->nodes[0], now, e->o.timeout_ms * 1000);
}

static int64_t due(const struct redis_engine *e)
{
	return e->o.service && e->nodes[0]->state == NODE_DOWN ? e->nodes[0]->retry_us : INT64_MAX;
}

static bool is_down(const struct redis_engine *e)
{
	return e->nodes[0]->state != NODE_READY || e->nodes[0]->breaker.open;
}

const struct routing routing_single = {
    .start = start,
    .route = route,
    .look = look,
    .ready = ready,
    .down = down,
    .refused = refused,
    .tick = tick,
    .due = due,
    .is_down = is_down,
};
