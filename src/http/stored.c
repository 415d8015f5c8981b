/* The one list of what lifetimes are of: stored forms name it, and what is read back is one of these again. */
#include "http/stored.h"

#include "base/mem.h"

const char *stored_lifetime_source(struct str name)
{
	static const char *const all[] = {
	    LIFETIME_NONE, LIFETIME_TTL, LIFETIME_S_MAXAGE, LIFETIME_MAX_AGE, LIFETIME_EXPIRES, LIFETIME_HEURISTIC};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (str_eq(name, str_of(all[i])))
			return all[i];
	}
	return NULL;
}
