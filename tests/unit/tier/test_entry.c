/* Entries: everything copied into one block, charged, and given back by the last release. */
#include "suite.h"

#include <malloc.h>

#include "base/mem.h"
#include "http/date.h"
#include "must.h"
#include "tier/private.h"

static struct header header_list[] = {
    {STR("Content-Type"), STR("text/html")},
    {STR("X-Empty"), STR("")},
    {STR("cache-tag"), STR("a, b")},
};
static struct header vary_list[] = {
    {STR("accept-language"), STR("de")},
    {STR("x-absent"), {NULL, 0}},
};
static struct str tag_list[] = {STR("a"), STR("b")};

/* A spec whose strings lie in `text`, so that a test can spoil them. */
static struct stored stored_of(struct str etag)
{
	return (struct stored){
	    .status = 200,
	    .lifetime_ms = 60000,
	    .etag = etag,
	    .lifetime_source = "ttl",
	    .vary = {vary_list, COUNT_OF(vary_list), COUNT_OF(vary_list)},
	};
}

static const struct headers all_headers = {header_list, COUNT_OF(header_list), COUNT_OF(header_list)};

static int make(struct str url, struct body **body, struct budget *budget, struct entry **out)
{
	struct stored stored = stored_of(STR("\"v1\""));
	struct entry_spec spec = {
	    .key = {.hi = 1, .lo = 2, .text = url},
	    .stored = &stored,
	    .headers = &all_headers,
	    .tags = tag_list,
	    .n_tags = COUNT_OF(tag_list),
	    .route_id = 7,
	    .epoch = 9,
	};
	return entry_new(&spec, body, budget, out);
}

START_TEST(all_of_the_spec_is_copied)
{
	char url[] = "GET http://h/p";
	struct body *body = body_of(STR("page"), NULL);
	struct entry *e;
	ck_assert_int_eq(make(str_of(url), &body, NULL, &e), 0);
	ck_assert_msg(body == NULL, "the body was not taken");
	memset(url, 'x', sizeof(url) - 1);
	ck_assert(str_eq(entry_key(e).text, STR("GET http://h/p")));
	ck_assert_uint_eq(e->hi, 1);
	ck_assert_uint_eq(e->node.hash, 2);
	ck_assert_uint_eq(entry_route_id(e), 7);
	ck_assert_uint_eq(e->epoch, 9);
	struct arena a;
	arena_init(&a, 0);
	const struct headers *h = entry_headers(e, &a);
	ck_assert_uint_eq(h->n, COUNT_OF(header_list));
	for (uint32_t i = 0; i < h->n; i++) {
		ck_assert(str_eq(h->v[i].name, header_list[i].name));
		ck_assert(str_eq(h->v[i].value, header_list[i].value));
		ck_assert_msg(i == 0 || h->v[i].value.p != header_list[i].value.p, "borrowed");
	}
	ck_assert_msg(h->v[1].value.p != NULL, "an empty value became an absent one");
	arena_free(&a);
	ck_assert(str_eq(ENTRY_STORED(e)->etag, STR("\"v1\"")));
	ck_assert_int_eq(ENTRY_STORED(e)->lifetime_ms, 60000);
	ck_assert_uint_eq(ENTRY_STORED(e)->vary.n, 2);
	ck_assert(str_eq(ENTRY_STORED(e)->vary.v[0].value, STR("de")));
	ck_assert_msg(ENTRY_STORED(e)->vary.v[1].value.p == NULL, "an absent value became an empty one");
	ck_assert_uint_eq(entry_n_tags(e), 2);
	ck_assert(str_eq(entry_tags(e)[1], STR("b")));
	entry_release(&e);
	ck_assert_ptr_null(e);
}
END_TEST

START_TEST(nothing_at_all_is_an_entry_too)
{
	struct stored stored = {.status = 204};
	struct headers none = {0};
	struct entry_spec spec = {.key = {.text = STR("GET http://h/")}, .stored = &stored, .headers = &none};
	struct body *body = body_new(0, NULL, NULL, NULL);
	body_end(body, ERR_OK);
	struct entry *e;
	ck_assert_int_eq(entry_new(&spec, &body, NULL, &e), 0);
	struct arena a;
	arena_init(&a, 0);
	ck_assert_uint_eq(entry_headers(e, &a)->n, 0);
	ck_assert_ptr_null(entry_headers(e, &a)->v);
	arena_free(&a);
	ck_assert_ptr_null(entry_tags(e));
	entry_release(&e);
}
END_TEST

START_TEST(the_last_release_gives_everything_back)
{
	struct budget budget = {.limit = 10000};
	struct body *body = body_of(STR("page"), &budget);
	size_t bytes = budget.used;
	struct entry *e;
	ck_assert_int_eq(make(STR("GET http://h/p"), &body, &budget, &e), 0);
	ck_assert_uint_gt(budget.used, sizeof(*e) + sizeof(vary_list));
	ck_assert_msg(budget.used < bytes + sizeof(*e) + 300, "the body that was copied is still there");
	struct entry *other = entry_ref(e);
	entry_release(&e);
	ck_assert_uint_gt(budget.used, sizeof(*e));
	ck_assert(str_eq(entry_key(other).text, STR("GET http://h/p")));
	entry_release(&other);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(without_room_the_body_is_left)
{
	struct budget budget = {.limit = 200};
	struct body *body = body_of(STR("page"), &budget), *same = body;
	struct entry *e = (struct entry *)1;
	size_t used = budget.used;
	ck_assert_int_eq(make(STR("GET http://h/p"), &body, &budget, &e), ERR_FULL);
	ck_assert_ptr_eq(body, same);
	ck_assert_ptr_null(e);
	ck_assert_uint_eq(budget.used, used);
	body_release(&body);
}
END_TEST

START_TEST(renewal_shares_the_body_and_keeps_the_key)
{
	struct budget budget = {.limit = 10000};
	struct body *body = body_of(STR("page"), &budget);
	struct entry *old, *renewed;
	ck_assert_int_eq(make(STR("GET http://h/p"), &body, &budget, &old), 0);
	struct stored stored = stored_of(STR("\"v2\""));
	stored.lifetime_ms = 5;
	struct headers one = {header_list, 1, 1};
	struct str tag = STR("new");
	struct entry_spec spec = {
	    .stored = &stored, .headers = &one, .tags = &tag, .n_tags = 1, .route_id = 99, .epoch = 11};
	ck_assert_int_eq(entry_renew(old, &spec, &renewed), 0);
	entry_release(&old);
	ck_assert(str_eq(entry_key(renewed).text, STR("GET http://h/p")));
	ck_assert(str_eq(ENTRY_STORED(renewed)->etag, STR("\"v2\"")));
	ck_assert_int_eq(ENTRY_STORED(renewed)->lifetime_ms, 5);
	ck_assert(str_eq(entry_header(renewed, STR("content-type"), NULL), STR("text/html")));
	ck_assert_ptr_null(entry_header(renewed, STR("X-Empty"), NULL).p);
	ck_assert_uint_eq(entry_n_tags(renewed), 1);
	ck_assert(str_eq(entry_tags(renewed)[0], STR("new")));
	ck_assert_uint_eq(entry_route_id(renewed), 7);
	ck_assert_uint_eq(renewed->epoch, 11);
	ck_assert_uint_eq(body_size(renewed->body), 4);
	struct str seg;
	ck_assert_uint_eq(body_segments(renewed->body, &seg, 1), 1);
	ck_assert(str_eq(seg, STR("page")));

	budget.limit = budget.used;
	struct entry *refused;
	ck_assert_int_eq(entry_renew(renewed, &spec, &refused), ERR_FULL);
	entry_release(&renewed);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

/* ---- at rest ---- */

START_TEST(metadata_of_every_size_comes_back)
{
	static char value[4000];
	memset(value, 'v', sizeof(value));
	for (size_t n = 0; n < sizeof(value); n += 1 + n / 5) {
		struct header fields[] = {{STR("X-Long"), str_make(value, n)}, {STR("ETag"), STR("\"1\"")},
		    {STR("Date"), STR("Mon, 30 Nov 2026 12:00:00 GMT")},
		    {STR("Last-Modified"), STR("Mon, 30 Nov 2026 12:00:00 GMT")}};
		struct headers list = {fields, 4, 4};
		struct stored stored = {.status = 404,
		    .etag = n % 2 ? STR("\"1\"") : STR("\"own\""),
		    .response_ms = 1764503420123,
		    .date_s = 1796040000 + (int64_t)n,
		    .last_modified_s = -1,
		    .unreachable_ms = INT64_MAX,
		    .reaches_end = true,
		    .no_cache = n % 2,
		    .by_route = 129};
		struct entry_spec spec = {
		    .key = {.text = str_make(value, n / 2)}, .stored = &stored, .headers = &list, .route_id = 70000};
		struct entry *e;
		struct entry_parts parts;
		struct arena a;
		arena_init(&a, 0);
		ck_assert_int_eq(entry_new(&spec, NULL, NULL, &e), ERR_OK);
		entry_open(e, &a, &parts);
		const struct stored *s = &parts.stored;
		must(str_eq(parts.spec.key.text, spec.key.text) && parts.spec.route_id == 70000, "%zu: spec", n);
		must(s->status == 404 && s->response_ms == 1764503420123 && s->date_s == 1796040000 + (int64_t)n,
		    "%zu: dates", n);
		must(s->last_modified_s == -1 && s->unreachable_ms == INT64_MAX, "%zu: extremes", n);
		must(s->reaches_end && s->no_cache == n % 2 && s->by_route == 129, "%zu: flags", n);
		must(!s->must_revalidate && !s->lifetime_source && !s->holes, "%zu: what is not there", n);
		must(str_eq(s->etag, stored.etag), "%zu: etag", n);
		must(parts.headers.n == 4 && parts.headers.v[0].value.n == n, "%zu: fields", n);
		for (unsigned i = 0; i < 4; i++)
			must(str_eq(parts.headers.v[i].value, fields[i].value), "%zu: field %u", n, i);
		ck_assert(str_eq(entry_header(e, STR("date"), &a), fields[2].value));
		arena_free(&a);
		entry_release(&e);
	}
}
END_TEST

static uint64_t dice;

static uint64_t throw(uint64_t n)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (dice >> 33) % n;
}

static int64_t any_number(void)
{
	static const int64_t ends[] = {
	    INT64_MIN, INT64_MAX, -1, 0, 63, 64, -64, -65, 4294967296, 253402300799, 253402300800};
	return throw(2) ? ends[throw(COUNT_OF(ends))] : (int64_t)(throw(UINT32_MAX) << throw(30));
}

/* Names and values that are usual, nearly so, or not at all; dates that are those of the page, and others. */
static struct header any_field(struct arena *a, const struct stored *s)
{
	static const struct str names[] = {STR("Date"), STR("date"), STR("Last-Modified"), STR("ETag"), STR("eTag"),
	    STR("Vary"), STR("Content-Type"), STR("content-type"), STR("Set-Cookie"), STR("X-Own")};
	static const struct str values[] = {STR(""), STR("Accept-Encoding"), STR("text/html"), STR("\"1\""),
	    STR("Thu, 01 Jan 1970 00:00:00 GMT"), STR("b\xc3\xb6\t\xff")};
	struct header field = {names[throw(COUNT_OF(names))], values[throw(COUNT_OF(values))]};
	int64_t at = throw(2) ? s->date_s : s->last_modified_s;
	if (throw(4) == 0 && at >= 0 && at <= 253402300799) {
		char *date = arena_alloc(a, HTTP_DATE_SIZE);
		http_date_write(at, date);
		field.value = str_make(date, HTTP_DATE_SIZE - 1);
	} else if (throw(40) == 0) {
		field.value.n = throw(70000);
		field.value.p = memset(arena_alloc(a, field.value.n + 1), 'v', field.value.n + 1);
	}
	return field;
}

static void must_be_same(uint64_t row, const struct entry_spec *x, const struct entry_spec *y)
{
	const struct stored *s = x->stored, *t = y->stored;
	must(s->status == t->status && s->response_ms == t->response_ms && s->date_s == t->date_s &&
		 s->initial_age_ms == t->initial_age_ms && s->lifetime_ms == t->lifetime_ms &&
		 s->last_modified_s == t->last_modified_s && s->complete == t->complete && x->route_id == y->route_id,
	    "%llu: numbers", (unsigned long long)row);
	must(str_eq(s->etag, t->etag), "%llu: etag", (unsigned long long)row);
	must(x->headers->n == y->headers->n, "%llu: how many fields", (unsigned long long)row);
	for (uint32_t i = 0; i < x->headers->n; i++)
		must(str_eq(x->headers->v[i].name, y->headers->v[i].name) &&
			 str_eq(x->headers->v[i].value, y->headers->v[i].value),
		    "%llu: field %u", (unsigned long long)row, i);
}

/* Whatever a page is like: it is read as it was given, also from the entry that is made of what was read. */
START_TEST(whatever_is_packed_comes_back)
{
	for (uint64_t row = 0; row < 3000; row++) {
		struct arena a;
		struct header fields[12];
		struct headers list = {fields, 0, COUNT_OF(fields)};
		dice = row;
		struct stored in = {.status = (int)(100 + throw(900)),
		    .response_ms = any_number(),
		    .date_s = any_number(),
		    .initial_age_ms = any_number(),
		    .lifetime_ms = any_number(),
		    .last_modified_s = any_number(),
		    .complete = any_number()};
		struct entry_spec spec = {.stored = &in, .headers = &list, .route_id = (unsigned) throw(UINT32_MAX)};
		struct entry *e, *again;
		struct entry_parts parts, parts_again;
		arena_init(&a, 0);
		for (list.n = 0; list.n < row % COUNT_OF(fields); list.n++)
			fields[list.n] = any_field(&a, &in);
		in.etag = list.n > 0 && throw(2) ? fields[throw(list.n)].value : any_field(&a, &in).value;
		ck_assert_int_eq(entry_new(&spec, NULL, NULL, &e), ERR_OK);
		entry_open(e, &a, &parts);
		must_be_same(row, &parts.spec, &spec);
		ck_assert_int_eq(entry_new(&parts.spec, NULL, NULL, &again), ERR_OK);
		entry_open(again, &a, &parts_again);
		must_be_same(row, &parts_again.spec, &spec);
		entry_release(&e);
		entry_release(&again);
		arena_free(&a);
	}
}
END_TEST

/* One whose body grows until it is `n` bytes. */
static struct entry *grown(size_t n, struct budget *budget)
{
	struct body *body = body_new(-1, budget, NULL, NULL), *held = body_ref(body);
	struct entry *e;
	must(make(STR("GET http://h/p"), &body, budget, &e) == ERR_OK, "no room");
	while (n > 0) {
		char *p;
		size_t room;
		must(body_space(held, &p, &room) == ERR_OK, "no room");
		room = room < n ? room : n;
		memset(p, 'b', room);
		body_filled(held, room);
		n -= room;
	}
	body_end(held, ERR_OK);
	body_release(&held);
	return e;
}

static bool reads_all(struct body *body, size_t n)
{
	struct body_reader r;
	const char *p;
	size_t got, all = 0;
	must(body_reader_open(&r, body, NULL) == ERR_OK, "not opened");
	while (body_read(&r, &p, &got) == ERR_OK) {
		got = got > 1000 ? 1000 : got;
		must(p[0] == 'b' && p[got - 1] == 'b', "other bytes");
		all += got;
		body_read_done(&r, got);
	}
	bool whole = body_read(&r, &p, &got) == ERR_EOF && r.offset == all;
	body_reader_close(&r);
	body_reader_close(&r);
	return whole && all == n;
}

START_TEST(a_small_body_settles_in_the_block_of_its_entry)
{
	static const struct {
		size_t n;
		bool is_small;
	} rows[] = {{0, true}, {1, true}, {512, true}, {SMALL_MAX, true}, {SMALL_MAX + 1, false}, {100000, false}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct budget budget = {.limit = 1 << 20};
		size_t n = rows[i].n;
		struct entry *e = grown(n, &budget);
		atomic_store(&e->purged, true);
		atomic_store(&e->file_id, 5);
		struct entry *settled = entry_settle(e);
		must((settled != e) == rows[i].is_small, "%zu bytes", n);
		entry_release(&e);
		ck_assert(atomic_load(&settled->purged) && atomic_load(&settled->file_id) == 5);
		ck_assert(body_complete(settled->body) && body_size(settled->body) == n);
		ck_assert(
		    !body_has_file(settled->body) && body_file(settled->body) < 0 && body_is_cached(settled->body));
		ck_assert(!entry__shared(settled) && reads_all(settled->body, n));
		if (rows[i].is_small)
			must(
			    budget.used + 16 >= malloc_usable_size(settled) + 8, "%zu bytes: too little is charged", n);
		/* Who holds the body holds the entry. */
		struct body *held = body_ref(settled->body);
		ck_assert(entry__shared(settled));
		struct entry *same = entry_settle(settled);
		ck_assert_ptr_eq(same, settled);
		entry_release(&same);
		entry_release(&settled);
		ck_assert(reads_all(held, n));
		body_release(&held);
		ck_assert_uint_eq(budget.used, 0);
	}
}
END_TEST

START_TEST(without_room_to_settle_it_stays_as_it_is)
{
	struct budget budget = {.limit = 1 << 20};
	struct entry *e = grown(512, &budget);
	budget.limit = budget.used;
	struct entry *settled = entry_settle(e);
	ck_assert_ptr_eq(settled, e);
	entry_release(&settled);
	entry_release(&e);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

/* ---- holes ---- */

static char cookie_text[] = "csrf", attributes_text[] = "; Path=/; SameSite=Lax";

static int make_with_holes(struct holes *holes, struct body **body, struct budget *budget, struct entry **out)
{
	struct stored stored = stored_of(STR("\"v1\""));
	struct entry_spec spec = {.key = {.text = STR("GET http://h/p")}, .stored = &stored, .headers = &all_headers};
	stored.holes = holes;
	return entry_new(&spec, body, budget, out);
}

static const struct hole_value two_values[] = {
    {HOLE_TOKEN, {64, HOLE_HEX_LOWER, 0}, {cookie_text, sizeof cookie_text - 1},
	{attributes_text, sizeof attributes_text - 1}},
    {HOLE_NONCE, {24, HOLE_BASE64, 2}, {NULL, 0}, {NULL, 0}},
};

START_TEST(holes_and_their_strings_are_copied)
{
	struct hole_value values[COUNT_OF(two_values)];
	struct hole in_body[] = {{1, 0, 0, HOLE_PLAIN}, {3, 0, 1, HOLE_URL}, {4, 0, 0, HOLE_PLAIN}};
	struct hole in_fields[] = {{9, 2, 1, HOLE_PLAIN}};
	struct holes holes = {values, in_body, in_fields, COUNT_OF(two_values), 3, 1};
	struct body *body = body_of(STR("page"), NULL);
	struct entry *e;
	memcpy(values, two_values, sizeof values);
	ck_assert_int_eq(make_with_holes(&holes, &body, NULL, &e), 0);
	memset(cookie_text, 'x', sizeof cookie_text - 1);
	memset(attributes_text, 'x', sizeof attributes_text - 1);
	memset(values, 0, sizeof values);
	memset(in_body, 0, sizeof in_body);
	memset(in_fields, 0, sizeof in_fields);

	const struct holes *h = ENTRY_STORED(e)->holes;
	ck_assert_msg(h != &holes && entry_has_holes(e), "borrowed, or lost");
	ck_assert_uint_eq(h->n_values, 2);
	ck_assert_int_eq(h->values[0].kind, HOLE_TOKEN);
	ck_assert_uint_eq(h->values[0].shape.n, 64);
	ck_assert(str_eq(h->values[0].cookie, STR("csrf")));
	ck_assert(str_eq(h->values[0].attributes, STR("; Path=/; SameSite=Lax")));
	ck_assert_int_eq(h->values[1].kind, HOLE_NONCE);
	ck_assert_ptr_null(h->values[1].cookie.p);
	ck_assert_uint_eq(h->n_body, 3);
	ck_assert_uint_eq(h->body[1].at, 3);
	ck_assert_uint_eq(h->body[1].value, 1);
	ck_assert_uint_eq(h->body[1].form, HOLE_URL);
	ck_assert_uint_eq(h->body[2].at, 4);
	ck_assert_uint_eq(h->n_fields, 1);
	ck_assert_uint_eq(h->fields[0].at, 9);
	ck_assert_uint_eq(h->fields[0].field, 2);
	/* What lies beside them is whole. */
	ck_assert(str_eq(entry_key(e).text, STR("GET http://h/p")));
	ck_assert(str_eq(ENTRY_STORED(e)->etag, STR("\"v1\"")));
	ck_assert(str_eq(entry_header(e, STR("Content-Type"), NULL), STR("text/html")));
	memcpy(cookie_text, "csrf", 4);
	entry_release(&e);
}
END_TEST

START_TEST(holes_without_places_in_body_or_fields_are_holes)
{
	struct holes holes = {two_values, NULL, NULL, 1, 0, 0};
	struct body *body = body_of(STR("page"), NULL);
	struct entry *e;
	ck_assert_int_eq(make_with_holes(&holes, &body, NULL, &e), 0);
	ck_assert(entry_has_holes(e));
	ck_assert_ptr_null(ENTRY_STORED(e)->holes->body);
	ck_assert_ptr_null(ENTRY_STORED(e)->holes->fields);
	entry_release(&e);
}
END_TEST

START_TEST(holes_are_charged_and_given_back)
{
	static struct hole places[HOLES_MAX];
	struct holes holes = {two_values, places, NULL, COUNT_OF(two_values), HOLES_MAX, 0};
	struct budget budget = {.limit = 100000};
	struct body *body = body_of(STR("page"), &budget);
	struct entry *plain, *e;
	ck_assert_int_eq(make_with_holes(NULL, &body, &budget, &plain), 0);
	size_t without = plain->charged;
	body = body_of(STR("page"), &budget);
	ck_assert_int_eq(make_with_holes(&holes, &body, &budget, &e), 0);
	ck_assert_uint_ge(e->charged, without + sizeof holes + sizeof two_values + sizeof places);
	entry_release(&e);
	entry_release(&plain);
	ck_assert_uint_eq(budget.used, 0);

	budget.limit = sizeof places; /* room for the page, not for its holes */
	body = body_of(STR("page"), &budget);
	ck_assert_int_eq(make_with_holes(&holes, &body, &budget, &e), ERR_FULL);
	body_release(&body);
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(costs_are_what_malloc_takes_or_a_little_more)
{
	for (size_t n = 1; n < 1 << 20; n += 1 + n / 7) {
		void *p = mem_alloc(n);
		size_t real = malloc_usable_size(p) + 8, cost = tier__cost(n);
		/* A free piece that is 16 bytes larger is given whole, since the rest would be too small to be a piece. */
		must(cost + 16 >= real, "%zu bytes: %zu are charged, %zu taken", n, cost, real);
		must(cost <= real + real / 20 + 32, "%zu bytes: %zu are charged, %zu taken", n, cost, real);
		free(p);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/entry");
	TCase *t = tcase_create("entry");
	tcase_add_test(t, all_of_the_spec_is_copied);
	tcase_add_test(t, nothing_at_all_is_an_entry_too);
	tcase_add_test(t, the_last_release_gives_everything_back);
	tcase_add_test(t, without_room_the_body_is_left);
	tcase_add_test(t, renewal_shares_the_body_and_keeps_the_key);
	tcase_add_test(t, metadata_of_every_size_comes_back);
	tcase_add_test(t, whatever_is_packed_comes_back);
	tcase_add_test(t, a_small_body_settles_in_the_block_of_its_entry);
	tcase_add_test(t, without_room_to_settle_it_stays_as_it_is);
	tcase_add_test(t, holes_and_their_strings_are_copied);
	tcase_add_test(t, holes_without_places_in_body_or_fields_are_holes);
	tcase_add_test(t, holes_are_charged_and_given_back);
	tcase_add_test(t, costs_are_what_malloc_takes_or_a_little_more);
	suite_add_tcase(s, t);
	return suite_run(s);
}
