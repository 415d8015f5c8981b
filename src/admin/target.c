/* From what an operator writes for a page to what the tier keeps it under: the same normal form, route and key as for a
 * request (http/url.h, conf/route.h, policy/key.h), so that both always agree. */
#include "admin/page.h"

#include "conf/route.h"
#include "policy/key.h"

/* An absolute URL in its parts; scheme.p NULL when it begins with the path. */
struct parts {
	struct str scheme, authority, target;
};

static bool split_url(struct str s, struct parts *out)
{
	*out = (struct parts){.target = s};
	size_t n = str_find(s, STR("://"));
	if (s.n && s.p[0] == '/')
		return true;
	if (n == s.n)
		return false;
	out->scheme = str_take(s, n);
	if (str_eq_nocase(out->scheme, STR("http")))
		out->scheme = STR("http");
	else if (str_eq_nocase(out->scheme, STR("https")))
		out->scheme = STR("https");
	else
		return false;
	struct str rest = str_skip(s, n + 3);
	size_t end = 0;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
		end++;
	out->authority = str_take(rest, end);
	out->target = str_skip(rest, end);
	return true;
}

/* The bytes that a request target can have: nothing else is ever in a key. */
static bool is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return true;
}

static int refuse(struct admin_answer *answer, const char *name, struct str value, const char *why)
{
	admin__error(answer, 400, "%s=%.*s: %s", name, STR_ARG(str_take(value, 200)), why);
	return ERR_INVALID;
}

/* The parameters host and scheme, for a value that is only a path. */
static int add_host(const struct admin_request *request, struct parts *p, struct admin_answer *answer)
{
	struct str host = admin__param(request, STR("host")), scheme = admin__param(request, STR("scheme"));
	if (p->scheme.p) {
		if (host.p || scheme.p)
			return refuse(answer, host.p ? "host" : "scheme", host.p ? host : scheme,
			    "the URL has one already; give these with a path only");
		return ERR_OK;
	}
	p->authority = host;
	p->scheme = STR("http");
	if (!scheme.p)
		return ERR_OK;
	if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
		return refuse(answer, "scheme", scheme, "is http or https");
	if (!host.p)
		return refuse(answer, "scheme", scheme, "needs host too");
	p->scheme = str_eq_nocase(scheme, STR("https")) ? STR("https") : STR("http");
	return ERR_OK;
}

int admin__url_read(const struct admin_request *request, struct admin_url *out, struct admin_answer *answer)
{
	struct str url = admin__param(request, STR("url"));
	struct parts p;
	if (!url.p)
		return refuse(answer, "url", STR(""), "is missing: http://HOST/path");
	if (!split_url(url, &p))
		return refuse(answer, "url", url, "does not begin with http://, https:// or /");
	int err = add_host(request, &p, answer);
	if (err)
		return err;
	if (p.authority.p && !host_is_valid(p.authority))
		return refuse(answer, "url", url, "the host is not valid (host or host:port, no user name)");
	struct str target = str_take(p.target, str_index(p.target, '#')); /* a fragment never reaches a server */
	if (!is_target(target))
		return refuse(answer, "url", url,
		    "has a byte that a URL cannot have: write it as %XX (with curl: --data-urlencode)");
	*out = (struct admin_url){p.scheme, p.authority, target};
	return ERR_OK;
}

int admin__target_read(const struct admin_env *env, const struct conf *conf, const struct admin_request *request,
    struct arena *a, struct admin_target *out, struct admin_answer *answer)
{
	struct admin_url url;
	int err = admin__url_read(request, &url, answer);
	if (err)
		return err;
	struct str raw_path, query;
	target_split(url.target, &raw_path, &query);
	struct str host = host_normalise(url.host, url.scheme, a), path = path_normalise(raw_path, a);
	out->route = route_find(conf, host, path);
	key_make(out->route, url.scheme, host, path, query, env->key_seed, a, &out->key);
	/* Behind the empty host of "GET http:///path?query". */
	out->path = url.host.p ? STR_NONE : str_skip(cache_key_url(&out->key), STR("http://").n);
	return ERR_OK;
}

/* Path and query of a pattern in normal form. Its last segment may be the beginning of one ("/a/." of "/a/.b"), so a dot
 * segment is resolved only when a slash follows: a prefix must never come to cover more than was written. A glob's '*' is
 * a byte that normal paths keep as it is. */
static struct str normal_target(struct str target, struct arena *a)
{
	struct str path, query;
	target_split(target, &path, &query);
	if (!path.n)
		path = STR("/");
	size_t head = path.n;
	while (head > 0 && path.p[head - 1] != '/')
		head--;
	struct str tail = str_skip(path, head);
	bool dots = str_eq(tail, STR(".")) || str_eq(tail, STR(".."));
	if (dots)
		path = str_take(path, head);
	struct str normal = path_normalise(path, a);
	return arena_printf(a, "%.*s%.*s%s%.*s", STR_ARG(normal), dots ? (int)tail.n : 0, tail.p ? tail.p : "",
	    query.p ? "?" : "", (int)query.n, query.p ? query.p : "");
}

int admin__pattern_read(const struct admin_request *request, struct str name, struct str value, struct arena *a,
    struct str *out, struct admin_answer *answer)
{
	const char *what = str_eq(name, STR("glob")) ? "glob" : "prefix";
	struct parts p;
	if (!is_target(value))
		return refuse(answer, what, value, "has a byte that a URL cannot have: use curl --data-urlencode");
	if (!split_url(value, &p)) {
		bool open = str_eq(name, STR("glob")) && value.n && value.p[0] == '*';
		if (!open)
			return refuse(answer, what, value, "begins with neither http://host/ nor /path");
		*out = value; /* "*.png": any scheme and host */
		return ERR_OK;
	}
	int err = add_host(request, &p, answer);
	if (err)
		return err;
	if (!p.authority.p) {
		*out = normal_target(p.target, a);
		return ERR_OK;
	}
	if (!host_is_valid(p.authority))
		return refuse(answer, what, value, "the host is not valid (host or host:port)");
	if (str_eq(name, STR("prefix")) && str_index(p.authority, '*') < p.authority.n)
		return refuse(answer, what, value, "a * in the host needs glob=");
	/* Without its slash "http://example.com" would begin "http://example.com.evil.example/" too. */
	struct str host = host_normalise(p.authority, p.scheme, a), target = normal_target(p.target, a);
	*out = arena_printf(a, "%.*s://%.*s%.*s", STR_ARG(p.scheme), STR_ARG(host), STR_ARG(target));
	return ERR_OK;
}
