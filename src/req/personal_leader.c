/* The visitor who caused the fetch: he gets what the origin sent, with his own token in the place of the one that was made for the
 * fetch. Where he has none, or it does not fit, he gets the new one, with the Set-Cookie that brings it. */
#include "req/personal_fetch.h"

#include "base/mem.h"
#include "base/search.h"
#include "http/cookie.h"
#include "req/request.h"

/* ---- fields ---- */

/* The texts that are replaced, in each form. */
struct swap {
	struct search *search;
	struct str from[HOLE_VALUES_MAX * HOLE_FORMS], to[HOLE_VALUES_MAX * HOLE_FORMS];
	unsigned n;
};

static struct str formed(enum hole_form form, struct str value, struct arena *a)
{
	char *p = arena_alloc(a, value.n * HOLE_FORM_GROWTH + 1);
	return str_make(p, hole_form_write(form, value, p));
}

static void swap_begin(struct swap *s, const struct personal_fetch *p, struct arena *a)
{
	s->n = 0;
	for (unsigned i = 0; i < p->what.n_values; i++) {
		struct str text = p->what.values[i].text;
		for (enum hole_form form = 0; form < HOLE_FORMS && p->own[i].p && text.n >= SEARCH_MIN; form++) {
			s->from[s->n] = formed(form, text, a);
			s->to[s->n++] = formed(form, p->own[i], a);
		}
	}
	s->search = search_new(s->from, s->n);
}

static struct str swapped(const struct swap *s, struct str value, struct arena *a)
{
	struct search_hit hit;
	size_t from = 0, safe, n = 0;
	char *out = NULL;
	while (search_next(s->search, value, from, true, &hit, &safe)) {
		struct str to = s->to[hit.pattern];
		if (!out) /* both have one plain length */
			out = arena_alloc(a, value.n * HOLE_FORM_GROWTH + 1);
		memcpy(out + n, value.p + from, hit.at - from);
		n += hit.at - from;
		memcpy(out + n, to.p, to.n);
		n += to.n;
		from = hit.at + s->from[hit.pattern].n;
	}
	if (!out)
		return value;
	memcpy(out + n, value.p + from, value.n - from);
	return str_make(out, n + value.n - from);
}

/* The cookie of a token that he has already. */
static bool is_of_own(const struct personal_fetch *p, const struct header *h)
{
	struct set_cookie c;
	if (!str_eq_nocase(h->name, STR("Set-Cookie")) || !set_cookie_read(h->value, &c))
		return false;
	for (unsigned i = 0; i < p->what.n_values; i++) {
		if (p->own[i].p && str_eq(p->what.values[i].hole.cookie, c.name))
			return true;
	}
	return false;
}

static void put_own(const struct personal_fetch *p, struct headers *h, struct arena *a)
{
	struct swap swap;
	uint32_t n = 0;
	swap_begin(&swap, p, a);
	for (uint32_t i = 0; i < h->n; i++) {
		if (is_of_own(p, &h->v[i]))
			continue;
		h->v[n] = h->v[i];
		h->v[n++].value = swapped(&swap, h->v[i].value, a);
	}
	h->n = n;
	search_free(&swap.search);
}

void personal_answer(struct req *r)
{
	const struct personal_fetch *p = r->flight->personal;
	struct headers *h = &r->answer.headers;
	if (!p || !p->cuts)
		return;
	r->is_filled = true;
	if (p->has_own)
		put_own(p, h, &r->arena);
	if (p->coded)
		headers_remove(h, STR("Content-Encoding"));
	if (p->has_own || p->coded) {
		headers_remove(h, STR("Content-Length"));
		r->answer.length = -1;
	}
	/* His page is as much his own as those that are filled from the store. What goes by untouched has no personal_fetch, and
	 * keeps the origin's word. */
	r->answer.is_personal = true;
}

/* ---- body ---- */

static const struct personal_fill *next_fill(const struct req *r)
{
	const struct personal_fetch *p = r->is_filled ? r->flight->personal : NULL;
	return p && r->fill < p->n ? &p->fills[r->fill] : NULL;
}

size_t personal_read(struct req *r, char *to, size_t max)
{
	size_t copied = 0;
	for (const struct personal_fill *f; copied < max && (f = next_fill(r)) && f->at == r->waiter.reader.offset;) {
		struct str left = str_skip(f->bytes, r->in_fill);
		size_t n = left.n < max - copied ? left.n : max - copied;
		memcpy(to + copied, left.p, n);
		copied += n;
		r->in_fill += n;
		if (n == left.n) {
			r->fill++;
			r->in_fill = 0;
		}
	}
	return copied;
}

size_t personal_until(const struct req *r, size_t n)
{
	const struct personal_fill *f = next_fill(r);
	uint64_t offset = r->waiter.reader.offset;
	return f && f->at - offset < n ? (size_t)(f->at - offset) : n;
}

/* ---- before the fetch ---- */

bool personal_is_in_request(struct req *r)
{
	struct http_response none = {.status = 200, .minor = 1};
	struct headers kept = {0};
	struct personal what;
	struct personal_in in = {.route = r->route, .request = &r->message, .response = &none};
	return policy_has_tokens(r->route) || policy_personal(&in, &r->arena, &kept, &what) != REASON_NONE ||
	       !personal_is_empty(&what);
}
