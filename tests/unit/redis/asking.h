/* Asking a server through redis/sync.h, in few words. */
#ifndef LARDER_TESTS_REDIS_ASKING_H
#define LARDER_TESTS_REDIS_ASKING_H

#include "redis/server.h"

#include "base/mem.h"
#include "redis/sync.h"

static inline struct redis_sync *sync_of(const char *text, int64_t timeout_ms)
{
	struct arena a;
	struct redis_url url;
	struct str why = STR("");
	arena_init(&a, 0);
	int err = redis_url_parse(str_of(text), &a, &url, &why);
	ck_assert_msg(err == ERR_OK, "%s: %.*s", text, STR_ARG(why));
	struct redis_sync *s = redis_sync_new(&url, timeout_ms);
	ck_assert(s != NULL);
	arena_free(&a);
	return s;
}

#define COMMAND(...)                                                                                                   \
	(&(struct redis_command){.argv = (struct str[]){__VA_ARGS__}, .argc = COUNT_OF(((struct str[]){__VA_ARGS__}))})

/* The reply as text; freed. */
static inline const char *text_of(struct redisReply *r, char out[256])
{
	if (!r)
		return "none";
	if (r->type == REDIS_REPLY_INTEGER)
		snprintf(out, 256, "%lld", r->integer);
	else
		snprintf(out, 256, "%s", r->str ? r->str : "nil");
	freeReplyObject(r);
	return out;
}

static inline void expect(struct redis_sync *s, const struct redis_command *c, const char *want)
{
	char text[256];
	struct redisReply *r;
	int err = redis_sync_call(s, c, false, 0, &r);
	ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), redis_sync_error(s));
	ck_assert_str_eq(text_of(r, text), want);
}

static inline void expect_error(
    struct redis_sync *s, const struct redis_command *c, bool repeatable, int want, const char *text)
{
	struct redisReply *r;
	int err = redis_sync_call(s, c, repeatable, 0, &r);
	ck_assert_msg(err == want, "%s: %s", err_name(err), redis_sync_error(s));
	ck_assert(r == NULL);
	ck_assert_msg(strstr(redis_sync_error(s), text) != NULL, "%s", redis_sync_error(s));
}

#endif
