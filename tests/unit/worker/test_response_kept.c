/* What is kept, for whom it is found, and when it goes. */
#include "worker/response_kept.h"

#include "base/mem.h"
#include "suite.h"
#include "tier/body.h"

enum { HEAD_SIZE = 300, LARGE = 100000 };

static struct budget budget;
static struct kept *kept;
static struct entry page, other;

static struct answer answer_of(struct entry *e)
{
	return (struct answer){
	    .kind = ANSWER_TEXT, .status = 200, .entry = e, .plain = {.is = true, .age_s = 5, .ttl_s = 55}};
}

static void set_up(void)
{
	budget = (struct budget){.limit = 1 << 20};
	page = (struct entry){.serial = 1};
	other = (struct entry){.serial = 2};
	kept = kept_new(&budget);
}

static void tear_down(void)
{
	kept_free(&kept);
	ck_assert_uint_eq(budget.used, 0);
}

/* As the client does: what is not kept is destroyed. */
static bool put(const struct answer *a)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(4, (void *)(uintptr_t) "body", MHD_RESPMEM_PERSISTENT);
	ck_assert_ptr_nonnull(r);
	bool is_kept = kept_put(kept, a, r, HEAD_SIZE);
	if (!is_kept)
		MHD_destroy_response(r);
	return is_kept;
}

static bool is_found(const struct answer *a)
{
	size_t size = 0;
	struct MHD_Response *r = kept_find(kept, a, &size);
	ck_assert(!r || size == HEAD_SIZE);
	return r != NULL;
}

START_TEST(what_is_asked_for_twice_is_kept)
{
	struct answer a = answer_of(&page);
	ck_assert(!is_found(&a));
	ck_assert(!put(&a));
	ck_assert(!is_found(&a));
	ck_assert_uint_eq(budget.used, 0);
	ck_assert(put(&a));
	ck_assert(is_found(&a));
	ck_assert(is_found(&a));
	ck_assert_uint_gt(budget.used, HEAD_SIZE);
	ck_assert(!put(&a));
	ck_assert(is_found(&a));
}
END_TEST

static const struct other_answer {
	const char *sentence;
	struct answer answer;
	uint32_t serial; /* of the entry that is at this address then */
} others[] = {
    {"another status", {.status = 304, .plain = {.is = true, .age_s = 5, .ttl_s = 55}}, 1},
    {"without its body", {.status = 200, .bodyless = true, .plain = {.is = true, .age_s = 5, .ttl_s = 55}}, 1},
    {"a second later", {.status = 200, .plain = {.is = true, .age_s = 6, .ttl_s = 54}}, 1},
    {"older, but as long fresh", {.status = 200, .plain = {.is = true, .age_s = 6, .ttl_s = 55}}, 1},
    {"under other settings",
	{.status = 200, .plain = {.is = true, .age_s = 5, .ttl_s = 55, .conf = (const void *)&budget}}, 1},
    {"by another route",
	{.status = 200, .plain = {.is = true, .age_s = 5, .ttl_s = 55, .route = (const void *)&budget}}, 1},
    {"one that closes", {.status = 200, .close = true, .plain = {.is = true, .age_s = 5, .ttl_s = 55}}, 1},
    {"not the same for all", {.status = 200, .plain = {.age_s = 5, .ttl_s = 55}}, 1},
    {"of an entry where the first one was", {.status = 200, .plain = {.is = true, .age_s = 5, .ttl_s = 55}}, 3},
};

START_TEST(another_answer_does_not_find_it)
{
	const struct other_answer *row = &others[_i];
	struct answer a = answer_of(&page), b = row->answer;
	b.entry = &page;
	put(&a);
	ck_assert(put(&a));
	page.serial = row->serial;
	ck_assert_msg(!is_found(&b), "%s", row->sentence);
}
END_TEST

START_TEST(what_is_not_plain_is_never_kept)
{
	static const struct str slices[] = {STR("a"), STR("b")};
	const struct {
		const char *sentence;
		struct answer answer;
	} rows[] = {
	    {"not plain", {.status = 200, .entry = &page}},
	    {"it closes the connection", {.status = 200, .entry = &page, .close = true, .plain = {.is = true}}},
	    {"its pieces are read in their order", {.kind = ANSWER_PARTS,
						       .status = 200,
						       .entry = &page,
						       .slices = slices,
						       .n_slices = 2,
						       .plain = {.is = true}}},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned times = 0; times < 3; times++)
			ck_assert_msg(!put(&rows[i].answer), "%s", rows[i].sentence);
	}
}
END_TEST

START_TEST(a_sweep_drops_what_was_not_used)
{
	struct answer a = answer_of(&page), b = answer_of(&other);
	put(&a), put(&a);
	put(&b), put(&b);
	kept_sweep(kept); /* both were made since the last */
	ck_assert(is_found(&a));
	kept_sweep(kept);
	ck_assert(is_found(&a));
	ck_assert(!is_found(&b));
	kept_clear(kept);
	ck_assert(!is_found(&a));
	ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(the_next_second_takes_the_place)
{
	struct answer a = answer_of(&page), later = answer_of(&page);
	later.plain.age_s++;
	put(&a), put(&a);
	size_t used = budget.used;
	put(&later), put(&later);
	ck_assert(is_found(&later));
	ck_assert(!is_found(&a));
	ck_assert_uint_eq(budget.used, used);
}
END_TEST

START_TEST(one_in_use_keeps_its_place)
{
	static struct entry pages[20000];
	struct answer a = answer_of(&page);
	put(&a), put(&a);
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		struct answer b = answer_of(&pages[i]);
		put(&b);
	}
	ck_assert(is_found(&a));
}
END_TEST

START_TEST(the_budget_bounds_it)
{
	static struct entry pages[4000];
	unsigned n = 0;
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		pages[i].serial = (uint32_t)i;
		struct answer a = answer_of(&pages[i]);
		put(&a);
		n += put(&a);
	}
	ck_assert_uint_gt(n, 1);
	ck_assert_uint_le(budget.used, budget.limit / 64);
	kept_clear(kept);
	budget.used = budget.limit - HEAD_SIZE; /* others have the rest */
	struct answer a = answer_of(&page);
	put(&a);
	ck_assert(!put(&a));
	budget.used = 0;
}
END_TEST

/* A page whose body lies in shared memory. */
static struct entry shared_page(uint32_t serial)
{
	struct body *b = body_new(LARGE, NULL, NULL, NULL);
	size_t room = 0;
	char *p;
	for (size_t n = 0; n < LARGE; n += room) {
		ck_assert_int_eq(body_space(b, &p, &room), ERR_OK);
		memset(p, 'x', room);
		body_filled(b, room);
	}
	body_end(b, ERR_OK);
	ck_assert_int_ge(body_memory(b), 0);
	return (struct entry){.serial = serial, .body = b};
}

START_TEST(the_memory_that_a_descriptor_keeps_is_charged)
{
	struct entry e = shared_page(7);
	struct answer a = answer_of(&e);
	a.kind = ANSWER_WHOLE;
	put(&a);
	ck_assert_msg(!put(&a), "it is more than the share of the budget");
	budget.limit = 64 * 2 * LARGE;
	ck_assert(put(&a));
	ck_assert(is_found(&a));
	ck_assert_uint_ge(budget.used, LARGE);
	kept_sweep(kept), kept_sweep(kept);
	ck_assert_uint_eq(budget.used, 0);
	body_release(&e.body);
}
END_TEST

START_TEST(few_descriptors_are_kept)
{
	static struct entry pages[200];
	unsigned n = 0;
	budget.limit = (size_t)1 << 40;
	pages[0] = shared_page(0);
	for (size_t i = 0; i < COUNT_OF(pages); i++) {
		pages[i] = (struct entry){.serial = (uint32_t)i, .body = pages[0].body};
		struct answer a = answer_of(&pages[i]);
		a.kind = ANSWER_WHOLE;
		put(&a);
		n += put(&a);
	}
	ck_assert_uint_eq(n, 64);
	kept_clear(kept);
	struct answer a = answer_of(&pages[1]);
	a.kind = ANSWER_WHOLE;
	put(&a);
	ck_assert_msg(put(&a), "those that were dropped count no more");
	body_release(&pages[0].body);
}
END_TEST

START_TEST(without_a_budget_nothing_is_kept)
{
	struct answer a = answer_of(&page);
	kept_free(&kept);
	kept = kept_new(NULL);
	put(&a);
	ck_assert(!put(&a));
	ck_assert(!is_found(&a));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("response_kept");
	TCase *t = tcase_create("response_kept");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_is_asked_for_twice_is_kept);
	tcase_add_loop_test(t, another_answer_does_not_find_it, 0, COUNT_OF(others));
	tcase_add_test(t, what_is_not_plain_is_never_kept);
	tcase_add_test(t, a_sweep_drops_what_was_not_used);
	tcase_add_test(t, the_next_second_takes_the_place);
	tcase_add_test(t, one_in_use_keeps_its_place);
	tcase_add_test(t, the_budget_bounds_it);
	tcase_add_test(t, the_memory_that_a_descriptor_keeps_is_charged);
	tcase_add_test(t, few_descriptors_are_kept);
	tcase_add_test(t, without_a_budget_nothing_is_kept);
	suite_add_tcase(s, t);
	return suite_run(s);
}
