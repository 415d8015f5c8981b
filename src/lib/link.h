/* One connection to a Redis server, for one thread at a time. Every call ends by its deadline (us of clock_mono_us); but the look-up of a name
 * takes as long as the system lets it. Nothing here raises SIGPIPE. */
#ifndef LARDER_LIB_LINK_H
#define LARDER_LIB_LINK_H

#include <sys/types.h>

#include "lib/lib.h"

#include "redis/tls.h"

struct link {
	struct link *next; /* the owner's */
	int fd;
	struct tls *tls; /* NULL: without */
	pid_t pid;	 /* of who opened it: a forked child must leave it alone */
};

/* Who to be, and which database. */
struct link_login {
	struct str user, password; /* p NULL: none */
	unsigned db;
	struct tls_context *tls; /* of rediss://; else NULL */
};

/* host "" : the socket at `path`. LARDER_OK, LARDER_CONNECT, LARDER_TIMEOUT, LARDER_DENIED, LARDER_NO_MEMORY, LARDER_SERVER. */
int link_open(const char *host, unsigned port, const char *path, const struct link_login *login, int64_t deadline_us,
    struct link **out);
/* Closes this process's end. */
void link_drop(struct link **l);
/* Whether it can be used: opened by this process, and neither closed nor spoken to by the other side. */
bool link_is_good(const struct link *l);

struct link_command {
	const struct str *words;
	size_t n;
};
/* Sends commands and waits for their replies, errors of the server's included, one behind the other; out->p is to be freed. LARDER_CONNECT,
 * LARDER_TIMEOUT, LARDER_NO_MEMORY: then the connection is of no use any more. */
int link_ask(struct link *l, const struct link_command *commands, size_t n, int64_t deadline_us, struct text *out);

/* The status for an error of the server's. */
int link_refused(struct str error);

#endif
