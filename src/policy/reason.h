/* The one table of reasons (reason.def). Pure. */
#ifndef LARDER_POLICY_REASON_H
#define LARDER_POLICY_REASON_H

#include <stdbool.h>

enum reason {
#define X(name, code, fwd, sentence, advice) REASON_##name,
#include "policy/reason.def"
#undef X
	REASON_COUNT
};

/* "no-store": a token, for logs, metrics and Cache-Status. */
const char *reason_code(enum reason r);
/* For people. */
const char *reason_sentence(enum reason r);
/* What to change when the verdict is not wanted, NULL when nothing is; "{route}" stands for the route with its place. */
const char *reason_advice(enum reason r);
/* The fwd token of RFC 9211 2.2, NULL when the request did not go forward for this reason. */
const char *reason_fwd(enum reason r);
/* True when a refusal came from this request's own fields (Authorization, no-store, HEAD): it says nothing about the next
 * request for the URL, which must therefore not be remembered as one that passes. */
bool reason_is_of_request(enum reason r);
/* True when the answer was refused for what belongs to one visitor: a secret in it, or a token or nonce that cannot be cut out. */
bool reason_is_personal(enum reason r);

#endif
