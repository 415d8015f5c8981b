/* How many values there are in Redis: which of them were used when, and which leave when there are too many. bound.c says how. Inside this folder;
 * any thread. */
#ifndef LARDER_LIB_BOUND_H
#define LARDER_LIB_BOUND_H

#include <stdatomic.h>

#include "lib/fleet.h"

enum { BOUND_SLOTS = 4096, BOUND_WORDS = 16, BOUND_DIGITS = 32, BOUND_STEP = 100 };

struct bound {
	struct fleet *fleet;
	char *room; /* of the two names */
	struct str used, ends;
	size_t max;
	atomic_int_fast64_t renew_ms;		  /* how old a use may be before the next one is told */
	atomic_uint_fast64_t lately[BOUND_SLOTS]; /* uses that were told: half a hash, and when */
};

/* A command's words and what they point to. */
struct bound_words {
	struct str v[BOUND_WORDS];
	char digits[5][BOUND_DIGITS];
};

/* `space`: "namespace:prefix:". LARDER_OK or LARDER_NO_MEMORY. */
int bound_init(struct bound *b, struct fleet *fleet, struct str space, size_t max);
void bound_free(struct bound *b);

/* The command that notes that a value is being written, to be sent along with what writes it. `keep`: one that is there keeps its ttl, or has
 * it no more: its entry stays for the longer one. */
struct command bound_enter(struct bound *b, struct str key, int64_t ttl_ms, bool keep, struct bound_words *w);
/* What it was answered: keys that are to leave, of which there are at most BOUND_STEP, in the reply's memory; *before goes to bound_leave. */
size_t bound_entered(struct bound *b, struct reply *r, struct str keys[BOUND_STEP], struct str *before);

/* Whether it is time to tell that the value is read; then the command, and what it was answered. */
bool bound_touch(struct bound *b, struct str key, struct bound_words *w, struct command *out);
void bound_touched(struct bound *b, const struct reply *r);

/* The command that takes out a value which is being removed, to be sent along. */
struct command bound_left(struct bound *b, struct str key, struct bound_words *w);
/* Values that are gone, but for those used later than `before` (empty: whatever). */
int bound_leave(struct bound *b, struct str before, const struct str *keys, size_t n);
/* All of them. */
int bound_forget(struct bound *b);

#endif
