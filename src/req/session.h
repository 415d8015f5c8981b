/* What is remembered of visitors' sessions: the token that the application told for one, for a minute.
 *
 * Bounded by construction: SESSIONS slots of 544 bytes, 9 MB, a 64th of it touched with the first session that falls there. A set of
 * four shares a place, and a new session takes that of the one which ends first. What falls out early costs one more request for a
 * token. Nothing is kept over a restart, nothing is written to disk or log.
 *
 * A session is found by a hash under a secret of the process, over where the token comes from and the visitor's cookies: of these
 * nothing is kept. All functions: any thread, one short mutex, nothing else is locked or called under it. */
#ifndef LARDER_REQ_SESSION_H
#define LARDER_REQ_SESSION_H

#include "http/hole.h"
#include "http/jar.h"

enum { SESSIONS = 16384, SESSION_MS = 60 * 1000 };

struct session_key {
	uint64_t hi, lo;
	bool tells; /* false: nobody is told from others by it; nothing is found, remembered or waited for under it */
};

struct sessions;

struct sessions *sessions_new(void);
void sessions_free(struct sessions **s);

/* `place`: whose tokens they are, see req/visitor.c. The jar is put in order. `a` is for the moment. */
struct session_key session_key_of(const struct sessions *s, struct str place, struct jar *jar, struct arena *a);

/* The token of that session, in `a`; an empty one that is not STR_NONE: it was asked for in vain a moment ago. STR_NONE: nothing
 * is known. */
struct str session_find(struct sessions *s, const struct session_key *key, int64_t now_ms, struct arena *a);
/* For that long from now on; at most HOLE_MAX characters. */
void session_remember(
    struct sessions *s, const struct session_key *key, struct str token, int64_t now_ms, int64_t for_ms);

#endif
