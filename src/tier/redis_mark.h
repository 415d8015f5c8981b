/* Up to where a directory of pages has been told of the purges in Redis: kept beside the pages, so that the next process tells it the rest. */
#ifndef LARDER_TIER_REDIS_MARK_H
#define LARDER_TIER_REDIS_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct redis_mark {
	uint64_t id, seq; /* of the incarnation, and the place in its order (redis_follow.c) */
};

/* False: there is none, or it cannot be read; then nobody knows. */
bool redis_mark__read(const char *path, struct redis_mark *out);
/* Written beside it and renamed. What fails is of no harm: an older mark has more told again. */
void redis_mark__write(const char *path, const struct redis_mark *mark);

#endif
