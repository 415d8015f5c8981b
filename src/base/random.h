/* Bits from the kernel that nobody can guess, nor compute from those that were given out before. Any thread. */
#ifndef LARDER_BASE_RANDOM_H
#define LARDER_BASE_RANDOM_H

#include <stdint.h>

#include "base/err.h"

/* A system call, so nothing for the path of every hit. Blocks only before the system has any randomness (getrandom(2)). ERR_IO,
 * with *out untouched: the kernel has no such call, or a sandbox forbids it; who was given bits once gets them again. */
int random_u64(uint64_t *out) MUST_CHECK;

#endif
