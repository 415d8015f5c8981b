/* What is said of a fetch that failed. */
#ifndef LARDER_REQ_FAILURE_H
#define LARDER_REQ_FAILURE_H

#include "req/flight.h"

/* Why there is no whole answer, by the error of the fetch. */
enum reason failure_reason(int err);
/* May this worker complain of an upstream? Once a second: one that is down fails every request, and each has its line in the access
 * log. After a true it has complained. */
bool failure_may_tell(struct req_env *env);
/* Tells the operator, once a second and worker; `why` is a static sentence or NULL. Owner's thread of the flight. */
void failure_log(struct flight *f, int err, const char *why);

#endif
