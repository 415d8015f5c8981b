/* What was purged in a tier that several instances share, as each of them remembers it: for every purge its place in their common
 * order (seq). Entries are labelled with the seq up to which they are known to be untouched; a purge with a later one that covers
 * them has them. So a purge of a tag or a prefix is one record, and nobody searches the store for what it covers.
 *
 * A purge of what was purged before takes the older one's place. Where there is no room for another, the oldest is forgotten: what is
 * labelled before that counts as purged, since nobody can tell. Purges of single URLs remove what is stored; they are remembered
 * for those who label late, and forgotten without that. */
#ifndef LARDER_TIER_LEDGER_H
#define LARDER_TIER_LEDGER_H

#include "tier/tier.h"

/* Distinct purges that are remembered: of tags, of prefixes and globs (each is compared with every key that is looked at), of URLs. */
enum { LEDGER_TAGS = 65536, LEDGER_PATTERNS = 1024, LEDGER_URLS = 65536 };

struct ledger;

struct ledger *ledger_new(void);
void ledger_free(struct ledger **l);

/* op->kind, arg, key, soft count; strings are copied, and those above PURGE_LOG_ARG_MAX count as a purge of everything. `seq` may come twice, and out of order. An invalidation is a hard PURGE_URL.
 * Any thread, as all below. */
void ledger_add(struct ledger *l, uint64_t seq, const struct tier_purge *op);
/* What is labelled before `seq` counts as purged from now on. */
void ledger_forget(struct ledger *l, uint64_t seq);
uint64_t ledger_forgotten(struct ledger *l);

enum ledger_verdict { LEDGER_CLEAN, LEDGER_SOFT, LEDGER_HARD };
/* What became of an entry that is known to be untouched up to and with `seq`. */
enum ledger_verdict ledger_judge(
    struct ledger *l, uint64_t seq, const struct cache_key *key, const struct str *tags, unsigned n_tags);

/* Calls fn for each purge that is remembered but those of URLs, in order of seq, under the lock: what a shortened journal needs. */
void ledger_each(struct ledger *l, void (*fn)(void *ctx, uint64_t seq, const struct tier_purge *op), void *ctx);

#endif
