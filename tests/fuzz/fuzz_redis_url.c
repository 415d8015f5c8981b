/* The URL of a Redis. Input: the text. */
#include "fuzz.h"

#include "redis/url.h"

#include <assert.h>

static void check_parsed(const struct redis_url *u)
{
	assert((u->kind == REDIS_UNIX) == (u->n_hosts == 0) && u->n_hosts <= REDIS_HOSTS);
	assert(u->kind != REDIS_SINGLE || u->n_hosts == 1);
	assert((u->kind == REDIS_UNIX) == (u->path.n > 0) && u->path.n <= 107);
	assert((u->kind == REDIS_SENTINEL) == (u->group.n > 0));
	assert(u->kind != REDIS_CLUSTER || u->db == 0);
	assert(!u->tls || u->kind != REDIS_UNIX);
	assert(!u->user.p || u->password.p);
	assert(!u->sentinel_user.p || u->sentinel_password.p);
	for (unsigned i = 0; i < u->n_hosts; i++) {
		assert(u->hosts[i].name.n > 0 && u->hosts[i].name.n <= 253);
		assert(u->hosts[i].port > 0 && u->hosts[i].port <= 65535);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct redis_url url;
	struct str text = str_make((const char *)data, size), why = STR_NONE;
	arena_init(&arena, 0);
	int err = redis_url_parse(text, &arena, &url, &why);
	assert(err == ERR_OK || err == ERR_INVALID);
	assert((err == ERR_OK) == (why.p == NULL));
	if (err == ERR_OK) {
		check_parsed(&url);
	} else {
		assert(err == ERR_INVALID && why.n > 0 && why.n < 512);
	}
	arena_free(&arena);
	return 0;
}
