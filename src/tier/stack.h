/* The stack of tiers, which is itself a tier: memory above, files and Redis below it. stack.c says how. */
#ifndef LARDER_TIER_STACK_H
#define LARDER_TIER_STACK_H

#include "tier/memory.h"

enum { STACK_BELOW = 2 };

struct stack_options {
	/* Pages stay in memory. Else only what is on its way to the tiers below, and the handles of files. */
	bool keeps;
	/* Bodies in files up to this are read into memory; larger ones are sent from the file. */
	size_t in_memory;
	/* Files that may be held open at a time; when there are more, what is found in a file is not put into memory. */
	unsigned max_files;
};

/* `memory` is taken; tiers below share its budget and purge log, and are added before the first operation. */
struct tier *stack_new(struct tier *memory_take, const struct stack_options *o);
/* The one that is looked at next after those added before. Taken. It was made with stack_heard and stack_next as its `heard` and
 * `heard_ctx`, since it may hear of others from its first moment. `is_in_touch`: may what is in memory be believed? Asked at each hit, so
 * it must be quick; NULL: always. */
void stack_heard(void *ctx, const struct tier_heard *what);
void *stack_next(struct tier *stack);
void stack_add(struct tier *stack, struct tier *below_take, bool (*is_in_touch)(struct tier *below));
/* Pages stay in memory after all. Before the first operation. */
void stack_keep(struct tier *stack);
/* After a reload. */
void stack_configure(struct tier *stack, const struct stack_options *o); /* keeps stays as it was */

#endif
