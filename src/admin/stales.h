/* The last values of keys whose writers allow them to be given after their time (PUT ?stale=), in memory. Every function may be called by
 * any thread and does not block. Times are ms of any clock that the caller passes in. */
#ifndef LARDER_ADMIN_STALES_H
#define LARDER_ADMIN_STALES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct stales;

/* max_bytes: of values and keys together, with what each costs besides; the oldest leave. */
struct stales *stales_new(size_t max_bytes);
void stales_free(struct stales **s);

/* Keeps a copy until until_ms, in place of the one that was there; its ttl is over at ends_ms. One that is larger than all the room is not
 * kept. */
void stales_keep(struct stales *s, struct str key, struct str value, int64_t ends_ms, int64_t until_ms);
/* Adds the value to `out`; how long its ttl is over (0: not yet) to *over_ms. False: there is none. */
bool stales_get(struct stales *s, struct str key, int64_t now_ms, struct buf *out, int64_t *over_ms);
/* Drops that of the key; p NULL: all. */
void stales_drop(struct stales *s, struct str key);

#endif
