/* Entries: everything copied into one block, charged, and given back by the last release. */
#include "suite.h"

#include <malloc.h>

#include "base/mem.h"
#include "tier/must.h"
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
	ck_assert(str_eq(e->key.text, STR("GET http://h/p")));
	ck_assert_uint_eq(e->key.hi, 1);
	ck_assert_uint_eq(e->key.lo, 2);
	ck_assert_uint_eq(e->route_id, 7);
	ck_assert_uint_eq(e->epoch, 9);
	ck_assert_uint_eq(e->headers.n, COUNT_OF(header_list));
	for (uint32_t i = 0; i < e->headers.n; i++) {
		ck_assert(str_eq(e->headers.v[i].name, header_list[i].name));
		ck_assert(str_eq(e->headers.v[i].value, header_list[i].value));
		ck_assert_msg(e->headers.v[i].name.p != header_list[i].name.p, "borrowed");
	}
	ck_assert_msg(e->headers.v[1].value.p != NULL, "an empty value became an absent one");
	ck_assert(str_eq(e->stored.etag, STR("\"v1\"")));
	ck_assert_int_eq(e->stored.lifetime_ms, 60000);
	ck_assert_uint_eq(e->stored.vary.n, 2);
	ck_assert(str_eq(e->stored.vary.v[0].value, STR("de")));
	ck_assert_msg(e->stored.vary.v[1].value.p == NULL, "an absent value became an empty one");
	ck_assert_uint_eq(e->n_tags, 2);
	ck_assert(str_eq(e->tags[1], STR("b")));
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
	ck_assert_ptr_null(e->headers.v);
	ck_assert_ptr_null(e->tags);
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
	ck_assert_uint_gt(budget.used, bytes + sizeof(*e) + sizeof(header_list) + sizeof(vary_list));
	struct entry *other = entry_ref(e);
	entry_release(&e);
	ck_assert_uint_gt(budget.used, bytes);
	ck_assert(str_eq(other->key.text, STR("GET http://h/p")));
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
	old->size = 4;
	struct stored stored = stored_of(STR("\"v2\""));
	stored.lifetime_ms = 5;
	struct headers one = {header_list, 1, 1};
	struct str tag = STR("new");
	struct entry_spec spec = {
	    .stored = &stored, .headers = &one, .tags = &tag, .n_tags = 1, .route_id = 99, .epoch = 11};
	ck_assert_int_eq(entry_renew(old, &spec, &renewed), 0);
	ck_assert_ptr_eq(renewed->body, old->body);
	entry_release(&old);
	ck_assert(str_eq(renewed->key.text, STR("GET http://h/p")));
	ck_assert(str_eq(renewed->stored.etag, STR("\"v2\"")));
	ck_assert_int_eq(renewed->stored.lifetime_ms, 5);
	ck_assert_uint_eq(renewed->headers.n, 1);
	ck_assert_uint_eq(renewed->n_tags, 1);
	ck_assert(str_eq(renewed->tags[0], STR("new")));
	ck_assert_uint_eq(renewed->route_id, 7);
	ck_assert_uint_eq(renewed->epoch, 11);
	ck_assert_uint_eq(renewed->size, 4);
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

	const struct holes *h = e->stored.holes;
	ck_assert_msg(h != &holes && stored_has_holes(&e->stored), "borrowed, or lost");
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
	ck_assert(str_eq(e->key.text, STR("GET http://h/p")));
	ck_assert(str_eq(e->stored.etag, STR("\"v1\"")));
	ck_assert(str_eq(e->headers.v[0].value, STR("text/html")));
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
	ck_assert(stored_has_holes(&e->stored));
	ck_assert_ptr_null(e->stored.holes->body);
	ck_assert_ptr_null(e->stored.holes->fields);
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
	tcase_add_test(t, holes_and_their_strings_are_copied);
	tcase_add_test(t, holes_without_places_in_body_or_fields_are_holes);
	tcase_add_test(t, holes_are_charged_and_given_back);
	tcase_add_test(t, costs_are_what_malloc_takes_or_a_little_more);
	suite_add_tcase(s, t);
	return suite_run(s);
}
