/* Answers and the store (RFC 9111 3, 4.3). The fetch itself is fill.c's; what may be stored is policy's. */
#include "req/update.h"

#include "base/log.h"
#include "policy/validate.h"
#include "req/remember.h"
#include "req/req.h"

int64_t update_now_ms(const struct flight *f)
{
	return f->env->port->wall_ms(f->env->worker);
}

void update_judge(struct flight *f, const struct http_response *r, struct storable_out *out)
{
	struct storable_in in = {
	    .cache = &f->conf->cache,
	    .route = f->route,
	    .request = &f->request,
	    .response = r,
	    .request_ms = f->fetch.sent_ms,
	    .response_ms = update_now_ms(f),
	};
	policy_storable(&in, &f->arena, out);
}

int update_put_entry(struct flight *f, struct entry *e)
{
	struct tier_put op = {.entry = e};
	int err = tier_put(f->env->tier, &op);
	if (err != ERR_OK) {
		log_debug("store", "%.*s: not stored: %s", STR_ARG(f->key.text), err_text(err));
		remember_failed(f, err == ERR_STALE ? REASON_NOT_PURGED : REASON_NOT_FULL);
		return err;
	}
	metrics_inc(f->env->metrics, METRIC_STORED);
	/* What was validated is replaced also by an answer that varies by other fields (RFC 9111 4.3.3): the old one would
	 * else go on to match. */
	if (f->stale)
		tier_remove(f->env->tier, f->stale);
	remember_stored(f);
	return ERR_OK;
}

void update_put(struct flight *f)
{
	(void)!update_put_entry(f, f->entry);
}

/* A verdict on one client's request (its no-store, its Authorization) is none on the page: else any client could take away
 * what the others share. */
void update_remove_stale(struct flight *f)
{
	if (!reason_is_of_request(f->reason))
		tier_remove(f->env->tier, f->stale);
}

bool update_renew(struct flight *f, const struct http_response *fresh)
{
	struct http_response merged = *fresh;
	struct storable_out verdict;
	merged.status = f->stale->stored.status;
	policy_merge_304(&f->stale->headers, &fresh->headers, &f->arena, &merged.headers);
	update_judge(f, &merged, &verdict);
	if (!verdict.store) {
		/* It may be used for those who wait, and then no more. */
		verdict.stored = f->stale->stored;
		verdict.headers = merged.headers;
	}
	if (entry_renew(f->stale, &verdict.stored, &verdict.headers, f->stale_epoch, &f->entry) != ERR_OK)
		return false;
	f->revalidated = true;
	f->reason = verdict.reason;
	if (verdict.store) {
		update_put(f);
	} else {
		remember_refused(f, verdict.reason, &merged);
		update_remove_stale(f);
	}
	flight_decide(f, FLIGHT_SHARED);
	return true;
}
