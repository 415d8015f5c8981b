/* What is personal in a response, found from its head.
 *
 *	tokens, nonces      what is cut out (personal_token.c, personal_nonce.c)
 *	secrets             what must not be found (personal_secret.c): the values that are cut are none
 *	fields to be kept   looked through for all of them, here */
#include "policy/personal.h"

#include "base/mem.h"
#include "base/search.h"
#include "http/cookie.h"
#include "policy/private.h"

bool policy__add_value(struct personal *p, const struct personal_value *value, struct arena *a)
{
	if (p->n_values == HOLE_VALUES_MAX)
		return false;
	if (!p->values)
		p->values = arena_alloc(a, HOLE_VALUES_MAX * sizeof *p->values);
	p->values[p->n_values++] = *value;
	return true;
}

/* ---- the fields that are kept ---- */

/* What tells of the bytes that came, in fields whose body is decoded and cut (RFC 9110 8.4, 8.6, 14.3; RFC 9530). */
static const struct str of_bytes[] = {
    STR("Content-Encoding"),
    STR("Content-Length"),
    STR("Accept-Ranges"),
    STR("Content-MD5"),
    STR("Digest"),
    STR("Content-Digest"),
    STR("Repr-Digest"),
};

/* RFC 9110 8.8.3.3: a strong tag is of the bytes in their coding, which is undone. */
static void weaken_tag(struct headers *kept, struct arena *a)
{
	struct str tag = headers_get(kept, STR("ETag"));
	if (tag.n > 0 && tag.p[0] == '"' && headers_find(kept, STR("Content-Encoding")))
		headers_set(kept, a, STR("ETag"), arena_printf(a, "W/%.*s", STR_ARG(tag)));
}

/* The guard is about what others would get: a cookie that set_cookie = keep replays may have its own value. */
static bool is_own_field(const struct header *field, const struct personal_secret *secret)
{
	struct set_cookie cookie;
	return secret->reason == REASON_NOT_LEAK_SET_COOKIE && str_eq_nocase(field->name, STR("Set-Cookie")) &&
	       set_cookie_read(field->value, &cookie) && str_eq(cookie.name, secret->name);
}

/* The first secret in the field, wherever it stands: also in what is cut. */
static const struct personal_secret *find_secret(const struct personal *p, const struct header *field)
{
	for (unsigned i = 0; i < p->n_secrets; i++) {
		const struct personal_secret *s = &p->secrets[i];
		if (s->text.n <= field->value.n && str_find(field->value, s->text) < field->value.n &&
		    !is_own_field(field, s))
			return s;
	}
	return NULL;
}

struct cutting {
	struct personal *p;
	struct policy__patterns patterns;
	struct search *search;
	unsigned cap; /* of the holes */
	struct arena *a;
};

static enum reason add_hole(struct cutting *c, const struct hole *hole)
{
	struct personal *p = c->p;
	if (p->n_field_holes == HOLES_MAX)
		return REASON_NOT_HOLES;
	if (p->n_field_holes == c->cap) {
		struct hole *more = arena_alloc(c->a, (c->cap = 2 * c->cap + 8) * sizeof *more);
		if (p->n_field_holes > 0)
			memcpy(more, p->field_holes, p->n_field_holes * sizeof *more);
		p->field_holes = more;
	}
	p->field_holes[p->n_field_holes++] = *hole;
	return REASON_NONE;
}

static enum reason cut_field(struct cutting *c, struct header *field, uint32_t index)
{
	struct str left = field->value;
	struct search_hit hit;
	size_t done = 0, n = 0, safe;
	char *out = NULL;
	while (search_next(c->search, left, done, true, &hit, &safe)) {
		if (!out)
			out = arena_alloc(c->a, left.n);
		memcpy(out + n, left.p + done, hit.at - done);
		n += hit.at - done;
		done = hit.at + c->patterns.texts[hit.pattern].n;
		const struct policy__pattern *of = &c->patterns.of[hit.pattern];
		struct hole hole = {.at = n, .field = index, .value = of->value, .form = of->form};
		enum reason why = add_hole(c, &hole);
		if (why != REASON_NONE)
			return why;
	}
	if (!out)
		return REASON_NONE;
	memcpy(out + n, left.p + done, left.n - done);
	field->value = str_make(out, n + left.n - done);
	return REASON_NONE;
}

static enum reason cut_fields(struct personal *p, struct arena *a, struct headers *kept)
{
	struct personal values = {.values = p->values, .n_values = p->n_values};
	struct cutting c = {.p = p, .patterns = policy__patterns(&values, a), .a = a};
	enum reason why = REASON_NONE;
	c.search = search_new(c.patterns.texts, c.patterns.n);
	for (uint32_t i = 0; i < kept->n && why == REASON_NONE; i++)
		why = cut_field(&c, &kept->v[i], i);
	search_free(&c.search);
	return why;
}

static enum reason look_through(struct personal *p, struct arena *a, struct headers *kept)
{
	for (uint32_t i = 0; i < kept->n && !p->found; i++)
		p->found = find_secret(p, &kept->v[i]);
	if (p->found)
		return p->found->reason;
	if (!personal_is_cut(p))
		return REASON_NONE;
	weaken_tag(kept, a);
	headers_remove_all(kept, of_bytes, COUNT_OF(of_bytes));
	return cut_fields(p, a, kept);
}

/* ---- the whole ---- */

static enum reason find_values(const struct personal_in *in, struct arena *a, struct personal *out, unsigned *n_tokens)
{
	*out = (struct personal){0};
	enum reason why = policy__tokens(in, a, out);
	*n_tokens = out->n_values;
	if (why == REASON_NONE)
		why = policy__nonces(in, a, out);
	return why == REASON_NONE ? policy__form_fields(in, a, out) : why;
}

/* What is left to do where nothing is stored: the visitor's own tokens stay his. */
static void leave_tokens(struct personal *p, unsigned n_tokens)
{
	p->n_values = n_tokens;
	p->n_secrets = p->n_field_holes = 0;
	if (p->field_value >= n_tokens)
		p->fields = NULL;
	p->field_reason = REASON_NONE;
}

void policy_personal_tokens(const struct personal_in *in, struct arena *a, struct personal *out)
{
	*out = (struct personal){0};
	if (!policy_has_tokens(in->route))
		return;
	unsigned n_tokens;
	(void)find_values(in, a, out, &n_tokens);
	leave_tokens(out, n_tokens);
}

enum reason policy_personal(const struct personal_in *in, struct arena *a, struct headers *kept, struct personal *out)
{
	unsigned n_tokens;
	enum reason why = find_values(in, a, out, &n_tokens);
	if (why == REASON_NONE)
		why = policy__secrets(in, a, out);
	if (why == REASON_NONE)
		why = look_through(out, a, kept);
	if (why != REASON_NONE)
		leave_tokens(out, n_tokens);
	return why;
}
