/* What a request needs of its worker. req/ never includes worker/: the worker fills this table, and a test fills it with a
 * script and a clock that it moves. */
#ifndef LARDER_REQ_PORT_H
#define LARDER_REQ_PORT_H

#include "base/list.h"
#include "req/fetch.h"

struct req;

/* A letter to a worker's thread. Embedded in its owner; posted at most once at a time. */
struct mail {
	struct list link;	    /* in the mailbox */
	void (*fn)(struct mail *m); /* runs on the receiver's thread */
	bool queued; /* under the mailbox's lock, as the link; but letters beside it do not write to this */
};

struct req_port {
	int64_t (*wall_ms)(void *w); /* the same within a loop turn */
	int64_t (*mono_us)(void *w);
	int64_t (*turn_us)(void *w); /* the last of these readings in this turn: costs nothing but once a turn */
	/* Any thread; never runs the letter itself. Posting a letter that is queued already does nothing. */
	void (*post)(void *w, struct mail *m);
	/* Receiver's thread: after it returns the letter is not queued. */
	void (*unpost)(void *w, struct mail *m);
	/* 0: events follow. Never fails at once: errors come as done. */
	void (*fetch)(void *w, struct fetch *f);
	/* No event follows. Harmless after done. */
	void (*fetch_cancel)(void *w, struct fetch *f);
	/* There is space again / there are upload bytes again. */
	void (*fetch_resume)(void *w, struct fetch *f);
	void (*fetch_body)(void *w, struct fetch *f);
	/* The client side: the parked request has its answer / more body to read / can take upload bytes. Any time on its own
	 * thread, also from inside req_ calls. */
	void (*resume)(void *w, struct req *r);
	/* Sends a 1xx to the client, best effort. */
	void (*interim)(void *w, struct req *r, int status, const struct headers *h);
};

#endif
