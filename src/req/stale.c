/* What stands in for an origin that fails.
 *
 *   5xx of RFC 5861 4          -> stale-if-error            (the leader's right decides what becomes of the flight)
 *   no answer at all           -> stale-if-error, or that the origin cannot be reached (RFC 9111 4.2.4)
 *   a body that breaks off     -> nothing: the head has gone out
 *
 * Each who waited is judged by his own request and by the entry that he found himself; none gets what was purged or changed
 * since.
 *
 * An origin that refuses connections says so at once. One that swallows them lets each request wait for a timeout, one after
 * another, though the answer is at hand: so a failure that took SLOW_US or more is noted on the entry. For MEMORY_MS after
 * it, the entry is served at once where it may be; behind it the origin is asked again, once a RETRY_MS at most. The note
 * dies with the entry, so it ends with the first answer of the origin. */
#include "req/stale.h"

#include "policy/cc.h"

enum { SLOW_US = 250 * 1000, RETRY_MS = 1000, MEMORY_MS = 60 * 1000 };

bool stale_is_error(int status)
{
	return status == 500 || status == 502 || status == 503 || status == 504;
}

/* RFC 9111 4.2.4, "cannot contact the origin server": there was no answer, not even a bad one. */
static bool is_unreachable(int err)
{
	switch (err) {
	case ERR_RESOLVE:
	case ERR_CONNECT:
	case ERR_TLS:
	case ERR_TIMEOUT:
	case ERR_RESET:
	case ERR_SHORT:
	case ERR_BUSY:
		return true;
	default:
		return false;
	}
}

bool stale_stands_in(struct req *r, enum req_step *next)
{
	const struct flight *f = r->flight;
	enum reason why = REASON_NONE;
	if (!r->entry || answer_is_overtaken(r))
		return false;
	r->verdict = answer_verdict(r, r->entry); /* time has passed since */
	if (r->verdict.stale_if_error)
		why = REASON_HIT_STALE_ERROR;
	else if (f->state == FLIGHT_FAILED && is_unreachable(f->err) && r->verdict.stale_if_unreachable)
		why = REASON_HIT_STALE_UNREACHABLE;
	if (why == REASON_NONE)
		return false;
	if (r->verdict.ttl_ms > 0)
		why = REASON_HIT_FRESH_ERROR;
	*next = answer_from_entry(r, r->entry, OUTCOME_STALE, why);
	return true;
}

/* The note has half the bits of a clock, which come again after 49 days: for the time of its memory it counts once more then, if the
 * origin has not answered all the while. */
static uint32_t note_of(int64_t wall_ms)
{
	uint32_t low = (uint32_t)wall_ms;
	return low > 0 ? low : 1;
}

/* How long ago the note was written; -1: there is none, or the clock was set back. */
static int64_t since_failure_ms(const struct req *r)
{
	uint32_t at = atomic_load_explicit(&r->entry->unanswered_ms, memory_order_relaxed);
	uint32_t since = note_of(r->env->port->wall_ms(r->env->worker)) - at;
	return at > 0 && since <= INT32_MAX ? (int64_t)since : -1;
}

bool stale_spares_wait(struct req *r, enum req_step *next)
{
	int64_t since = since_failure_ms(r);
	if (since < 0 || since >= MEMORY_MS || !r->verdict.stale_if_unreachable)
		return false;
	/* Who sets limits of his own wishes no stale answer, and may wait for another (RFC 9111 5.2.1). */
	struct cc_request cc;
	cc_read_client(r->route, &r->message.headers, &cc);
	if (cc.no_cache || cc.max_age_s != CC_ABSENT || cc.min_fresh_s != CC_ABSENT)
		return false;
	*next = answer_from_entry(r, r->entry, OUTCOME_STALE,
	    r->verdict.stale_if_error ? REASON_HIT_STALE_ERROR : REASON_HIT_STALE_UNREACHABLE);
	return true;
}

bool stale_may_ask_again(const struct req *r)
{
	return since_failure_ms(r) >= RETRY_MS;
}

void stale_note_failure(struct flight *f)
{
	if (!f->stale || !is_unreachable(f->err))
		return;
	int64_t took_us = f->env->port->mono_us(f->env->worker) - f->fetch.started_us;
	if (took_us >= SLOW_US)
		atomic_store_explicit(
		    &f->stale->unanswered_ms, note_of(f->env->port->wall_ms(f->env->worker)), memory_order_relaxed);
}
