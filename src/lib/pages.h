/* Pages of proxies that share the place where a cache lies: how a tag is purged there. Both block, and give a status. */
#ifndef LARDER_LIB_PAGES_H
#define LARDER_LIB_PAGES_H

#include "lib/fleet.h"

/* In the journal of the directory's pages, if a proxy keeps pages there. */
int pages_purge_directory(const char *path, struct str tag);

/* In the stream of the proxies with that prefix. Empty: nowhere. */
int pages_purge_redis(struct fleet *f, struct str prefix, struct str tag);

#endif
