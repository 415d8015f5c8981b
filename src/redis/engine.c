/* The engine. A call becomes an op (op.h), waits until the routing names a node that is ready, stands in that node's queue, and ends
 * with the answer, with its deadline, or with what became of the connection. One step:
 *
 *   poll -> sockets (answers) -> deadlines -> clocks of nodes and routing -> those who wait are sent -> what can be written is written
 *
 * `done` of a call is called from here alone, and may do anything but call into the engine: the doors hand on what it submits in a
 * later step. Nothing is connected, and no call ends, from within the walk over those who wait but by the walk itself, which is why
 * node_connect tells of a failure later. */
#include "redis/engine.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

enum { PATIENCE_US = 20 * 1000 }; /* how often a patient call looks whether its server is back */

static void count(atomic_uint_fast64_t *n)
{
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

void engine__note(struct redis_engine *e, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(e->error, sizeof(e->error), format, args);
	va_end(args);
}

/* --- deadlines: a list in their order; a new one is nearly always the last ------------------------------------------------ */

static void time_op(struct redis_engine *e, struct op *op)
{
	if (op->deadline_us == INT64_MAX)
		return;
	struct op *before = LIST_LAST(&e->due, struct op, due);
	while (before && before->deadline_us > op->deadline_us)
		before = LIST_PREV(&e->due, before, struct op, due);
	list_add_after(before ? &before->due : &e->due, &op->due);
}

static struct op *first_due(const struct redis_engine *e)
{
	return LIST_FIRST(&e->due, struct op, due);
}

/* --- the life of an op ---------------------------------------------------------------------------------------------------- */

static void wait_op(struct redis_engine *e, struct op *op)
{
	list_add_last(&e->waiting, &op->link);
	e->dirty = true;
}

void redis__submit(struct redis_engine *e, struct redis_call *call, size_t cost)
{
	struct op *op = mem_zalloc(sizeof(*op));
	op->call = call;
	op->deadline_us = call->deadline_us;
	op->cost = cost;
	call->state = op;
	count(&e->n.calls);
	time_op(e, op);
	wait_op(e, op);
}

struct op *engine__own_op(struct redis_engine *e, char *bytes, size_t n, unsigned n_replies, int64_t deadline_us,
    void (*told)(struct node *n, int err, const struct redisReply *reply))
{
	struct op *op = mem_zalloc(sizeof(*op));
	op->told = told;
	op->bytes = bytes;
	op->n_bytes = n;
	op->n_replies = n_replies;
	op->deadline_us = deadline_us;
	time_op(e, op);
	return op;
}

void engine__free_op(struct redis_engine *e, struct op *op)
{
	list_remove(&op->due);
	if (op->cost > 0)
		atomic_fetch_sub_explicit(&e->queued, op->cost, memory_order_relaxed);
	free(op->bytes);
	free(op);
}

static void count_end(struct redis_engine *e, int err, const struct redisReply *reply)
{
	if (err == ERR_TIMEOUT)
		count(&e->n.timeouts);
	else if (err == ERR_BUSY)
		count(&e->n.skipped);
	else if (err != ERR_OK || reply->type == REDIS_REPLY_ERROR)
		count(&e->n.errors);
}

/* The op is free before its call ends: `done` may do away with the call, but nothing of the op is left to be met. */
void engine__end(struct redis_engine *e, struct op *op, int err, const struct redisReply *reply)
{
	struct redis_call *call = op->call;
	engine__free_op(e, op);
	if (!call)
		return;
	count_end(e, err, reply);
	call->state = NULL;
	call->done(call, err, reply);
}

void engine__again(struct redis_engine *e, struct op *op, struct node *target, int64_t not_before_us)
{
	free(op->bytes);
	op->bytes = NULL;
	op->target = target;
	op->not_before_us = not_before_us;
	wait_op(e, op);
}

static void fail_node(struct redis_engine *e, struct node *n, int64_t now, int64_t budget_us)
{
	char name[NODE_NAME + 16];
	if (!breaker_failed(&n->breaker, now, budget_us))
		return;
	engine__note(e, "%s does not answer in time", node_name(n, name));
	if (e->o.service)
		log_warning("redis", "%s: it is asked nothing until it does", e->error);
	e->cluster.wanted = true;
}

void engine__answered(struct op *op, struct node *n, const struct redisReply *reply, int64_t now)
{
	struct redis_engine *e = n->engine;
	if (op->told) {
		op->told(n, ERR_OK, reply);
	} else if (op->call && reply->type == REDIS_REPLY_ERROR) {
		struct str error = str_make(reply->str, reply->len);
		if (op->call->command.script && !op->eval && str_starts(error, STR("NOSCRIPT"))) {
			op->eval = true;
			engine__again(e, op, n, 0);
			return;
		}
		if (e->routing->refused(op, n, error, now))
			return;
	}
	if (op->call)
		breaker_answered(&n->breaker);
	engine__end(e, op, ERR_OK, reply);
}

void engine__lost(struct op *op, struct node *n, int err)
{
	struct redis_engine *e = n->engine;
	if (op->told) {
		op->told(n, err, NULL);
		engine__end(e, op, err, NULL);
	} else if (op->call && (op->written == 0 || op->call->repeatable) && ++op->tries < ENGINE_TRIES &&
		   err != ERR_CANCELLED) {
		op->asking = false;
		engine__again(e, op, NULL, 0);
	} else {
		engine__end(e, op, err == ERR_TIMEOUT || err == ERR_CONNECT ? ERR_RESET : err, NULL);
	}
}

void engine__fail_waiting(struct redis_engine *e, const struct node *n, int err)
{
	LIST_EACH_SAFE (struct op, op, &e->waiting, link) {
		if (n && e->routing->route(e, op) != n)
			continue;
		list_remove(&op->link);
		engine__end(e, op, err, NULL);
	}
}

/* --- the step -------------------------------------------------------------------------------------------------------------- */

static void expire_own(struct redis_engine *e, struct op *op, struct node *n, bool stays)
{
	void (*told)(struct node *, int, const struct redisReply *) = op->told;
	op->told = NULL;
	if (!stays)
		engine__free_op(e, op);
	told(n, ERR_TIMEOUT, NULL);
}

/* Who waits makes the next call on a new connection: in this one its answer would stand behind those of earlier calls, or behind
 * whatever keeps it from being made. */
static void give_up_connection(struct redis_engine *e, struct node *n, bool stays)
{
	if (n && (stays || (n->state != NODE_DOWN && n->state != NODE_READY)))
		node_fail(n, ERR_TIMEOUT, stays ? "no answer in time" : "no connection in time");
	else
		engine__note(e, "nobody was found in time who could answer");
}

/* Ends what the op was for; the op itself stays when its answer may still come. */
static void expire(struct redis_engine *e, struct op *op, int64_t now)
{
	struct node *n = op->node, *meant = n ? n : (op->call ? e->routing->route(e, op) : NULL);
	bool stays = n && !node_take_back(n, op);
	list_remove(&op->due);
	if (!n)
		list_remove(&op->link);
	if (op->told) {
		expire_own(e, op, n, stays);
		return;
	}
	struct redis_call *call = op->call;
	op->call = NULL;
	if (!stays)
		engine__free_op(e, op);
	if (meant)
		fail_node(e, meant, now, call->timeout_ms * 1000);
	count(&e->n.timeouts);
	call->state = NULL;
	call->done(call, ERR_TIMEOUT, NULL);
	if (!e->o.service)
		give_up_connection(e, meant, stays);
}

static const char *sha_of(struct redis_engine *e, const struct redis_script *script, char room[SHA1_HEX + 1])
{
	for (unsigned i = 0; i < e->n_scripts; i++) {
		if (e->scripts[i].script == script)
			return e->scripts[i].sha;
	}
	sha1_hex(str_of(script->text), room);
	if (e->n_scripts == ENGINE_SCRIPTS)
		return room;
	e->scripts[e->n_scripts].script = script;
	memcpy(e->scripts[e->n_scripts].sha, room, SHA1_HEX + 1);
	return e->scripts[e->n_scripts++].sha;
}

static void send_op(struct redis_engine *e, struct node *n, struct op *op, int64_t now)
{
	char room[SHA1_HEX + 1];
	const struct redis_command *c = &op->call->command;
	enum wire_form form = !c->script ? WIRE_PLAIN : (op->eval ? WIRE_EVAL : WIRE_EVALSHA);
	const char *sha = form == WIRE_EVALSHA ? sha_of(e, c->script, room) : NULL;
	op->bytes = wire_command(c, form, sha, op->asking, &op->n_bytes);
	op->n_replies = op->asking ? 2 : 1;
	list_remove(&op->link);
	node_send(n, op, now);
}

static void send_waiting(struct redis_engine *e, int64_t now)
{
	e->dirty = false;
	LIST_EACH_SAFE (struct op, op, &e->waiting, link) {
		if (op->not_before_us > now)
			continue;
		op->not_before_us = 0;
		struct node *n = e->routing->route(e, op);
		bool is_patient = op->call && op->call->patient;
		int err = n && n->breaker.open && !is_patient ? ERR_BUSY : ERR_OK;
		if (err == ERR_OK && n && n->state == NODE_READY) {
			send_op(e, n, op, now);
			continue;
		}
		if (err == ERR_OK && !(n && n->state != NODE_DOWN) && !e->routing->look(e, n, now)) {
			if (is_patient) {
				op->not_before_us = now + PATIENCE_US;
				continue;
			}
			err = n ? n->err : ERR_CONNECT;
		}
		if (err != ERR_OK) {
			list_remove(&op->link);
			engine__end(e, op, err, NULL);
		}
	}
}

static int64_t next_due(const struct redis_engine *e, int64_t until_us)
{
	int64_t due = e->dirty ? 0 : until_us;
	const struct op *first = first_due(e);
	if (first && first->deadline_us < due)
		due = first->deadline_us;
	LIST_EACH (const struct op, op, &e->waiting, link) {
		if (op->not_before_us > 0 && op->not_before_us < due)
			due = op->not_before_us;
	}
	for (unsigned i = 0; i < e->n_nodes; i++) {
		int64_t at = node_due(e->nodes[i]);
		due = at < due ? at : due;
	}
	int64_t at = e->routing->due(e);
	return at < due ? at : due;
}

static void drain(struct redis_engine *e)
{
	uint64_t n;
	ssize_t got = read(e->event_fd, &n, sizeof(n));
	(void)got; /* that it could be read is all it says */
}

static void wait_and_handle(struct redis_engine *e, int64_t until_us)
{
	struct pollfd fds[ENGINE_NODES + 1] = {{.fd = e->event_fd, .events = POLLIN}};
	struct node *whose[ENGINE_NODES + 1];
	nfds_t n = 1;
	for (unsigned i = 0; i < e->n_nodes; i++) {
		if (node_wants(e->nodes[i], &fds[n]))
			whose[n++] = e->nodes[i];
	}
	int64_t due = next_due(e, until_us), wait = due == INT64_MAX ? 0 : due - clock_mono_us();
	wait = wait > 0 ? wait : 0;
	struct timespec t = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
	if (ppoll(fds, n, due == INT64_MAX ? NULL : &t, NULL) <= 0)
		return;
	if (fds[0].revents)
		drain(e);
	int64_t now = clock_mono_us();
	for (nfds_t i = 1; i < n; i++) {
		/* One that failed by what another heard has another socket by now, or none. */
		if (fds[i].revents && whose[i]->fd == fds[i].fd)
			node_handle(whose[i], fds[i].revents, now);
	}
}

void redis__step(struct redis_engine *e, int64_t until_us)
{
	wait_and_handle(e, until_us);
	int64_t now = clock_mono_us();
	for (struct op *op; (op = first_due(e)) && op->deadline_us <= now;)
		expire(e, op, now);
	for (unsigned i = 0; i < e->n_nodes; i++)
		node_tick(e->nodes[i], now);
	e->routing->tick(e, now);
	send_waiting(e, now);
	for (unsigned i = 0; i < e->n_nodes; i++)
		node_flush(e->nodes[i]);
	bool down = e->routing->is_down(e);
	atomic_store_explicit(&e->down, down, memory_order_relaxed);
	atomic_store_explicit(
	    &e->refuses, e->url.kind != REDIS_CLUSTER && e->nodes[0]->breaker.open, memory_order_relaxed);
}

void redis__wake(struct redis_engine *e)
{
	uint64_t one = 1;
	ssize_t n = write(e->event_fd, &one, sizeof(one));
	(void)n; /* fails only when the counter is full: it is awake then */
}

/* --- beginning and end ------------------------------------------------------------------------------------------------------ */

static void copy_url(struct redis_engine *e, const struct redis_url *from)
{
	struct redis_url *u = &e->url;
	struct str *owned[] = {&u->path, &u->user, &u->password, &u->group, &u->sentinel_user, &u->sentinel_password,
	    &u->files.ca, &u->files.cert, &u->files.key};
	arena_init(&e->arena, 0);
	*u = *from;
	for (size_t i = 0; i < COUNT_OF(owned); i++)
		*owned[i] = owned[i]->p ? arena_str(&e->arena, *owned[i]) : STR_NONE;
	for (unsigned i = 0; i < u->n_hosts; i++)
		u->hosts[i].name = arena_str(&e->arena, u->hosts[i].name);
}

struct redis_engine *redis__engine_new(const struct redis_engine_options *o)
{
	static const struct routing *const kinds[] = {[REDIS_SINGLE] = &routing_single,
	    [REDIS_UNIX] = &routing_single,
	    [REDIS_SENTINEL] = &routing_sentinel,
	    [REDIS_CLUSTER] = &routing_cluster};
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	struct redis_engine *e = mem_zalloc(sizeof(*e));
	list_init(&e->waiting);
	list_init(&e->due);
	e->o = *o;
	e->event_fd = fd;
	copy_url(e, o->url);
	e->o.url = &e->url;
	e->tls = e->url.tls ? tls_context_new(&e->url.files, e->tls_why) : NULL;
	e->routing = kinds[e->url.kind];
	atomic_store(&e->down, true);
	e->routing->start(e);
	return e;
}

void redis__engine_cancel(struct redis_engine *e)
{
	for (unsigned i = 0; i < e->n_nodes; i++)
		node_close(e->nodes[i]);
	engine__fail_waiting(e, NULL, ERR_CANCELLED);
}

void redis__engine_free(struct redis_engine **e)
{
	if (!*e)
		return;
	redis__engine_cancel(*e);
	for (unsigned i = 0; i < (*e)->n_nodes; i++)
		node_free(&(*e)->nodes[i]);
	tls_context_free(&(*e)->tls);
	close((*e)->event_fd);
	arena_free(&(*e)->arena);
	free(*e);
	*e = NULL;
}
