/* What the pages of values (cache.c) work on: a cache of liblarder's over the same place as the pages of the proxy, leases, and values that may
 * be given stale. */
#ifndef LARDER_ADMIN_VALUES_H
#define LARDER_ADMIN_VALUES_H

#include <pthread.h>

#include "admin/leases.h"
#include "admin/stales.h"
#include "larder.h"

struct values_options {
	const char *backend; /* "memory", "file" or "redis": static */
	struct str path;     /* of files */
	struct str url;	     /* of Redis */
	struct str name_space, prefix;
	struct str pages_prefix; /* in Redis, of the pages that a tag reaches too */
	size_t max_entries;
	int64_t timeout_ms; /* of Redis */
	struct str tls_ca, tls_cert, tls_key;
	bool tls_accept_any_server;
};

struct values {
	struct leases *leases;
	struct stales *stales;
	bool is_memory; /* nobody else sees these values */
	/* values_cache's */
	pthread_mutex_t lock;
	larder_cache *cache;
	struct str texts[8]; /* owned, with a NUL */
	larder_options options;
};

/* Copies the options. Opens nothing yet and does not block. */
struct values *values_new(const struct values_options *o);
/* The cache, opened at the first call that can: a place that is out of order is an error of those who ask, and never one of the proxy's start.
 * NULL with a sentence in *why, good until this thread calls liblarder again. Any thread; blocks as larder_open does. */
larder_cache *values_cache(struct values *v, const char **why);
/* Nobody asks any more. */
void values_free(struct values **v);

#endif
