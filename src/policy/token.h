/* Token cookies of a route (token_cookie): which cookies they are, and a visitor's own. Pure. */
#ifndef LARDER_POLICY_TOKEN_H
#define LARDER_POLICY_TOKEN_H

#include "conf/conf.h"
#include "http/hole.h"

/* Does the route have tokens: are its pages asked for without Accept-Encoding, Range and conditions of the client? */
static inline bool policy_has_tokens(const struct route *route)
{
	return route->token_cookie.n > 0 || route->token_field.n > 0;
}

/* Is this Set-Cookie of the route's token cookies, so that set_cookie does not count for it? `field`: its value. */
bool policy_is_token_cookie(const struct route *route, struct str field);

/* The Cookie fields of a request without the route's token cookies, for a fetch whose answer may be stored; one field, where
 * anything is left. Leaves `h` alone and returns false when there are none. The new value lies in `a`. */
bool policy_hide_cookies(const struct route *route, struct headers *h, struct arena *a);

/* The visitor's own token of that cookie, for a value of that shape. STR_NONE: none that fits, or not of a cookie. Borrowed from the
 * request. Allocates nothing. */
struct str policy_own_token(const struct hole_value *v, const struct headers *request);

/* True when a token cookie comes twice with two values: nobody knows which one the origin takes, so the request passes. Allocates
 * nothing. */
bool policy_tokens_are_ambiguous(const struct route *route, const struct headers *request);

/* Is the path one of `paths` (token_path), or may the application take it for one? Many route "/csrf-token.css", "//csrf-token/" and
 * "/index.php/csrf-token" there as well: whoever gets a visitor to ask for such a URL would find his token stored. Both in normal form
 * (http/url.h); what is taken too many for one is not stored, which is no harm. Allocates nothing. */
bool policy_is_token_path(const struct str_list *paths, struct str path);

#endif
