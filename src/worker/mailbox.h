/* The only way between threads' loops: letters (req/port.h) that any thread posts and the owner's loop runs.
 *
 *   poster   mailbox_post -> [queued] -> the owner's next turn takes it off the queue and calls fn
 *   owner    mailbox_unpost takes it off before that
 *
 * What the loop's own thread posts, which on a worker is nearly all, costs no system call.
 *
 * A letter belongs to its poster's side: it is embedded, never allocated, and queued at most once. */
#ifndef LARDER_WORKER_MAILBOX_H
#define LARDER_WORKER_MAILBOX_H

#include <pthread.h>
#include <uv.h>

#include "base/err.h"
#include "req/port.h"

struct mailbox {
	pthread_mutex_t lock;
	struct list letters; /* oldest first */
	size_t n;
	bool open;	  /* under the lock, as all above: the loop still listens */
	bool awake;	  /* and will look at the letters: async was sent, or idle runs */
	uv_async_t async; /* wakes it from other threads */
	uv_idle_t idle;	  /* active: letters of its own thread wait, so it does not */
	uv_check_t check; /* they are read in the turn that posts them, if its events are not over */
};

/* Before the loop runs. 0 or ERR_IO. */
int mailbox_init(struct mailbox *b, uv_loop_t *loop) MUST_CHECK;
/* On the thread that runs the loop, once, before it does: what this thread posts needs no wake from outside. Without it
 * everything is posted as from another thread. A thread runs one mailbox at most. */
void mailbox_run_here(struct mailbox *b);
/* The loop's thread. Letters that come afterwards stay queued and are never run; the loop has to turn once more. */
void mailbox_close(struct mailbox *b);
/* When no thread can post any more. */
void mailbox_free(struct mailbox *b);

/* Any thread, does not block. Posting a letter that is queued already does nothing. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* The loop's thread: afterwards the letter is not queued. */
void mailbox_unpost(struct mailbox *b, struct mail *m);

#endif
