/* A line of the journal (tier/journal.h): the head of the file, or a record. Pure. */
#ifndef LARDER_TIER_JOURNAL_LINE_H
#define LARDER_TIER_JOURNAL_LINE_H

#include "base/buf.h"
#include "tier/tier.h"

enum {
	JOURNAL_LINE_MAX = 8192, /* with its line end */
	JOURNAL_ARG_MAX = 2560,	 /* each byte may become three */
	JOURNAL_INSTANCE_MAX = 128,
};
/* A number of JSON is exact up to there. */
#define JOURNAL_SEQ_MAX ((uint64_t)1 << 53)

struct journal_line {
	bool is_head;
	/* Of a head. */
	uint64_t base; /* where this order of purges begins: above all that was before. Another base is another order */
	uint64_t forgotten; /* for ledger_forget */
	uint64_t
	    complete; /* the records behind this seq are all there, one after the other; of those before, what a ledger
				       * remembers */
	/* Of a record. */
	uint64_t seq;
	enum purge_kind kind;
	bool soft, invalidates, of_program;
	size_t n_arg;
	char arg[JOURNAL_LINE_MAX];
};

/* What the `from` of programs that are no proxies begins with. */
#define JOURNAL_PROGRAM "liblarder"

/* With their line ends. */
void journal_line__add_head(struct buf *to, uint64_t base, uint64_t forgotten, uint64_t complete);
/* op->kind, op->soft, op->key.text of a URL, op->arg of the others. What is longer than JOURNAL_ARG_MAX: see journal_line__op. `from`:
 * letters, digits, '.', '-', '_', JOURNAL_INSTANCE_MAX at most. */
void journal_line__add(
    struct buf *to, uint64_t seq, const struct tier_purge *op, bool invalidates, struct str from, int64_t at_ms);

/* The purge as a line can hold it: one with a longer argument is of everything. Strings borrowed from op. */
struct tier_purge journal_line__op(const struct tier_purge *op);

/* Without the line end. ERR_OK, or ERR_INVALID: damaged, or of another make. */
int journal_line__read(struct str line, struct journal_line *out) MUST_CHECK;

#endif
