/* What the readers of cache directives share: Cache-Control (cc.c) and the fields that stand for it (targeted.c). */
#ifndef LARDER_POLICY_PRIVATE_H
#define LARDER_POLICY_PRIVATE_H

#include "http/sf.h"
#include "policy/cc.h"

/* A response without any directive. */
void policy__cc_clear(struct cc_response *out);
/* One list element of a response's Cache-Control. */
void policy__cc_element(struct str element, struct cc_response *out);
/* One member of a dictionary. An unknown name changes nothing. False, with *out half done, when the value is none that this
 * directive can have (RFC 9213 2.1). */
bool policy__cc_member(const struct sf_member *m, struct cc_response *out);

#endif
