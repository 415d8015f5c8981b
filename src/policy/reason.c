/* The reasons' texts, made from reason.def. */
#include "policy/reason.h"

#include <assert.h>
#include <stddef.h>

struct text {
	const char *code, *fwd, *sentence, *advice;
};

static const struct text texts[REASON_COUNT] = {
#define X(name, code, fwd, sentence, advice) [REASON_##name] = {code, fwd, sentence, advice},
#include "policy/reason.def"
#undef X
};

const char *reason_code(enum reason r)
{
	assert((unsigned)r < REASON_COUNT);
	return texts[r].code;
}

const char *reason_sentence(enum reason r)
{
	assert((unsigned)r < REASON_COUNT);
	return texts[r].sentence;
}

const char *reason_advice(enum reason r)
{
	assert((unsigned)r < REASON_COUNT);
	return texts[r].advice;
}

const char *reason_fwd(enum reason r)
{
	assert((unsigned)r < REASON_COUNT);
	return texts[r].fwd;
}

bool reason_is_of_request(enum reason r)
{
	switch (r) {
	case REASON_NOT_AUTHORIZATION:
	case REASON_NOT_MODIFIED:
	case REASON_NOT_REQUEST_NO_STORE:
	case REASON_NOT_HEAD:
	case REASON_NOT_PARTIAL:
	case REASON_NOT_REFUSED:
	case REASON_NOT_CODING:	     /* so does the request's Accept-Encoding */
	case REASON_NOT_LEAK_COOKIE: /* the values that are looked for are the request's: any client can choose them */
	case REASON_NOT_LEAK_AUTHORIZATION:
	case REASON_NOT_LEAK_FIELD:
	case REASON_NOT_LEAK_MANY:
		return true;
	default:
		return false;
	}
}

bool reason_is_personal(enum reason r)
{
	return r >= REASON_NOT_CSRF_TOKEN && r <= REASON_NOT_LEAK_SAMPLE;
}
