/* What a shortened journal holds (tier/journal.h). */
#ifndef LARDER_TIER_JOURNAL_CUT_H
#define LARDER_TIER_JOURNAL_CUT_H

#include <sys/types.h>

#include "base/buf.h"
#include "tier/ledger.h"

/* Of max_size: the part that records behind `complete` may take before the file is shortened, and what it begins with then.
 * What is remembered, the rest of a line and the head are below the whole together. */
enum { JOURNAL_CUT_AT = 4, JOURNAL_CUT_REMEMBERED = 2, JOURNAL_CUT_KEPT = 16 };

struct journal_cut {
	struct ledger *ledger; /* knows all that stands in the file */
	int fd;
	off_t dense_at, end; /* of the records behind `complete` */
	uint64_t base, position;
	uint64_t max_size;
	struct str from; /* who writes it */
};

/* The content of the new file, to be freed by the caller whatever is returned; who has put it in place forgets in the ledger what had no room.
 * ERR_OK, ERR_IO, or ERR_TOO_LARGE. Blocks for reading. */
int journal_cut__write(const struct journal_cut *c, struct buf *out, uint64_t *forgets) MUST_CHECK;

#endif
