/* stub */
#include "lib/lib.h"
struct lib_backend *redis_backend_open(const struct lib_settings *s, int *status)
{
	*status = LARDER_UNSUPPORTED;
	return NULL;
}
