/* Finding a request's route: first match from the top, without trying every route. */
#ifndef LARDER_CONF_ROUTE_H
#define LARDER_CONF_ROUTE_H

#include "conf/conf.h"

/* The route of a request; never NULL (the last one matches all). `host` and `path` as normalised for the key
 * (http/url.h), host without port also matches a pattern without one. Any thread; does not allocate.
 * Cost: grows with the routes whose literal prefix fits the path, not with the number of routes. */
const struct route *route_find(const struct conf *c, struct str host, struct str path);

#endif
