/* Whether a request that waits for its answer is suspended in the library. To suspend a connection and to resume it takes three system
 * calls, a tenth of what the request takes. Where many come at a time, answers do so with the next turns of the loop, and the library may
 * be left to ask anew in each: that costs a fraction of one call. Where few come, it would only keep the loop from waiting;
 * nor is it of use where the origin takes long. Pure. */
#ifndef LARDER_WORKER_PATIENCE_H
#define LARDER_WORKER_PATIENCE_H

#include <stdbool.h>

enum {
	PATIENCE_CROWD = 4,  /* requests that begin within two turns: the next ones will bring answers */
	PATIENCE_TURNS = 16, /* for which a request is not suspended */
	PATIENCE_LUCK = 64,  /* that many must wait in vain before no more do, but for one of PATIENCE_TRIES */
	PATIENCE_TRIES = 16
};

struct patience {
	unsigned begun, begun_before; /* requests, in this turn and in the one before */
	unsigned luck, tries;
};

static inline struct patience patience_new(void)
{
	return (struct patience){.luck = PATIENCE_LUCK};
}

static inline void patience_turn(struct patience *p)
{
	p->begun_before = p->begun;
	p->begun = 0;
}

/* May a request that has waited for so many turns do so for another? */
static inline bool patience_lasts(struct patience *p, unsigned turns)
{
	if (p->begun + p->begun_before < PATIENCE_CROWD || turns == PATIENCE_TURNS)
		return false;
	return turns > 0 || p->luck > 0 || ++p->tries % PATIENCE_TRIES == 0;
}

/* One that was not suspended has its answer / is suspended after all. */
static inline void patience_paid(struct patience *p)
{
	p->luck += p->luck < PATIENCE_LUCK;
}

static inline void patience_ended(struct patience *p)
{
	p->luck -= p->luck > 0;
}

#endif
