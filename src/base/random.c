/* So few bytes come whole or not at all, and no signal interrupts them (getrandom(2)). */
#include "base/random.h"

#include <sys/random.h>

int random_u64(uint64_t *out)
{
	uint64_t bits;
	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		return ERR_IO;
	*out = bits;
	return ERR_OK;
}
