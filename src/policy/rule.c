/* Verdicts and the options that make them. A verdict that an option can make is told with it only where the option was set and
 * had the last word: a stale_while_revalidate of the response is none of the route's. */
#include "policy/rule.h"

#include "base/mem.h"
#include "policy/storable.h"
#include "policy/vary.h"

static const char *of_bit(const struct rule_in *in, enum stored_by bit, const char *option)
{
	return in->stored && (in->stored->by_route & bit) ? option : NULL;
}

/* Where a regex gave up, the route that stands in has cache = off of its own (conf/route.c). */
static const char *of_cache(const struct rule_in *in)
{
	return in->conf->routes[in->route->index].cache ? NULL : "cache";
}

static const char *of_ttl(const struct route *route, int status)
{
	const char *option;
	(void)policy_ttl(route, status, &option);
	return option;
}

const char *rule_of_exception(const struct stored *s)
{
	if (s->by_route & STORED_BY_OVERRIDE)
		return "override";
	return s->by_route & STORED_BY_COOKIE ? "set_cookie" : NULL;
}

const char *rule_of_lifetime(const struct conf *conf, const struct route *route, const struct stored *s)
{
	struct str source = str_of(s->lifetime_source);
	if (str_eq(source, STR(LIFETIME_TTL)))
		return of_ttl(route, stored_is_partial(s) ? 200 : s->status);
	if (!str_eq(source, STR(LIFETIME_HEURISTIC)))
		return NULL;
	/* Of the two the shorter one decides, which the lifetime shows. */
	bool is_capped = s->lifetime_ms == conf->cache.heuristic_max_ms;
	return is_capped ? "heuristic_max" : "heuristic_percent";
}

const char *rule_of_variant(const struct route *route, struct str field)
{
	if (str_starts_nocase(field, STR("cookie:")))
		return "vary_cookie";
	if (vary_is_cookie(field)) /* the token cookies are left out of it (policy/vary.h) */
		field = STR("Cookie");
	for (unsigned i = 0; i < route->vary.n; i++) {
		if (str_eq_nocase(route->vary.v[i], field))
			return "vary";
	}
	return NULL;
}

/* What is stored: that it is, against the response's word, is told before for how long. */
static const char *of_stored(const struct rule_in *in)
{
	if (!in->stored)
		return NULL;
	const char *option = rule_of_exception(in->stored);
	return option ? option : rule_of_lifetime(in->conf, in->route, in->stored);
}

const char *rule_of(const struct rule_in *in)
{
	switch (in->reason) {
	case REASON_HIT:
	case REASON_HIT_REVALIDATED:
	case REASON_COLLAPSED:
	case REASON_STORED:
		return of_stored(in);
	case REASON_HIT_STALE:
		return of_bit(in, STORED_BY_SWR, "stale_while_revalidate");
	case REASON_HIT_STALE_ERROR:
		return of_bit(in, STORED_BY_SIE, "stale_if_error");
	case REASON_HIT_STALE_UNREACHABLE:
		return of_bit(in, STORED_BY_UNREACHABLE, "stale_if_unreachable");
	case REASON_MISS_STALE:
		return in->stored ? rule_of_lifetime(in->conf, in->route, in->stored) : NULL;
	case REASON_HIT_MAX_STALE:
	case REASON_MISS_REQUEST:
	case REASON_MISS_REQUEST_MAX_AGE:
	case REASON_MISS_REQUEST_MIN_FRESH:
	case REASON_NOT_REQUEST_NO_STORE:
	case REASON_ERROR_ONLY_IF_CACHED:
		return "client_cache_control";
	case REASON_PASS_ROUTE:
		return of_cache(in);
	case REASON_PASS_REMEMBERED:
		return "pass_ttl";
	case REASON_NOT_SET_COOKIE:
		return "set_cookie";
	case REASON_NOT_TOO_LARGE:
		return "max_object";
	case REASON_NOT_EXPIRED: /* ttl = 0s */
		return of_ttl(in->route, in->status);
	case REASON_PASS_TOKENS:
	case REASON_NOT_TOKEN_SHAPE:
	case REASON_NOT_TOKEN_TWICE:
		return in->route->token == TOKEN_NONE ? "token_cookie" : "token";
	case REASON_NOT_TOKEN_SESSION:
		return in->route->token == TOKEN_NONE ? "token_field" : "token";
	case REASON_PASS_TOKEN_SESSION:
		return "token_path";
	case REASON_NOT_NONCE_SHAPE:
		return "csp_nonce";
	case REASON_NOT_LEAK_FIELD:
		return "leak_patterns";
	case REASON_NOT_LEAK_SAMPLE:
		return "leak_sample";
	default:
		return NULL;
	}
}
