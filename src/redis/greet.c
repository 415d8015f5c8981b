/* The greeting of a new connection, sent in one piece: AUTH and SELECT when the URL says so, ROLE when the sentinels sent us (they may
 * speak of a past master), and always PING, because a stopped process accepts connections as well. An answer that refuses the PING
 * alone is fine: who answers lives. */
#include "redis/node.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "redis/engine.h"

static bool error_is(const struct redisReply *r, struct str begin)
{
	return r->type == REDIS_REPLY_ERROR && str_starts(str_make(r->str, r->len), begin);
}

static bool is_master(const struct redisReply *r)
{
	return r->type == REDIS_REPLY_ARRAY && r->elements > 0 && r->element[0]->type == REDIS_REPLY_STRING &&
	       str_eq(str_make(r->element[0]->str, r->element[0]->len), STR("master"));
}

/* ERR_OK, or what is wrong. */
static int judge(struct node *n, char step, const struct redisReply *r)
{
	if (error_is(r, STR("NOAUTH")) || (step == 'A' && r->type == REDIS_REPLY_ERROR))
		return ERR_DENIED;
	if (step == 'S')
		return r->type == REDIS_REPLY_ERROR ? ERR_CONNECT : ERR_OK;
	if (step == 'R')
		return is_master(r) || error_is(r, STR("NOPERM")) ? ERR_OK : ERR_CONNECT;
	return error_is(r, STR("LOADING")) ? ERR_CONNECT : ERR_OK;
}

static void become_ready(struct node *n)
{
	n->state = NODE_READY;
	n->ready_us = clock_mono_us();
	breaker_close(&n->breaker);
	n->breaker.probing = false;
	if (n->was_connected)
		atomic_fetch_add_explicit(&n->engine->n.reconnects, 1, memory_order_relaxed);
	n->was_connected = true;
	node_tell_up(n, n->ready_us);
	n->engine->dirty = true;
	n->engine->routing->ready(n, n->ready_us);
}

static void greeted(struct node *n, int err, const struct redisReply *reply)
{
	if (err != ERR_OK)
		return; /* node_fail has said why */
	char step = n->steps[n->step++];
	int wrong = judge(n, step, reply);
	if (wrong == ERR_OK) {
		if (n->step == n->n_steps)
			become_ready(n);
		return;
	}
	struct str text = reply->type == REDIS_REPLY_ERROR ? str_make(reply->str, reply->len) : STR("it is no master");
	node_fail(n, wrong, step == 'A' ? "the password was refused: %.*s" : "%.*s", STR_ARG(text));
}

static void add_step(
    struct node *n, char **bytes, size_t *n_bytes, char step, const struct str *words, unsigned n_words)
{
	n->steps[n->n_steps++] = step;
	wire_add(bytes, n_bytes, words, n_words);
}

void node_greet(struct node *n, int64_t now)
{
	const struct redis_url *url = &n->engine->url;
	bool sentinel = n->role == ROLE_SENTINEL;
	struct str user = sentinel ? url->sentinel_user : url->user,
		   password = sentinel ? url->sentinel_password : url->password;
	char *bytes = NULL;
	size_t n_bytes = 0;
	n->n_steps = n->step = 0;
	if (password.p && user.p)
		add_step(n, &bytes, &n_bytes, 'A', (struct str[]){STR("AUTH"), user, password}, 3);
	else if (password.p)
		add_step(n, &bytes, &n_bytes, 'A', (struct str[]){STR("AUTH"), password}, 2);
	if (url->db > 0 && !sentinel) {
		char text[16];
		int length = snprintf(text, sizeof(text), "%u", url->db);
		add_step(n, &bytes, &n_bytes, 'S', (struct str[]){STR("SELECT"), str_make(text, (size_t)length)}, 2);
	}
	if (n->role == ROLE_MASTER)
		add_step(n, &bytes, &n_bytes, 'R', (struct str[]){STR("ROLE")}, 1);
	add_step(n, &bytes, &n_bytes, 'P', (struct str[]){STR("PING")}, 1);
	node_send(n, engine__own_op(n->engine, bytes, n_bytes, n->n_steps, INT64_MAX, greeted), now);
}

static void probed(struct node *n, int err, const struct redisReply *reply)
{
	char name[NODE_NAME + 16];
	if (breaker_probe_ended(&n->breaker, clock_mono_us(), err == ERR_OK) && n->engine->o.service)
		log_info("redis", "%s answers in time again", node_name(n, name));
	n->engine->dirty = true;
}

void node_probe(struct node *n, int64_t now)
{
	char *bytes = NULL;
	size_t n_bytes = 0;
	wire_add(&bytes, &n_bytes, (struct str[]){STR("PING")}, 1);
	node_send(n, engine__own_op(n->engine, bytes, n_bytes, 1, INT64_MAX, probed), now);
	breaker_probe_sent(&n->breaker, now);
	node_flush(n);
}
