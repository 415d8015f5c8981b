/* struct req as the files of this folder see it; everybody else has req.h. */
#ifndef LARDER_REQ_REQUEST_H
#define LARDER_REQ_REQUEST_H

#include "policy/reuse.h"
#include "req/flight.h"
#include "req/lookup.h"
#include "req/req.h"
#include "req/visitor.h"

/* Why a request is where it is; each step function returns the next one. */
#define REQ_STEPS(X)                                                                                                   \
	X(RECV, receive)                                                                                               \
	X(LOOKUP, lookup)                                                                                              \
	X(FOUND, found)                                                                                                \
	X(JUDGE, judge)                                                                                                \
	X(MISS, miss)                                                                                                  \
	X(JOIN, join)                                                                                                  \
	X(LEAD, lead)                                                                                                  \
	X(ALONE, alone)                                                                                                \
	X(OUTCOME, outcome)                                                                                            \
	X(TOKEN, visitor_step)                                                                                         \
	X(PURGE, purge_step)                                                                                           \
	X(PURGED, purged_step)

enum req_step {
#define X(name, function) REQ_##name,
	REQ_STEPS(X)
#undef X
	    REQ_PARK, /* wait for a letter; OUTCOME is next, TOKEN, FOUND or PURGED */
	REQ_ANSWERED  /* r->answer is there */
};

struct req {
	struct req_env *env;
	struct conf *conf; /* the snapshot it began with */
	struct arena arena;
	struct req_client client;
	void *owner;
	struct req *next_spare;
	struct http_request message;
	struct str id; /* req__id; empty until somebody needs it */
	bool trusted;
	bool gone;
	enum req_step step;

	bool dots;		      /* the raw path has dot segments */
	struct str path, query, host; /* of the target; path and host in normal form */
	const struct route *route;
	struct cache_key key;
	struct str signature;	 /* of the variant, when other variants are known */
	uint64_t epoch;		 /* of the tier, before it was looked up */
	struct entry *entry;	 /* found, or shared by the flight */
	struct look *lookup;	 /* in tiers that answer later; NULL: none is under way */
	int64_t spent_us;	 /* as in tier/tier.h */
	struct purging *purging; /* req/purge.c */
	const char *found_in;	 /* the tier that had the entry; static */
	struct reuse_verdict verdict;
	enum reason fwd; /* why it went to the upstream; NONE: it did not */
	bool passes;	 /* by rule or by memory, not for want of a stored response */
	bool may_store;
	bool whole;	     /* another's condition was answered by 304: ask for the whole */
	bool asks_range;     /* a GET with a Range that the answer has to obey */
	bool forwards_range; /* nothing stored obeys it: it goes on to the origin as it came */
	unsigned joins;	     /* flights tried */
	bool met_personal;   /* one of them had what belonged to its leader */

	struct flight *flight;
	struct flight_waiter waiter;
	struct mail mail;
	struct visitor visitor; /* the token of his session */

	struct buf upload; /* bytes on their way from client to upstream */
	bool upload_whole, upload_waits;

	uint64_t skip,
	    left; /* of a stream of which a part is sent: bytes to be passed by, then to be sent; if is_cut */
	bool is_cut;
	/* The stream has places for bytes of his own (personal.h): those he has had, and how much of the next. */
	bool is_filled;
	unsigned fill;
	size_t in_fill;
	int broken; /* the error with which the body's stream ended; 0: it did not */

	struct answer answer;
	enum outcome outcome;
	enum reason reason; /* for log and metrics */
	int64_t age_ms;	    /* -1: not from the store */
	int64_t started_us, started_ms;
};

/* req/steps.c: runs steps from this one until the request parks or has its answer (true). */
bool req__drive(struct req *r, enum req_step step);
/* The same for a request that was parked: tells the client side when the answer is there. Nothing happens when the client has gone. */
void req__go_on(struct req *r, enum req_step step);
/* The request's id, made when the client gave none that fits; by the first who needs it, which no hit without a log does. */
struct str req__id(struct req *r);
/* Lets go of the flight, if there is one: as waiter, reader and leader. */
void req__leave_flight(struct req *r);

/* req/purge.c. The first may park. purge_leave: the request ends. */
enum req_step purge_step(struct req *r);
enum req_step purged_step(struct req *r);
void purge_leave(struct req *r);

/* req/visitor.c: the token that answer_from_entry wants for r->entry. Goes on to that answer, asks or waits for it (REQ_PARK: each
 * letter comes back here), or goes on alone. */
enum req_step visitor_step(struct req *r);

/* req/answer.c: fills r->answer, r->outcome and r->reason. r->verdict is of `e`, as of now: it tells age and time left.
 * REQ_ANSWERED; or REQ_TOKEN, with nothing filled, when the visitor's token must be known first. */
enum req_step answer_from_entry(struct req *r, struct entry *e, enum outcome outcome, enum reason reason);
/* Makes the fields of a plain answer, if they are not there yet. */
void answer_fields(struct req *r);
/* The leader's: what the origin sent, to him. */
void answer_from_flight(struct req *r);
/* An error of ours: a short page with the request's id, never cached. */
void answer_error(struct req *r, int status, enum reason reason, const char *why);
/* The flight failed. */
void answer_failure(struct req *r, int err, enum reason reason);
/* Max-Forwards ended here (RFC 9110 7.6.2): what OPTIONS asks is told, TRACE is not. */
void answer_last_hop(struct req *r);
void answer_json(struct req *r, int status, struct str body, enum reason reason);
/* May the entry answer the request now? */
struct reuse_verdict answer_verdict(const struct req *r, const struct entry *e);
/* Was r->entry purged or invalidated since it was looked for? Who has waited meanwhile must not be given it. */
bool answer_is_overtaken(const struct req *r);

#endif
