/* An open cache, inside the front of the library. */
#ifndef LARDER_LIB_CACHE_H
#define LARDER_LIB_CACHE_H

#include <pthread.h>

#include "lib/lib.h"

struct larder_cache {
	struct lib_backend *backend;
	struct lib_forker forker;
	/* Computations under way (remember.c). */
	pthread_mutex_t lock;
	struct computing *computing;
};

/* The key as text, or a status. */
int lib_key(const char *key, struct str *out);
/* Milliseconds, 0 for ever; or a status. */
int lib_ttl(double seconds, int64_t *ms);

#endif
