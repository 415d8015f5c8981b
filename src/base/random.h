/* Bits from the kernel that nobody can guess, nor compute from those that were given out before. Any thread. */
#ifndef LARDER_BASE_RANDOM_H
#define LARDER_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Fills p. Up to RANDOM_POOL bytes come out of a pool that each thread has, so that a hit seldom pays for a system call; more go
 * past it. No byte is given out twice, and none stays behind: each is wiped as it leaves, and a forked child begins with an empty
 * pool (one made by clone(2) itself would not: nothing here makes any). Blocks only before the system has any randomness
 * (getrandom(2)). ERR_IO, with p untouched: the kernel has no such call, or a sandbox forbids it; who was given bits once gets
 * them again. */
enum { RANDOM_POOL = 1024 };
int random_bytes(void *p, size_t n) MUST_CHECK;

/* The same, of 64 bits. */
int random_u64(uint64_t *out) MUST_CHECK;

#endif
