/* The stored form of an entry outside the process: its metadata as JSON text that people can read (jq), for the file tier and for Redis.
 * The body lies beside it. Pure but for the memory it takes.
 *
 * The text ends with a checksum over all that stands before it, so a flipped bit is never taken for another header. */
#ifndef LARDER_TIER_FORM_H
#define LARDER_TIER_FORM_H

#include "base/buf.h"
#include "base/hash.h"
#include "tier/entry.h"

enum { FORM_MAX = 1024 * 1024 }; /* bytes of the text: longer ones are neither written nor read */

/* What is told of an entry besides itself. */
struct form_more {
	uint64_t seq; /* its place in the order of purges (tier/ledger.h) */
	uint64_t body_size;
	struct hash128 body_sum; /* XXH3 128, seed 0 */
	struct str body_name;	 /* of the file beside it; empty: none */
	bool purged;		 /* softly: stale since then */
};

/* Appends the text; of the spec counts what is about the page: not epoch and route_id. ERR_OK, or ERR_TOO_LARGE. */
int form_write(const struct entry_spec *e, const struct form_more *more, struct buf *out) MUST_CHECK;

/* What was read; everything lies in the arena that was given. spec.stored, spec.headers point into this struct, so it stays put. */
struct form {
	struct entry_spec spec; /* key hashed with key_seed; epoch and route_id are 0 */
	struct stored stored;
	struct headers headers;
	struct form_more more;
};

/* ERR_OK; ERR_INVALID: damaged, of another version, or not consistent (each number is checked: ranges, runs, holes within the body). Any
 * bytes may be given. */
int form_read(struct str text, uint64_t key_seed, struct arena *a, struct form *out) MUST_CHECK;

/* Which variant it is, for names: a hash of the nominated fields and their values (names without case, order does not count, absent is not
 * empty), the same for what replaces one another in a tier; a partial entry is another one than the whole. 16 hexadecimal digits and a NUL. */
enum { FORM_VARIANT = 16 };
void form_variant(const struct stored *s, char out[FORM_VARIANT + 1]);

#endif
