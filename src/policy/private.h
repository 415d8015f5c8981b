/* What files of this folder share among them. */
#ifndef LARDER_POLICY_PRIVATE_H
#define LARDER_POLICY_PRIVATE_H

#include "http/sf.h"
#include "policy/cc.h"
#include "policy/personal.h"

/* ---- the readers of cache directives: Cache-Control (cc.c) and the fields that stand for it (targeted.c) ---- */

/* A response without any directive. */
void policy__cc_clear(struct cc_response *out);
/* One list element of a response's Cache-Control. */
void policy__cc_element(struct str element, struct cc_response *out);
/* One member of a dictionary. An unknown name changes nothing. False, with *out half done, when the value is none that this
 * directive can have (RFC 9213 2.1). */
bool policy__cc_member(const struct sf_member *m, struct cc_response *out);

/* ---- what is personal (personal.c) ---- */

/* The leak guard: fills `secrets`, when `values` are there already. REASON_NONE, or NOT_LEAK_MANY with none of them. */
enum reason policy__secrets(const struct personal_in *in, struct arena *a, struct personal *out);

#endif
