/* One worker: a thread with a loop, the clients that it accepted, the upstream connections of their requests, and the port
 * (req/port.h) between the two. Workers share tier, flights, gates and metrics, and meet in each other's mailboxes.
 *
 *   worker_start -> serves -> worker_drain -> (nothing is left: `idle` is told) -> worker_stop -> worker_join -> worker_free
 *
 * A worker that is idle goes on until all are: another's request may wait for a fetch of its. */
#ifndef LARDER_WORKER_WORKER_H
#define LARDER_WORKER_WORKER_H

#include "req/req.h"
#include "worker/gate.h"

struct worker;

struct worker_listen {
	int fd; /* listening, non-blocking; owned by the caller, open until the worker was joined */
	struct str text;
};

struct worker_options {
	unsigned index;
	struct conf *conf; /* a reference is taken */
	struct tier *tier;
	struct flights *flights;
	struct gates *gates;
	struct metrics_worker *metrics;
	struct accesslog *access; /* NULL: off */
	uint64_t key_seed, id_seed;
	struct siphash_key tag_key;
	uint32_t instance;
	atomic_uint *connections; /* open, of all workers */
	const struct worker_listen *listen;
	unsigned n_listen;
	/* Draining, and nothing is left to do. Told once, on the worker's thread. */
	void (*idle)(void *ctx);
	void *ctx;
};

/* Starts the thread. 0 or ERR_IO (logged). */
int worker_start(const struct worker_options *o, struct worker **out) MUST_CHECK;

/* The next three: any thread, do not block; nothing after worker_free. */
/* New settings for the requests to come; a reference is taken. */
void worker_set_conf(struct worker *w, struct conf *conf);
/* Accepts nothing more, lets requests end. */
void worker_drain(struct worker *w);
/* Cuts what is left and ends the thread. */
void worker_stop(struct worker *w);

void worker_join(struct worker *w);
/* When all workers were joined: letters may have been on their way. */
void worker_free(struct worker **w);

/* For gates_new: a letter to the worker. */
void worker_post(void *worker, struct mail *m);
void worker_unpost(void *worker, struct mail *m);

#endif
