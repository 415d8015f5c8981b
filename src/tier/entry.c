/* Entries: one block of memory each. What all have lies at its beginning, packed (tier/pack.h); what few have, as it is:
 *
 *   | struct entry | key text | stored, packed | headers, packed | body, if small |
 *                                                              | struct entry_rare | vary.v[] | tags[] | refs[] | runs[] | holes | their strings |
 *
 *   holes, where there are any:   | struct holes | values[] | of the body [] | of the fields [] |
 *
 * Dates lie near one another, so all but one are kept as distances. Nothing in it changes after entry_new but the counter,
 * the marks, and the place in a shard. */
#include "tier/entry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tier/pack.h"
#include "tier/private.h"

/* How long an expired entry that has a validator is kept, for the cheap 304 it may bring: its lifetime once more, within these. */
#define GRACE_MIN_MS (60 * (int64_t)1000)
#define GRACE_MAX_MS (600 * (int64_t)1000)

/* Metadata of most entries takes less: then it is packed once. */
#define PACKED_ROOM 1024

/* ---- what most have ---- */

/* An ETag is nearly always that of the fields. Of no other field: a date is not there as text. */
enum { ETAG_NONE, ETAG_OWN, ETAG_OF_FIELD };

static int64_t minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static bool is_etag(const struct header *field, struct str etag)
{
	return str_eq_nocase(field->name, STR("ETag")) && str_eq(field->value, etag);
}

static void pack_etag(struct pack *p, const struct stored *s, const struct headers *h)
{
	uint32_t i = 0;
	while (s->etag.n > 0 && i < h->n && !is_etag(&h->v[i], s->etag))
		i++;
	bool is_own = s->etag.n > 0 && i == h->n;
	pack__number(p, s->etag.n == 0 ? ETAG_NONE : is_own ? ETAG_OWN : ETAG_OF_FIELD + i);
	if (is_own)
		pack__str(p, s->etag);
}

/* What is set for pages is set in seconds: twice these, or 1 and the milliseconds. */
static void pack_span(struct pack *p, int64_t ms)
{
	bool is_whole = ms >= 0 && ms % 1000 == 0;
	pack__number(p, is_whole ? (uint64_t)ms / 1000 * 2 : 1);
	if (!is_whole)
		pack__signed(p, ms);
}

static int64_t unpack_span(const char **at)
{
	uint64_t n = unpack__number(at);
	return n == 1 ? unpack__signed(at) : (int64_t)(n / 2 * 1000);
}

/* Numbers that are as usual in most: a bit tells of each whether it follows, as the distance from there. The first ones are spans. */
static const struct {
	size_t at;
	int64_t usual;
} seldom[] = {
    {offsetof(struct stored, swr_ms), 0},
    {offsetof(struct stored, sie_ms), 0},
    {offsetof(struct stored, unreachable_ms), 0},
    {offsetof(struct stored, initial_age_ms), 0},
    {offsetof(struct stored, last_modified_s), -1},
    {offsetof(struct stored, complete), 0},
};
enum { SELDOM = COUNT_OF(seldom), SELDOM_SPANS = 3, SOURCE_BITS = 3 };

/* The bit of stale_if_unreachable, which most have, becomes the lowest. */
static uint8_t turn_left(uint8_t by_route)
{
	return (uint8_t)(by_route << 1 | by_route >> 7);
}

static uint8_t turn_right(uint8_t turned)
{
	return (uint8_t)(turned >> 1 | turned << 7);
}

static void pack_seldom(struct pack *p, const struct stored *s)
{
	int64_t distances[SELDOM];
	unsigned given = 0;
	for (unsigned i = 0; i < SELDOM; i++) {
		distances[i] = minus(*(const int64_t *)(const void *)((const char *)s + seldom[i].at), seldom[i].usual);
		given |= (unsigned)(distances[i] != 0) << i;
	}
	pack__number(p, (unsigned)turn_left(s->by_route) << SELDOM | given);
	for (unsigned i = 0; i < SELDOM; i++) {
		if (distances[i] != 0)
			(i < SELDOM_SPANS ? pack_span : pack__signed)(p, distances[i]);
	}
}

static void unpack_seldom(const char **at, struct stored *s)
{
	unsigned given = (unsigned)unpack__number(at);
	s->by_route = turn_right((uint8_t)(given >> SELDOM));
	for (unsigned i = 0; i < SELDOM; i++) {
		int64_t distance = 0;
		if (given & 1U << i)
			distance = i < SELDOM_SPANS ? unpack_span(at) : unpack__signed(at);
		*(int64_t *)(void *)((char *)s + seldom[i].at) = plus(distance, seldom[i].usual);
	}
}

static void pack(struct pack *p, const struct entry_spec *spec)
{
	const struct stored *s = spec->stored;
	unsigned source = stored_source_number(s->lifetime_source);
	assert(source < 1U << SOURCE_BITS);
	pack__number(p, (uint64_t)spec->route_id << SOURCE_BITS | source);
	pack_seldom(p, s);
	pack__signed(p, s->response_ms);
	pack__signed(p, minus(s->date_s, s->response_ms / 1000));
	pack_span(p, s->lifetime_ms);
	pack_etag(p, s, spec->headers);
	pack__fields(p, spec->headers, &(struct pack_dates){s->date_s, s->last_modified_s});
}

static struct str unpack_etag(const char **at)
{
	uint64_t what = unpack__number(at);
	if (what == ETAG_NONE)
		return STR_NONE;
	if (what == ETAG_OWN)
		return unpack__str(at);
	const char *fields = *at;
	struct header field;
	unpack__number(&fields);
	do
		field = unpack__field(&fields, NULL, NULL);
	while (what-- > ETAG_OF_FIELD);
	return field.value;
}

/* Returns where the fields begin. */
static const char *unpack(const struct entry *e, struct stored *s)
{
	const char *at = e->packed + e->n_key;
	*s = (struct stored){
	    .status = e->status,
	    .must_revalidate = e->flags & ENTRY_MUST_REVALIDATE,
	    .no_cache = e->flags & ENTRY_NO_CACHE,
	    .reaches_end = e->flags & ENTRY_REACHES_END,
	};
	s->lifetime_source = stored_source((unsigned)unpack__number(&at) & ((1U << SOURCE_BITS) - 1));
	unpack_seldom(&at, s);
	s->response_ms = unpack__signed(&at);
	s->date_s = plus(unpack__signed(&at), s->response_ms / 1000);
	s->lifetime_ms = unpack_span(&at);
	s->etag = unpack_etag(&at);
	return at;
}

const struct stored *entry_stored(const struct entry *e, struct stored *s)
{
	unpack(e, s);
	const struct entry_rare *rare = entry_rare(e);
	if (!rare)
		return s;
	s->n_runs = rare->n_runs;
	s->runs = rare->runs;
	s->vary = rare->vary;
	s->holes = rare->holes;
	return s;
}

void entry_copy_headers(const struct entry *e, struct arena *a, uint32_t more, struct headers *out)
{
	struct stored s;
	const char *at = unpack(e, &s);
	struct pack_dates dates = {s.date_s, s.last_modified_s};
	uint32_t n = (uint32_t)unpack__number(&at), cap = n + more;
	*out = (struct headers){.v = cap > 0 ? arena_alloc(a, cap * sizeof *out->v) : NULL, .n = n, .cap = cap};
	for (uint32_t i = 0; i < n; i++)
		out->v[i] = unpack__field(&at, &dates, a);
}

const struct headers *entry_headers(const struct entry *e, struct arena *a)
{
	struct headers *out = arena_alloc(a, sizeof *out);
	entry_copy_headers(e, a, 0, out);
	return out;
}

struct str entry_header(const struct entry *e, struct str name, struct arena *a)
{
	struct stored s;
	const char *at = unpack(e, &s);
	struct pack_dates dates = {s.date_s, s.last_modified_s};
	for (uint64_t n = unpack__number(&at); n > 0; n--) {
		struct header field = unpack__field(&at, &dates, a);
		if (str_eq_nocase(field.name, name))
			return field.value;
	}
	return STR_NONE;
}

unsigned entry_route_id(const struct entry *e)
{
	const char *at = e->packed + e->n_key;
	return (unsigned)(unpack__number(&at) >> SOURCE_BITS);
}

void entry_open(const struct entry *e, struct arena *a, struct entry_parts *out)
{
	entry_stored(e, &out->stored);
	entry_copy_headers(e, a, 0, &out->headers);
	out->spec = (struct entry_spec){
	    .key = entry_key(e),
	    .stored = &out->stored,
	    .headers = &out->headers,
	    .tags = entry_tags(e),
	    .n_tags = entry_n_tags(e),
	    .route_id = entry_route_id(e),
	    .epoch = e->epoch,
	};
}

/* ---- what few have ---- */

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

static bool has_rare(const struct entry_spec *spec)
{
	const struct stored *s = spec->stored;
	return spec->n_tags > 0 || s->vary.n > 0 || s->n_runs > 0 || s->holes;
}

static size_t rare_bytes(const struct entry_spec *spec)
{
	const struct stored *s = spec->stored;
	if (!has_rare(spec))
		return 0;
	size_t n = sizeof(struct entry_rare) + s->vary.n * sizeof(struct header) +
		   spec->n_tags * (sizeof(struct str) + sizeof(struct tag_ref)) + s->n_runs * sizeof(struct range) +
		   holes_bytes(s->holes);
	n += headers_bytes(&s->vary) + holes_strings(s->holes);
	for (unsigned i = 0; i < spec->n_tags; i++)
		n += spec->tags[i].n;
	return n;
}

static void copy_rare(struct entry *e, const struct entry_spec *spec)
{
	struct entry_rare *rare = (struct entry_rare *)(void *)((char *)e + e->rare);
	const struct stored *s = spec->stored;
	struct header *vary = (struct header *)(void *)(rare + 1);
	struct str *tags = (struct str *)(void *)(vary + s->vary.n);
	struct tag_ref *refs = (struct tag_ref *)(void *)(tags + spec->n_tags);
	struct range *runs = (struct range *)(void *)(refs + spec->n_tags);
	char *holes = (char *)(void *)(runs + s->n_runs);
	struct cursor c = {holes + holes_bytes(s->holes)};
	*rare = (struct entry_rare){
	    .tags = spec->n_tags > 0 ? tags : NULL,
	    .refs = spec->n_tags > 0 ? refs : NULL,
	    .n_tags = spec->n_tags,
	    .n_runs = s->n_runs,
	    .runs = s->n_runs > 0 ? runs : NULL,
	    .holes = copy_holes(&c, holes, s->holes),
	};
	if (s->n_runs > 0)
		memcpy(runs, s->runs, s->n_runs * sizeof *runs);
	rare->vary = copy_headers(&c, vary, &s->vary);
	for (unsigned i = 0; i < spec->n_tags; i++) {
		tags[i] = copy_str(&c, spec->tags[i]);
		refs[i] = (struct tag_ref){.owner = e};
	}
	assert(c.p == (char *)rare + rare_bytes(spec));
}

/* ---- the block ---- */

/* What lies where, in bytes from its beginning. */
struct plan {
	size_t packed, rare, body, size;
};

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static struct plan plan(const struct entry_spec *spec, size_t n_packed, bool is_small, size_t n_body)
{
	struct plan p = {.packed = offsetof(struct entry, packed) + spec->key.text.n};
	size_t at = p.packed + n_packed, rare = rare_bytes(spec);
	if (rare > 0) {
		p.rare = round_up(at, _Alignof(struct entry_rare));
		at = p.rare + rare;
	}
	if (is_small) {
		p.body = at;
		at += offsetof(struct small, bytes) + n_body;
	}
	p.size = at > sizeof(struct entry) ? at : sizeof(struct entry);
	return p;
}

static uint8_t flags_of(const struct stored *s)
{
	unsigned flags = (stored_is_partial(s) ? ENTRY_PARTIAL : 0) | (stored_has_holes(s) ? ENTRY_HOLES : 0);
	flags |= (s->must_revalidate ? ENTRY_MUST_REVALIDATE : 0) | (s->no_cache ? ENTRY_NO_CACHE : 0);
	return (uint8_t)(flags | (s->reaches_end ? ENTRY_REACHES_END : 0));
}

static void put_small(struct entry *e, size_t at, struct str bytes)
{
	struct small *small = (struct small *)(void *)((char *)e + at);
	*small = (struct small){.door.in_entry = true, .size = (uint16_t)bytes.n, .behind = at & SMALL_BEHIND_MAX};
	if (bytes.n > 0)
		memcpy(small->bytes, bytes.p, bytes.n);
	e->body = &small->door;
}

struct entry *entry__of_small(const struct body *b)
{
	const struct small *small = CONTAINER_OF(b, const struct small, door);
	return (struct entry *)(void *)((char *)(uintptr_t)small - small->behind);
}

/* `packed`: what pack() makes of the spec; its bytes, or only how many they are. `body`: NULL, or what is neither taken nor let go here. */
static int make_of(
    const struct entry_spec *spec, struct str packed, struct body *body, struct budget *budget, struct entry **out)
{
	struct str bytes = STR_NONE;
	bool is_small = body && body__is_small(body, &bytes);
	struct plan p = plan(spec, packed.n, is_small, bytes.n);
	size_t charge = tier__cost(p.size) + (is_small || !body ? 0 : body__cost());
	*out = NULL;
	if (charge > UINT32_MAX || spec->key.text.n > ENTRY_KEY_MAX || p.body > SMALL_BEHIND_MAX)
		return ERR_FULL;
	if (budget) {
		int err = budget_charge(budget, charge);
		if (err)
			return err;
	}
	struct entry *e = mem_alloc(p.size);
	*e = (struct entry){
	    .node.hash = spec->key.lo,
	    .hi = spec->key.hi,
	    .body = body,
	    .n_key = spec->key.text.n & ENTRY_KEY_MAX,
	    .flags = flags_of(spec->stored),
	    .status = (uint16_t)spec->stored->status,
	    .rare = (uint32_t)p.rare,
	    .epoch = spec->epoch,
	    .budget = budget,
	    .charged = budget ? (uint32_t)charge : 0,
	};
	static _Atomic uint32_t serial;
	atomic_init(&e->refs, 1);
	e->serial = atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed);
	atomic_init(&e->purged, false);
	atomic_init(&e->placed, false);
	atomic_init(&e->unanswered_ms, 0);
	atomic_init(&e->file_id, 0);
	if (e->n_key > 0)
		memcpy(e->packed, spec->key.text.p, e->n_key);
	if (packed.p)
		memcpy((char *)e + p.packed, packed.p, packed.n);
	else
		pack(&(struct pack){.to = (char *)e + p.packed, .room = packed.n}, spec);
	if (p.rare > 0)
		copy_rare(e, spec);
	if (is_small)
		put_small(e, p.body, bytes);
	*out = e;
	return ERR_OK;
}

static int make(const struct entry_spec *spec, struct body *body, struct budget *budget, struct entry **out)
{
	char room[PACKED_ROOM];
	struct pack packed = {.to = room, .room = sizeof(room)};
	pack(&packed, spec);
	struct str all = {packed.n <= sizeof(room) ? room : NULL, packed.n};
	return make_of(spec, all, body, budget, out);
}

int entry_new(const struct entry_spec *spec, struct body **body_take, struct budget *budget, struct entry **out)
{
	assert(!(stored_has_holes(spec->stored) && stored_is_partial(spec->stored)));
	struct body *body = body_take ? *body_take : NULL;
	int err = make(spec, body, budget, out);
	if (err)
		return err;
	if (body && (*out)->body != body)
		body_release(&body);
	if (body_take)
		*body_take = NULL;
	return ERR_OK;
}

int entry_renew(const struct entry *old, const struct entry_spec *spec, struct entry **out)
{
	assert(!entry_has_holes(old) && !stored_has_holes(spec->stored));
	struct entry_spec renewed = *spec;
	renewed.key = entry_key(old);
	renewed.route_id = entry_route_id(old);
	int err = make(&renewed, old->body, old->budget, out);
	if (!err && (*out)->body == old->body)
		body_ref(old->body);
	return err;
}

/* What pack() has made of its spec. */
static struct str packed_of(const struct entry *e)
{
	struct stored s;
	const char *from = e->packed + e->n_key, *fields = unpack(e, &s);
	for (uint64_t n = unpack__number(&fields); n > 0; n--)
		unpack__field(&fields, NULL, NULL);
	return str_make(from, (size_t)(fields - from));
}

/* Nothing is unpacked to be packed again, and nothing allocated but the block: a passing piece beside one that stays leaves a hole. */
struct entry *entry_settle(struct entry *e)
{
	struct str bytes;
	struct stored stored;
	struct entry *settled = NULL;
	if (e->body->in_entry || !body__is_small(e->body, &bytes))
		return entry_ref(e);
	struct entry_spec spec = {
	    .key = entry_key(e),
	    .stored = entry_stored(e, &stored),
	    .tags = entry_tags(e),
	    .n_tags = entry_n_tags(e),
	    .epoch = e->epoch,
	};
	if (make_of(&spec, packed_of(e), e->body, e->budget, &settled))
		return entry_ref(e);
	atomic_init(&settled->purged, atomic_load_explicit(&e->purged, memory_order_relaxed));
	atomic_init(&settled->unanswered_ms, atomic_load_explicit(&e->unanswered_ms, memory_order_relaxed));
	atomic_init(&settled->file_id, atomic_load_explicit(&e->file_id, memory_order_relaxed));
	return settled;
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
	size_t freed = e->charged;
	if (e->body && !e->body->in_entry)
		freed += body__release(&e->body);
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
	static const struct headers none;
	if (entry_is_partial(a) && !entry_is_partial(b))
		return false;
	const struct headers *x = a->rare > 0 ? &entry_rare(a)->vary : &none;
	const struct headers *y = b->rare > 0 ? &entry_rare(b)->vary : &none;
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
