/* Tokens that the answer sets, and what a form's field is filled with.
 *
 *	Set-Cookie: asok_csrf=3f9c...; Path=/; Expires=...; SameSite=Lax
 *	            name      text   \- attributes: repeated with a fresh token, for as long from then on
 *
 * A stored page outlives its Date, so a time of expiry becomes a time to live. */
#include "policy/private.h"

#include "base/mem.h"
#include "http/cookie.h"
#include "policy/freshness.h"

/* ---- attributes ---- */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	}
	return false;
}

/* All of them as they came, but Max-Age in the place of both that tell its life; "" or "; Path=/; Max-Age=60". */
static struct str attributes_of(const struct set_cookie *c, bool has_life, int64_t life_s, struct arena *a)
{
	struct str rest = str_skip(c->attributes, 1), part, out = STR("");
	while (rest.n > 0 && str_cut(&rest, ';', &part)) {
		part = str_trim(part);
		struct str name = str_trim(str_take(part, str_index(part, '=')));
		if (part.n == 0 || has_control(part) || str_eq_nocase(name, STR("Expires")) ||
		    str_eq_nocase(name, STR("Max-Age")))
			continue;
		out = arena_printf(a, "%.*s; %.*s", STR_ARG(out), STR_ARG(part));
	}
	return has_life ? arena_printf(a, "%.*s; Max-Age=%lld", STR_ARG(out), (long long)life_s) : out;
}

/* ---- tokens ---- */

static const struct personal_value *find_cookie(const struct personal *p, struct str name)
{
	for (unsigned i = 0; i < p->n_values; i++) {
		if (str_eq(p->values[i].hole.cookie, name))
			return &p->values[i];
	}
	return NULL;
}

static enum reason add_token(
    const struct personal_in *in, const struct set_cookie *c, struct arena *a, struct personal *out)
{
	struct personal_value value = {.hole = {.kind = HOLE_TOKEN, .cookie = c->name}, .text = c->value};
	const struct personal_value *before = find_cookie(out, c->name);
	int64_t life_s = 0, date_s = freshness_date_s(&in->response->headers, STR("Date"), in->response_ms / 1000);
	bool has_life = set_cookie_life(c, date_s >= 0 ? date_s : in->response_ms / 1000, &life_s);
	if (c->value.n < HOLE_MIN || (has_life && life_s <= 0) || hole_shape_of(c->value, &value.hole.shape) != ERR_OK)
		return REASON_NOT_TOKEN_SHAPE;
	if (before)
		return str_eq(before->text, c->value) ? REASON_NONE : REASON_NOT_TOKEN_TWICE;
	value.hole.attributes = attributes_of(c, has_life, life_s, a);
	return policy__add_value(out, &value, a) ? REASON_NONE : REASON_NOT_HOLES;
}

enum reason policy__tokens(const struct personal_in *in, struct arena *a, struct personal *out)
{
	const struct headers *h = &in->response->headers;
	enum reason why = REASON_NONE;
	for (uint32_t i = 0; i < h->n; i++) {
		struct set_cookie cookie;
		if (!str_eq_nocase(h->v[i].name, STR("Set-Cookie")) ||
		    !policy_is_token_cookie(in->route, h->v[i].value) || !set_cookie_read(h->v[i].value, &cookie))
			continue;
		enum reason odd = add_token(in, &cookie, a, out);
		why = why == REASON_NONE ? odd : why;
	}
	return why;
}

/* Asok; Django; Laravel, Angular, Spring; Express; CakePHP; CodeIgniter; Flask-JWT; Tornado; and what others call theirs. */
static const struct str known_cookies[] = {
    STR("asok_csrf"),
    STR("csrftoken"),
    STR("XSRF-TOKEN"),
    STR("_csrf"),
    STR("csrfToken"),
    STR("csrf_cookie_name"),
    STR("csrf_access_token"),
    STR("_xsrf"),
    STR("csrf"),
    STR("csrf_token"),
    STR("csrf-token"),
    STR("_csrf_token"),
    STR("xsrf_token"),
};

/* RFC 6265bis 4.1.3: the name may have one of these in front. */
static struct str without_prefix(struct str name)
{
	static const struct str prefixes[] = {STR("__Host-"), STR("__Secure-")};
	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		if (str_starts_nocase(name, prefixes[i]))
			return str_skip(name, prefixes[i].n);
	}
	return name;
}

bool policy__is_strange_token(const struct route *route, struct str field)
{
	struct set_cookie cookie;
	if (route->token_of_session || policy_is_token_cookie(route, field) || !set_cookie_read(field, &cookie))
		return false;
	struct str name = without_prefix(cookie.name);
	for (size_t i = 0; i < COUNT_OF(known_cookies); i++) {
		if (str_eq_nocase(name, known_cookies[i]))
			return !policy__is_allowed(route, cookie.name);
	}
	return false;
}

/* ---- fields of forms ---- */

/* The first token cookie that the answer sets, of the route's in their order. */
static bool find_token(const struct personal_in *in, const struct personal *p, uint16_t *index)
{
	for (unsigned i = 0; i < in->route->token_cookie.n; i++) {
		const struct personal_value *value = find_cookie(p, in->route->token_cookie.v[i]);
		if (!value)
			continue;
		*index = (uint16_t)(value - p->values);
		return true;
	}
	return false;
}

enum reason policy__form_fields(const struct personal_in *in, struct arena *a, struct personal *out)
{
	const struct route *route = in->route;
	struct personal_value session = {.hole.kind = HOLE_SESSION};
	if (route->token_field.n == 0)
		return REASON_NONE;
	out->fields = &route->token_field;
	if (!route->token_of_session && find_token(in, out, &out->field_value))
		return REASON_NONE;
	if (!route->token_of_session || route->token_path.n == 0)
		out->field_reason = REASON_NOT_TOKEN_SESSION;
	out->field_value = (uint16_t)out->n_values;
	return policy__add_value(out, &session, a) ? REASON_NONE : REASON_NOT_HOLES;
}
