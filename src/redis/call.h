/* One command for a Redis server, and scripts: what the client of the proxy (client.h) and the one that waits (sync.h) share. */
#ifndef LARDER_REDIS_CALL_H
#define LARDER_REDIS_CALL_H

#include "base/err.h"
#include "base/str.h"

struct redisReply; /* hiredis */

/* A Lua script: called by its SHA-1 (EVALSHA), and sent whole (EVAL) when the server does not have it. Static; nothing in it is
 * written. */
struct redis_script {
	const char *text;
};

/* Points to everything, owns nothing. */
struct redis_command {
	const struct redis_script
	    *script; /* NULL: argv is the whole command. Else argv is n_keys keys, then arguments */
	unsigned n_keys;
	unsigned argc;
	const struct str *argv;
	/* The key whose slot decides who is asked in a cluster; empty: any node. */
	struct str key;
};

#endif
