/* What a field of the request does to the verdict. Found by asking policy with the field and without it, so that what is told
 * cannot differ from what is done; a field that makes no difference and that nobody would suspect is not told. */
#include "admin/page.h"

#include "base/mem.h"
#include "http/cookie.h"
#include "policy/cc.h"
#include "policy/personal.h"
#include "policy/range.h"
#include "policy/reuse.h"
#include "policy/vary.h"

/* As policy sees it, without the fields of that name. */
static struct http_request without(const struct why *w, struct str name, struct arena *a)
{
	struct http_request r = {.method = http_method_of(w->method),
	    .method_name = w->method,
	    .target = w->path,
	    .minor = 1,
	    .has_body = w->has_body};
	for (uint32_t i = 0; i < w->request.n; i++) {
		if (!str_eq_nocase(w->request.v[i].name, name))
			headers_add(&r.headers, a, w->request.v[i].name, w->request.v[i].value);
	}
	return r;
}

static struct str add_wish(struct str to, const char *name, int64_t seconds, struct arena *a)
{
	if (seconds == CC_ABSENT)
		return to;
	to = arena_printf(a, "%.*s%s%s", STR_ARG(to), to.n > 0 ? ", " : "", name);
	return seconds == CC_FOREVER_S ? to : arena_printf(a, "%.*s=%lld", STR_ARG(to), (long long)seconds);
}

/* "no-cache, max-age=0": what counts of the client's directives. */
static struct str wishes(const struct route *route, const struct http_request *r, struct arena *a)
{
	struct cc_request cc;
	struct str out = STR("");
	cc_read_client(route, &r->headers, &cc);
	out = add_wish(out, "no-cache", cc.no_cache ? CC_FOREVER_S : CC_ABSENT, a);
	out = add_wish(out, "no-store", cc.no_store ? CC_FOREVER_S : CC_ABSENT, a);
	out = add_wish(out, "only-if-cached", cc.only_if_cached ? CC_FOREVER_S : CC_ABSENT, a);
	out = add_wish(out, "max-age", cc.max_age_s, a);
	out = add_wish(out, "min-fresh", cc.min_fresh_s, a);
	out = add_wish(out, "max-stale", cc.max_stale_s, a);
	return add_wish(out, "stale-if-error", cc.stale_if_error_s, a);
}

static struct str of_wishes(
    const struct why *w, const struct http_request *all, const struct http_request *less, struct arena *a)
{
	struct conf_setting rule = conf_route_setting(w->route, "client_cache_control");
	struct str with = wishes(w->route, all, a);
	if (!str_eq(with, wishes(w->route, less, a)))
		return arena_printf(a, "asks for %.*s (RFC 9111 5.2.1)", STR_ARG(with));
	if (w->route->client_cache_control == CLIENT_IGNORE)
		return arena_printf(a, "is ignored (client_cache_control, %.*s)", STR_ARG(rule.source));
	return STR("makes no difference");
}

static struct str of_authorization(const struct why *w, struct arena *a)
{
	struct conf_setting rule = conf_route_setting(w->route, "override");
	if (w->route->override & OVERRIDE_AUTHORIZATION)
		return arena_printf(a, "makes no difference (override, %.*s)", STR_ARG(rule.source));
	return STR("does not keep a stored page from being served; what the origin answers is stored only if it allows "
		   "sharing (public, s-maxage, must-revalidate: RFC 9111 3.5)");
}

/* By the field itself, or by some of its cookies. */
static bool is_nominated(const struct why *w, struct str field)
{
	bool is_cookie = str_eq_nocase(field, STR("Cookie"));
	if (is_cookie && w->route->vary_cookie.n > 0)
		return true;
	for (unsigned i = 0; i < w->route->vary.n; i++) {
		if (str_eq_nocase(field, w->route->vary.v[i]))
			return true;
	}
	for (unsigned i = 0; i < w->n_variants; i++) {
		const struct headers *vary = &w->variants[i].stored.vary;
		for (uint32_t k = 0; k < vary->n; k++) {
			if (str_eq_nocase(field, vary->v[k].name) || (is_cookie && vary_is_cookie(vary->v[k].name)))
				return true;
		}
	}
	return false;
}

/* Is the page one that differs by visitor? What is stored says it, else the route. */
static bool is_filled(const struct why *w)
{
	for (unsigned i = 0; i < w->n_variants; i++) {
		if (w->variants[i].chosen)
			return w->variants[i].n_holes > 0;
	}
	return policy_has_tokens(w->route);
}

static bool has_token_cookie(const struct why *w)
{
	struct str value;
	for (unsigned i = 0; i < w->route->token_cookie.n; i++) {
		if (cookie_find(&w->request, w->route->token_cookie.v[i], &value) > 0)
			return true;
	}
	return false;
}

static struct str of_cookie(const struct why *w)
{
	bool chooses = is_nominated(w, STR("Cookie"));
	if (has_token_cookie(w))
		return chooses ? STR("chooses the variant, and has the visitor's token, which is filled in")
			       : STR("has the visitor's token, which is filled in; makes no other difference");
	if (w->route->token_of_session)
		return chooses ? STR("chooses the variant, and tells the session whose token is filled in")
			       : STR("tells the session whose token is filled in; makes no other difference");
	return chooses ? STR("chooses the variant: the page varies by it")
		       : STR("makes no difference: the page does not vary by it");
}

static struct str of_condition(const struct why *w, struct str field)
{
	bool is_date = str_eq_nocase(field, STR("If-Modified-Since"));
	if (is_filled(w))
		return is_date ? STR("is ignored: the page differs by visitor")
			       : STR("is compared with what is filled in for this visitor");
	if (is_date && headers_find(&w->request, STR("If-None-Match")))
		return STR("is ignored beside If-None-Match (RFC 9110 13.1.3)");
	return STR("may be answered with 304 from what is stored");
}

static struct str of_looked_up(const struct why *w, struct str field, const struct http_request *all,
    const struct http_request *less, struct arena *a)
{
	if (str_eq_nocase(field, STR("Cookie")))
		return of_cookie(w);
	if (is_nominated(w, field))
		return STR("chooses the variant: the page varies by it");
	if (str_eq_nocase(field, STR("Authorization")))
		return of_authorization(w, a);
	if (str_eq_nocase(field, STR("Cache-Control")) || str_eq_nocase(field, STR("Pragma")))
		return of_wishes(w, all, less, a);
	if (str_eq_nocase(field, STR("If-None-Match")) || str_eq_nocase(field, STR("If-Modified-Since")))
		return of_condition(w, field);
	if (!str_eq_nocase(field, STR("Range")))
		return STR_NONE;
	if (is_filled(w))
		return STR("is ignored: a page that differs by visitor is sent whole");
	return policy_asks_for_range(all) ? STR("asks for a part of the page")
					  : STR("is ignored: only a GET asks for parts (RFC 9110 14.2)");
}

struct str admin__why_effect(const struct why *w, struct str field, struct arena *a)
{
	struct http_request all = without(w, STR(""), a), less = without(w, field, a);
	enum reason why, why_less;
	bool tells_of_body =
	    str_eq_nocase(field, STR("Content-Length")) || str_eq_nocase(field, STR("Transfer-Encoding"));
	if (w->undecided)
		return STR_NONE;
	less.has_body = less.has_body && !tells_of_body;
	if (policy_lookup(w->route, &all, &why) == LOOKUP_YES)
		return of_looked_up(w, field, &all, &less, a);
	(void)policy_lookup(w->route, &less, &why_less);
	if (why == why_less) /* it passes with it and without */
		return STR_NONE;
	return arena_printf(a, "makes the request pass: %s", reason_sentence(why));
}
