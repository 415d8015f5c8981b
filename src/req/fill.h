/* The fetch of a flight, on its owner's worker: asks the upstream, judges the head, lets the body grow, stores what is
 * whole, and tells the waiters through flight_decide. */
#ifndef LARDER_REQ_FILL_H
#define LARDER_REQ_FILL_H

#include "req/flight.h"
#include "req/req.h"

struct fill_spec {
	struct conf *conf; /* the snapshot that the route is of; a reference is taken */
	const struct route *route;
	const struct http_request *request; /* copied, as client and id */
	struct str client, id;
	bool may_store; /* the answer may be stored: conditions of the client go on only where nothing is */
	bool whole;	/* and not even there */
	bool is_head;	/* a HEAD of a page that was looked up: its answer tells of the stored one (RFC 9111 4.3.5) */
	bool forwards_range;  /* the request goes out with its own Range and conditions all the same */
	struct entry *stale;  /* to be validated; a reference is taken */
	uint64_t stale_epoch; /* of the tier before that was looked up: a purge since then takes it away */
	bool stale_if_error;  /* the leader has something to stand in for an error of the origin */
	struct req *leader;   /* gives the upload bytes; NULL when there is no body */
};

/* Starts it; the fill takes a reference of the flight until its fetch is over. */
void fill_start(struct flight *f, struct req_env *env, const struct fill_spec *spec);
/* The request that led it has gone: what nobody waits for and nothing will be stored of is given up. Owner's thread. */
void fill_leader_left(struct flight *f);
/* The leader has upload bytes again. */
void fill_upload(struct flight *f);

/* ---- for what makes the body ---- */

/* Where its next bytes go. ERR_AGAIN: there is no room, its wake follows. Nothing is stored when the budget has none. */
int fill_space(struct flight *f, char **p, size_t *n) MUST_CHECK;
/* n bytes were put there. Nothing is stored when they are too many. */
void fill_grew(struct flight *f, size_t n);
/* f->storing ends, for that reason, which is remembered already; who waits for a held flight is told to go on his own. What the body
 * has and gets goes to those who read it. */
void fill_stop_storing(struct flight *f, enum reason why);
/* The second fetch is over (req/sample.h), and what is to be remembered is: the page is put and shared, or only the leader's. The fetch
 * of the flight ends with it. */
void fill_end_sample(struct flight *f, bool is_same);

#endif
