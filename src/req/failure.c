/* Fetches that fail: what is said of them. */
#include "req/failure.h"

#include "base/log.h"
#include "req/req.h"

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

bool failure_may_tell(struct req_env *env)
{
	int64_t now = env->port->wall_ms(env->worker), since = now - env->complained_ms;
	if (since >= 0 && since < COMPLAIN_MS)
		return false;
	env->complained_ms = now;
	return true;
}

void failure_log(struct flight *f, int err, const char *why)
{
	if (!failure_may_tell(f->env))
		return;
	log_warning("upstream", "%.*s %.*s: %s (request %.*s)", STR_ARG(f->route->upstream->name),
	    STR_ARG(f->route->upstream->url_text), why ? why : err_text(err), STR_ARG(f->id));
}
