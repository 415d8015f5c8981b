/* The inside of the upstream side, shared by upstream.c and exchange.c: what a fetch is while it is under way.
 *
 *   upstream.c:  GATE -> CONNECT -> OPEN -> end          where it waits, who it waits for, what becomes of the connection
 *   exchange.c:  OPEN: the request goes out, the response comes in
 *
 * An event of a fetch may cancel any fetch, its own too. So every event is called between upstream__telling and
 * upstream__told, and the latter tells whether the exchange is still there. Events are never nested: nothing that an event
 * may call makes another event. */
#ifndef LARDER_WORKER_EXCHANGE_H
#define LARDER_WORKER_EXCHANGE_H

#include "worker/conn.h"
#include "worker/gate.h"
#include "worker/upstream.h"

enum { SCRATCH_SIZE = 65536 };

enum exchange_phase { PHASE_GATE, PHASE_CONNECT, PHASE_OPEN, PHASE_FAILED };

/* What the loop's next turn owes an exchange. */
enum { TODO_FAIL = 1, TODO_START = 2, TODO_WRITE = 4, TODO_READ = 8 };

/* What the request is up to. */
enum sending {
	SENDING,      /* bytes of ours or of the body are still to go */
	SENT,	      /* the whole request is out */
	SEND_STOPPED, /* the response came first, or the peer takes no more */
};

enum receiving { RECEIVING_HEAD, RECEIVING_BODY };

struct exchange {
	struct upstreams *u;
	struct fetch *f;
	enum exchange_phase phase;
	struct gate_ticket ticket;
	struct connecting *connecting;
	struct origin *origin; /* while connecting */
	struct conn *conn;     /* PHASE_OPEN */
	struct deadline deadline;
	const char *deadline_why;
	struct list link; /* in u->all until it is over, then in u->spare */
	struct list soon; /* in u->soon while todo != 0 */
	unsigned todo;
	int err; /* of TODO_FAIL */
	const char *why;

	/* once per fetch */
	bool repeated; /* on a fresh connection, after an idle one turned out closed */
	bool reused;   /* the connection carried a request before this one */

	/* the request */
	enum sending sending;
	bool sent_any;	      /* bytes went out, so the upstream may have acted */
	bool took_any;	      /* upload bytes were taken: they cannot be had again */
	bool upload_whole;    /* no more of the body is to come */
	bool chunks;	      /* a chunk was written before */
	uint64_t upload_left; /* of the body, or of the chunk under way */
	struct buf out;	      /* our own bytes: head, chunk sizes */
	size_t out_at;	      /* sent of it */

	/* the response */
	enum receiving receiving;
	bool paused;	 /* no space: reading waits for upstream_resume */
	bool keep;	 /* the response allows another request */
	uint64_t keep_s; /* so long the peer keeps the connection; UINT64_MAX: it did not say */
	unsigned interims;
	struct http_body body;
	int body_rc;	 /* what http_body_read said of the run */
	size_t run;	 /* content at the front of `held` (or of the bytes at hand), not yet given away */
	size_t run_tail; /* bytes behind the run that the reader has eaten with it */
	struct buf held; /* received, not yet digested */
};

struct upstreams {
	uv_loop_t *loop;
	void *worker;
	struct gates *gates;
	struct metrics_worker *metrics;
	struct connector *connector;
	struct pool pool;
	struct deadlines deadlines;
	uv_timer_t timer;  /* for the earliest deadline */
	int64_t timer_ms;  /* when it is due; INT64_MAX: not set */
	uv_idle_t idle;	   /* runs while `soon` is not empty */
	unsigned n_closed; /* of timer and idle, at the end */
	struct list soon;
	unsigned n_soon;
	struct list all;   /* exchanges that are under way, the newest first */
	struct list spare; /* ended ones, to be used again */
	unsigned n_spare;
	bool aborted;		  /* nothing is fetched any more */
	struct exchange *telling; /* whose event is being called; NULL when it was cancelled in it */
	struct arena arena;	  /* header arrays of the head being read */
	char scratch[SCRATCH_SIZE];
};

/* exchange.c. These call events, and may end the exchange or take it to another connection. */

/* Begins on x->conn: makes the head. 0, or an error that goes out as done. Calls no event. */
int exchange_begin(struct exchange *x, const char **why) MUST_CHECK;
/* Sends what can be sent; calls no event when the request has no body. False: x is gone, or not on this connection any more. */
bool exchange_send(struct exchange *x);
/* Reads what can be read. */
void exchange_receive(struct exchange *x);
void exchange_on_event(struct exchange *x, int events);

/* upstream.c */
struct upstreams *upstream__telling(struct exchange *x);
bool upstream__told(struct upstreams *u);
/* The exchange is over; x is gone. `reusable`: the connection may carry another. */
void upstream__end(struct exchange *x, int err, const char *why, bool reusable);
/* The idle connection was dead: the same on a fresh one. Calls no event. */
void upstream__repeat(struct exchange *x);
/* In after_ms the exchange fails with ERR_TIMEOUT and `why`, unless there is another deadline by then. */
void upstream__deadline(struct exchange *x, int64_t after_ms, const char *why);
void upstream__no_deadline(struct exchange *x);
/* The loop's next turn does it. */
void upstream__soon(struct exchange *x, unsigned todo);

#endif
