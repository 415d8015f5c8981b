/* Writes one member of Cache-Status: a structured field list (RFC 9211 2, RFC 9651). */
#include "policy/cache_status.h"

#include "http/headers.h"

/* sf-token begins with a letter or '*' and goes on with tchar, ':' and '/'; what is plain token and begins so, is one. */
static bool is_sf_token(struct str s)
{
	return is_token(s) && ((s.p[0] >= 'a' && s.p[0] <= 'z') || (s.p[0] >= 'A' && s.p[0] <= 'Z') || s.p[0] == '*');
}

/* RFC 9651 3.3.3: printable ASCII, quote and backslash escaped. Other bytes become '?'. */
static char *put_sf_string(char *to, struct str s)
{
	*to++ = '"';
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = c >= 0x20 && c < 0x7f ? c : '?';
	}
	*to++ = '"';
	return to;
}

/* A client chooses how long its key is, and the answer's head has a limit. */
enum { KEY_MAX = 512, PARAMETERS_MAX = 256 };

/* The detail says what the other parameters do not. */
static bool is_detail_said(const struct cache_status *s, const char *fwd)
{
	if (s->detail == REASON_NONE || s->detail == REASON_HIT || (s->stored && s->detail == REASON_STORED) ||
	    (s->collapsed && s->detail == REASON_COLLAPSED))
		return true;
	return fwd && str_eq(str_of(fwd), str_of(reason_code(s->detail)));
}

/* 2.2 to 2.6: the status, stored and collapsed mean something only beside fwd. */
static char *put_fwd(char *to, const struct cache_status *s, const char *fwd)
{
	if (!fwd)
		return to;
	to = str_put(str_put(to, STR("; fwd=")), str_of(fwd));
	return s->fwd_status > 0 ? str_put_i64(str_put(to, STR("; fwd-status=")), s->fwd_status) : to;
}

/* Each hit has one: written in one pass into room that suffices. */
struct str cache_status_write(const struct cache_status *s, struct str upstream, struct arena *a)
{
	const char *fwd = s->hit ? NULL : s->fwd, *why = is_detail_said(s, s->fwd) ? NULL : reason_code(s->detail);
	struct str key = str_take(s->key, KEY_MAX);
	size_t names = s->cache.n + key.n + (fwd ? strlen(fwd) : 0) + (why ? strlen(why) : 0);
	char *text = arena_alloc(a, upstream.n + 2 * names + PARAMETERS_MAX), *to = text;
	/* The first member is the cache closest to the origin (2): ours goes behind those that are there. */
	to = str_put(to, upstream);
	to = upstream.n > 0 ? str_put(to, STR(", ")) : to;
	to = is_sf_token(s->cache) ? str_put(to, s->cache) : put_sf_string(to, s->cache);
	to = s->hit ? str_put(to, STR("; hit")) : to;
	to = put_fwd(to, s, fwd);
	to = s->has_ttl ? str_put_i64(str_put(to, STR("; ttl=")), s->ttl_s) : to;
	to = fwd && s->stored ? str_put(to, STR("; stored")) : to;
	to = fwd && s->collapsed ? str_put(to, STR("; collapsed")) : to;
	to = s->key.p ? put_sf_string(str_put(to, STR("; key=")), key) : to;
	to = why ? str_put(str_put(to, STR("; detail=")), str_of(why)) : to;
	return str_make(text, (size_t)(to - text));
}

const char *cache_status_fwd(enum reason r)
{
	return reason_fwd(r);
}
