/* The two clocks. Pure folders (http, policy) get times as arguments and never call these. */
#ifndef LARDER_BASE_CLOCK_H
#define LARDER_BASE_CLOCK_H

#include <stdint.h>

/* Whole seconds, rounded down, below 0 too. Pure. */
static inline int64_t clock_floor_s(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

int64_t clock_wall_us(void); /* us since 1970, may jump */
int64_t clock_wall_ms(void); /* the same in ms */
int64_t clock_mono_us(void); /* us since some start, never goes back */

#endif
