/* Listening sockets, for clients and for the admin interface. Main thread. */
#ifndef LARDER_WORKER_LISTEN_H
#define LARDER_WORKER_LISTEN_H

#include <sys/types.h>

#include "conf/conf.h"

/* A listening socket, non-blocking and closed on exec. reuse_port: every worker may open its own on the same address.
 * unix_mode: permissions of a unix socket's file; a file left behind by a process that is gone is replaced. 0, or ERR_IO with
 * errno set (EADDRINUSE: somebody listens there). */
int listen_open(const struct conf_addr *address, bool reuse_port, mode_t unix_mode, int *fd) MUST_CHECK;
/* From now on sockets opened with reuse_port may listen beside this one, which was opened without (nothing to do for a unix
 * socket). 0, or ERR_IO with errno set. */
int listen_share(const struct conf_addr *address, int fd) MUST_CHECK;
/* Removes the file of a unix socket; the descriptor is the caller's. */
void listen_remove(const struct conf_addr *address);

/* "127.0.0.1:8080", "[::1]:8080" or "unix:/path": with the port that the system gave when 0 was asked for. */
enum { LISTEN_TEXT_MAX = 160 };
struct str listen_text(const struct conf_addr *address, int fd, char out[LISTEN_TEXT_MAX]);

#endif
