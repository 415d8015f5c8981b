/* What is remembered of a stored response besides its bytes: plain values, made by policy when a response is stored
 * (policy/storable.h), kept by every tier, judged by policy when it is reused (policy/reuse.h). Pure. */
#ifndef LARDER_HTTP_STORED_H
#define LARDER_HTTP_STORED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"
#include "http/headers.h"
#include "http/hole.h"
#include "http/range.h"

/* A cache key (policy/key.h makes it): the full text is compared, so that a collision serves nothing wrong. */
struct cache_key {
	uint64_t hi, lo; /* XXH3 128 of the text, seeded per process */
	struct str text; /* "GET http://host/path?query" */
};

/* From the whole text again (purges, tiers that are shared). text is borrowed. */
static inline struct cache_key key_of_text(struct str text, uint64_t seed)
{
	struct hash128 h = hash128_str(text, seed);
	return (struct cache_key){.hi = h.hi, .lo = h.lo, .text = text};
}

/* The URL part of the text. */
static inline struct str cache_key_url(const struct cache_key *k)
{
	return str_skip(k->text, 4);
}

/* Where the route had the last word about a stored response, against it or where it says nothing: a bit each. */
enum stored_by {
	STORED_BY_PRIVATE = 1, /* override lifted it, as the next three */
	STORED_BY_NO_STORE = 2,
	STORED_BY_AUTHORIZATION = 4,
	STORED_BY_VARY = 8,
	STORED_BY_COOKIE = 16, /* it sets a cookie, and set_cookie is not refuse */
	STORED_BY_SWR = 32,    /* stale_while_revalidate, as the next two for theirs */
	STORED_BY_SIE = 64,
	STORED_BY_UNREACHABLE = 128,
	STORED_BY_OVERRIDE = STORED_BY_PRIVATE | STORED_BY_NO_STORE | STORED_BY_AUTHORIZATION | STORED_BY_VARY,
};

/* Runs of a partial entry: more pieces of one page are not kept. */
enum { PARTIAL_RUNS_MAX = 16 };

/* What the freshness lifetime is of. */
#define LIFETIME_NONE	   "none"
#define LIFETIME_TTL	   "ttl"
#define LIFETIME_S_MAXAGE  "s-maxage"
#define LIFETIME_MAX_AGE   "max-age"
#define LIFETIME_EXPIRES   "Expires"
#define LIFETIME_HEURISTIC "heuristic"

struct stored {
	int status;
	unsigned n_runs;	     /* of a partial entry */
	int64_t response_ms;	     /* wall clock when the head arrived (RFC 9111 4.2.3 response_time) */
	int64_t date_s;		     /* Date, or the arrival where there is none: tells the most recent (RFC 9111 4) */
	int64_t initial_age_ms;	     /* corrected_initial_age at that time */
	int64_t lifetime_ms;	     /* freshness lifetime counted from the response's own birth (4.2.1) */
	int64_t swr_ms;		     /* stale-while-revalidate window after that (RFC 5861 3) */
	int64_t sie_ms;		     /* stale-if-error window (RFC 5861 4) */
	int64_t unreachable_ms;	     /* window for an origin that cannot be reached (RFC 9111 4.2.4) */
	bool must_revalidate;	     /* must-revalidate, proxy-revalidate, s-maxage: no stale answers (5.2.2) */
	bool no_cache;		     /* stored, but each use is validated first (5.2.2.4) */
	bool reaches_end;	     /* of a partial entry: its last run ends where the representation ends */
	uint8_t by_route;	     /* STORED_BY_ bits */
	int64_t last_modified_s;     /* -1: none or invalid */
	struct str etag;	     /* with quotes and W/, empty when there is none */
	const char *lifetime_source; /* static: LIFETIME_ */
	/* The nominated request fields of this variant (RFC 9111 4.1): name and the normalised value the request had;
	 * value.p == NULL when it was absent. From Vary, and from the route's vary and vary_cookie. */
	struct headers vary;
	/* A partial entry (RFC 9111 3.3) has status 206; its body holds these runs one behind the other: ascending, with a gap
	 * between each two. A whole one has none. */
	const struct range *runs;
	int64_t complete; /* length of the representation that the runs are of; -1: not known */
	const struct holes
	    *holes; /* what is put in for each visitor; NULL: nothing. Then it is never partial, never validated */
};

/* The LIFETIME_ of that name, static; NULL when it is none of them. */
const char *stored_lifetime_source(struct str name);
/* A small number for it, 0 for NULL and what is none of them; and back (0: NULL). */
unsigned stored_source_number(const char *source);
const char *stored_source(unsigned number);

static inline bool stored_has_holes(const struct stored *s)
{
	return s->holes != NULL;
}

static inline bool stored_is_partial(const struct stored *s)
{
	return s->n_runs > 0;
}

#endif
