/* The memory tier: a sharded table of counted entries within a byte budget, evicted by frequency and size, no write lock on a hit.
 *
 * Entries and bodies for it are made with its budget (tier->budget). tier_put also answers ERR_FULL when one entry alone would
 * take more than half of the memory. max_entries may be passed for a moment by stores of several threads at once;
 * memory_size never is. All entries and bodies must have been released before tier_close. */
#ifndef LARDER_TIER_MEMORY_H
#define LARDER_TIER_MEMORY_H

#include "tier/tier.h"

struct memory_options {
	size_t memory_size;    /* bytes: bodies, headers, keys, tags and table overhead */
	unsigned max_entries;  /* 0: bounded by memory_size only */
	unsigned max_variants; /* of one key */
};

struct tier *memory_tier_new(const struct memory_options *o);
/* New bounds after a reload; evicts down to them in bounded steps as stores come. */
void memory_tier_resize(struct tier *t, const struct memory_options *o);

#endif
