/* Finding a request's route: first match from the top, without trying every route. */
#ifndef LARDER_CONF_ROUTE_H
#define LARDER_CONF_ROUTE_H

#include "conf/conf.h"

/* The route of a request; never NULL (the last one matches all). `host` and `path` as normalised for the key
 * (http/url.h); a pattern whose host has no port fits the host with any port. Any thread; does not allocate, but for the
 * first regex that a thread meets.
 * Cost: grows with the routes whose literal prefix fits the path, not with the number of routes. */
const struct route *route_find(const struct conf *c, struct str host, struct str path);

#endif
