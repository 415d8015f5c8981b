/* What is said of a fetch that failed. */
#ifndef LARDER_REQ_FAILURE_H
#define LARDER_REQ_FAILURE_H

#include "req/flight.h"

/* Why there is no whole answer, by the error of the fetch. */
enum reason failure_reason(int err);
/* Tells the operator, once a second and worker; `why` is a static sentence or NULL. Owner's thread of the flight. */
void failure_log(struct flight *f, int err, const char *why);

#endif
