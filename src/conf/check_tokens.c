/* What no single value tells about tokens and the leak guard of a route (check.c is for all the others). */
#include "conf/load.h"
#include "conf/preset.h"

/* Nonces and fields need some of the values that a page can have cut out (HOLE_VALUES_MAX). */
enum { TOKEN_COOKIES_MAX = 8 };

static void check_names(struct loader *l, const struct conf_origin *s, const char *option, const struct str_list *names)
{
	for (unsigned i = 0; i < names->n; i++)
		if (str_index(names->v[i], '*') < names->v[i].n)
			loader_complain(l, s, option, true,
			    arena_printf(l->arena, "%.*s: the * stands for itself here, name each cookie",
				STR_ARG(str_take(names->v[i], 64))));
}

/* What is left of presets among the cookies differs from the route's own. */
static void check_one_preset(struct loader *l, const struct conf_origin *s, const struct route *r)
{
	for (unsigned i = 0; i < r->token_cookie.n; i++)
		if (preset_of(r->token_cookie.v[i]) != TOKEN_NONE)
			loader_complain(l, s, "token_cookie", false,
			    arena_printf(l->arena, "%.*s is another preset than %.*s: a route has one",
				STR_ARG(r->token_cookie.v[i]), STR_ARG(preset_word(r->token))));
}

static void check_cookies(struct loader *l, const struct conf_origin *s, const struct route *r)
{
	check_names(l, s, "token_cookie", &r->token_cookie);
	check_names(l, s, "vary_cookie", &r->vary_cookie);
	check_one_preset(l, s, r);
	if (r->token_cookie.n > TOKEN_COOKIES_MAX)
		loader_complain(l, s, "token_cookie", false,
		    arena_printf(l->arena, "more than %d token cookies", TOKEN_COOKIES_MAX));
	for (unsigned i = 0; i < r->token_cookie.n; i++)
		for (unsigned k = 0; k < r->vary_cookie.n; k++)
			if (str_eq(r->token_cookie.v[i], r->vary_cookie.v[k]))
				loader_complain(l, s, "vary_cookie", false,
				    arena_printf(l->arena,
					"%.*s is a token cookie too: a page of his own for each visitor, or one for "
					"all with his token filled in, not both",
					STR_ARG(r->token_cookie.v[i])));
}

/* Where what is filled in comes from. */
static void check_source(struct loader *l, const struct conf_origin *s, const struct route *r)
{
	if (r->token_field.n > 0 && r->token_cookie.n == 0 && !r->token_of_session)
		loader_complain(l, s, "token_field", false,
		    STR("nothing says what is filled in: name the cookie in token_cookie, or in token_path where the "
			"app tells the token of a session"));
	if (r->token_of_session && r->token_path.n == 0)
		loader_complain(l, s, "token", true,
		    arena_printf(l->arena,
			"%.*s: the token belongs to the session, so a page with a form is not stored "
			"without token_path = /PATH, where the app tells it",
			STR_ARG(preset_word(r->token))));
	if (r->token_path.n > 0 && !r->token_of_session)
		loader_complain(
		    l, s, "token_path", true, STR("it has no effect: no token of this route belongs to a session"));
}

/* What keeps the pages of a framework from being stored at all, as long as the route does not say otherwise. */
static void check_stores(struct loader *l, const struct conf_origin *s, const struct route *r)
{
	const struct preset *p = &presets[r->token];
	struct str word = preset_word(r->token);
	if (r->set_cookie == SET_COOKIE_KEEP)
		loader_complain(l, s, "set_cookie", true,
		    STR("keep: the cookies of a stored page, but for the tokens, are given to every visitor, that of a "
			"session too (did you mean strip?)"));
	if (p->sets_cookie && !origin_given_name(s, "set_cookie"))
		loader_complain(l, s, "token", true,
		    arena_printf(l->arena,
			"%.*s: its pages set other cookies too, and set_cookie = refuse (the default) stores none that "
			"does; set_cookie = strip leaves them to the visitor who caused the fetch",
			STR_ARG(word)));
	if (p->why_private && r->ttl_ms >= 0 && !(r->override & OVERRIDE_PRIVATE))
		loader_complain(l, s, "token", true,
		    arena_printf(l->arena,
			"%.*s %s: such a page is not stored; override = private says that it is the same for everybody "
			"but for its tokens",
			STR_ARG(word), p->why_private));
}

void loader_check_tokens(struct loader *l, const struct conf_origin *s)
{
	const struct route *r = s->base;
	check_cookies(l, s, r);
	check_source(l, s, r);
	if (r->token_cookie.n > 0 || r->token_field.n > 0)
		check_stores(l, s, r);
}

void loader_check_guard(struct loader *l, const struct conf_origin *s)
{
	const struct route *r = s->base;
	check_names(l, s, "leak_allow", &r->leak_allow);
	if (!r->leak_guard) {
		loader_complain(l, s, "leak_guard", true,
		    STR("a page that holds one visitor's cookie or credential is stored and given to everybody"));
		if (r->leak_allow.n > 0)
			loader_complain(l, s, "leak_allow", true, STR("it has no effect with leak_guard = off"));
		if (r->leak_patterns.n > 0)
			loader_complain(l, s, "leak_patterns", true, STR("it has no effect with leak_guard = off"));
	}
	if (r->leak_sample > 0 && r->ttl_ms < 0 && r->n_ttl_status == 0)
		loader_complain(l, s, "leak_sample", true,
		    STR("it has no effect without a ttl: where the origin's headers decide, it says itself what is "
			"private"));
}
