/* A stored response: one immutable, counted object. Made when the head of a storable response has come; its body may
 * still grow then (tier/body.h) and its readers follow it. Nobody finds it in a tier before it is committed whole.
 *
 *   entry_new (1 reference) -> served to the waiters while body grows -> tier_put -> found by tier_get -> last release frees
 *
 * The budget is given back by the last release, not by eviction: memory under a reader is still memory. */
#ifndef LARDER_TIER_ENTRY_H
#define LARDER_TIER_ENTRY_H

#include <stdatomic.h>

#include "base/budget.h"
#include "http/headers.h"
#include "http/stored.h"
#include "tier/body.h"

struct entry {
	atomic_uint refs;
	atomic_bool purged; /* softly: stale from then on */
	uint32_t serial;    /* of all entries of the process; begins anew after 2^32 */
	struct cache_key key;
	struct stored stored;	/* strings and holes in the entry's own block */
	struct headers headers; /* the same */
	struct str *tags;
	unsigned n_tags;
	unsigned route_id; /* metrics slot of the route that stored it */
	uint64_t epoch;	   /* tier_epoch before its fetch began, and before what it renews was looked up */
	struct body *body; /* one reference */
	/* Wall clock when the origin last let somebody wait for it without an answer (req/stale.c); 0: it did not. */
	_Atomic int64_t unanswered_ms;
	/* Which file it is (tier/file.c), set when that tier has stored or found it; 0: none. */
	_Atomic uint64_t file_id;
	struct budget *budget;
	size_t charged; /* entry without body */
	size_t size;	/* body bytes, set by tier_put: for those who got it from a tier */
};

struct entry_spec {
	struct cache_key key;
	const struct stored *stored;
	const struct headers *headers;
	const struct str *tags;
	unsigned n_tags;
	unsigned route_id;
	uint64_t epoch;
};

/* Copies everything of the spec into one block; takes the body's reference (*body is nulled). 0, or ERR_FULL when the budget
 * has no room (the body is left). budget may be NULL. */
int entry_new(
    const struct entry_spec *spec, struct body **body_take, struct budget *budget, struct entry **out) MUST_CHECK;
/* The same body with other metadata, what a 304 makes: all of the spec counts but the key and the route, which stay. Neither
 * has holes: a page with holes is never validated. Errors as above. */
int entry_renew(const struct entry *old, const struct entry_spec *spec, struct entry **out) MUST_CHECK;
/* Does `a` take the place of `b`, of the same key, when it is put? The same nominated fields with the same values (an absent field is not
 * an empty one; names do not repeat); what is partial takes no whole one's place. */
bool entry_replaces(const struct entry *a, const struct entry *b);
struct entry *entry_ref(struct entry *e);
void entry_release(struct entry **e);

#endif
