/* The file tier: an entry is a JSON file with its metadata and, beside it, the file of its body. Several processes may share the
 * directory. tier/file.c says how. */
#ifndef LARDER_TIER_FILE_H
#define LARDER_TIER_FILE_H

#include "tier/tier.h"

struct file_options {
	struct str path;       /* the directory; made when it is not there, mode 0700 */
	uint64_t file_size;    /* bytes on disk of pages, whole blocks counted: never more */
	uint64_t journal_size; /* bytes of the journal of purges beside them: as journal_resize */
	unsigned max_variants; /* of one key */
	unsigned threads;      /* that do its lookups, and as many for all else */
	/* What waits when it is closed is written for so long, the rest let go; 0: all is written. */
	unsigned close_ms;
	uint64_t key_seed; /* of the cache keys in this process */
	/* For entries that are read, and those that wait to be written: a quarter of it. NULL: not counted. Must outlive the tier. */
	struct budget *budget;
	struct purge_log *purges;				 /* of the stack; NULL: its own */
	void (*heard)(void *ctx, const struct tier_heard *what); /* as in tier.h */
	void *heard_ctx;
	bool fill_late; /* what lies there is found out from the first sweep on; else at once */
};

/* 0, or ERR_IO, ERR_DENIED with a sentence in *why (static or strerror's): the directory cannot be made or written. Blocks for a moment;
 * what lies there is found out in the background. */
int file_tier_new(const struct file_options *o, struct tier **out, const char **why) MUST_CHECK;
/* After a reload: new bounds, reached in steps. */
void file_tier_resize(struct tier *t, uint64_t file_size, uint64_t journal_size, unsigned max_variants);

#endif
