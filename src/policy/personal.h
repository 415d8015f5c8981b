/* What of a response belongs to one visitor: values that are cut out and filled in again (http/hole.h), and values that must not
 * be in a stored page at all (the leak guard). Found from the head alone; the body is searched by policy/cutter.h.
 * Pure: values in, verdict out. Which cookies are tokens, and a visitor's own: policy/token.h.
 *
 * Where a token comes from. A fetch whose answer may be stored goes out without the token cookie (policy_hide_cookies), so that
 * the origin makes a new token and sets it: that one is cut. Cutting the value that a client sent would let him choose what is cut
 * - the digest in the URL of a script, say - and break the page, or send the tokens of others to that URL. */
#ifndef LARDER_POLICY_PERSONAL_H
#define LARDER_POLICY_PERSONAL_H

#include "conf/conf.h"
#include "http/hole.h"
#include "http/message.h"
#include "policy/reason.h"
#include "policy/token.h"

/* A value that is cut out, as this response has it. */
struct personal_value {
	struct hole_value hole;
	struct str text; /* empty: known by token_field alone, so that each place has a text of its own */
};

/* A text that must not be found: a value in one of the forms in which it may stand in a page. At least 16 characters, 8 of an
 * Authorization and of a field that leak_patterns names; of a longer one its first PERSONAL_TEXT_MAX bytes, which prove enough. */
struct personal_secret {
	struct str text;
	enum reason reason; /* NOT_LEAK_... */
	struct str name;    /* of the cookie or the field: what is told; never the text */
};

struct personal {
	struct personal_value *values;
	unsigned n_values;
	struct personal_secret *secrets;
	unsigned n_secrets;
	/* The one that the fields to be stored hold, where that is the refusal; else NULL. */
	const struct personal_secret *found;
	const struct str_list *fields; /* the route's token_field where they are looked for, else NULL */
	/* Which of the values fills them: a token cookie's, or the last one, a HOLE_SESSION without text. The last one goes when the
	 * page has no such field. */
	uint16_t field_value;
	/* NONE, or why a page with such a field is not stored: nobody knows what to fill in. */
	enum reason field_reason;
	/* Holes in the fields that are to be stored, whose texts are cut out of them. */
	struct hole *field_holes;
	unsigned n_field_holes;
};

/* What a client sends bounds neither the memory nor the time of looking for it. */
enum { PERSONAL_SECRETS_MAX = 256, PERSONAL_TEXT_MAX = 256 };

struct personal_in {
	const struct route *route;
	const struct http_request *request; /* as the client sent it, cookies and all */
	const struct http_response *response;
	int64_t response_ms; /* wall clock when the head came */
};

/* Is there anything to be looked for in the body? Else it may be shared as it comes. */
static inline bool personal_is_empty(const struct personal *p)
{
	return p->n_values == 0 && p->n_secrets == 0 && !p->fields;
}

/* Is its body decoded and cut, so that other bytes are stored than came? */
static inline bool personal_is_cut(const struct personal *p)
{
	return p->n_values > 0;
}

/* Finds the values. `kept`: the fields that are to be stored; without the Set-Cookies of token cookies; texts that are cut leave
 * their values, and what tells of the origin's bytes leaves where they are cut. REASON_NONE, or why this must not be stored (then
 * `out` has in `found` what was found where the reason is of a secret, and what policy_personal_tokens finds). Everything lies in `a`
 * or borrows from the messages and the route. */
enum reason policy_personal(const struct personal_in *in, struct arena *a, struct headers *kept, struct personal *out);

/* Only the tokens of a response that is not stored, for the visitor who caused the fetch: its own ones, of which there may be none. */
void policy_personal_tokens(const struct personal_in *in, struct arena *a, struct personal *out);

#endif
