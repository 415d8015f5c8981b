/* Notes on what became of answers: written once an answer, never on a hit. */
#include "req/remember.h"

#include "base/log.h"
#include "policy/cause.h"
#include "req/req.h"

/* How long the operator's log is silent about the same leak of the same page, from fetch to fetch. */
enum { TOLD_MS = 60 * 1000 };

static void write_note(struct flight *f, struct recall_note *note, struct str cause)
{
	static const char cut[] = "...";
	size_t room = sizeof(note->cause) - 1, n = cause.n < room ? cause.n : room;
	for (size_t i = 0; i < n; i++)
		note->cause[i] = (unsigned char)cause.p[i] < 0x20 ? ' ' : cause.p[i];
	note->cause[n] = '\0';
	if (cause.n > room)
		memcpy(note->cause + room - (sizeof(cut) - 1), cut, sizeof(cut));
	note->at_ms = f->env->port->wall_ms(f->env->worker);
	note->epoch = f->epoch;
	recall_write(flights_recall(f->env->flights), &f->key, note);
}

void remember_stored(struct flight *f)
{
	const struct stored *s = ENTRY_STORED(f->entry);
	struct recall_note note = {
	    .reason = REASON_STORED,
	    .status = s->status,
	    .fresh_until_ms = s->response_ms + s->lifetime_ms - s->initial_age_ms,
	};
	write_note(f, &note, cause_of_lifetime(&f->conf->cache, s, entry_headers(f->entry, &f->arena), &f->arena));
}

void remember_refused(struct flight *f, enum reason why, const struct http_response *response)
{
	remember_leak(f, why, STR(""), response);
}

/* A page that leaks does so with each fetch; the access log and the metrics have them all. */
static bool was_told_just_now(const struct flight *f, enum reason why, struct str cause)
{
	struct recall_note last;
	return recall_read(flights_recall(f->env->flights), &f->key, &last) && last.reason == why &&
	       str_eq(str_of(last.cause), cause) && f->env->port->wall_ms(f->env->worker) - last.at_ms < TOLD_MS;
}

void remember_tell(const struct flight *f, enum reason why, struct str cause)
{
	if (!was_told_just_now(f, why, cause))
		log_info("guard", "%.*s: not stored: %s%s%.*s (request %.*s)", STR_ARG(f->key.text), reason_code(why),
		    cause.n > 0 ? ", " : "", STR_ARG(cause), STR_ARG(f->id));
}

static void refuse(struct flight *f, struct recall_note *note, struct str cause)
{
	if (reason_is_personal(note->reason)) {
		metrics_inc(f->env->metrics, METRIC_LEAKS);
		remember_tell(f, note->reason, cause);
	}
	/* A server's failure passes: the next request may find it well again. And what one client's request forbids must not
	 * switch the cache off for the others. */
	if (note->status < 500 && !reason_is_of_request(note->reason) && f->conf->cache.pass_ttl_ms > 0)
		note->pass_until_ms = f->env->port->wall_ms(f->env->worker) + f->conf->cache.pass_ttl_ms;
	write_note(f, note, cause);
}

void remember_leak(struct flight *f, enum reason why, struct str name, const struct http_response *response)
{
	struct recall_note note = {.reason = why, .status = response->status};
	if (!f->may_store || why == REASON_NOT_LEAK_SAMPLE) /* known already, by remember_sample */
		return;
	refuse(f, &note,
	    name.n > 0 ? cause_of_leak(why, name, &f->arena)
		       : cause_of_refusal(&f->conf->cache, f->route, why, response, &f->arena));
}

void remember_sample(struct flight *f, struct str where, bool of_visitor)
{
	struct recall_note note = {
	    .reason = REASON_NOT_LEAK_SAMPLE, .status = f->response.status, .of_visitor = of_visitor};
	refuse(f, &note, where);
}

void remember_failed(struct flight *f, enum reason why)
{
	struct recall_note note = {.reason = why, .status = f->response.status};
	if (f->may_store)
		write_note(f, &note, f->why ? str_of(f->why) : STR(""));
}
