/* Asking for the token of a session. An ask belongs to the worker of the request that began it, and goes on to its end though all who
 * waited have left: it is bounded in bytes and time, and what it brings is remembered.
 *
 *   begin -> head (no token can come of it: over) -> body -> done -> settle: remember, tell the waiters
 *
 * The list of asks and the waiters are under the lock of their shard, and so is the flag that tells that one is over: a waiter that
 * sees it has its letter behind it. What was told is constant from then on. */
#include "req/visitor.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "req/failure.h"
#include "req/forward.h"
#include "req/request.h"
#include "req/session.h"
#include "req/token.h"

enum { LATE_MS = 10 * 1000, SHARDS = 64 };

struct shard {
	pthread_mutex_t lock;
	struct visitor_ask *asks; /* that others may join */
};

struct visitors {
	struct sessions *sessions;
	struct shard shards[SHARDS];
};

struct visitor_ask {
	atomic_uint refs;
	struct visitors *home;
	struct session_key key;

	/* Under the shard's lock. */
	struct visitor_ask *next;
	bool listed, over;
	struct list waiters;

	/* Told; constant when it is over. */
	struct str token;	/* STR_NONE: in vain */
	struct headers cookies; /* Set-Cookie */
	bool is_own;		/* of the one who asked, alone */

	/* The owner's. */
	struct req_env *env;
	struct conf *conf;
	const struct route *route;
	struct arena arena; /* everything here */
	struct str place, path, id;
	struct http_request request;
	struct headers headers;
	struct fetch fetch;
	enum token_form form;
	const char *why; /* it was in vain */
	char *body;
	size_t n;
};

/* ---- life ---- */

struct visitors *visitors_new(void)
{
	struct visitors *v = mem_zalloc(sizeof(*v));
	v->sessions = sessions_new();
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&v->shards[i].lock, NULL);
	return v;
}

void visitors_free(struct visitors **ref)
{
	struct visitors *v = *ref;
	*ref = NULL;
	if (!v)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		assert(!v->shards[i].asks);
		pthread_mutex_destroy(&v->shards[i].lock);
	}
	sessions_free(&v->sessions);
	free(v);
}

static void ask_release(struct visitor_ask **ref)
{
	struct visitor_ask *a = *ref;
	*ref = NULL;
	if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) != 1)
		return;
	assert(list_is_empty(&a->waiters) && !a->listed);
	conf_release(&a->conf);
	arena_free(&a->arena);
	free(a);
}

static struct shard *shard_of(const struct visitor_ask *a)
{
	return &a->home->shards[a->key.hi % SHARDS];
}

/* Shard lock held, as below. */
static void wait_for(struct visitor_ask *a, struct visitor *v)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	v->ask = a;
	list_add_first(&a->waiters, &v->link);
}

static void unlist(struct shard *s, struct visitor_ask *a)
{
	struct visitor_ask **p = &s->asks;
	if (!a->listed)
		return;
	while (*p != a)
		p = &(*p)->next;
	*p = a->next;
	a->listed = false;
}

/* ---- the end of an ask ---- */

static int64_t wall_ms(const struct visitor_ask *a)
{
	return a->env->port->wall_ms(a->env->worker);
}

static void log_failure(struct visitor_ask *a)
{
	if (!failure_may_tell(a->env))
		return;
	log_warning("token", "%.*s %.*s tells no token: %s; pages pass (request %.*s)",
	    STR_ARG(a->route->upstream->name), STR_ARG(a->route->token_path), a->why, STR_ARG(a->id));
}

static void remember(struct visitor_ask *a)
{
	struct session_key next;
	struct jar jar;
	bool is_long;
	if (!jar_read(&a->request.headers, &jar))
		jar.n = 0;
	enum jar_change change = jar_apply(&jar, &a->cookies, a->path, wall_ms(a) / 1000, &is_long);
	a->is_own = change == JAR_CHANGED;
	if (change != JAR_SAME && !is_long)
		return;
	next = session_key_of(a->home->sessions, a->place, &jar, &a->arena);
	session_remember(a->home->sessions, &next, a->token, wall_ms(a), SESSION_MS);
	/* Requests that he sent before he had the new values of his cookies still come, and are of the same session. */
	if (change == JAR_RENEWED)
		session_remember(a->home->sessions, &a->key, a->token, wall_ms(a), LATE_MS);
}

static void settle(struct visitor_ask *a)
{
	struct shard *s = shard_of(a);
	a->env->active--;
	if (a->token.p) {
		remember(a);
	} else {
		log_failure(a);
		metrics_inc(a->env->metrics, METRIC_TOKEN_FAILURES);
		session_remember(a->home->sessions, &a->key, STR_NONE, wall_ms(a), VISITOR_RETRY_MS);
	}
	pthread_mutex_lock(&s->lock);
	unlist(s, a);
	a->over = true;
	LIST_EACH_SAFE (struct req, r, &a->waiters, visitor.link) {
		list_remove(&r->visitor.link);
		r->waiter.port->post(r->waiter.worker, &r->mail);
	}
	pthread_mutex_unlock(&s->lock);
	ask_release(&a);
}

/* ---- its fetch ---- */

static void on_head(struct fetch *f, const struct http_response *r, int64_t length)
{
	struct visitor_ask *a = f->ctx;
	a->form = token_form_of(r, &a->why);
	if (a->form != TOKEN_NO_FORM && length > TOKEN_BODY_MAX)
		a->why = "its body is larger than 8 KB";
	if (a->why) { /* what follows is of no use */
		a->env->port->fetch_cancel(a->env->worker, f);
		settle(a);
		return;
	}
	for (uint32_t i = 0; i < r->headers.n; i++)
		if (str_eq_nocase(r->headers.v[i].name, STR("Set-Cookie")))
			headers_add(
			    &a->cookies, &a->arena, STR("Set-Cookie"), arena_str(&a->arena, r->headers.v[i].value));
	a->body = arena_alloc(&a->arena, TOKEN_BODY_MAX + 1);
}

/* Somebody waits for a page: all of it has the time that others have for their first byte. */
static bool is_late(const struct visitor_ask *a)
{
	int64_t max_ms = a->route->upstream->first_byte_timeout_ms;
	return max_ms > 0 && a->env->port->mono_us(a->env->worker) - a->fetch.started_us > max_ms * 1000;
}

static int on_space(struct fetch *f, char **p, size_t *n)
{
	struct visitor_ask *a = f->ctx;
	if (is_late(a))
		return ERR_TIMEOUT;
	*p = a->body + a->n;
	*n = TOKEN_BODY_MAX + 1 - a->n; /* one more: the end of a body that just fits is seen */
	return *n > 0 ? ERR_OK : ERR_TOO_LARGE;
}

static void on_data(struct fetch *f, size_t n)
{
	struct visitor_ask *a = f->ctx;
	a->n += n;
}

static void on_done(struct fetch *f, int err, const char *why)
{
	struct visitor_ask *a = f->ctx;
	if (err != ERR_OK)
		a->why = why ? why : err_text(err);
	else if (a->n > TOKEN_BODY_MAX)
		a->why = "its body is larger than 8 KB";
	else if (token_read(a->form, str_make(a->body, a->n), &a->arena, &a->token, &a->why) != ERR_OK)
		a->token = STR_NONE;
	settle(a);
}

static const struct fetch_events events = {
    .head = on_head,
    .space = on_space,
    .data = on_data,
    .done = on_done,
};

/* ---- its request ---- */

/* What tells the application who asks, and from where. Nothing that is about the page: its conditions, its ranges, its query. */
static bool goes_on(struct str name)
{
	static const struct str names[] = {STR("Cookie"), STR("User-Agent"), STR("Authorization"),
	    STR("Accept-Language"), STR("Forwarded"), STR("Via"), STR("X-Real-IP")};
	for (unsigned i = 0; i < COUNT_OF(names); i++)
		if (str_eq_nocase(name, names[i]))
			return true;
	return str_starts_nocase(name, STR("X-Forwarded-"));
}

static void make_request(struct visitor_ask *a, const struct req *r)
{
	const struct http_request *m = &r->message;
	a->request = (struct http_request){.method = METHOD_GET,
	    .method_name = STR("GET"),
	    .target = a->route->token_path,
	    .scheme = arena_str(&a->arena, m->scheme),
	    .host = arena_str(&a->arena, m->host),
	    .minor = m->minor};
	headers_add(&a->request.headers, &a->arena, STR("Accept"), STR("text/plain, application/json"));
	for (uint32_t i = 0; i < m->headers.n; i++)
		if (goes_on(m->headers.v[i].name))
			headers_add(&a->request.headers, &a->arena, arena_str(&a->arena, m->headers.v[i].name),
			    arena_str(&a->arena, m->headers.v[i].value));
	struct forward_in in = {
	    .instance = r->env->instance,
	    .conf = a->conf,
	    .route = a->route,
	    .request = &a->request,
	    .client = arena_str(&a->arena, r->client.address_text),
	    .id = a->id,
	};
	forward_headers(&in, &a->arena, &a->headers);
}

static struct visitor_ask *ask_new(
    struct req *r, struct visitors *home, const struct session_key *key, struct str place)
{
	struct visitor_ask *a = mem_zalloc(sizeof(*a));
	a->refs = 1;
	list_init(&a->waiters);
	a->home = home;
	a->key = *key;
	a->env = r->env;
	a->conf = conf_ref(r->conf);
	a->route = r->route;
	arena_init(&a->arena, 4096);
	a->place = arena_str(&a->arena, place);
	a->path = arena_str(&a->arena, r->path);
	a->id = arena_str(&a->arena, req__id(r));
	make_request(a, r);
	a->fetch = (struct fetch){
	    .conf = a->conf,
	    .upstream = a->route->upstream,
	    .method = a->request.method_name,
	    .target = forward_target(a->route->upstream, a->request.target, &a->arena),
	    .headers = &a->headers,
	    .retry = true,
	    .events = &events,
	    .ctx = a,
	};
	return a;
}

static void begin(struct visitor_ask *a)
{
	a->env->active++;
	metrics_inc(a->env->metrics, METRIC_TOKENS_ASKED);
	a->env->port->fetch(a->env->worker, &a->fetch);
}

/* ---- who wants it ---- */

static bool is_of_session(const struct entry *e)
{
	const struct holes *h = ENTRY_STORED(e)->holes;
	for (unsigned i = 0; i < h->n_values; i++)
		if (h->values[i].kind == HOLE_SESSION)
			return true;
	return false;
}

bool visitor_wants_token(const struct req *r, const struct entry *e)
{
	return entry_has_holes(e) && !r->visitor.token.p && is_of_session(e);
}

/* Whose word the token is: routes that ask the same application the same question share what is remembered. */
static struct str place_of(struct req *r)
{
	const struct route *route = r->route;
	const struct header_ops *ops = &route->request_headers;
	struct str as = headers_joined(&r->message.headers, &r->arena, STR("Authorization"));
	struct str place = arena_printf(&r->arena, "%.*s\n%.*s\n%.*s://%.*s\n%.*s", STR_ARG(route->upstream->url_text),
	    STR_ARG(route->token_path), STR_ARG(r->message.scheme), STR_ARG(r->host), STR_ARG(as));
	for (unsigned i = 0; i < ops->n; i++)
		place = arena_printf(&r->arena, "%.*s\n%d %.*s: %.*s", STR_ARG(place), ops->v[i].kind,
		    STR_ARG(ops->v[i].name), STR_ARG(ops->v[i].value));
	return place;
}

static struct session_key key_of(struct req *r, const struct visitors *v, struct str place)
{
	struct jar jar;
	if (!jar_read(&r->message.headers, &jar))
		return (struct session_key){0};
	return session_key_of(v->sessions, place, &jar, &r->arena);
}

/* ---- the step ---- */

/* RFC 9111 5.2.1.7: a request with only-if-cached is no reason to ask the origin for anything. */
static bool may_go_forward(const struct req *r)
{
	return policy_miss(r->route, &r->message) != REUSE_UNSATISFIABLE;
}

/* As if nothing were stored: the application makes the page for him, or says what is wrong. */
static enum req_step go_alone(struct req *r)
{
	req__leave_flight(r);
	entry_release(&r->entry);
	if (!may_go_forward(r)) {
		answer_error(r, 504, REASON_ERROR_ONLY_IF_CACHED, NULL);
		return REQ_ANSWERED;
	}
	r->fwd = REASON_PASS_TOKEN_SESSION;
	r->passes = true;
	r->may_store = false;
	r->forwards_range = false;
	return REQ_ALONE;
}

/* The answer that waited. Time has passed, and what it was to be made of may have been purged. */
static enum req_step go_on(struct req *r)
{
	if (answer_is_overtaken(r)) {
		req__leave_flight(r);
		entry_release(&r->entry);
		return REQ_LOOKUP;
	}
	if (r->visitor.outcome == OUTCOME_HIT && !r->flight)
		return REQ_JUDGE;
	r->verdict = answer_verdict(r, r->entry);
	return answer_from_entry(r, r->entry, r->visitor.outcome, r->visitor.reason);
}

/* With the lock. Somebody with the same cookies asks already: waits with him. */
static bool join_locked(struct shard *s, struct req *r, const struct session_key *key)
{
	if (!key->tells || r->visitor.is_apart)
		return false;
	struct visitor_ask *a = s->asks;
	while (a && (a->key.lo != key->lo || a->key.hi != key->hi))
		a = a->next;
	if (a)
		wait_for(a, &r->visitor);
	return a != NULL;
}

static bool join(struct visitors *v, struct req *r, const struct session_key *key)
{
	struct shard *s = &v->shards[key->hi % SHARDS];
	pthread_mutex_lock(&s->lock);
	bool joined = join_locked(s, r, key);
	pthread_mutex_unlock(&s->lock);
	return joined;
}

static struct str recall(struct visitors *v, struct req *r, const struct session_key *key)
{
	return session_find(v->sessions, key, r->env->port->wall_ms(r->env->worker), &r->arena);
}

/* Since it was looked, another worker may have begun to ask (false, and r waits for that), or has been told already (false, and r does not). */
static bool add(struct visitors *v, struct req *r, struct visitor_ask *a)
{
	struct shard *s = shard_of(a);
	pthread_mutex_lock(&s->lock);
	bool is_first = !join_locked(s, r, &a->key) && (r->visitor.is_apart || !recall(v, r, &a->key).p);
	if (is_first) {
		wait_for(a, &r->visitor);
		r->visitor.is_apart = true; /* what this one brings is his in any case */
	}
	if (is_first && a->key.tells) {
		a->next = s->asks;
		s->asks = a;
		a->listed = true;
	}
	pthread_mutex_unlock(&s->lock);
	return is_first;
}

static enum req_step ask(struct req *r)
{
	struct visitors *v = r->env->dry ? r->env->dry : flights_visitors(r->env->flights);
	struct str place = place_of(r);
	struct session_key key = key_of(r, v, place);
	struct str known = recall(v, r, &key);
	bool in_vain = known.p && known.n == 0;
	if (in_vain || (!known.p && !may_go_forward(r)))
		return go_alone(r);
	if (known.p) {
		r->visitor.token = known;
		return answer_from_entry(r, r->entry, r->visitor.outcome, r->visitor.reason);
	}
	if (r->env->dry || join(v, r, &key))
		return REQ_PARK;
	struct visitor_ask *a = ask_new(r, v, &key, place);
	if (add(v, r, a)) {
		begin(a);
		return REQ_PARK;
	}
	ask_release(&a);
	return r->visitor.ask ? REQ_PARK : ask(r);
}

static bool is_over(struct req *r)
{
	struct shard *s = shard_of(r->visitor.ask);
	pthread_mutex_lock(&s->lock);
	bool over = r->visitor.ask->over;
	pthread_mutex_unlock(&s->lock);
	return over;
}

static void take_answer(struct req *r)
{
	const struct visitor_ask *a = r->visitor.ask;
	r->visitor.token = arena_str(&r->arena, a->token);
	for (uint32_t i = 0; i < a->cookies.n; i++)
		headers_add(
		    &r->visitor.cookies, &r->arena, STR("Set-Cookie"), arena_str(&r->arena, a->cookies.v[i].value));
}

enum req_step visitor_step(struct req *r)
{
	struct visitor *v = &r->visitor;
	if (r->route->token_path.n == 0)
		return go_alone(r);
	if (!v->ask)
		return ask(r);
	if (!is_over(r))
		return REQ_PARK; /* a letter about something else */
	bool is_told = v->ask->token.p != NULL, is_mine = v->is_apart || !v->ask->is_own;
	if (is_told && is_mine)
		take_answer(r);
	visitor_leave(r);
	if (!is_told)
		return go_alone(r);
	if (is_mine)
		return go_on(r);
	v->is_apart = true;
	return ask(r);
}

bool visitor_waits(const struct req *r)
{
	return r->visitor.ask != NULL;
}

void visitor_leave(struct req *r)
{
	if (!r->visitor.ask)
		return;
	struct shard *s = shard_of(r->visitor.ask);
	pthread_mutex_lock(&s->lock);
	list_remove(&r->visitor.link);
	pthread_mutex_unlock(&s->lock);
	ask_release(&r->visitor.ask);
	r->env->port->unpost(r->env->worker, &r->mail);
}
