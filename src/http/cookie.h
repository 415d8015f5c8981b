/* Cookie and Set-Cookie as they are read by servers and browsers (RFC 6265 4, 5.2). Pure. */
#ifndef LARDER_HTTP_COOKIE_H
#define LARDER_HTTP_COOKIE_H

#include "http/headers.h"

/* Walks what stands between the semicolons of all Cookie fields of a request, without blanks around it; empty parts are passed by.
 * Begin with field = 0 and rest = STR_NONE. */
bool cookie_next_part(const struct headers *request, uint32_t *field, struct str *rest, struct str *part);

/* Name and value of a part, as they stand: quotes included. False when it has no '='. */
bool cookie_read(struct str part, struct str *name, struct str *value);

/* Both at once: walks the cookies. What has no '=' is passed by. */
bool cookie_next(const struct headers *request, uint32_t *field, struct str *rest, struct str *name, struct str *value);

/* How many cookies of that name there are; *value: the first one. */
unsigned cookie_find(const struct headers *request, struct str name, struct str *value);

struct set_cookie {
	struct str name, value;
	struct str attributes; /* from the first ';' on, empty when there is none */
};
/* The value of a Set-Cookie field. False when it has no '=' in its first part, or no name. */
bool set_cookie_read(struct str field, struct set_cookie *out);
/* An attribute ("Max-Age"), by name without case; of several the last counts (5.3). False: not there. */
bool set_cookie_attribute(const struct set_cookie *c, struct str name, struct str *value);
/* How many seconds it lives from now_s on, by Max-Age, else by Expires (5.3): 0 or less removes it. False: until the browser is
 * closed; *out is left alone. */
bool set_cookie_life(const struct set_cookie *c, int64_t now_s, int64_t *out);

#endif
