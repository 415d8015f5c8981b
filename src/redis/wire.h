/* A command as it goes over the wire. Pure. */
#ifndef LARDER_REDIS_WIRE_H
#define LARDER_REDIS_WIRE_H

#include "base/sha1.h"
#include "redis/call.h"

/* How a command is written: as it stands, or a script by its SHA-1, or whole. */
enum wire_form { WIRE_PLAIN, WIRE_EVALSHA, WIRE_EVAL };

/* The bytes of the command, *n of them, to be freed; `asking`: with ASKING before it, which is answered by itself. `sha` is looked at
 * for WIRE_EVALSHA alone; WIRE_PLAIN is the only form of a command without a script. */
char *wire_command(const struct redis_command *c, enum wire_form form, const char *sha, bool asking, size_t *n);
/* About how many bytes that will be; for accounts. */
size_t wire_cost(const struct redis_command *c);
/* A list of words as one command, appended to what is there: *p (may be NULL) has *n bytes. */
void wire_add(char **p, size_t *n, const struct str *words, unsigned n_words);

#endif
