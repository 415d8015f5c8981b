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

const char *reason_option(enum reason r)
{
	switch (r) {
	case REASON_PASS_ROUTE:
		return "cache";
	case REASON_NOT_SET_COOKIE:
		return "set_cookie";
	case REASON_NOT_TOO_LARGE:
		return "max_object";
	case REASON_HIT_STALE:
		return "stale_while_revalidate";
	case REASON_HIT_STALE_ERROR:
		return "stale_if_error";
	case REASON_HIT_STALE_UNREACHABLE:
		return "stale_if_unreachable";
	case REASON_MISS_REQUEST:
	case REASON_MISS_REQUEST_MAX_AGE:
	case REASON_MISS_REQUEST_MIN_FRESH:
		return "client_cache_control";
	default:
		return NULL;
	}
}

bool reason_is_of_request(enum reason r)
{
	return r == REASON_NOT_AUTHORIZATION || r == REASON_NOT_MODIFIED || r == REASON_NOT_REQUEST_NO_STORE ||
	       r == REASON_NOT_HEAD || r == REASON_NOT_PARTIAL || r == REASON_NOT_REFUSED;
}
