/* Fetches that fail: what is said of them. */
#include "req/failure.h"

#include "base/log.h"
#include "req/req.h"
#include "req/update.h"

enum { COMPLAIN_MS = 1000 };

enum reason failure_reason(int err)
{
	switch (err) {
	case ERR_RESOLVE:
		return REASON_ERROR_RESOLVE;
	case ERR_CONNECT:
		return REASON_ERROR_CONNECT;
	case ERR_TLS:
		return REASON_ERROR_TLS;
	case ERR_TIMEOUT:
		return REASON_ERROR_TIMEOUT;
	case ERR_PROTOCOL:
	case ERR_TOO_LARGE:
		return REASON_ERROR_PROTOCOL;
	case ERR_BUSY:
		return REASON_ERROR_BUSY;
	case ERR_CANCELLED:
		return REASON_ERROR_CLIENT;
	default:
		return REASON_ERROR_RESET;
	}
}

/* One line a second and worker: an upstream that is down fails every request, and each has its line in the access log. */
void failure_log(struct flight *f, int err, const char *why)
{
	int64_t now = update_now_ms(f), since = now - f->env->complained_ms;
	if (since >= 0 && since < COMPLAIN_MS)
		return;
	f->env->complained_ms = now;
	log_warning("upstream", "%.*s %.*s: %s (request %.*s)", STR_ARG(f->route->upstream->name),
	    STR_ARG(f->route->upstream->url_text), why ? why : err_text(err), STR_ARG(f->id));
}
