/* The routing of a group that sentinels watch. Whenever there is no master, the sentinels are asked for it, one after the other; what one
 * names is connected and must say itself that it is the master (ROLE, greet.c), since a sentinel may not have heard of a failover yet.
 *
 *   search --> ask a sentinel --> connect its master --> READY
 *     ^           | no answer         | no, or no master    |
 *     |           v                   v                     |  lost, or READONLY
 *     +------- the next sentinel; after the last: pause ----+
 *
 * While there is a master, a sentinel is asked every second whether it still is: after a failover that was ordered, the old master takes
 * writes for some ten seconds more, which are lost. For one who waits (sync.h) that is done by the way, when it calls.
 *
 * nodes[0] is the master, nodes[1] the connection to a sentinel, which lasts for one question. */
#include "redis/engine.h"

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"

enum { CHECK_US = 1000 * 1000 };

static struct node *master(const struct redis_engine *e)
{
	return e->nodes[0];
}

static void start(struct redis_engine *e)
{
	struct node *m = node_new(e, ROLE_MASTER);
	node_place(m, e->url.group, 0);
	e->nodes[e->n_nodes++] = m;
	e->sentinel.asked = e->nodes[e->n_nodes++] = node_new(e, ROLE_SENTINEL);
	e->sentinel.backoff_ms = NODE_BACKOFF_MIN_MS;
}

static struct node *route(struct redis_engine *e, struct op *op)
{
	return master(e);
}

static void give_up(struct redis_engine *e, int64_t now)
{
	struct sentinel_search *s = &e->sentinel;
	s->on = false;
	s->retry_us = now + s->backoff_ms * 1000;
	s->backoff_ms = s->backoff_ms * 2 < NODE_BACKOFF_MAX_MS ? s->backoff_ms * 2 : NODE_BACKOFF_MAX_MS;
	if (node_tells_down(master(e), now))
		log_warning("redis", "%s; asking the sentinels for a master of %s until there is one", e->error,
		    e->url.group.p);
	engine__fail_waiting(e, master(e), master(e)->err);
}

static void connect_next(struct redis_engine *e, int64_t now)
{
	struct sentinel_search *s = &e->sentinel;
	const struct redis_host *host = &e->url.hosts[s->at];
	s->at = (s->at + 1) % e->url.n_hosts;
	s->asked_us = now;
	node_close(s->asked);
	node_place(s->asked, host->name, host->port);
	int64_t limit_us = e->o.timeout_ms < ENGINE_ASK_MS ? e->o.timeout_ms * 1000 : ENGINE_ASK_MS * 1000;
	node_connect(s->asked, now, limit_us);
}

static void ask_next(struct redis_engine *e, int64_t now)
{
	if (e->sentinel.tried == e->url.n_hosts) {
		give_up(e, now);
		return;
	}
	e->sentinel.tried++;
	connect_next(e, now);
}

static void search(struct redis_engine *e, int64_t now)
{
	e->sentinel.on = true;
	e->sentinel.tried = 0;
	ask_next(e, now);
}

static bool look(struct redis_engine *e, struct node *n, int64_t now)
{
	if (e->sentinel.on)
		return true;
	if (e->o.service && now < e->sentinel.retry_us)
		return false;
	search(e, now);
	return true;
}

static bool place_of(const struct redisReply *r, struct str *host, uint64_t *port)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
		return false;
	const struct redisReply *h = r->element[0], *p = r->element[1];
	if (h->type != REDIS_REPLY_STRING || p->type != REDIS_REPLY_STRING || h->len == 0)
		return false;
	*host = str_make(h->str, h->len);
	return str_to_u64(str_make(p->str, p->len), 65535, port) == ERR_OK && *port > 0;
}

/* The answer to get-master-addr-by-name. */
static void named(struct node *n, int err, const struct redisReply *reply)
{
	struct redis_engine *e = n->engine;
	struct str host;
	uint64_t port;
	if (err == ERR_TIMEOUT)
		node_fail(n, ERR_TIMEOUT, "the sentinel does not answer in time");
	if (err != ERR_OK)
		return; /* `down` goes on with the next */
	if (!place_of(reply, &host, &port)) {
		if (reply->type == REDIS_REPLY_ERROR)
			node_fail(n, ERR_CONNECT, "the sentinel refuses: %.*s", (int)reply->len, reply->str);
		else
			node_fail(n, ERR_CONNECT, "this sentinel knows no group %.*s", STR_ARG(e->url.group));
		return;
	}
	if (e->sentinel.on) {
		node_place(master(e), host, (unsigned)port);
		node_connect(master(e), clock_mono_us(), e->o.timeout_ms * 1000);
	} else if (master(e)->state == NODE_READY &&
		   (master(e)->port != port || !str_eq(str_of(master(e)->host), host))) {
		node_fail(master(e), ERR_CONNECT, "a sentinel names another master");
	}
}

static void ask(struct node *n, int64_t now)
{
	char *bytes = NULL;
	size_t n_bytes = 0;
	struct str words[] = {STR("SENTINEL"), STR("get-master-addr-by-name"), n->engine->url.group};
	wire_add(&bytes, &n_bytes, words, 3);
	node_send(n, engine__own_op(n->engine, bytes, n_bytes, 1, now + ENGINE_ASK_MS * 1000, named), now);
}

static void ready(struct node *n, int64_t now)
{
	struct sentinel_search *s = &n->engine->sentinel;
	if (n == s->asked) {
		ask(n, now);
	} else {
		s->on = false;
		s->backoff_ms = NODE_BACKOFF_MIN_MS;
	}
}

static void down(struct node *n, bool was_ready, int64_t now)
{
	struct redis_engine *e = n->engine;
	if (n == e->sentinel.asked) {
		/* It closes after it named a master that is being connected: nobody cares. */
		if (e->sentinel.on && master(e)->state == NODE_DOWN) {
			master(e)->err = n->err == ERR_DENIED ? ERR_DENIED : ERR_CONNECT;
			ask_next(e, now);
		}
	} else if (e->sentinel.on) {
		ask_next(e, now);
	} else {
		search(e, now);
	}
}

/* A master that became a replica refuses writes, and reads when it has lost its own master. */
static bool refused(struct op *op, struct node *n, struct str error, int64_t now)
{
	if (!str_starts(error, STR("READONLY")) && !str_starts(error, STR("MASTERDOWN")))
		return false;
	if (++op->tries >= ENGINE_TRIES)
		return false;
	engine__again(n->engine, op, NULL, now + ENGINE_PAUSE_MS * 1000);
	node_fail(n, ERR_CONNECT, "it is no master any more");
	return true;
}

static void tick(struct redis_engine *e, int64_t now)
{
	if (e->sentinel.asked->state == NODE_READY && list_is_empty(&e->sentinel.asked->sent))
		node_close(e->sentinel.asked);
	if (master(e)->state == NODE_READY && e->sentinel.asked->state == NODE_DOWN &&
	    now >= e->sentinel.asked_us + CHECK_US)
		connect_next(e, now);
	if (e->o.service && !e->sentinel.on && master(e)->state == NODE_DOWN && now >= e->sentinel.retry_us)
		search(e, now);
}

static int64_t due(const struct redis_engine *e)
{
	if (!e->o.service)
		return INT64_MAX;
	if (master(e)->state == NODE_READY && e->sentinel.asked->state == NODE_DOWN)
		return e->sentinel.asked_us + CHECK_US;
	return !e->sentinel.on && master(e)->state == NODE_DOWN ? e->sentinel.retry_us : INT64_MAX;
}

static bool is_down(const struct redis_engine *e)
{
	return master(e)->state != NODE_READY || master(e)->breaker.open;
}

const struct routing routing_sentinel = {
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
