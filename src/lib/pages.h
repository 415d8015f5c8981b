/* Pages of proxies that share the place where a cache lies: how a tag is purged there. */
#ifndef LARDER_LIB_PAGES_H
#define LARDER_LIB_PAGES_H

#include "lib/lib.h"

/* In the journal of `dir`/pages, if a proxy keeps pages there. A status. Blocks for the journal's lock. */
int pages_purge_directory(int dir, struct str tag);

#endif
