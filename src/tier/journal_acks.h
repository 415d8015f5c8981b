/* Who follows a journal, and how far: a small file each (tier/journal.h). */
#ifndef LARDER_TIER_JOURNAL_ACKS_H
#define LARDER_TIER_JOURNAL_ACKS_H

#include <stdatomic.h>

#include "tier/journal_line.h"

struct journal_acks {
	char *directory, *path;
	char name[JOURNAL_INSTANCE_MAX + 1]; /* this instance */
	int fd;
};

/* Joins, at position 0. `instance` empty: host name, process id and a number. Characters that a file's name should not have become '-'; where
 * another process has the name, a number is added. ERR_IO: errno says why, and nothing is to be closed. */
int journal_acks__open(struct journal_acks *a, struct str directory, struct str instance) MUST_CHECK;
/* Leaves. */
void journal_acks__close(struct journal_acks *a);

/* Says how far this instance is; also when the file was removed behind its back. One thread. ERR_IO: errno says why. */
int journal_acks__write(struct journal_acks *a, uint64_t position) MUST_CHECK;

/* As await of tier.h. `own` is the position of this instance, since_us (clock_mono_us) when the purge was. Blocks. Any thread. */
int journal_acks__await(const struct journal_acks *a, const _Atomic uint64_t *own, uint64_t seq, int64_t since_us,
    int64_t timeout_ms, void (*fn)(void *ctx, const struct tier_receipt *r), void *ctx) MUST_CHECK;

#endif
