/* The door for one who waits: the engine (engine.h) is driven by the caller's own thread until its calls have ended. hiredis' blocking
 * connections are not used: they know a timeout for each read, but no end of a whole call, and nothing of clusters and sentinels.
 *
 * Between calls nobody looks at the connection. So each call begins with a look whether it is still there: what was closed meanwhile
 * is noticed before anything is sent on it. */
#include "redis/sync.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "redis/engine.h"

/* The longest bulk string that Redis has. */
enum { MAX_ANSWER = 1 << 30 };

struct redis_sync {
	struct redis_engine *engine;
	int64_t timeout_ms;
	atomic_bool cancelled;
};

/* Those that are made together. */
struct batch {
	unsigned open;
	int err; /* the first */
	struct redisReply **out;
	struct redis_call *calls;
};

struct redis_sync *redis_sync_new(const struct redis_url *url, int64_t timeout_ms)
{
	struct redis_engine *engine = redis__engine_new(
	    &(struct redis_engine_options){.url = url, .timeout_ms = timeout_ms, .max_answer = MAX_ANSWER});
	if (!engine)
		return NULL;
	struct redis_sync *s = mem_zalloc(sizeof(*s));
	s->engine = engine;
	s->timeout_ms = timeout_ms;
	return s;
}

/* The reply is the engine's, which frees it after this: its inside is taken out, since it may be large. */
static struct redisReply *take_reply(struct redisReply *r)
{
	struct redisReply *mine = mem_alloc(sizeof(*mine));
	*mine = *r;
	*r = (struct redisReply){.type = REDIS_REPLY_NIL};
	return mine;
}

static void answered(struct redis_call *call, int err, const struct redisReply *reply)
{
	struct batch *b = call->ctx;
	b->open--;
	if (err == ERR_OK)
		b->out[call - b->calls] = take_reply((struct redisReply *)reply);
	else if (b->err == ERR_OK)
		b->err = err;
}

static void submit(
    struct redis_sync *s, struct batch *b, const struct redis_command *commands, bool repeatable, int64_t ms)
{
	int64_t deadline = clock_mono_us() + ms * 1000;
	for (unsigned i = 0, n = b->open; i < n; i++) {
		b->calls[i] = (struct redis_call){.command = commands[i],
		    .timeout_ms = ms,
		    .repeatable = repeatable,
		    .done = answered,
		    .ctx = b,
		    .deadline_us = deadline};
		redis__submit(s->engine, &b->calls[i], 0);
	}
}

static int run(struct redis_sync *s, const struct redis_command *commands, unsigned n, bool repeatable, int64_t ms,
    struct redisReply **out)
{
	if (n == 0)
		return ERR_OK;
	struct batch b = {.open = n, .out = out, .calls = mem_zalloc(n * sizeof(*b.calls))};
	redis__step(s->engine, 0);
	submit(s, &b, commands, repeatable, ms);
	while (b.open > 0 && !atomic_load(&s->cancelled))
		redis__step(s->engine, INT64_MAX);
	if (b.open > 0) {
		b.err = ERR_CANCELLED;
		engine__note(s->engine, "cancelled");
		redis__engine_cancel(s->engine);
	}
	for (unsigned i = 0; i < n && b.err != ERR_OK; i++) {
		if (out[i])
			freeReplyObject(out[i]);
		out[i] = NULL;
	}
	free(b.calls);
	return b.err;
}

int redis_sync_call(struct redis_sync *s, const struct redis_command *command, bool repeatable, int64_t wait_ms,
    struct redisReply **out)
{
	*out = NULL;
	return run(s, command, 1, repeatable, s->timeout_ms + wait_ms, out);
}

int redis_sync_calls(
    struct redis_sync *s, const struct redis_command *commands, unsigned n, bool repeatable, struct redisReply **out)
{
	for (unsigned i = 0; i < n; i++)
		out[i] = NULL;
	return run(s, commands, n, repeatable, s->timeout_ms, out);
}

const char *redis_sync_error(const struct redis_sync *s)
{
	return s->engine->error;
}

void redis_sync_cancel(struct redis_sync *s)
{
	atomic_store(&s->cancelled, true);
	redis__wake(s->engine);
}

void redis_sync_free(struct redis_sync **s)
{
	if (!*s)
		return;
	redis__engine_free(&(*s)->engine);
	free(*s);
	*s = NULL;
}
