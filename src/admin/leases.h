/* Who computes a value that is missing, among the programs that ask this process over HTTP: one gets a lease, the others wait until it
 * stores the value, gives the lease up, or its time is over. Every function may be called by any thread and does not block. Times are ms of
 * any clock that the caller passes in; leases_start goes by clock_mono_us. */
#ifndef LARDER_ADMIN_LEASES_H
#define LARDER_ADMIN_LEASES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

/* At most so many keys are leased at a time, and so many wait. */
enum { LEASES_MAX = 4096, LEASE_WAITERS_MAX = 128 };
/* Bytes of a token, which is 16 hexadecimal digits, with a NUL. */
enum { LEASE_TOKEN = 17 };

struct leases;

/* One who waits; embedded in its owner, all zero but `wake` and until_ms. */
struct lease_waiter {
	struct list link;
	int64_t until_ms; /* does not wait beyond this */
	/* Something has happened: ask again. Called once for each ERR_AGAIN, on any thread and under a lock: it must not call back. */
	void (*wake)(struct lease_waiter *w);
};

struct leases *leases_new(void);
/* Nobody waits any more (leases_stop), or ever did. */
void leases_free(struct leases **l);
/* Starts the thread that calls leases_tick. 0, or ERR_IO: the system gives none. */
int leases_start(struct leases *l) MUST_CHECK;
/* Wakes all who wait, ends the thread if there is one, and answers ERR_CANCELLED from then on. Blocks for a moment. */
void leases_stop(struct leases *l);

/* Asks for the lease of a key.
 *   ERR_OK         the caller has it for `lease_ms`; `token` proves it
 *   ERR_AGAIN      another has it; w->wake is called when there is something new, or at w->until_ms
 *   ERR_TIMEOUT    another has it, and the caller does not wait: w is NULL or its time is over
 *   ERR_FULL       too many leases, or too many wait: each computes for itself
 *   ERR_CANCELLED  the process ends
 *   ERR_IO         no random bytes for a token */
int leases_ask(struct leases *l, struct str key, int64_t lease_ms, struct lease_waiter *w, int64_t now_ms,
    char token[LEASE_TOKEN]) MUST_CHECK;
/* Whether the token is that of the key's lease. */
bool leases_holds(struct leases *l, struct str key, struct str token, int64_t now_ms);
/* Ends the lease of the token and wakes those who wait for it. False: it was not the key's any more. */
bool leases_end(struct leases *l, struct str key, struct str token, int64_t now_ms);
/* Makes the token of the key (p NULL: all tokens) worthless; those who wait go on waiting. Comes before a value is changed from outside,
 * leases_wake behind it. */
void leases_void(struct leases *l, struct str key);
/* Ends the lease of the key (p NULL: all) if its token is worthless, and wakes those who wait for it. */
void leases_wake(struct leases *l, struct str key);
/* Ends what is over. Returns when it is to be called next, INT64_MAX when nothing is there. */
int64_t leases_tick(struct leases *l, int64_t now_ms);

#endif
