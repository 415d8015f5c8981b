/* A list of header fields in the order and spelling they came in. The strings are borrowed: their owner
 * (an arena, a stored entry) outlives the list. Names compare without case (RFC 9110 5.1). */
#ifndef LARDER_HTTP_HEADERS_H
#define LARDER_HTTP_HEADERS_H

#include "base/arena.h"
#include "base/str.h"

struct header {
	struct str name;
	struct str value; /* without the blanks around it */
};

struct headers {
	struct header *v;
	uint32_t n, cap;
};

/* Appends; the array grows in `a`. */
void headers_add(struct headers *h, struct arena *a, struct str name, struct str value);
/* Makes *to a copy of the list and of its strings, in `a`. */
void headers_copy(const struct headers *from, struct arena *a, struct headers *to);
/* The first field of that name, or NULL. */
const struct header *headers_find(const struct headers *h, struct str name);
/* The value of the first field of that name, STR_NONE (p == NULL) when there is none. */
struct str headers_get(const struct headers *h, struct str name);
/* How many fields have that name. */
unsigned headers_count(const struct headers *h, struct str name);
/* All values of that name joined by ", " (RFC 9110 5.3); the value itself, without a copy, when there is one;
 * STR_NONE when there is none. */
struct str headers_joined(const struct headers *h, struct arena *a, struct str name);
/* Removes all fields of that name; returns how many. Order is kept. */
unsigned headers_remove(struct headers *h, struct str name);
/* The same for each of the names. */
void headers_remove_all(struct headers *h, const struct str *names, size_t n);
/* Replaces all fields of that name with one (at the place of the first, else at the end). */
void headers_set(struct headers *h, struct arena *a, struct str name, struct str value);

/* Next element of a comma-separated list, trimmed; commas in quoted strings do not split; empty elements are
 * skipped (RFC 9110 5.6.1.2). False at the end. *rest is advanced. */
bool list_next(struct str *rest, struct str *element);
/* Next element over all fields of that name, in order: start with *field = 0 and *rest = STR_NONE. */
bool headers_list_next(
    const struct headers *h, struct str name, uint32_t *field, struct str *rest, struct str *element);
/* True when the list in the fields of that name has the token, without case. */
bool headers_has_token(const struct headers *h, struct str name, struct str token);

/* True for a field that belongs to one connection only: Connection, Keep-Alive, Proxy-Connection, TE, Trailer,
 * Transfer-Encoding, Upgrade (RFC 9110 7.6.1), Proxy-Authenticate, Proxy-Authorization,
 * Proxy-Authentication-Info (RFC 9111 3.1). */
bool header_is_hop_by_hop(struct str name);
/* Removes these and every field that Connection names. */
void headers_remove_hop_by_hop(struct headers *h);

/* token and field-value of RFC 9110 5.6.2, 5.5: non-empty tchar; no CTL but HTAB. */
bool is_token(struct str s);
/* A token, or one with bytes above 127: what http_read_response takes for a name. */
bool is_field_name(struct str s);
bool is_field_value(struct str s);

#endif
