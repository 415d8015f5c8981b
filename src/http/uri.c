/* RFC 3986 5: a reference is taken apart by its first ':', '/', '?' and '#', and filled up from the base. */
#include "http/uri.h"

#include "http/url.h"

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), RFC 3986 3.1 */
static bool is_scheme(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], lower = (char)(c | 0x20);
		bool letter = lower >= 'a' && lower <= 'z';
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
		if (!letter && (i == 0 || !other))
			return false;
	}
	return s.n > 0;
}

struct uri uri_split(struct str s)
{
	struct uri u = {0};
	size_t at = str_index(s, '#');
	if (at < s.n)
		u.fragment = str_skip(s, at + 1);
	s = str_take(s, at);
	at = str_index(s, '?');
	if (at < s.n)
		u.query = str_skip(s, at + 1);
	s = str_take(s, at);
	at = str_index(s, ':');
	if (at < s.n && is_scheme(str_take(s, at))) {
		u.scheme = str_take(s, at);
		s = str_skip(s, at + 1);
	}
	if (str_starts(s, STR("//"))) {
		s = str_skip(s, 2);
		u.authority = str_take(s, str_index(s, '/'));
		s = str_skip(s, u.authority.n);
	}
	u.path = s;
	return u;
}

/* RFC 3986 5.2.3: in place of what stands behind the base's last slash. */
static struct str merge(struct str base, struct str path, struct arena *a)
{
	const char *slash = memrchr(base.p, '/', base.n);
	base.n = slash ? (size_t)(slash - base.p) + 1 : 0;
	return arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(path));
}

/* The rows of the table in RFC 3986 5.2.2, from the fullest reference to the emptiest. */
struct uri uri_resolve(const struct uri *base, struct str reference, struct arena *a)
{
	struct uri u = uri_split(reference);
	if (!u.scheme.p) {
		u.scheme = base->scheme;
		if (!u.authority.p) {
			u.authority = base->authority;
			if (u.path.n == 0) {
				u.path = base->path;
				if (!u.query.p)
					u.query = base->query;
			} else if (u.path.p[0] != '/') {
				u.path = merge(base->path, u.path, a);
			}
		}
	}
	if (u.path.n > 0 || u.authority.p)
		u.path = path_normalise(u.path, a);
	return u;
}

bool uri_has_origin(const struct uri *u, struct str scheme, struct str host, struct arena *a)
{
	if (!u->scheme.p || !u->authority.p || str_index(u->authority, '@') < u->authority.n)
		return false;
	return str_eq_nocase(u->scheme, scheme) && str_eq(host_normalise(u->authority, scheme, a), host);
}
