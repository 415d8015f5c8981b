/* A stored response: one immutable, counted object. Made when the head of a storable response has come; its body may
 * still grow then (tier/body.h) and its readers follow it. Nobody finds it in a tier before it is committed whole.
 *
 *   entry_new (1 reference) -> served to the waiters while body grows -> tier_put -> found by tier_get -> last release frees
 *
 * Millions of small ones are to fit, so it is packed into one block, with its body where that is small and complete, and what is remembered
 * of it is written out for who asks (entry_stored, entry_headers, entry_open). Its place in the memory tier lies in the block as well: a hit
 * goes from the bucket of a shard (tier/shard.h) to the entry itself, and reads it from its beginning on.
 *
 * The budget is given back by the last release, not by eviction: memory under a reader is still memory. */
#ifndef LARDER_TIER_ENTRY_H
#define LARDER_TIER_ENTRY_H

#include <stdatomic.h>

#include "base/budget.h"
#include "http/headers.h"
#include "http/stored.h"
#include "tier/body.h"
#include "tier/evict.h"
#include "tier/table.h"
#include "tier/tags.h"

/* What few entries have: struct stored and the tags as they are. */
struct entry_rare {
	const struct str *tags;
	struct tag_ref *refs; /* one for each tag; the shard's, like the place below */
	unsigned n_tags, n_runs;
	struct headers vary;
	const struct range *runs;
	const struct holes *holes;
};

/* What a hit reads comes first. The place (node, evict, refs of the tags) belongs to the shard of the memory tier that the entry is in, under
 * its lock; but node.hash, which is the key's lower half and stays. It has one place only: `placed` is taken before and left after. */
struct entry {
	struct table_node node;
	uint64_t hi;	   /* the key's upper half */
	struct body *body; /* one reference, but to one in the same block */
	atomic_uint refs;
	uint32_t n_key : 24, flags : 8; /* ENTRY_ */
	uint16_t status;
	atomic_bool purged; /* softly: stale from then on */
	atomic_bool placed; /* in a memory tier, or on its way in or out */
	uint32_t rare;	    /* bytes from the beginning to its struct entry_rare; 0: it has none */
	struct evict_node evict;
	uint64_t epoch; /* tier_epoch before its fetch began, and before what it renews was looked up */
	/* Which file it is (tier/file.c), set when that tier has stored or found it; 0: none. */
	_Atomic uint64_t file_id;
	struct budget *budget;
	uint32_t charged; /* the block, and what the body takes besides its chunks */
	uint32_t serial;  /* of all entries of the process; begins anew after 2^32 */
	/* Wall clock when the origin last let somebody wait for it without an answer, its low half (req/stale.c); 0: it did not. */
	_Atomic uint32_t unanswered_ms;
	char packed[]; /* the key's text; then what entry_stored and entry_headers read */
};

#define ENTRY_KEY_MAX ((1U << 24) - 1)

enum { ENTRY_PARTIAL = 1, ENTRY_HOLES = 2, ENTRY_MUST_REVALIDATE = 4, ENTRY_NO_CACHE = 8, ENTRY_REACHES_END = 16 };

struct entry_spec {
	struct cache_key key;
	const struct stored *stored;
	const struct headers *headers;
	const struct str *tags;
	unsigned n_tags;
	unsigned route_id;
	uint64_t epoch;
};

/* Copies everything of the spec into one block; takes the body's reference (*body is nulled). A complete body of few bytes is copied as
 * well, and the one that was given is let go. 0, or ERR_FULL (the body is left): the budget has no room, the key is longer than
 * ENTRY_KEY_MAX, or what is packed does not fit into its numbers (16 MB with a small body in it). budget may be NULL, and so may the
 * body of an entry that is never put or sent. */
int entry_new(
    const struct entry_spec *spec, struct body **body_take, struct budget *budget, struct entry **out) MUST_CHECK;
/* The same body with other metadata, what a 304 makes: all of the spec counts but the key and the route, which stay. Neither
 * has holes: a page with holes is never validated. Errors as above. */
int entry_renew(const struct entry *old, const struct entry_spec *spec, struct entry **out) MUST_CHECK;
/* When its body has come to its end since: the same entry in as few bytes as a new one would take, if that is less and there is room, else
 * a reference to e. What others hold of e stays as it is; marks of e that come later are not on it. */
struct entry *entry_settle(struct entry *e);
/* Does `a` take the place of `b`, of the same key, when it is put? The same nominated fields with the same values (an absent field is not
 * an empty one; names do not repeat); what is partial takes no whole one's place. */
bool entry_replaces(const struct entry *a, const struct entry *b);
struct entry *entry_ref(struct entry *e);
void entry_release(struct entry **e);

/* What was given for it. Strings and lists are borrowed from the entry, or static, or dates and lengths in the arena. */

static inline struct cache_key entry_key(const struct entry *e)
{
	return (struct cache_key){e->hi, e->node.hash, {e->packed, e->n_key}};
}

#define ENTRY_KEY(e) (&(struct cache_key){(e)->hi, (e)->node.hash, {(e)->packed, (e)->n_key}})

static inline const struct entry_rare *entry_rare(const struct entry *e)
{
	return e->rare > 0 ? (const struct entry_rare *)(const void *)((const char *)e + e->rare) : NULL;
}

/* The nominated fields of its variant. */
static inline const struct headers *entry_vary(const struct entry *e)
{
	static const struct headers none;
	return e->rare > 0 ? &entry_rare(e)->vary : &none;
}

static inline const struct str *entry_tags(const struct entry *e)
{
	return e->rare > 0 ? entry_rare(e)->tags : NULL;
}

static inline unsigned entry_n_tags(const struct entry *e)
{
	return e->rare > 0 ? entry_rare(e)->n_tags : 0;
}

static inline struct tag_ref *entry_refs(const struct entry *e)
{
	return e->rare > 0 ? entry_rare(e)->refs : NULL;
}

static inline bool entry_is_partial(const struct entry *e)
{
	return e->flags & ENTRY_PARTIAL;
}

static inline bool entry_has_holes(const struct entry *e)
{
	return e->flags & ENTRY_HOLES;
}

/* Writes it into room, and returns that. ENTRY_STORED, as ENTRY_KEY, has the room in the block of code that it stands in. */
const struct stored *entry_stored(const struct entry *e, struct stored *room);
#define ENTRY_STORED(e) entry_stored(e, &(struct stored){.status = 0})
/* Makes the list in `a`, with room for so many more. */
void entry_copy_headers(const struct entry *e, struct arena *a, uint32_t more, struct headers *out);
/* The list is made in `a`. */
const struct headers *entry_headers(const struct entry *e, struct arena *a);
/* The metrics slot of the route that stored it. */
unsigned entry_route_id(const struct entry *e);
/* The value of the first field of that name, STR_NONE when there is none; a date or length may be made in `a`. */
struct str entry_header(const struct entry *e, struct str name, struct arena *a);

/* All of it. `spec` points into this struct, so it stays put. */
struct entry_parts {
	struct entry_spec spec;
	struct stored stored;
	struct headers headers;
};
void entry_open(const struct entry *e, struct arena *a, struct entry_parts *out);

#endif
