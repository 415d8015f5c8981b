/* URLs: what upstreams and listeners are given as, and the normal form of a request target for the cache key.
 * Pure. (RFC 3986 6.2.2, RFC 9110 4.2.3) */
#ifndef LARDER_HTTP_URL_H
#define LARDER_HTTP_URL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct url {
	struct str scheme; /* "http", "https", "unix" */
	struct str host;   /* without brackets; for unix the path of the socket */
	uint16_t port;	   /* default of the scheme filled in; 0 for unix */
	struct str path;   /* with query; "/" when absent */
};

/* Absolute http(s) URL or "unix:/path". No user info, no fragment. ERR_INVALID with *why (static). */
int url_read(struct str s, struct url *out, const char **why) MUST_CHECK;

/* Splits an origin-form target at the first '?': *query without it, STR_NONE (p == NULL) when there is none. */
void target_split(struct str target, struct str *path, struct str *query);

/* The normal form of a path for key and route: %XX of unreserved characters decoded, other %XX in upper case, dot segments
 * removed, empty path "/". Repeated slashes stay (they may mean different pages). */
struct str path_normalise(struct str path, struct arena *a);

/* True when the path, as it came, has a segment that is "." or "..", escaped or not. */
bool path_has_dots(struct str path);

/* Host for the key: lower case, without the default port of the scheme and a trailing dot. */
struct str host_normalise(struct str host, struct str scheme, struct arena *a);
/* uri-host [":" port] of RFC 9112 3.2 (letters, digits, "-._~%!$&'()*+,;=", [IPv6]); the port 1..65535. */
bool host_is_valid(struct str host);

/* Glob of rules and purges: '*' stands for any run of bytes ('/' too), '?' is a plain character. Linear time. */
bool glob_match(struct str pattern, struct str s);

#endif
