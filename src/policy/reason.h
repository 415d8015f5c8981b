/* The one table of reasons (reason.def). Pure. */
#ifndef LARDER_POLICY_REASON_H
#define LARDER_POLICY_REASON_H

enum reason {
#define X(name, code, sentence) REASON_##name,
#include "policy/reason.def"
#undef X
	REASON_COUNT
};

const char *reason_code(enum reason r);
const char *reason_sentence(enum reason r);

#endif
