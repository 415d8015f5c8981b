/* URI references (RFC 3986 4.1) and what they mean beside a base: Location and Content-Location of a response.
 * Pure. What upstreams and listeners are given as, and the normal form of targets, is in http/url.h. */
#ifndef LARDER_HTTP_URI_H
#define LARDER_HTTP_URI_H

#include "base/arena.h"
#include "base/str.h"

/* Taken apart, as it is written; p == NULL for a component that is not there (not the same as an empty one). */
struct uri {
	struct str scheme, authority;
	struct str path; /* always there, maybe empty */
	struct str query, fragment;
};

/* RFC 3986 appendix B. Every string is some reference: nothing is refused, nothing decoded. Borrows from s. */
struct uri uri_split(struct str s);

/* RFC 3986 5.2.2, strict: the target URI of a reference beside a base, which has a scheme, an authority and a path that begins
 * with '/'. The path comes back in normal form (path_normalise): without dot segments; what has a scheme and no slash stays
 * ("mailto:a"). Borrows from both, and from `a`. */
struct uri uri_resolve(const struct uri *base, struct str reference, struct arena *a);

/* RFC 9110 4.3.1: scheme, host and port are the same. False when one has no authority, or names a user in it. `host` is in
 * normal form (host_normalise for this scheme). */
bool uri_has_origin(const struct uri *u, struct str scheme, struct str host, struct arena *a);

#endif
