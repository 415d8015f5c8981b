/* The process around the workers. */
#ifndef LARDER_WORKER_SERVER_H
#define LARDER_WORKER_SERVER_H

#include "conf/conf.h"

/* Serves until it is told to end: SIGTERM and SIGINT drain (a second one cuts), SIGHUP loads the settings anew from
 * `source` (whose memory the caller keeps), SIGUSR1 opens the access log anew. Takes the reference of `conf`. Returns the exit code
 * of the process: 0 after an orderly end, 1 when it cannot start (logged). Once a process. */
int server_run(struct conf *conf_take, const struct conf_source *source);

#endif
