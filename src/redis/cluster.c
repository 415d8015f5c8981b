/* The routing of a cluster: which node has the slot of a key (slots.h), by a map that any node tells (CLUSTER SLOTS). The map is asked
 * for at the start, and again when a node sends a call elsewhere for good (MOVED), is lost, or does not answer; never more often than
 * every ENGINE_PAUSE_MS, and one at a time. Calls do not wait for that: MOVED and ASK say themselves where to go.
 *
 *   key --> slot --> owner[slot] --> nodes[i] --MOVED--> the other node, and the map is wanted
 *                                             --ASK----> the other node this once, with ASKING before it
 *                                             --TRYAGAIN, CLUSTERDOWN--> the same, a moment later, within the deadline
 *
 * Nodes that left the map and owe nothing are freed in `tick`, when nobody walks over them. The nodes of the URL are met again when no
 * other is left. */
#include "redis/engine.h"

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/mem.h"

enum { REFRESH_US = 1000 * 1000 }; /* while a node is missing */

static const int64_t UNTIL_MAPPED = INT64_MAX; /* of an op that waits */

static struct node *find_or_add(struct redis_engine *e, struct str host, unsigned port)
{
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i]->port == port && str_eq(str_of(e->nodes[i]->host), host))
			return e->nodes[i];
	}
	if (e->n_nodes == ENGINE_NODES || host.n == 0 || host.n >= NODE_NAME)
		return NULL;
	struct node *n = node_new(e, ROLE_CLUSTER);
	node_place(n, host, port);
	n->retry_us = clock_mono_us();
	return e->nodes[e->n_nodes++] = n;
}

static void add_seeds(struct redis_engine *e)
{
	for (unsigned i = 0; i < e->url.n_hosts; i++) {
		struct node *n = find_or_add(e, e->url.hosts[i].name, e->url.hosts[i].port);
		if (n)
			n->seed = true;
	}
}

static void start(struct redis_engine *e)
{
	e->cluster.wanted = true;
	add_seeds(e);
}

static void set_owner(struct redis_engine *e, unsigned slot, const struct node *n)
{
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i] == n)
			e->cluster.owner[slot] = (uint16_t)(i + 1);
	}
}

static int fitness(const struct node *n)
{
	return n->breaker.open ? -1 : (int)n->state;
}

/* One that is ready; else one that is being connected; else the one that has not been tried for the longest time. */
static struct node *any_node(struct redis_engine *e)
{
	struct node *best = NULL;
	for (unsigned i = 0; i < e->n_nodes; i++) {
		struct node *n = e->nodes[i];
		if (!n->in_map)
			continue;
		int fit = best ? fitness(n) - fitness(best) : 1;
		if (fit > 0 || (fit == 0 && n->retry_us < best->retry_us))
			best = n;
	}
	return best;
}

static struct node *route(struct redis_engine *e, struct op *op)
{
	if (op->target)
		return op->target;
	if (op->call->command.key.n > 0) {
		unsigned owner = e->cluster.owner[slot_of(op->call->command.key)];
		return owner > 0 ? e->nodes[owner - 1] : NULL;
	}
	return any_node(e);
}

static bool may_connect(const struct redis_engine *e, const struct node *n, int64_t now)
{
	return n->state == NODE_DOWN && (!e->o.service || now >= n->retry_us);
}

/* Nobody is there who could tell the map. */
static void meet_seeds(struct redis_engine *e, int64_t now)
{
	add_seeds(e);
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i]->seed && may_connect(e, e->nodes[i], now))
			node_connect(e->nodes[i], now, e->o.timeout_ms * 1000);
	}
}

static bool anybody(const struct redis_engine *e)
{
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i]->state != NODE_DOWN)
			return true;
	}
	return false;
}

static bool look(struct redis_engine *e, struct node *n, int64_t now)
{
	if (n) {
		if (!may_connect(e, n, now))
			return false;
		node_connect(n, now, e->o.timeout_ms * 1000);
		return true;
	}
	e->cluster.wanted = true;
	if (!anybody(e))
		meet_seeds(e, now);
	return anybody(e);
}

/* --- the map --------------------------------------------------------------------------------------------------------------- */

static void own_range(void *ctx, unsigned first, unsigned last, struct str host, unsigned port)
{
	struct node *from = ctx;
	struct redis_engine *e = from->engine;
	struct node *n = find_or_add(e, host.n > 0 ? host : str_of(from->host), port);
	if (!n)
		return;
	n->in_map = true;
	set_owner(e, first, n);
	for (unsigned slot = first + 1; slot <= last; slot++)
		e->cluster.owner[slot] = e->cluster.owner[first];
}

static void mapped(struct node *n, int err, const struct redisReply *reply)
{
	struct redis_engine *e = n->engine;
	struct cluster_state *c = &e->cluster;
	int64_t now = clock_mono_us();
	c->asked = false;
	e->dirty = true;
	if (err != ERR_OK)
		return; /* it is still wanted */
	if (reply->type == REDIS_REPLY_ERROR) {
		node_fail(n, ERR_CONNECT, "it tells no map of a cluster: %.*s", (int)reply->len, reply->str);
		return;
	}
	memset(c->owner, 0, sizeof(c->owner));
	for (unsigned i = 0; i < e->n_nodes; i++)
		e->nodes[i]->in_map = false;
	if (slots_read(reply, own_range, n) != ERR_OK) {
		node_fail(n, ERR_CONNECT, "its map of the cluster is malformed");
		return;
	}
	c->wanted = false;
	c->known = true;
	c->told_us = now;
	for (unsigned i = 0; i < e->n_nodes; i++)
		node_tell_up(e->nodes[i], now);
	LIST_EACH (struct op, op, &e->waiting, link) {
		if (op->not_before_us == UNTIL_MAPPED)
			op->not_before_us = 0;
	}
}

static struct node *next_ready(struct redis_engine *e)
{
	for (unsigned i = 0; i < e->n_nodes; i++) {
		struct node *n = e->nodes[e->cluster.turn++ % e->n_nodes];
		if (n->state == NODE_READY && !n->breaker.open)
			return n;
	}
	return NULL;
}

static void ask_map(struct redis_engine *e, int64_t now)
{
	struct node *n = next_ready(e);
	if (!n) {
		if (e->o.service)
			meet_seeds(e, now);
		return;
	}
	char *bytes = NULL;
	size_t n_bytes = 0;
	wire_add(&bytes, &n_bytes, (struct str[]){STR("CLUSTER"), STR("SLOTS")}, 2);
	e->cluster.asked = true;
	e->cluster.next_us = now + ENGINE_PAUSE_MS * 1000;
	node_send(n, engine__own_op(e, bytes, n_bytes, 1, now + ENGINE_ASK_MS * 1000, mapped), now);
}

/* --- what nodes do --------------------------------------------------------------------------------------------------------- */

static void ready(struct node *n, int64_t now)
{
}

/* Who waits for it may find another node in the next map; not for ever. */
static void put_off_waiting(struct redis_engine *e, struct node *n)
{
	LIST_EACH_SAFE (struct op, op, &e->waiting, link) {
		if (route(e, op) != n)
			continue;
		op->target = NULL;
		op->asking = false;
		op->not_before_us = UNTIL_MAPPED;
		if (++op->tries < ENGINE_TRIES)
			continue;
		list_remove(&op->link);
		engine__end(e, op, n->err, NULL);
	}
}

/* The last that was there is gone: whoever may tell the map is met. */
static void meet_others(struct redis_engine *e, int64_t now)
{
	add_seeds(e);
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (now >= e->nodes[i]->retry_us)
			node_connect(e->nodes[i], now, e->o.timeout_ms * 1000);
	}
}

static void down(struct node *n, bool was_ready, int64_t now)
{
	struct redis_engine *e = n->engine;
	e->cluster.wanted = true;
	if (!was_ready)
		put_off_waiting(e, n);
	if (anybody(e) || list_is_empty(&e->waiting))
		return;
	meet_others(e, now);
	if (!anybody(e))
		engine__fail_waiting(e, NULL, n->err);
}

static bool follow(struct op *op, struct node *n, const struct redirection *to)
{
	struct redis_engine *e = n->engine;
	struct node *target = find_or_add(e, to->host.n > 0 ? to->host : str_of(n->host), to->port);
	if (!target || ++op->redirects > ENGINE_REDIRECTS)
		return false;
	atomic_fetch_add_explicit(&e->n.redirects, 1, memory_order_relaxed);
	op->asking = to->ask;
	if (!to->ask) {
		set_owner(e, to->slot, target);
		target->in_map = true;
		e->cluster.wanted = true;
	}
	engine__again(e, op, target, 0);
	return true;
}

static bool refused(struct op *op, struct node *n, struct str error, int64_t now)
{
	struct redirection to;
	if (redirection_of(error, &to) == ERR_OK)
		return follow(op, n, &to);
	if (!str_starts(error, STR("TRYAGAIN")) && !str_starts(error, STR("CLUSTERDOWN")))
		return false;
	int64_t then = now + ENGINE_PAUSE_MS * 1000;
	if (then + ENGINE_PAUSE_MS * 1000 >= op->deadline_us)
		return false; /* better this answer than none */
	n->engine->cluster.wanted = true;
	/* TRYAGAIN is said while a slot moves: where it was said it is asked again. */
	engine__again(n->engine, op, str_starts(error, STR("TRYAGAIN")) ? n : NULL, then);
	return true;
}

static bool is_down(const struct redis_engine *e)
{
	bool down = !e->cluster.known;
	for (unsigned i = 0; i < e->n_nodes; i++) {
		const struct node *n = e->nodes[i];
		down |= n->in_map && (n->state != NODE_READY || n->breaker.open);
	}
	return down;
}

/* --- the clock ------------------------------------------------------------------------------------------------------------- */

static bool is_needed(const struct redis_engine *e, const struct node *n)
{
	if (n->in_map || !list_is_empty(&n->sent) || (n->state != NODE_DOWN && n->state != NODE_READY))
		return true;
	LIST_EACH (const struct op, op, &e->waiting, link) {
		if (op->target == n)
			return true;
	}
	return false;
}

static void sweep(struct redis_engine *e)
{
	for (unsigned i = 0; i < e->n_nodes;) {
		if (is_needed(e, e->nodes[i])) {
			i++;
			continue;
		}
		node_free(&e->nodes[i]);
		e->nodes[i] = e->nodes[--e->n_nodes];
		e->nodes[e->n_nodes] = NULL;
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			if (e->cluster.owner[slot] == e->n_nodes + 1)
				e->cluster.owner[slot] = (uint16_t)(i + 1);
		}
	}
}

static void tick(struct redis_engine *e, int64_t now)
{
	struct cluster_state *c = &e->cluster;
	if (e->o.service && c->known && now >= c->told_us + REFRESH_US && is_down(e))
		c->wanted = true;
	if (c->wanted && !c->asked && now >= c->next_us)
		ask_map(e, now);
	if (c->known && !c->wanted)
		sweep(e);
	for (unsigned i = 0; i < e->n_nodes && e->o.service; i++) {
		if (e->nodes[i]->in_map && may_connect(e, e->nodes[i], now))
			node_connect(e->nodes[i], now, e->o.timeout_ms * 1000);
	}
}

/* When the first of the URL's nodes may be met again. */
static int64_t first_seed(const struct redis_engine *e)
{
	int64_t at = INT64_MAX;
	for (unsigned i = 0; i < e->n_nodes; i++) {
		const struct node *n = e->nodes[i];
		if (n->seed && n->state == NODE_DOWN && n->retry_us < at)
			at = n->retry_us;
	}
	return at;
}

static int64_t due(const struct redis_engine *e)
{
	const struct cluster_state *c = &e->cluster;
	int64_t at = INT64_MAX;
	bool ready = false;
	for (unsigned i = 0; i < e->n_nodes; i++) {
		const struct node *n = e->nodes[i];
		ready |= n->state == NODE_READY && !n->breaker.open;
		if (e->o.service && n->state == NODE_DOWN && n->in_map && n->retry_us < at)
			at = n->retry_us;
	}
	if (e->o.service && c->wanted && !c->asked && !ready) {
		int64_t seed = first_seed(e);
		at = seed < at ? (seed > c->next_us ? seed : c->next_us) : at;
	}
	if (c->wanted && !c->asked && ready && c->next_us < at)
		at = c->next_us;
	if (e->o.service && c->known && !c->wanted && is_down(e) && c->told_us + REFRESH_US < at)
		at = c->told_us + REFRESH_US;
	return at;
}

const struct routing routing_cluster = {
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
