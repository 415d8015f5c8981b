/* What the Redis tier has the server do, in one step each: the Lua texts. redis.c tells the keys. All keys of a call lie in one slot. */
#ifndef LARDER_TIER_REDIS_SCRIPTS_H
#define LARDER_TIER_REDIS_SCRIPTS_H

#include "redis/call.h"

/* Of pages. `page` is "P:{h}:", to which a variant's name is added. */

/* index | page, most variants, bytes of bodies that come along, one variant's name or '' -> a row a variant, newest first:
 * name, m, e, i, b (nil: it is to be asked for by name) */
extern const struct redis_script redis__find;
/* index, variant, tombstone, partial | label, name, name of the partial one it replaces or '', most variants, ttl in ms, page, m, b, e, i
 * -> stored (0: a purge has overtaken it), replaced, evicted */
extern const struct redis_script redis__store;
/* index | page, name, i: the variant leaves if it still is that one -> how many left */
extern const struct redis_script redis__drop;
/* index, tombstone | seq, page, ms that the tombstone lives: all variants leave -> how many */
extern const struct redis_script redis__wipe;

/* Of leases. */

/* lease, index | token, ms -> whether it was given, the order of the page's last store */
extern const struct redis_script redis__lease;
/* lease, index -> whether somebody has it, the order of the page's last store */
extern const struct redis_script redis__peek;
/* lease | token, ms -> whether it was held still, and is so again for that long */
extern const struct redis_script redis__renew;
/* lease | token */
extern const struct redis_script redis__end;

/* Of purges. */

/* id, seq, stream | a new id, position of the caller, kind, arg, soft, caller's mark, caller's name
 * -> id, seq, the records behind that position if they are few */
extern const struct redis_script redis__purge;
/* id, seq, stream | known id or '', a new id, position, 1: what the known id stood for was lost
 * -> id, seq (raised to the position), seq before, the record at the position, the first one of all */
extern const struct redis_script redis__join;
/* acks, id, seq, stream | mark, position, name, ms that the keys live */
extern const struct redis_script redis__ack;
/* acks | ms after which who is silent is forgotten -> the server's time, then mark and text of each */
extern const struct redis_script redis__acks;

#endif
