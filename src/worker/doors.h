/* The listening sockets of all workers: of a TCP address each worker has its own (SO_REUSEPORT), so that the system spreads
 * connections over them; a unix socket is shared. Main thread. */
#ifndef LARDER_WORKER_DOORS_H
#define LARDER_WORKER_DOORS_H

#include "worker/listen.h"
#include "worker/worker.h"

struct doors;

/* Opens all, or none: 0, or ERR_IO (logged, with what to do about it). */
int doors_open(const struct conf_server *conf, struct doors **out) MUST_CHECK;
/* What the worker of that number listens on, one for each address. */
const struct worker_listen *doors_of(const struct doors *d, unsigned worker, unsigned *n);
/* Why an address could not be had, for people; `error` is an errno. Static. */
const char *doors_advice(int error);
/* Removes the files of unix sockets; once, since soon they may be those of the next process. */
void doors_remove_files(struct doors *d);
/* The same, and closes and frees. When the workers do not listen any more. */
void doors_close(struct doors **d);

#endif
