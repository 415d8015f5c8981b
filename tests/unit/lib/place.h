/* Where caches of tests lie: a directory that goes with all that is in it, a Redis of our own, and options for each backend. */
#ifndef LARDER_TESTS_LIB_PLACE_H
#define LARDER_TESTS_LIB_PLACE_H

#include "suite.h"

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "larder.h"
#include "lib/lib.h"
#include "redis/server.h"

static char place_dir[64];
static struct server place_server;

static int place_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* The clock of the tests: 0 means the real one. */
static int64_t place_now_ms;

static inline int64_t place_clock(void)
{
	return place_now_ms;
}

static inline void place_make(void)
{
	strcpy(place_dir, "/tmp/larder-lib-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place_dir));
	server_start(&place_server, NULL);
}

static inline void place_remove(void)
{
	server_end(&place_server);
	nftw(place_dir, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum { PLACE_MEMORY, PLACE_FILE, PLACE_REDIS, PLACES };
static const char *const place_names[] = {"memory", "file", "redis"};

/* Another namespace a test, so that no test sees what another left. */
static inline larder_options place_options(int backend, const char *name_space)
{
	static char path[96];
	larder_options o;
	larder_options_init(&o);
	snprintf(path, sizeof(path), "%s/files", place_dir);
	o.backend = place_names[backend];
	o.path = path;
	o.url = place_server.socket_url;
	o.name_space = name_space;
	o.prefix = "p";
	return o;
}

static inline larder_cache *place_open(int backend, const char *name_space)
{
	larder_options o = place_options(backend, name_space);
	larder_cache *c = NULL;
	int status = larder_open(&o, &c);
	ck_assert_msg(status == LARDER_OK, "%s: %s", place_names[backend], larder_last_error());
	return c;
}

#endif
