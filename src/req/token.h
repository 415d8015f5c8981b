/* Reads the token of a session out of the answer to a GET of token_path: the home of cJSON in this folder. No I/O. */
#ifndef LARDER_REQ_TOKEN_H
#define LARDER_REQ_TOKEN_H

#include "http/message.h"

/* Bytes of the answer's body that are read; a longer one is no token. */
enum { TOKEN_BODY_MAX = 8192 };

enum token_form { TOKEN_NO_FORM, TOKEN_TEXT, TOKEN_JSON };
/* How the answer tells it: text/plain, or application/json, by status 200 and without a content coding. NO_FORM: not at all, *why
 * says so (static). */
enum token_form token_form_of(const struct http_response *answer, const char **why);

/* The token in such a body, in `a`: the text without blanks around it, or the member "token", "csrf_token" or "_token" of the object.
 * ERR_INVALID with *why (static): there is none, or it is not HOLE_MIN to HOLE_MAX of the characters of tokens: letters,
 * digits, + / = - _ . ~ - none that could end an attribute or a string of the page. */
int token_read(enum token_form form, struct str body, struct arena *a, struct str *out, const char **why) MUST_CHECK;

#endif
