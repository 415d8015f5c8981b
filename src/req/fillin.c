/* Filling costs little: a value is chosen once and written once in each of its forms, then the body is the stored bytes between the
 * holes, which nobody copies, and these texts.
 *
 *   values    own cookie | session | fresh   ->   texts, by form   ->   fields (copied, they are short), slices of the body
 *                             \-> Set-Cookie                       \-> the entity tag
 *
 * The hash in the entity tag is a SipHash under a key of its own, drawn when the process begins. Tags stand in logs and at other
 * proxies: who reads one there can test no guess of the token, nor tell that two pages were filled in with the same one, and
 * learns nothing of the seed of the keys, which any hash with that seed over what clients send would tell. */
#include "req/fillin.h"

#include <assert.h>

#include "base/random.h"
#include "policy/filled.h"
#include "policy/token.h"
#include "policy/validate.h"
#include "req/slices.h"

struct fillin {
	struct req *r;
	const struct holes *holes;
	struct str texts[HOLE_VALUES_MAX];
	struct str forms[HOLE_VALUES_MAX][HOLE_FORMS]; /* n == 0: not written yet */
	bool is_fresh;				       /* something was put in that nobody has had before */
};

/* ---- values ---- */

static struct str make_fresh(struct arena *a, const struct hole_shape *shape)
{
	uint8_t random[HOLE_ENTROPY_MAX];
	char *text = arena_alloc(a, shape->n);
	int err = random_bytes(random, hole_shape_entropy(shape));
	assert(err == ERR_OK); /* the server got some when it began */
	(void)err;
	hole_shape_make(shape, random, text);
	return str_make(text, shape->n);
}

/* What a visitor without a token would have got from the origin, but for the value. */
static void set_cookie(struct req *r, const struct hole_value *v, struct str text)
{
	size_t n = v->cookie.n + 1 + text.n + v->attributes.n;
	char *field = arena_alloc(&r->arena, n);
	str_put(str_put(str_put(str_put(field, v->cookie), STR("=")), text), v->attributes);
	headers_add(&r->answer.headers, &r->arena, STR("Set-Cookie"), str_make(field, n));
	metrics_inc(r->env->metrics, METRIC_TOKENS_MADE);
}

static struct str choose(struct fillin *f, const struct hole_value *v, struct str session)
{
	if (v->kind == HOLE_SESSION) {
		assert(session.n > 0);
		return session;
	}
	struct str own = v->kind == HOLE_TOKEN ? policy_own_token(v, &f->r->message.headers) : STR_NONE;
	if (own.n > 0)
		return own;
	struct str text = make_fresh(&f->r->arena, &v->shape);
	f->is_fresh = true;
	if (v->kind == HOLE_TOKEN)
		set_cookie(f->r, v, text);
	return text;
}

static struct str text_for(struct fillin *f, const struct hole *hole)
{
	assert(hole->value < f->holes->n_values && hole->form < HOLE_FORMS);
	struct str text = f->texts[hole->value], *written = &f->forms[hole->value][hole->form];
	if (hole->form == HOLE_PLAIN)
		return text;
	if (written->n == 0) {
		char *to = arena_alloc(&f->r->arena, text.n * HOLE_FORM_GROWTH);
		*written = str_make(to, hole_form_write(hole->form, text, to));
	}
	return *written;
}

/* ---- fields ---- */

static struct str fill_field(struct fillin *f, struct str value, const struct hole *holes, unsigned n)
{
	size_t size = value.n, from = 0;
	for (unsigned i = 0; i < n; i++)
		size += text_for(f, &holes[i]).n;
	char *text = arena_alloc(&f->r->arena, size), *to = text;
	for (unsigned i = 0; i < n; i++) {
		assert(holes[i].at >= from && holes[i].at <= value.n);
		to = str_put(to, str_make(value.p + from, (size_t)holes[i].at - from));
		to = str_put(to, text_for(f, &holes[i]));
		from = (size_t)holes[i].at;
	}
	str_put(to, str_skip(value, from));
	return str_make(text, size);
}

static void fill_fields(struct fillin *f)
{
	const struct hole *holes = f->holes->fields;
	struct headers *h = &f->r->answer.headers;
	for (unsigned i = 0, n; i < f->holes->n_fields; i += n) {
		for (n = 1; i + n < f->holes->n_fields && holes[i + n].field == holes[i].field;)
			n++;
		assert(holes[i].field < h->n);
		struct str *value = &h->v[holes[i].field].value;
		*value = fill_field(f, *value, &holes[i], n);
	}
}

/* ---- body ---- */

static void fill_body(struct fillin *f, const struct entry *e)
{
	struct answer *a = &f->r->answer;
	uint64_t size = body_size(e->body), from = 0;
	struct slices to;
	a->kind = ANSWER_WHOLE;
	a->length = (int64_t)size;
	if (f->holes->n_body == 0)
		return;
	slices_init(&to, &f->r->arena, e->body, f->holes->n_body, f->holes->n_body + 1);
	for (unsigned i = 0; i < f->holes->n_body; i++) {
		const struct hole *hole = &f->holes->body[i];
		slices_add_run(&to, from, hole->at - from);
		slices_add_text(&to, text_for(f, hole));
		from = hole->at;
	}
	slices_add_run(&to, from, size - from);
	a->kind = ANSWER_PARTS;
	a->slices = to.v;
	a->n_slices = to.n;
	a->length = (int64_t)to.bytes;
}

/* ---- conditions ---- */

/* Over the origin's tag as well, so that pages with the same token have hashes that tell nothing of each other; with the lengths,
 * so that no two lists of values are one string. */
static uint64_t hash_of(const struct fillin *f, struct str etag)
{
	size_t size = etag.n;
	for (unsigned i = 0; i < f->holes->n_values; i++)
		size += sizeof f->texts[i].n + f->texts[i].n;
	char *all = arena_alloc(&f->r->arena, size), *to = all;
	for (unsigned i = 0; i < f->holes->n_values; i++) {
		to = str_put(to, str_make((const char *)&f->texts[i].n, sizeof f->texts[i].n));
		to = str_put(to, f->texts[i]);
	}
	str_put(to, etag);
	return siphash(&f->r->env->tag_key, str_make(all, size));
}

/* Of the field as it is stored: were the token in it, the stored tag would have it still. */
static struct str tag_of(const struct fillin *f, const struct entry *e)
{
	struct str etag = entry_header(e, STR("ETag"), &f->r->arena);
	if (ENTRY_STORED(e)->etag.n == 0 || etag.n == 0)
		return STR("");
	return policy_filled_tag(etag, hash_of(f, etag), &f->r->arena);
}

/* With a value in it that is new, it is a page that he cannot have; a 304 ("*" would make one) would give him the value
 * in its fields alone, and leave the old one in the body that he keeps. */
static bool has_it(const struct fillin *f, const struct entry *e)
{
	struct req *r = f->r;
	struct stored filled = *ENTRY_STORED(e);
	filled.etag = r->answer.personal_tag;
	return !f->is_fresh && policy_not_modified(&r->message, &filled, entry_headers(e, &r->arena),
				   r->env->port->wall_ms(r->env->worker) / 1000);
}

void fillin_answer(struct req *r, const struct entry *e, struct str session)
{
	struct fillin f;
	f.r = r;
	f.holes = ENTRY_STORED(e)->holes;
	f.is_fresh = false;
	assert(f.holes->n_values <= HOLE_VALUES_MAX);
	for (unsigned i = 0; i < f.holes->n_values; i++) {
		memset(f.forms[i], 0, sizeof f.forms[i]);
		f.texts[i] = choose(&f, &f.holes->values[i], session);
	}
	fill_fields(&f);
	fill_body(&f, e);
	r->answer.is_personal = true;
	metrics_inc(r->env->metrics, METRIC_FILLED);
	r->answer.personal_tag = tag_of(&f, e);
	if (has_it(&f, e)) {
		r->answer.status = 304;
		policy_304_headers(&r->answer.headers);
	}
}
