/* The one list of what lifetimes are of: stored forms name it, and what is read back is one of these again. */
#include "http/stored.h"

#include <assert.h>

#include "base/mem.h"

static const char *const sources[] = {
    LIFETIME_NONE, LIFETIME_TTL, LIFETIME_S_MAXAGE, LIFETIME_MAX_AGE, LIFETIME_EXPIRES, LIFETIME_HEURISTIC};

static unsigned number_of(struct str name)
{
	unsigned i = 0;
	while (i < COUNT_OF(sources) && !str_eq(name, str_of(sources[i])))
		i++;
	return i < COUNT_OF(sources) ? i + 1 : 0;
}

const char *stored_lifetime_source(struct str name)
{
	return stored_source(number_of(name));
}

unsigned stored_source_number(const char *source)
{
	return source ? number_of(str_of(source)) : 0;
}

const char *stored_source(unsigned number)
{
	assert(number <= COUNT_OF(sources));
	return number > 0 ? sources[number - 1] : NULL;
}
