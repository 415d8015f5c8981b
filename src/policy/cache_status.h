/* The Cache-Status field (RFC 9211). Pure. */
#ifndef LARDER_POLICY_CACHE_STATUS_H
#define LARDER_POLICY_CACHE_STATUS_H

#include "base/arena.h"
#include "policy/reason.h"

struct cache_status {
	struct str cache; /* "larder" */
	bool hit;
	const char *fwd; /* bypass, method, uri-miss, vary-miss, miss, request, stale, partial; NULL: not forwarded */
	int fwd_status;	 /* 0: none */
	bool has_ttl;
	int64_t ttl_s;
	bool stored, collapsed;
	struct str key;	    /* p NULL: not told; a long one is cut */
	enum reason detail; /* REASON_NONE: none */
};

/* `upstream`: the value of an existing Cache-Status field of the response (member order: origin side first), p NULL if none. */
struct str cache_status_write(const struct cache_status *s, struct str upstream, struct arena *a);
/* The fwd token of RFC 9211 2.2 for a reason. */
const char *cache_status_fwd(enum reason r);

#endif
