/* The journal of a directory that several processes share: their purges in one order, in a file of JSON lines, and who has carried out
 * which. It feeds a ledger. journal.c says how. */
#ifndef LARDER_TIER_JOURNAL_H
#define LARDER_TIER_JOURNAL_H

#include "tier/ledger.h"

struct journal;

#define JOURNAL_SIZE_MIN ((uint64_t)64 << 10)

struct journal_options {
	struct str path; /* the directory, which is there */
	struct str
	    instance; /* its name in receipts; empty: host name, process id and a number. One that is taken gets a number */
	uint64_t key_seed;
	struct ledger *ledger; /* gets every record, own ones too; outlives the journal */
	/* Told each record of another process, in order, before the position moves to it; what is read when it is opened is told to the ledger
	 * alone. On the thread that reads: the watching one (perhaps before journal_open returns), or one that appends or holds. It calls
	 * nothing of the journal but journal_position, and who calls those holds no lock that it takes. NULL: nobody. */
	void (*heard)(void *ctx, const struct tier_heard *what);
	void *ctx;
	uint64_t max_size; /* as journal_resize */
};

/* ERR_OK, or ERR_IO with a sentence in *why. Reads what is there, and starts the thread that watches (inotify). Blocks for a moment. */
int journal_open(const struct journal_options *o, struct journal **out, const char **why) MUST_CHECK;
void journal_close(struct journal **j);

/* Adds a purge or an invalidation. When it returns, every process that begins a hold sees it. ERR_OK, or ERR_IO (disk full, no rights, or it
 * cannot be shortened): the others will not hear of it. Blocks: never on a loop. Any thread. */
int journal_append(struct journal *j, const struct tier_purge *op, bool invalidates, uint64_t *seq) MUST_CHECK;

/* Bytes that the file takes at most, and as many again while it is shortened; JOURNAL_SIZE_MIN where it is less. What it is too long then it is
 * for a moment: who watches shortens it. Fewer remember fewer purges, and what was stored before a forgotten one counts as purged. Any thread. */
void journal_resize(struct journal *j, uint64_t max_size);

/* Up to where this process has read and told. Any thread, no lock. */
uint64_t journal_position(const struct journal *j);

/* Between hold and let_go nobody, in any process, adds a record; *seq is the position, which is the end. Many may hold at a time. For what is
 * stored under a label: check the purge log, store, let go. Short; blocks while somebody appends. ERR_IO: not held. */
struct journal_hold {
	struct journal_slot *slot; /* the journal's own */
};
int journal_hold(struct journal *j, struct journal_hold *h, uint64_t *seq) MUST_CHECK;
void journal_let_go(struct journal *j, struct journal_hold *h);

/* Reads what was added before the call, and waits for nobody who holds it or appends. ERR_OK or ERR_IO. Blocks for a disk. */
int journal_read(struct journal *j) MUST_CHECK;

/* As await of tier.h: until all processes that share the directory (and live) have read up to seq. */
int journal_await(struct journal *j, uint64_t seq, int64_t timeout_ms,
    void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx) MUST_CHECK;

#endif
