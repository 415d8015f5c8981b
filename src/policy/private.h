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

/* Appends; false when there are HOLE_VALUES_MAX. */
bool policy__add_value(struct personal *p, const struct personal_value *value, struct arena *a);
/* The token cookies that the answer sets. REASON_NONE, or the first thing that is odd: the others are there all the same. */
enum reason policy__tokens(const struct personal_in *in, struct arena *a, struct personal *out);
/* Is it a cookie by which a framework that is known here guards forms, and which the route does not know as a token? */
bool policy__is_strange_token(const struct route *route, struct str field);
/* The nonces of its Content-Security-Policy, where they are refreshed. */
enum reason policy__nonces(const struct personal_in *in, struct arena *a, struct personal *out);
/* What fills the route's token_field: a token that is there already, or a last value, of the visitor's session. */
enum reason policy__form_fields(const struct personal_in *in, struct arena *a, struct personal *out);
/* Is this one of the route's leak_allow? */
bool policy__is_allowed(const struct route *route, struct str cookie);
/* The leak guard, when all values are there. REASON_NONE, or NOT_LEAK_MANY with no secret. */
enum reason policy__secrets(const struct personal_in *in, struct arena *a, struct personal *out);

/* Is the field one of these? "X-User-*" is any that begins so. */
bool policy__is_named(const struct str_list *patterns, struct str name);

struct policy__form {
	struct str text;
	enum hole_form form;
};
/* The value in each form that differs from those before it; HOLE_PLAIN, the value itself, comes first. Returns how many. The others
 * lie in `a`. */
unsigned policy__forms(struct str value, struct arena *a, struct policy__form out[HOLE_FORMS]);

/* What a page is searched for; of the two arrays the same index belongs together. */
struct policy__pattern {
	const struct personal_secret *secret; /* NULL: a value */
	uint16_t value;
	uint8_t form; /* enum hole_form */
};
struct policy__patterns {
	struct str *texts;
	struct policy__pattern *of;
	unsigned n;
};
/* The texts of all values, in each form that differs, then all secrets. Lies in `a`, borrows from `p`. */
struct policy__patterns policy__patterns(const struct personal *p, struct arena *a);

#endif
