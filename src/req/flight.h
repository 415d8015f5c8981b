/* Flights: the fetches under way, over all workers. Misses of one key collapse into one flight; its waiters are told
 * together what became of it, by letters to their own workers.
 *
 *   flight_join -> LEAD  -> (req/fill.c fetches) -> flight_decide: SHARED | ALONE | STALE | FAILED -> waiters are told
 *              \-> WAIT  -> letter
 *              \-> READY    (decided already, its body may still grow)
 *              \-> PASSES   (this key is remembered as one whose answers cannot be stored: go alone)
 *
 * A response that may show what belongs to one visitor is *held*: flight_tell_leader gives its head to the leader alone, who
 * reads the body as it comes, while the flight stays OPEN for the others until the body is whole and known to be clean.
 *
 * A flight belongs to the worker of the request that led it (its owner); only the owner touches its fetch. What is
 * decided never changes, so a waiter that was told reads it without a lock. What a held flight has before it is decided only the
 * owner and the leader read, who are on one thread. */
#ifndef LARDER_REQ_FLIGHT_H
#define LARDER_REQ_FLIGHT_H

#include <stdatomic.h>

#include "base/list.h"
#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/reason.h"
#include "req/fetch.h"
#include "req/port.h"
#include "req/recall.h"
#include "tier/tier.h"

struct req_env;
struct flights;
struct personal_fetch; /* req/personal.h */
struct visitors;
struct sample;	/* req/sample.h */
struct leasing; /* req/lease.h */

enum flight_state {
	FLIGHT_OPEN,   /* nothing is known yet */
	FLIGHT_SHARED, /* `entry` answers everybody whose request it matches; its body may still grow */
	FLIGHT_ALONE,  /* the response is the leader's only; the others fetch for themselves */
	FLIGHT_STALE, /* the origin answered with an error (response.status), for which the leader has something stored */
	FLIGHT_FAILED /* `err` and `why` */
};

/* Embedded in a request. */
struct flight_waiter {
	struct list link; /* until it is told; under the shard's lock */
	bool leads;
	bool let_go;  /* told by flight_let_go: it waits no more, for nothing */
	void *worker; /* where the letter goes */
	const struct req_port *port;
	struct mail *mail;
	struct body_reader reader; /* opened by the decision; wakes by the same letter */
};

struct flight {
	atomic_uint refs;
	struct flights *home; /* NULL: joined by nobody, from the start */
	struct flight *next;  /* in its bucket */
	bool listed;	      /* under the shard's lock, as `waiters` */
	struct list waiters;
	struct cache_key key;
	struct str signature; /* the nominated fields of the variant that is fetched; empty when not known before */
	uint64_t epoch;	      /* of the tier when it began */

	/* Decided by flight_decide, constant afterwards. */
	enum flight_state state;
	struct entry *entry;
	struct body *body;	       /* growing; NULL when the entry was complete already */
	struct http_response response; /* the leader's own: what the origin sent */
	int64_t length;		       /* of its body, -1 unknown */
	bool revalidated;	       /* a 304 confirmed what was stored */
	const char *found_in;	       /* the tier that had `entry` after all, when reason is HIT; static */
	enum reason reason;	       /* STORED, or why not */
	int err;
	const char *why;

	/* The owner's (req/fill.c). */
	struct req_env *env;
	struct conf *conf;
	const struct route *route;
	struct arena arena; /* request, response, everything above */
	struct http_request request;
	struct fetch fetch;
	struct headers fetch_headers;
	struct entry *stale; /* being validated */
	uint64_t stale_epoch;
	struct entry **offered; /* other variants whose tags went with the request; newest first */
	unsigned n_offered;
	bool whole;	       /* no condition goes on, the whole page is wanted */
	bool relays;	       /* conditions of the client went on: a 304 is his */
	bool is_head;	       /* of a page that could be looked up: its answer tells of what is stored */
	struct str client, id; /* for the forwarding fields */
	struct mail wake;      /* there is room in the body's window again */
	struct req *leader;    /* where upload bytes come from; NULL when it left */
	size_t max_object;
	struct entry *part;  /* partial, begins at 0: only what comes behind it was asked for */
	bool forwards_range; /* the request's own Range and conditions went out with it */
	int64_t promised;    /* bytes that the Content-Range of what is being stored speaks of; -1: none */
	bool may_store, stale_if_error, fetching, storing;
	int64_t held_ms; /* since when they wait for the whole, under the shard's lock; 0: they do not */
	bool held;	 /* others than the leader wait until the body is whole */
	struct personal_fetch *personal; /* what is looked for in the body; NULL: nothing */
	int64_t spent_us;		 /* as in tier/tier.h, by the one who leads */
	struct leasing *lease;		 /* of the page, among those who share a tier; NULL: none was asked for */
	struct sample *sample;		 /* it is fetched once more before it is stored; NULL: it is not */
	char *space;			 /* where the bytes go that come next */
	enum reason dropped;		 /* why what was being stored is not any more; NONE: it is, or never was */
	bool again;			 /* a 304 that is none of ours: ask once more, for the whole */
	atomic_llong first_byte_us;	 /* how long the upstream took until its head; -1: no head yet */
};

/* memory_size: bytes that pages may take; the memory of verdicts has a 64th of it beside them, within its own bounds. */
struct flights *flights_new(size_t memory_size);
/* No flight may be under way. */
void flights_free(struct flights **f);

/* An origin that sends without end must not let everybody wait. Long enough for slow pages: who is let go asks the origin too. */
enum { FLIGHT_HELD_MS = 30 * 1000 };

enum flight_join { FLIGHT_JOIN_LEAD, FLIGHT_JOIN_WAIT, FLIGHT_JOIN_READY, FLIGHT_JOIN_PASSES };

/* Joins the flight of that key and signature, or opens one. *out gets a reference (none with PASSES). A flight that began
 * before a purge of its key is not joined; nor one that is held for longer than FLIGHT_HELD_MS: PASSES. With READY the waiter's reader is open. `waiter` NULL: a refresh behind a
 * stale answer, which only wants to lead; WAIT and READY give no reference then. Any thread. */
enum flight_join flight_join(struct flights *flights, struct tier *tier, const struct cache_key *key,
    struct str signature, struct flight_waiter *waiter, int64_t now_ms, struct flight **out);
/* Joins the flight of that key and signature if it is SHARED already and more than `bytes` of its body have come: the waiter's
 * reader is open then. NULL: there is none. Any thread. */
struct flight *flight_join_growing(struct flights *flights, struct tier *tier, const struct cache_key *key,
    struct str signature, struct flight_waiter *waiter, uint64_t bytes);
/* A flight that nobody joins. */
struct flight *flight_new(struct flights *home, struct tier *tier, const struct cache_key *key, struct str signature);

struct flight *flight_ref(struct flight *f);
void flight_release(struct flight **f);

/* The waiter goes (told or not): no letter of this flight comes any more, and its reader is closed. */
void flight_leave(struct flight *f, struct flight_waiter *w);

/* Owner: the outcome fields are filled; opens the waiters' readers (the leader's only, when ALONE) and tells all. A flight that is not
 * SHARED can no longer be joined. */
void flight_decide(struct flight *f, enum flight_state state);
/* Owner, before the decision: the leader, if it is still there, may answer with f->response and read f->body. The others wait on, and
 * more may join. `now_ms`: they are held from now on. */
void flight_tell_leader(struct flight *f, int64_t now_ms);
/* Owner, more bytes have come: after FLIGHT_HELD_MS all who wait are let go (waiter.let_go), but for the leader. */
void flight_let_go(struct flight *f, int64_t now_ms);
/* Owner: nobody joins from now on. */
void flight_close(struct flight *f);

/* Is a flight of that key, whatever its signature, under way and open to be joined? Any thread. */
bool flight_is_open(struct flights *flights, const struct cache_key *key);

/* The memory of verdicts: flight_join asks it which keys pass. Lives as long as `flights`. */
struct recall *flights_recall(struct flights *flights);
/* The tokens of visitors' sessions. The same. */
struct visitors *flights_visitors(struct flights *flights);

#endif
