/* The life of a request: made by the client side, driven through its steps (steps.c), read out, counted, logged, freed.
 * Here too are the bytes between client and flight: the upload's small buffer and the stream of the body. */
#include "req/req.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "policy/rule.h"
#include "req/failure.h"
#include "req/fill.h"
#include "req/personal.h"
#include "req/request.h"

enum { UPLOAD_MAX = 64 * 1024, ARENA_BLOCK = 4096 };

static int64_t wall_ms(const struct req *r)
{
	return r->env->port->wall_ms(r->env->worker);
}

static int64_t mono_us(const struct req *r)
{
	return r->env->port->mono_us(r->env->worker);
}

static void on_mail(struct mail *m)
{
	struct req *r = CONTAINER_OF(m, struct req, mail);
	if (r->step == REQ_PARK)
		req__go_on(r, visitor_waits(r) ? REQ_TOKEN : REQ_OUTCOME);
	else if (!r->gone)
		r->env->port->resume(r->env->worker, r);
}

/* ---- life ---- */

/* One that has ended, as new; NULL: there is none. Its reference spares the workers to count on one place for each request. */
static struct req *take_spare(struct req_env *env)
{
	struct req *r = env->spare;
	if (!r)
		return NULL;
	env->spare = r->next_spare;
	env->n_spare--;
	struct arena arena = r->arena;
	struct conf *conf = r->conf;
	memset(r, 0, sizeof *r);
	r->arena = arena;
	r->conf = conf;
	return r;
}

static void dispose(struct req *r)
{
	arena_free(&r->arena);
	conf_release(&r->conf);
	free(r);
}

static void make_spare(struct req_env *env, struct req *r)
{
	arena_reset(&r->arena);
	r->next_spare = env->spare;
	env->spare = r;
	env->n_spare++;
}

void req_env_trim(struct req_env *env)
{
	for (struct req *r = env->spare, *next; r; r = next) {
		next = r->next_spare;
		dispose(r);
	}
	env->spare = NULL;
	env->n_spare = 0;
}

struct req *req_new(struct req_env *env, const struct req_client *client, void *owner)
{
	struct req *r = take_spare(env);
	if (!r) {
		r = mem_zalloc(sizeof *r);
		r->conf = conf_ref(env->conf);
		arena_init(&r->arena, ARENA_BLOCK);
	}
	r->env = env;
	r->client = *client;
	r->owner = owner;
	r->age_ms = -1;
	r->started_us = env->port->turn_us(env->worker);
	r->started_ms = wall_ms(r);
	r->mail.fn = on_mail;
	r->waiter.worker = env->worker;
	r->waiter.port = env->port;
	r->waiter.mail = &r->mail;
	buf_init(&r->upload, UPLOAD_MAX);
	return r;
}

struct arena *req_arena(struct req *r)
{
	return &r->arena;
}

struct http_request *req_message(struct req *r)
{
	return &r->message;
}

void *req_owner(const struct req *r)
{
	return r->owner;
}

bool req_begin(struct req *r)
{
	return req__drive(r, REQ_RECV);
}

void req_refuse(struct req *r, int status, const char *why)
{
	metrics_inc(r->env->metrics, METRIC_REQUESTS_REFUSED);
	answer_error(r, status, REASON_ERROR_REQUEST, why);
	r->answer.close = true;
}

void req_too_large(struct req *r)
{
	req__leave_flight(r); /* what is being stored may be fit for a request with a smaller head */
	r->answer = (struct answer){0};
	r->age_ms = -1;
	answer_error(r, 502, REASON_ERROR_HEAD, NULL);
}

const struct answer *req_answer_bare(struct req *r)
{
	return r->answer.kind == ANSWER_NONE ? NULL : &r->answer;
}

const struct answer *req_answer(struct req *r)
{
	answer_fields(r);
	return req_answer_bare(r);
}

/* ---- upload ---- */

size_t req_upload(struct req *r, const char *p, size_t n)
{
	if (r->answer.kind != ANSWER_NONE || !r->flight)
		return n; /* nobody needs it any more */
	size_t room = UPLOAD_MAX - r->upload.n, take = n < room ? n : room;
	if (take > 0)
		buf_add(&r->upload, str_make(p, take));
	r->upload_waits = take < n;
	if (take > 0 && r->flight)
		fill_upload(r->flight);
	return take;
}

void req_upload_end(struct req *r)
{
	r->upload_whole = true;
	if (r->flight)
		fill_upload(r->flight);
}

int req__upload_peek(struct req *r, const char **p, size_t *n)
{
	if (r->upload.n == 0)
		return r->upload_whole ? ERR_EOF : ERR_AGAIN;
	*p = r->upload.p;
	*n = r->upload.n;
	return ERR_OK;
}

void req__upload_used(struct req *r, size_t n)
{
	buf_consume(&r->upload, n);
	if (!r->upload_waits || r->upload.n > UPLOAD_MAX / 2)
		return;
	r->upload_waits = false;
	r->env->port->resume(r->env->worker, r);
}

/* ---- the body to the client ---- */

/* Of a stream that is cut: passes by what comes before the part. ERR_EOF behind it; else *max is what may be sent. */
static int cut(struct req *r, size_t *max)
{
	const char *from;
	size_t n;
	while (r->skip > 0) {
		int err = body_read(&r->waiter.reader, &from, &n);
		if (err != ERR_OK)
			return err;
		n = n < r->skip ? n : (size_t)r->skip;
		body_read_done(&r->waiter.reader, n);
		r->skip -= n;
	}
	*max = *max < r->left ? *max : (size_t)r->left;
	return r->left > 0 ? ERR_OK : ERR_EOF;
}

int64_t req_read(struct req *r, char *p, size_t max)
{
	const char *from;
	size_t n, copied = 0;
	int cut_off = r->is_cut ? cut(r, &max) : ERR_OK;
	if (cut_off != ERR_OK)
		return cut_off == ERR_AGAIN ? 0 : cut_off;
	while (copied < max) {
		size_t own = personal_read(r, p + copied, max - copied);
		copied += own;
		if (own > 0)
			continue;
		int err = body_read(&r->waiter.reader, &from, &n);
		if (err != ERR_OK && err != ERR_AGAIN && copied == 0) {
			r->broken = err == ERR_EOF ? ERR_OK : err;
			return err;
		}
		if (err != ERR_OK)
			break;
		n = personal_until(r, n < max - copied ? n : max - copied);
		memcpy(p + copied, from, n);
		body_read_done(&r->waiter.reader, n);
		copied += n;
	}
	if (r->is_cut) {
		r->left -= copied;
		if (r->left == 0) /* who reads no more must not hold up the others once the body is a window */
			body_reader_close(&r->waiter.reader);
	}
	return (int64_t)copied;
}

/* ---- the end ---- */

void req_gone(struct req *r)
{
	r->gone = true;
	visitor_leave(r);
	req__leave_flight(r);
}

/* Nothing on a plain hit: what stored the page is told by the line of the fetch, and by why. */
static struct str rule(struct req *r)
{
	if (!r->route || r->reason == REASON_HIT)
		return STR_NONE;
	const struct flight *f = r->waiter.leads ? r->flight : NULL;
	const struct entry *e = r->entry ? r->entry : f ? f->entry : NULL;
	bool is_stored = f && f->may_store && r->reason == r->fwd && r->outcome != OUTCOME_ERROR;
	struct rule_in in = {.conf = r->conf,
	    .route = r->route,
	    .reason = is_stored ? REASON_STORED : r->reason,
	    .status = r->answer.status,
	    .stored = is_stored ? (f->entry ? ENTRY_STORED(f->entry) : NULL)
		      : e	? ENTRY_STORED(e)
				: NULL};
	struct conf_setting s = conf_setting_of(r->conf, r->route, rule_of(&in));
	return s.name ? arena_printf(&r->arena, "%.*s %s", STR_ARG(s.source), s.name) : STR_NONE;
}

static void write_line(struct req *r, uint64_t sent, int64_t total_us, int64_t upstream_us)
{
	const struct http_request *m = &r->message;
	struct access_line line = {
	    .wall_ms = r->started_ms,
	    .client = r->client.address_text,
	    .method = m->method_name,
	    .target = m->target,
	    .host = m->host,
	    .referer = headers_get(&m->headers, STR("Referer")),
	    .user_agent = headers_get(&m->headers, STR("User-Agent")),
	    .request_id = req__id(r),
	    .route = r->route ? r->route->name : STR_NONE,
	    .tier = r->outcome == OUTCOME_HIT || r->outcome == OUTCOME_STALE ? str_of(r->found_in) : STR_NONE,
	    .upstream = upstream_us >= 0 ? r->route->upstream->name : STR_NONE,
	    .minor = m->minor,
	    .status = r->answer.status,
	    .bytes = sent,
	    .verdict = outcome_name(r->outcome),
	    .reason = reason_code(r->reason),
	    .rule = rule(r),
	    .age_s = r->age_ms < 0 ? -1 : r->age_ms / 1000,
	    .total_us = total_us,
	    .upstream_us = upstream_us,
	};
	accesslog_write(r->env->access, &line);
}

static void account(struct req *r, uint64_t sent, bool whole)
{
	/* What was decided when the head came, the body may have changed. */
	if (r->waiter.leads && r->flight->dropped != REASON_NONE && r->reason == r->fwd)
		r->reason = r->flight->dropped;
	if (r->broken != ERR_OK) {
		r->outcome = OUTCOME_ERROR;
		r->reason = failure_reason(r->broken);
	} else if (r->answer.kind == ANSWER_NONE || !whole) {
		/* A client that left before its answer was whole: 499 as nginx has it, when there was none at all. */
		metrics_inc(r->env->metrics, METRIC_CLIENTS_GONE);
		r->outcome = OUTCOME_ERROR;
		r->reason = REASON_ERROR_CLIENT;
		if (r->answer.kind == ANSWER_NONE)
			r->answer.status = 499;
	}
	int64_t total_us = mono_us(r) - r->started_us;
	int64_t upstream_us = r->flight && r->fwd ? atomic_load(&r->flight->first_byte_us) : -1;
	struct metrics_request done = {
	    .route = r->route ? r->route->metrics_id : 0,
	    .outcome = r->outcome,
	    .reason = r->reason,
	    .status = r->answer.status,
	    .total_us = total_us,
	    .upstream_us = upstream_us,
	    .bytes = sent,
	};
	metrics_request(r->env->metrics, &done);
	if (r->env->access)
		write_line(r, sent, total_us, upstream_us);
}

void req_free(struct req **ref, uint64_t sent, bool whole)
{
	struct req *r = *ref;
	*ref = NULL;
	account(r, sent, whole);
	lookup_leave(&r->lookup);
	purge_leave(r);
	visitor_leave(r);
	req__leave_flight(r);
	entry_release(&r->entry);
	buf_free(&r->upload);
	/* The settings of a spare one are those in force. */
	if (r->env->n_spare < r->env->max_spare && r->conf == r->env->conf)
		make_spare(r->env, r);
	else
		dispose(r);
}
