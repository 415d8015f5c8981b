/* Token cookies in requests and answers. */
#include "policy/token.h"

#include "http/cookie.h"

/* Names of cookies have a case (RFC 6265 5.4). */
static bool is_token_name(const struct route *route, struct str name)
{
	return str_list_has_exact(&route->token_cookie, name);
}

bool policy_is_token_cookie(const struct route *route, struct str field)
{
	struct set_cookie cookie;
	return route->token_cookie.n > 0 && set_cookie_read(field, &cookie) && is_token_name(route, cookie.name);
}

static bool has_token(const struct route *route, const struct headers *request)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, name, value;
	while (cookie_next(request, &field, &rest, &name, &value)) {
		if (is_token_name(route, name))
			return true;
	}
	return false;
}

/* Several fields become one (RFC 9113 8.2.3), and what is no cookie stays: it may mean something to the origin. */
static struct str others(const struct route *route, const struct headers *request, struct arena *a)
{
	size_t bound = 0, n = 0;
	for (uint32_t i = 0; i < request->n; i++) {
		if (str_eq_nocase(request->v[i].name, STR("Cookie")))
			bound += 2 * (request->v[i].value.n + 1); /* "a;b" becomes "a; b" */
	}
	char *out = arena_alloc(a, bound);
	uint32_t field = 0;
	struct str rest = STR_NONE, part, name, value;
	while (cookie_next_part(request, &field, &rest, &part)) {
		if (cookie_read(part, &name, &value) && is_token_name(route, name))
			continue;
		if (n > 0) {
			memcpy(out + n, "; ", 2);
			n += 2;
		}
		memcpy(out + n, part.p, part.n);
		n += part.n;
	}
	return str_make(out, n);
}

bool policy_hide_cookies(const struct route *route, struct headers *h, struct arena *a)
{
	if (route->token_cookie.n == 0 || !has_token(route, h))
		return false;
	struct str left = others(route, h, a);
	if (left.n > 0)
		headers_set(h, a, STR("Cookie"), left);
	else
		headers_remove(h, STR("Cookie"));
	return true;
}

struct str policy_own_token(const struct hole_value *v, const struct headers *request)
{
	struct str value;
	if (v->kind != HOLE_TOKEN || cookie_find(request, v->cookie, &value) == 0)
		return STR_NONE;
	return hole_shape_fits(&v->shape, value) ? value : STR_NONE;
}

bool policy_tokens_are_ambiguous(const struct route *route, const struct headers *request)
{
	for (unsigned i = 0; i < route->token_cookie.n; i++) {
		uint32_t field = 0;
		struct str rest = STR_NONE, first = STR_NONE, name, value;
		while (cookie_next(request, &field, &rest, &name, &value)) {
			if (!str_eq(name, route->token_cookie.v[i]))
				continue;
			if (first.p && !str_eq(first, value))
				return true;
			first = value;
		}
	}
	return false;
}

/* ---- token_path ---- */

/* The next character of a path as a lenient application reads it: in small letters, an escaped slash is one, several are one. */
static char next_of_path(struct str *path)
{
	static const struct str escaped = STR("%2F");
	char c = char_lower(path->p[0]);
	bool is_escaped = str_starts(*path, escaped);
	*path = str_skip(*path, is_escaped ? escaped.n : 1);
	if (c != '/' && !is_escaped)
		return c;
	while (path->n > 0 && (path->p[0] == '/' || str_starts(*path, escaped)))
		*path = str_skip(*path, path->p[0] == '/' ? 1 : escaped.n);
	return '/';
}

/* "/csrf-tokens" is another name; "/csrf-token.json", ";x", "%20", "/" are what applications cut off. */
static bool ends_segment(struct str rest)
{
	return rest.n == 0 ||
	       !((rest.p[0] >= '0' && rest.p[0] <= '9') ||
		   (char_lower(rest.p[0]) >= 'a' && char_lower(rest.p[0]) <= 'z') || strchr("-_~", rest.p[0]));
}

static bool begins_with_path(struct str path, struct str token_path)
{
	if (str_eq(token_path, STR("/"))) /* the front page, not all pages */
		return str_eq(path, token_path);
	if (str_ends(token_path, STR("/")))
		token_path.n--;
	while (path.n > 0 && token_path.n > 0) {
		if (next_of_path(&path) != next_of_path(&token_path))
			return false;
	}
	return token_path.n == 0 && ends_segment(path);
}

/* Where the path goes on behind the name of a script ("/index.php/..."), if it does. */
static struct str behind_script(struct str path)
{
	static const struct str script = STR(".php/");
	return str_skip(path, str_find_nocase(path, script) + script.n - 1);
}

bool policy_is_token_path(const struct str_list *paths, struct str path)
{
	for (unsigned i = 0; i < paths->n; i++) {
		if (begins_with_path(path, paths->v[i]) || begins_with_path(behind_script(path), paths->v[i]))
			return true;
	}
	return false;
}
