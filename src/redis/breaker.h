/* When to stop asking a server that does not answer in time, and when to ask it again. Pure: times are arguments (us).
 *
 *   closed --(failures in a row)--> open --(a while)--> a probe is due --+-- answered in time --> closed
 *                                     ^                                  |
 *                                     +---- late, lost or no answer -----+
 */
#ifndef LARDER_REDIS_BREAKER_H
#define LARDER_REDIS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker {
	unsigned limit; /* failures in a row; 0: never opens */
	int64_t wait_us;
	unsigned failures;
	bool open, probing;
	int64_t probe_us;  /* when the next probe is due */
	int64_t sent_us;   /* when the probe under way went out */
	int64_t budget_us; /* how long an answer may take: as long as the last call that failed had */
};

void breaker_init(struct breaker *b, unsigned limit, int64_t wait_us);
/* True when it opens by this. */
bool breaker_failed(struct breaker *b, int64_t now, int64_t budget_us);
/* A call was answered in time: while open that says nothing, it was asked before. */
void breaker_answered(struct breaker *b);
bool breaker_wants_probe(const struct breaker *b, int64_t now);
void breaker_probe_sent(struct breaker *b, int64_t now);
/* The probe was answered, at whatever time, or lost. True when it closes by this. */
bool breaker_probe_ended(struct breaker *b, int64_t now, bool answered);
/* The server was just met anew, and greeted in time. */
void breaker_close(struct breaker *b);

#endif
