/* The client is a thread around the engine (engine.h). Calls of any thread are put into one list under a lock, which the thread takes as
 * a whole; only the first of a list wakes it. The account of bytes under way is kept by the caller's side, so that a call that is one
 * too many is refused where it is made. */
#include "redis/client.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "redis/engine.h"

enum { CALL_BYTES = 512 }; /* what a call costs besides its text */

struct redis_client {
	struct redis_engine *engine;
	size_t max_queued;
	pthread_t thread;
	pthread_mutex_t lock;
	struct redis_call *first, *last; /* not yet with the engine; under the lock, as is `ending` */
	bool ending;
};

static size_t cost_of(const struct redis_call *call)
{
	return CALL_BYTES + wire_cost(&call->command);
}

/* False: it ends. */
static bool take_calls(struct redis_client *c)
{
	pthread_mutex_lock(&c->lock);
	struct redis_call *list = c->first;
	c->first = c->last = NULL;
	bool ending = c->ending;
	pthread_mutex_unlock(&c->lock);
	for (struct redis_call *next; list; list = next) {
		next = list->next;
		redis__submit(c->engine, list, cost_of(list));
	}
	return !ending;
}

static void *run(void *arg)
{
	struct redis_client *c = arg;
	pthread_setname_np(pthread_self(), "larder-redis");
	while (take_calls(c))
		redis__step(c->engine, INT64_MAX);
	redis__engine_cancel(c->engine);
	return NULL;
}

struct redis_client *redis_client_new(const struct redis_client_options *o)
{
	struct redis_engine *engine = redis__engine_new(&(struct redis_engine_options){.url = o->url,
	    .timeout_ms = o->timeout_ms,
	    .max_answer = o->max_queued,
	    .breaker_failures = o->breaker_failures,
	    .breaker_ms = o->breaker_ms,
	    .service = true});
	if (!engine)
		return NULL;
	struct redis_client *c = mem_zalloc(sizeof(*c));
	c->engine = engine;
	c->max_queued = o->max_queued;
	pthread_mutex_init(&c->lock, NULL);
	if (thread_start(&c->thread, NULL, run, c) != ERR_OK) {
		redis__engine_free(&c->engine);
		pthread_mutex_destroy(&c->lock);
		free(c);
		return NULL;
	}
	return c;
}

static int refuse(struct redis_engine *e)
{
	atomic_fetch_add_explicit(&e->n.calls, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&e->n.skipped, 1, memory_order_relaxed);
	return ERR_BUSY;
}

int redis_client_call(struct redis_client *c, struct redis_call *call)
{
	struct redis_engine *e = c->engine;
	size_t cost = cost_of(call);
	if (!call->patient && atomic_load_explicit(&e->refuses, memory_order_relaxed))
		return refuse(e);
	if (atomic_fetch_add_explicit(&e->queued, cost, memory_order_relaxed) + cost > c->max_queued) {
		atomic_fetch_sub_explicit(&e->queued, cost, memory_order_relaxed);
		return refuse(e);
	}
	call->deadline_us = clock_mono_us() + call->timeout_ms * 1000;
	call->next = NULL;
	pthread_mutex_lock(&c->lock);
	bool ending = c->ending, first = !c->first;
	if (!ending && first)
		c->first = c->last = call;
	else if (!ending)
		c->last = c->last->next = call;
	pthread_mutex_unlock(&c->lock);
	if (ending) {
		atomic_fetch_sub_explicit(&e->queued, cost, memory_order_relaxed);
		return refuse(e);
	}
	if (first)
		redis__wake(e);
	return ERR_AGAIN;
}

static uint64_t counted(atomic_uint_fast64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void redis_client_stats(struct redis_client *c, struct redis_client_stats *out)
{
	struct engine_counters *n = &c->engine->n;
	*out = (struct redis_client_stats){.calls = counted(&n->calls),
	    .errors = counted(&n->errors),
	    .timeouts = counted(&n->timeouts),
	    .skipped = counted(&n->skipped),
	    .reconnects = counted(&n->reconnects),
	    .redirects = counted(&n->redirects),
	    .down = atomic_load_explicit(&c->engine->down, memory_order_relaxed)};
}

void redis_client_free(struct redis_client **c)
{
	struct redis_client *client = *c;
	if (!client)
		return;
	pthread_mutex_lock(&client->lock);
	client->ending = true;
	pthread_mutex_unlock(&client->lock);
	redis__wake(client->engine);
	pthread_join(client->thread, NULL);
	redis__engine_free(&client->engine);
	pthread_mutex_destroy(&client->lock);
	free(client);
	*c = NULL;
}
