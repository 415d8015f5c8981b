/* What a flight tells the memory of verdicts (recall.h). Owner's thread of the flight. */
#ifndef LARDER_REQ_REMEMBER_H
#define LARDER_REQ_REMEMBER_H

#include "req/flight.h"

/* f->entry was stored: its key passes no more. */
void remember_stored(struct flight *f);
/* The answer `response` was not stored, for that reason. The key passes from now on (pass_ttl), unless the refusal says nothing
 * about the next request: it came from this one's own fields, or the server failed. Answers that were never to be stored
 * leave no trace. A reason of personal bytes is counted, and told (remember_tell). */
void remember_refused(struct flight *f, enum reason why, const struct http_response *response);
/* The same, where the value of a cookie or a request field of that name was found in the answer: the name is told to operators,
 * the value never. Empty: no single one decided. */
void remember_leak(struct flight *f, enum reason why, struct str name, const struct http_response *response);
/* One line in the operator's log, of level info; a minute's silence about the same of the same page. Before the memory has it. */
void remember_tell(const struct flight *f, enum reason why, struct str cause);
/* The answer came out different when it was fetched once more (req/sample.h): where, for people. of_visitor: its request told who asks. */
void remember_sample(struct flight *f, struct str where, bool of_visitor);
/* There was no whole answer; `why` is an error, or why the page could not be kept although it may be stored. */
void remember_failed(struct flight *f, enum reason why);

#endif
