/* Writes one member of Cache-Status: a structured field list (RFC 9211 2, RFC 9651). */
#include "policy/cache_status.h"

#include "http/headers.h"

/* sf-token begins with a letter or '*' and goes on with tchar, ':' and '/'; what is plain token and begins so, is one. */
static bool is_sf_token(struct str s)
{
	return is_token(s) && ((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') || s.p[0] == '*');
}

/* RFC 9651 3.3.3: printable ASCII, quote and backslash escaped. Other bytes become '?'. */
static struct str sf_string(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, 2 * s.n + 2);
	size_t n = 0;
	p[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '"' || c == '\\')
			p[n++] = '\\';
		p[n++] = c >= 0x20 && c < 0x7f ? c : '?';
	}
	p[n++] = '"';
	return str_make(p, n);
}

static struct str cache_name(struct str name, struct arena *a)
{
	return is_sf_token(name) ? name : sf_string(name, a);
}

/* A client chooses how long its key is, and the answer's head has a limit. */
enum { KEY_MAX = 512 };

static struct str key_of(const struct cache_status *s, struct arena *a)
{
	if (!s->key.p)
		return STR("");
	struct str text = sf_string(str_take(s->key, KEY_MAX), a);
	return arena_printf(a, "; key=%.*s", STR_ARG(text));
}

/* "; ttl=57", or nothing. */
static struct str parameter(bool present, const char *name, int64_t value, struct arena *a)
{
	return present ? arena_printf(a, "; %s=%lld", name, (long long)value) : STR("");
}

/* The detail says what the other parameters do not. */
static struct str detail(const struct cache_status *s, struct arena *a)
{
	bool is_said = s->detail == REASON_NONE || s->detail == REASON_HIT ||
		       (s->stored && s->detail == REASON_STORED) || (s->collapsed && s->detail == REASON_COLLAPSED);
	if (!is_said && s->fwd)
		is_said = str_eq(str_of(s->fwd), str_of(reason_code(s->detail)));
	return is_said ? STR("") : arena_printf(a, "; detail=%s", reason_code(s->detail));
}

struct str cache_status_write(const struct cache_status *s, struct str upstream, struct arena *a)
{
	struct str name = cache_name(s->cache, a);
	struct str fwd = s->fwd && !s->hit ? arena_printf(a, "; fwd=%s", s->fwd) : STR("");
	/* 2.3, 2.5, 2.6: these mean something only beside fwd. */
	struct str status = parameter(fwd.n > 0 && s->fwd_status > 0, "fwd-status", s->fwd_status, a);
	struct str ttl = parameter(s->has_ttl, "ttl", s->ttl_s, a);
	struct str key = key_of(s, a), why = detail(s, a);
	/* The first member is the cache closest to the origin (2): ours goes behind those that are there. */
	return arena_printf(a, "%.*s%s%.*s%s%.*s%.*s%.*s%s%s%.*s%.*s", STR_ARG(upstream), upstream.n > 0 ? ", " : "",
	    STR_ARG(name), s->hit ? "; hit" : "", STR_ARG(fwd), STR_ARG(status), STR_ARG(ttl),
	    fwd.n > 0 && s->stored ? "; stored" : "", fwd.n > 0 && s->collapsed ? "; collapsed" : "", STR_ARG(key),
	    STR_ARG(why));
}

const char *cache_status_fwd(enum reason r)
{
	return reason_fwd(r);
}
