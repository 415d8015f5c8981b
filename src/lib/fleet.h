/* The servers of one Redis: one, the master that sentinels name, or the nodes of a cluster; with the connections to them that are not in use. Any
 * thread. fleet.c says who is asked. */
#ifndef LARDER_LIB_FLEET_H
#define LARDER_LIB_FLEET_H

#include "lib/lib.h"
#include "lib/resp.h"
#include "redis/url.h"

struct fleet;

/* `url` is copied, the files of `tls` are read. NULL with *status: LARDER_INVALID, LARDER_UNSUPPORTED, LARDER_NO_MEMORY. */
struct fleet *fleet_new(struct str url, const struct redis_tls *tls, int64_t timeout_ms, int *status);
void fleet_free(struct fleet *f);
/* Its short lock, around a fork. */
void fleet_hold(struct fleet *f);
void fleet_let_go(struct fleet *f);

bool fleet_is_cluster(const struct fleet *f);

struct command {
	struct str key; /* whose slot decides who is asked */
	const struct str *words;
	size_t n;
	/* May be sent again when the connection broke before it was answered: twice does what once does. */
	bool repeatable;
};

/* A reply, to be freed with reply_free. `first` is its first item, `rest` what is behind it (the elements of an array). */
struct reply {
	struct text raw;
	struct resp first;
	struct str rest;
};
void reply_free(struct reply *r);

/* LARDER_OK with the reply, which is no error of the server's. Else a status, and nothing is to be freed. Blocks until the timeout. */
int fleet_ask(struct fleet *f, const struct command *c, struct reply *out);
/* The same for the second command, with the first sent along before it; in a cluster each goes where its key is, one after the other. When the
 * first fails, its reply is empty (RESP_NIL), and that is all: it must be repeatable. Both replies are to be freed, the second one last. */
int fleet_ask_two(struct fleet *f, const struct command commands[2], struct reply out[2]);

/* Who holds the keys: each is asked for its part of them. *n nodes, which are numbered from 0 (at most FLEET_NODES). */
enum { FLEET_NODES = 128 };
int fleet_masters(struct fleet *f, unsigned masters[FLEET_NODES], unsigned *n);
int fleet_ask_node(struct fleet *f, unsigned node, const struct command *c, struct reply *out);

#endif
