/* The only way between threads' loops: letters (req/port.h) that any thread posts and the owner's loop runs.
 *
 *   poster   mailbox_post -> [queued] -> the owner's next turn takes it off the queue and calls fn
 *   owner    mailbox_unpost takes it off before that
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
	struct mail head; /* of the ring; fn unused */
	size_t n;	  /* letters in it */
	uv_async_t async;
	bool open; /* under the lock: the loop still listens */
};

/* The loop's thread. 0 or ERR_IO. */
int mailbox_init(struct mailbox *b, uv_loop_t *loop) MUST_CHECK;
/* The loop's thread. Letters that come afterwards stay queued and are never run; the loop has to turn once more. */
void mailbox_close(struct mailbox *b);
/* When no thread can post any more. */
void mailbox_free(struct mailbox *b);

/* Any thread, does not block. Posting a letter that is queued already does nothing. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* The loop's thread: afterwards the letter is not queued. */
void mailbox_unpost(struct mailbox *b, struct mail *m);

#endif
