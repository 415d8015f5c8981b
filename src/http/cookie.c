/* Cookie and Set-Cookie.
 *
 * What is read is what servers and browsers take, not what the grammar allows: blanks anywhere, quotes as part of the value, any
 * bytes in it. Nothing is decoded. */
#include "http/cookie.h"

#include "http/date.h"

bool cookie_next_part(const struct headers *request, uint32_t *field, struct str *rest, struct str *part)
{
	for (;;) {
		while (rest->p && str_cut(rest, ';', part)) {
			*part = str_trim(*part);
			if (part->n > 0)
				return true;
		}
		while (*field < request->n && !str_eq_nocase(request->v[*field].name, STR("Cookie")))
			(*field)++;
		if (*field == request->n)
			return false;
		*rest = request->v[(*field)++].value;
	}
}

bool cookie_read(struct str part, struct str *name, struct str *value)
{
	size_t equals = str_index(part, '=');
	if (equals == part.n)
		return false;
	*name = str_trim(str_take(part, equals));
	*value = str_trim(str_skip(part, equals + 1));
	return true;
}

bool cookie_next(const struct headers *request, uint32_t *field, struct str *rest, struct str *name, struct str *value)
{
	struct str part;
	while (cookie_next_part(request, field, rest, &part)) {
		if (cookie_read(part, name, value))
			return true;
	}
	return false;
}

unsigned cookie_find(const struct headers *request, struct str name, struct str *value)
{
	unsigned n = 0;
	uint32_t field = 0;
	struct str rest = STR_NONE, found, its_value;
	*value = STR_NONE;
	while (cookie_next(request, &field, &rest, &found, &its_value)) {
		if (str_eq(found, name) && n++ == 0)
			*value = its_value;
	}
	return n;
}

/* RFC 6265 5.2: name and value end at the first ';', blanks around both go. */
bool set_cookie_read(struct str field, struct set_cookie *out)
{
	size_t end = str_index(field, ';');
	out->attributes = str_skip(field, end);
	return cookie_read(str_take(field, end), &out->name, &out->value) && out->name.n > 0;
}

bool set_cookie_attribute(const struct set_cookie *c, struct str name, struct str *value)
{
	struct str rest = str_skip(c->attributes, 1), part;
	bool found = false;
	if (c->attributes.n == 0)
		return false;
	while (str_cut(&rest, ';', &part)) {
		size_t equals = str_index(part, '=');
		if (!str_eq_nocase(str_trim(str_take(part, equals)), name))
			continue;
		*value = str_trim(str_skip(part, equals + 1));
		found = true;
	}
	return found;
}

/* 5.2.2: "-" and digits, else it is no such attribute. One that is too large to be told is the largest. */
static bool read_max_age(const struct set_cookie *c, int64_t *out)
{
	struct str text;
	uint64_t n;
	if (!set_cookie_attribute(c, STR("Max-Age"), &text))
		return false;
	bool negative = text.n > 0 && text.p[0] == '-';
	int err = str_to_u64(negative ? str_skip(text, 1) : text, INT32_MAX, &n);
	if (err != ERR_OK && err != ERR_TOO_LARGE)
		return false;
	*out = negative ? -1 : err == ERR_OK ? (int64_t)n : INT32_MAX;
	return true;
}

bool set_cookie_life(const struct set_cookie *c, int64_t now_s, int64_t *out)
{
	struct str text;
	int64_t expires_s;
	if (read_max_age(c, out))
		return true;
	if (!set_cookie_attribute(c, STR("Expires"), &text) || http_cookie_date_read(text, &expires_s) != ERR_OK)
		return false;
	*out = expires_s - now_s;
	return true;
}
