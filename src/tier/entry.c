/* Entries: one block of memory each, measured first, then filled by a cursor: struct, arrays and strings together.
 *
 *   | struct entry | headers.v[] | vary.v[] | tags[] | runs[] | holes | key text, etag, names, values, tags ... |
 *
 *   holes, where there are any:   | struct holes | values[] | of the body [] | of the fields [] |
 *
 * Nothing in it changes after entry_new but the counter, the two marks and, before the entry is found by others, the size. */
#include "tier/entry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tier/private.h"

/* How long an expired entry that has a validator is kept, for the cheap 304 it may bring: its lifetime once more, within these. */
#define GRACE_MIN_MS (60 * (int64_t)1000)
#define GRACE_MAX_MS (600 * (int64_t)1000)

/* Where the next string goes. */
struct cursor {
	char *p;
};

static struct str copy_str(struct cursor *c, struct str s)
{
	if (!s.p)
		return STR_NONE;
	struct str out = str_make(c->p, s.n);
	if (s.n > 0)
		memcpy(c->p, s.p, s.n);
	c->p += s.n;
	return out;
}

static struct headers copy_headers(struct cursor *c, struct header *array, const struct headers *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		array[i].name = copy_str(c, h->v[i].name);
		array[i].value = copy_str(c, h->v[i].value);
	}
	return (struct headers){.v = h->n > 0 ? array : NULL, .n = h->n, .cap = h->n};
}

static size_t headers_bytes(const struct headers *h)
{
	size_t n = 0;
	for (uint32_t i = 0; i < h->n; i++)
		n += h->v[i].name.n + h->v[i].value.n;
	return n;
}

/* Both 0 without holes. */
static size_t holes_bytes(const struct holes *h)
{
	if (!h)
		return 0;
	return sizeof *h + h->n_values * sizeof *h->values + ((size_t)h->n_body + h->n_fields) * sizeof *h->body;
}

static size_t holes_strings(const struct holes *h)
{
	size_t n = 0;
	for (unsigned i = 0; h && i < h->n_values; i++)
		n += h->values[i].cookie.n + h->values[i].attributes.n;
	return n;
}

static const struct hole *copy_places(struct hole *to, const struct hole *from, unsigned n)
{
	if (n > 0)
		memcpy(to, from, n * sizeof *to);
	return n > 0 ? to : NULL;
}

/* `at`: holes_bytes of room. */
static const struct holes *copy_holes(struct cursor *c, void *at, const struct holes *h)
{
	if (!h)
		return NULL;
	struct holes *out = at;
	struct hole_value *values = (struct hole_value *)(void *)(out + 1);
	struct hole *places = (struct hole *)(void *)(values + h->n_values);
	*out = (struct holes){
	    .values = values,
	    .body = copy_places(places, h->body, h->n_body),
	    .fields = copy_places(places + h->n_body, h->fields, h->n_fields),
	    .n_values = h->n_values,
	    .n_body = h->n_body,
	    .n_fields = h->n_fields,
	};
	for (unsigned i = 0; i < h->n_values; i++) {
		values[i] = h->values[i];
		values[i].cookie = copy_str(c, h->values[i].cookie);
		values[i].attributes = copy_str(c, h->values[i].attributes);
	}
	return out;
}

static size_t strings_bytes(const struct entry_spec *s)
{
	size_t n = s->key.text.n + s->stored->etag.n + headers_bytes(s->headers) + headers_bytes(&s->stored->vary) +
		   holes_strings(s->stored->holes);
	for (unsigned i = 0; i < s->n_tags; i++)
		n += s->tags[i].n;
	return n;
}

int entry_new(const struct entry_spec *spec, struct body **body_take, struct budget *budget, struct entry **out)
{
	const struct stored *stored = spec->stored;
	assert(!(stored_has_holes(stored) && stored_is_partial(stored)));
	size_t n_headers = (size_t)spec->headers->n + stored->vary.n;
	size_t size = sizeof(struct entry) + n_headers * sizeof(struct header) + spec->n_tags * sizeof(struct str) +
		      stored->n_runs * sizeof(struct range) + holes_bytes(stored->holes) + strings_bytes(spec);
	size_t charge = budget ? tier__cost(size) + body__cost() : 0;
	*out = NULL;
	if (budget) {
		int err = budget_charge(budget, charge);
		if (err)
			return err;
	}
	struct entry *e = mem_alloc(size);
	struct header *headers = (struct header *)(void *)(e + 1);
	struct str *tags = (struct str *)(void *)(headers + n_headers);
	struct range *runs = (struct range *)(void *)(tags + spec->n_tags);
	char *holes = (char *)(void *)(runs + stored->n_runs);
	struct cursor c = {holes + holes_bytes(stored->holes)};
	*e = (struct entry){
	    .key = spec->key,
	    .stored = *stored,
	    .tags = spec->n_tags > 0 ? tags : NULL,
	    .n_tags = spec->n_tags,
	    .route_id = spec->route_id,
	    .epoch = spec->epoch,
	    .body = *body_take,
	    .budget = budget,
	    .charged = charge,
	};
	static _Atomic uint32_t serial;
	atomic_init(&e->refs, 1);
	e->serial = atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed);
	atomic_init(&e->purged, false);
	atomic_init(&e->unanswered_ms, 0);
	atomic_init(&e->file_id, 0);
	e->key.text = copy_str(&c, spec->key.text);
	e->stored.etag = copy_str(&c, stored->etag);
	e->stored.runs = stored->n_runs > 0 ? runs : NULL;
	if (stored->n_runs > 0)
		memcpy(runs, stored->runs, stored->n_runs * sizeof *runs);
	e->stored.holes = copy_holes(&c, holes, stored->holes);
	e->headers = copy_headers(&c, headers, spec->headers);
	e->stored.vary = copy_headers(&c, headers + spec->headers->n, &stored->vary);
	for (unsigned i = 0; i < spec->n_tags; i++)
		tags[i] = copy_str(&c, spec->tags[i]);
	assert(c.p == (char *)e + size);
	*body_take = NULL;
	*out = e;
	return ERR_OK;
}

int entry_renew(const struct entry *old, const struct entry_spec *spec, struct entry **out)
{
	assert(!stored_has_holes(&old->stored) && !stored_has_holes(spec->stored));
	struct entry_spec renewed = *spec;
	renewed.key = old->key;
	renewed.route_id = old->route_id;
	struct body *body = body_ref(old->body);
	int err = entry_new(&renewed, &body, old->budget, out);
	if (err)
		body_release(&body);
	else
		(*out)->size = old->size;
	return err;
}

struct entry *entry_ref(struct entry *e)
{
	atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
	return e;
}

size_t entry__release(struct entry **entry)
{
	struct entry *e = *entry;
	*entry = NULL;
	if (!e || atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) > 1)
		return 0;
	size_t freed = e->charged + body__release(&e->body);
	if (e->charged > 0)
		budget_give_back(e->budget, e->charged);
	free(e);
	return freed;
}

void entry_release(struct entry **e)
{
	entry__release(e);
}

bool entry__shared(const struct entry *e)
{
	return atomic_load_explicit(&e->refs, memory_order_acquire) > 1 || body__shared(e->body);
}

static int64_t add_ms(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t max_ms(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t entry__useless_from(const struct stored *s)
{
	int64_t stale_ms = max_ms(max_ms(s->swr_ms, s->sie_ms), s->unreachable_ms);
	int64_t at = add_ms(add_ms(s->response_ms, s->lifetime_ms), stale_ms) - s->initial_age_ms;
	if (s->etag.n == 0 && s->last_modified_s < 0)
		return at;
	int64_t grace = s->lifetime_ms < GRACE_MIN_MS ? GRACE_MIN_MS : s->lifetime_ms;
	return add_ms(at, grace < GRACE_MAX_MS ? grace : GRACE_MAX_MS);
}

static bool has_field(const struct headers *h, const struct header *field)
{
	for (uint32_t i = 0; i < h->n; i++) {
		const struct header *other = &h->v[i];
		if (str_eq_nocase(other->name, field->name) && !other->value.p == !field->value.p &&
		    str_eq(other->value, field->value))
			return true;
	}
	return false;
}

bool entry_replaces(const struct entry *a, const struct entry *b)
{
	if (stored_is_partial(&a->stored) && !stored_is_partial(&b->stored))
		return false;
	const struct headers *x = &a->stored.vary, *y = &b->stored.vary;
	if (x->n != y->n)
		return false;
	for (uint32_t i = 0; i < x->n; i++) {
		if (!has_field(y, &x->v[i]))
			return false;
	}
	return true;
}

bool entry__is_better(const struct stored *x, const struct stored *y)
{
	if ((x->vary.n > 0) != (y->vary.n > 0))
		return x->vary.n > 0;
	return x->date_s > y->date_s;
}

bool entry__is_newer(const struct stored *x, const struct stored *y)
{
	if (x->date_s != y->date_s)
		return x->date_s > y->date_s;
	return x->response_ms > y->response_ms;
}
