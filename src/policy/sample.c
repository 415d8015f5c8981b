/* A second look at a page, without the visitor. Fields that differ between any two answers (Date, a request's id, the time that it
 * took) are not compared: only those that say which page it is. */
#include "policy/sample.h"

#include "base/mem.h"
#include "http/cookie.h"
#include "policy/private.h"
#include "policy/storable.h"
#include "policy/validate.h"
#include "policy/vary.h"

static bool is_nominated(const struct stored *s, struct str name)
{
	for (uint32_t i = 0; i < s->vary.n; i++) {
		if (str_eq_nocase(s->vary.v[i].name, name))
			return true;
	}
	return false;
}

/* Does who asks decide whether a request finds it? */
static bool is_of_one_visitor(const struct stored *s)
{
	for (uint32_t i = 0; i < s->vary.n; i++) {
		struct str name = s->vary.v[i].name;
		bool tells_who =
		    str_eq(name, STR("authorization")) || (vary_is_cookie(name) && !vary_is_one_cookie(name));
		if (tells_who && s->vary.v[i].value.p)
			return true;
	}
	return false;
}

bool policy_may_sample(const struct route *route, const struct stored *s)
{
	const char *option;
	return !stored_is_partial(s) && policy_ttl(route, s->status, &option) >= 0 && !is_of_one_visitor(s);
}

/* ---- the request ---- */

/* The cookies that others have as well, in one field; STR_NONE: there are none. */
static struct str common_cookies(const struct route *route, const struct headers *h, struct arena *a)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, part, name, value, all = STR_NONE;
	while (cookie_next_part(h, &field, &rest, &part)) {
		if (!cookie_read(part, &name, &value) || !str_list_has_exact(&route->vary_cookie, name))
			continue;
		all = all.p ? arena_printf(a, "%.*s; %.*s", STR_ARG(all), STR_ARG(part)) : part;
	}
	return all;
}

static bool tells_who(const struct route *route, const struct stored *s, struct str name)
{
	if (str_eq_nocase(name, STR("Authorization")))
		return true;
	return route->leak_guard && policy__is_named(&route->leak_patterns, name) && !is_nominated(s, name);
}

bool policy_is_stranger(const struct route *route, const struct stored *s, const struct headers *h)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, name, value;
	while (cookie_next(h, &field, &rest, &name, &value)) {
		if (!str_list_has_exact(&route->vary_cookie, name) && !str_list_has_exact(&route->token_cookie, name))
			return false;
	}
	for (uint32_t i = 0; i < h->n; i++) {
		if (tells_who(route, s, h->v[i].name))
			return false;
	}
	return true;
}

void policy_make_stranger(const struct route *route, const struct stored *s, struct headers *h, struct arena *a)
{
	struct str cookies = common_cookies(route, h, a);
	if (cookies.p)
		headers_set(h, a, STR("Cookie"), cookies);
	else
		(void)headers_remove(h, STR("Cookie"));
	uint32_t n = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!tells_who(route, s, h->v[i].name))
			h->v[n++] = h->v[i];
	}
	h->n = n;
	policy_fetch_conditions(h, a, NULL, NULL);
}

/* ---- the answer ---- */

struct str policy_sample_differs(const struct headers *a, const struct headers *b, struct arena *arena)
{
	static const struct str names[] = {
	    STR("Content-Type"),
	    STR("Content-Language"),
	    STR("Content-Disposition"),
	    STR("Content-Location"),
	    STR("Location"),
	    STR("Link"),
	    STR("Refresh"),
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!str_eq(headers_joined(a, arena, names[i]), headers_joined(b, arena, names[i])))
			return names[i];
	}
	return STR_NONE;
}
