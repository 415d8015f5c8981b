/* The token of a visitor's session, where a page has holes that only the application can fill (HOLE_SESSION): Laravel's and Rails' forms.
 *
 *   answer_from_entry -> REQ_TOKEN -> remembered (req/session.h) ------------------------> the answer that was to be given
 *                                  \-> GET token_path, or wait for who asks it (park) --/
 *                                                                  \-> in vain: alone, PASS_TOKEN_SESSION
 *
 * The application is asked with the visitor's own cookies, at the route's upstream, past the cache: once a minute, as long as it does
 * not give him others. What it sets then goes to him with the page. A page never goes out without its token.
 *
 * Who is who? Only the application knows. What is told for cookies is remembered for the same cookies if it sets none; else for
 * those that the client will have then, where one of them is long enough to be only his. Requests with the same cookies at the
 * same time share an answer that sets none, or new values of long ones that they had. An answer that sets any other cookie may have
 * begun somebody's session: it is his who asked, and the others ask for themselves. So does who has no cookies. */
#ifndef LARDER_REQ_VISITOR_H
#define LARDER_REQ_VISITOR_H

#include "base/list.h"
#include "metrics/metrics.h"
#include "policy/reason.h"
#include "req/port.h"
#include "tier/entry.h"

struct req;
struct visitors;
struct visitor_ask;

/* How long a visitor whose token was asked for in vain passes without asking again. */
enum { VISITOR_RETRY_MS = 10 * 1000 };

/* Embedded in a request. */
struct visitor {
	struct str token;	/* for HOLE_SESSION; STR_NONE: not known */
	struct headers cookies; /* Set-Cookie fields that came with it: for the answer */
	enum outcome outcome;	/* of the answer that waits for the token, as the reason */
	enum reason reason;
	struct visitor_ask *ask; /* waited for */
	struct list link;	 /* until it is over; under the lock of the asks */
	bool is_apart;		 /* joins nobody any more: what others asked was told to them alone */
};

/* The tokens that are remembered and the asks under way, of all workers. */
struct visitors *visitors_new(void);
/* No ask may be under way. */
void visitors_free(struct visitors **v);

/* Must the visitor's token be known before this entry can answer him, and is not yet? */
bool visitor_wants_token(const struct req *r, const struct entry *e);
/* The step REQ_TOKEN is visitor_step (req/request.h). */
/* Does a letter wake that step? */
bool visitor_waits(const struct req *r);
/* Waits for no token any more: no letter of it comes. What was asked goes on, and is remembered. */
void visitor_leave(struct req *r);

#endif
