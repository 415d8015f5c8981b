/* Request methods and their properties. */
#include "http/message.h"

#include "base/mem.h"

enum { UNSAFE = 0, IDEMPOTENT = 1, SAFE = 2 | IDEMPOTENT };

/* The registered properties (RFC 9110 9.2, RFC 5789 2). PURGE repeated purges the same. Of an unknown method nothing is
 * assumed. */
static const struct {
	struct str name;
	int properties;
} methods[] = {
    [METHOD_OTHER] = {STR(""), UNSAFE},
    [METHOD_GET] = {STR("GET"), SAFE},
    [METHOD_HEAD] = {STR("HEAD"), SAFE},
    [METHOD_POST] = {STR("POST"), UNSAFE},
    [METHOD_PUT] = {STR("PUT"), IDEMPOTENT},
    [METHOD_DELETE] = {STR("DELETE"), IDEMPOTENT},
    [METHOD_PATCH] = {STR("PATCH"), UNSAFE},
    [METHOD_OPTIONS] = {STR("OPTIONS"), SAFE},
    [METHOD_TRACE] = {STR("TRACE"), SAFE},
    [METHOD_CONNECT] = {STR("CONNECT"), UNSAFE},
    [METHOD_PURGE] = {STR("PURGE"), IDEMPOTENT},
};

enum http_method http_method_of(struct str name)
{
	/* Case counts: "get" is another method (RFC 9110 9.1). */
	for (size_t i = METHOD_OTHER + 1; i < COUNT_OF(methods); i++) {
		if (str_eq(name, methods[i].name))
			return (enum http_method)i;
	}
	return METHOD_OTHER;
}

bool http_method_is_safe(enum http_method m)
{
	return (methods[m].properties & SAFE) == SAFE;
}

bool http_method_is_idempotent(enum http_method m)
{
	return (methods[m].properties & IDEMPOTENT) != 0;
}
