/* A purge for the journal of a directory (tier/journal.h) by one who does not follow it: a program that uses liblarder. */
#ifndef LARDER_TIER_JOURNAL_ADD_H
#define LARDER_TIER_JOURNAL_ADD_H

#include "tier/tier.h"

/* `directory` is the journal's. ERR_OK: it stands there, and who follows the journal will carry it out; or there is no journal, hence nobody
 * who keeps pages. ERR_IO with errno. ERR_INVALID: the journal is damaged; who follows it mends it, and then counts everything as purged.
 * ERR_TOO_LARGE: the directory's path. Blocks for the journal's lock, and needs no memory but cJSON's, for a line. */
int journal_add(struct str directory, const struct tier_purge *op) MUST_CHECK;

#endif
