/* The smallest parts of structured fields, for http/sf.c only. */
#ifndef LARDER_HTTP_SF_BARE_H
#define LARDER_HTTP_SF_BARE_H

#include "http/sf.h"

/* Eat a bare item (RFC 9651 4.2.3.1), a key (4.2.3.3) at the front of *in. 0, or ERR_INVALID: *in is anywhere then. */
int http__sf_bare(struct str *in, struct arena *a, struct sf_bare *out) MUST_CHECK;
int http__sf_key(struct str *in, struct str *out) MUST_CHECK;

/* Eats c when it is the first byte. */
static inline bool http__sf_eat(struct str *in, char c)
{
	if (in->n == 0 || in->p[0] != c)
		return false;
	*in = str_skip(*in, 1);
	return true;
}

#endif
