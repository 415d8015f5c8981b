/* One pattern of a route: read, indexed by its literal prefix, tried. Private to conf/. */
#ifndef LARDER_CONF_PATTERN_H
#define LARDER_CONF_PATTERN_H

#include "conf/conf.h"

enum pattern_kind {
	PATTERN_EXACT,	/* /about: the prefix is all of it */
	PATTERN_PREFIX, /* a glob with its only * at the end: whatever begins with the prefix fits */
	PATTERN_GLOB,
	PATTERN_REGEX
};

struct route_pattern {
	const struct route *route;
	struct route *undecided; /* the route that stands in when a regex meets its limits; see route.c */
	enum pattern_kind kind;
	struct str host;      /* literal, lower case; empty: every host, or host_glob */
	struct str host_glob; /* "*.example.com", empty: none */
	struct str prefix;    /* every path that fits begins with it */
	struct str key;	      /* made by route.c of host and prefix */
	struct str glob;      /* PATTERN_GLOB: the whole of it */
	void *regex;	      /* PATTERN_REGEX: pcre2_code */
};

enum pattern_fit { PATTERN_NO, PATTERN_FITS, PATTERN_UNDECIDED };

/* Reads "/path", "/glob/" with stars, "~ regex", each with a host before it or none. The path is brought into the normal
 * form that paths are compared in. ERR_INVALID with *wrong, in the arena, and *nearest when it can be guessed. A regex
 * belongs to the caller: pattern_free. */
int pattern_read(
    struct str text, struct arena *a, struct route_pattern *out, struct str *wrong, struct str *nearest) MUST_CHECK;
void pattern_free(struct route_pattern *p);

/* The path already begins with the prefix and, where the pattern has a literal host, that fits too. */
enum pattern_fit pattern_try(const struct route_pattern *p, struct str host, struct str path);

/* The literal text that every match of an anchored regex begins with: "/api/" of "^/api/v[0-9]+". Empty when there is
 * none or it cannot be told. */
struct str pattern_regex_prefix(struct str regex, struct arena *a);

/* host without its port */
struct str host_without_port(struct str host);

#endif
