/* What is personal in a response, found from its head.
 *
 *	tokens, nonces      what is cut out (personal_token.c, personal_nonce.c)
 *	secrets             what must not be found (personal_secret.c): the values that are cut are none
 *	fields to be kept   looked through for all of them, here */
#include "policy/personal.h"

#include "http/cookie.h"
#include "policy/private.h"

/* The guard is about what others would get: a cookie that set_cookie = keep replays may have its own value. */
static bool is_own_field(const struct header *field, const struct personal_secret *secret)
{
	struct set_cookie cookie;
	return secret->reason == REASON_NOT_LEAK_SET_COOKIE && str_eq_nocase(field->name, STR("Set-Cookie")) &&
	       set_cookie_read(field->value, &cookie) && str_eq(cookie.name, secret->name);
}

static const struct personal_secret *find_secret(const struct personal *p, const struct headers *kept)
{
	for (uint32_t i = 0; i < kept->n; i++) {
		struct str value = kept->v[i].value;
		for (unsigned k = 0; k < p->n_secrets; k++) {
			if (str_find(value, p->secrets[k].text) < value.n && !is_own_field(&kept->v[i], &p->secrets[k]))
				return &p->secrets[k];
		}
	}
	return NULL;
}

enum reason policy_personal(const struct personal_in *in, struct arena *a, struct headers *kept, struct personal *out)
{
	*out = (struct personal){0};
	enum reason why = policy__secrets(in, a, out);
	if (why != REASON_NONE)
		return why;
	out->found = find_secret(out, kept);
	return out->found ? out->found->reason : REASON_NONE;
}
