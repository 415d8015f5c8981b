/* Nonces of Content-Security-Policy (CSP Level 3, 2.3.1: 'nonce-' and base64 of either alphabet): whoever knows the next one may put
 * a script into the page, so a stored page gets a fresh one with each answer.
 *
 * What is cut is cut wherever it stands. A nonce that is no random text but a word ("nonce-dashboard") would take that word out of
 * the page, so it must have two kinds of characters, as all but one in thousands of random ones have. */
#include "policy/private.h"

enum { NONCES_MAX = 8 };

static const struct str prefix = STR("'nonce-");

static bool is_policy(struct str name)
{
	return str_eq_nocase(name, STR("Content-Security-Policy")) ||
	       str_eq_nocase(name, STR("Content-Security-Policy-Report-Only"));
}

/* Digits, small and capital letters: two of the three. */
static bool looks_random(struct str s)
{
	bool digit = false, lower = false, upper = false;
	for (size_t i = 0; i < s.n; i++) {
		digit |= s.p[i] >= '0' && s.p[i] <= '9';
		lower |= s.p[i] >= 'a' && s.p[i] <= 'z';
		upper |= s.p[i] >= 'A' && s.p[i] <= 'Z';
	}
	return digit + lower + upper >= 2;
}

/* The next nonce of a policy; one that has no closing quote is none to browsers either. */
static bool next_nonce(struct str *rest, struct str *nonce)
{
	*rest = str_skip(*rest, str_find_nocase(*rest, prefix));
	if (rest->n == 0)
		return false;
	*rest = str_skip(*rest, prefix.n);
	size_t end = 0;
	while (end < rest->n && !strchr("' ;,\t", rest->p[end]))
		end++;
	*nonce = end < rest->n && rest->p[end] == '\'' ? str_take(*rest, end) : STR("");
	*rest = str_skip(*rest, end);
	return true;
}

static bool is_known(const struct personal *p, struct str nonce)
{
	for (unsigned i = 0; i < p->n_values; i++) {
		if (str_eq(p->values[i].text, nonce))
			return true;
	}
	return false;
}

static enum reason add_nonces(struct str policy, struct arena *a, struct personal *out, unsigned *n)
{
	struct str nonce;
	while (next_nonce(&policy, &nonce)) {
		struct personal_value value = {.hole.kind = HOLE_NONCE, .text = nonce};
		if (nonce.n == 0 || is_known(out, nonce))
			continue;
		if (++*n > NONCES_MAX || nonce.n < HOLE_NONCE_MIN || !looks_random(nonce) ||
		    hole_shape_of(nonce, &value.hole.shape) != ERR_OK)
			return REASON_NOT_NONCE_SHAPE;
		if (!policy__add_value(out, &value, a))
			return REASON_NOT_HOLES;
	}
	return REASON_NONE;
}

enum reason policy__nonces(const struct personal_in *in, struct arena *a, struct personal *out)
{
	const struct headers *h = &in->response->headers;
	enum reason why = REASON_NONE;
	unsigned n = 0;
	for (uint32_t i = 0; i < h->n && why == REASON_NONE; i++) {
		if (in->route->csp_nonce == CSP_NONCE_REFRESH && is_policy(h->v[i].name))
			why = add_nonces(h->v[i].value, a, out, &n);
	}
	return why;
}
