/* How many requests may be under way at an upstream, over all workers, and who waits for a place: a counter and a
 * queue per upstream name, first come first served, of bounded length. How long a ticket waits is its owner's matter
 * (it leaves when it has waited enough). Any thread; a ticket belongs to one. */
#ifndef LARDER_WORKER_GATE_H
#define LARDER_WORKER_GATE_H

#include "base/err.h"
#include "base/list.h"
#include "conf/conf.h"
#include "req/port.h"

struct gate;
struct gates;

enum gate_place { GATE_OUTSIDE, GATE_WAITING, GATE_INSIDE };

/* Embedded in its owner; all zero before the first use. */
struct gate_ticket {
	struct mail mail; /* fn is set by the owner; posted once when a waiting ticket got its place */
	void *worker;	  /* set by the owner: whose mailbox that is */
	/* under the lock of the gates */
	struct list link; /* while it waits */
	struct gate *gate;
	enum gate_place place;
};

/* post and unpost: those of the port (req/port.h). */
struct gates *gates_new(void (*post)(void *worker, struct mail *m), void (*unpost)(void *worker, struct mail *m));
/* All tickets are outside. */
void gates_free(struct gates **g);

/* ERR_OK: there is a place, t holds it. ERR_AGAIN: t waits, its letter comes. ERR_BUSY: the queue is full too.
 * The limits are those of the settings that came last. max_in_flight 0: no limit. */
int gate_enter(struct gates *g, const struct conf_upstream *upstream, struct gate_ticket *t) MUST_CHECK;
/* Gives the place back (the next in the queue gets it) or leaves the queue; no letter comes after it. Harmless outside.
 * On the ticket's own thread. */
void gate_leave(struct gates *g, struct gate_ticket *t);

struct gate_figures {
	struct str name; /* of the upstream; valid as long as the gates */
	unsigned in_flight, waiting, limit;
};
/* Copies at most max of them, oldest first; returns how many there are. */
unsigned gates_read(struct gates *g, struct gate_figures *out, unsigned max);

#endif
