/* The purge log at its edges: how far back it remembers, and what it copies. What a purge covers is in contract.h. */
#include "suite.h"

#include <stdio.h>

#include "must.h"
#include "tier/purge_log.h"

static const struct cache_key key = {1, 2, STR("GET http://h/p")};

static uint64_t add(struct purge_log *log, enum purge_kind kind, struct str arg)
{
	return purge_log__add(log, &(struct tier_purge){.kind = kind, .arg = arg, .key = key});
}

START_TEST(epochs_count_from_one)
{
	struct purge_log *log = purge_log__new();
	ck_assert_uint_eq(purge_log__epoch(log), 0);
	ck_assert(!purge_log__covers(log, 0, &key, NULL, 0));
	ck_assert_uint_eq(add(log, PURGE_ALL, STR("")), 1);
	ck_assert_uint_eq(add(log, PURGE_TAG, STR("t")), 2);
	ck_assert_uint_eq(purge_log__epoch(log), 2);
	ck_assert_msg(purge_log__covers(log, 0, &key, NULL, 0), "the first purge came after epoch 0");
	ck_assert_msg(!purge_log__covers(log, 1, &key, NULL, 0), "the first purge is not after epoch 1");
	ck_assert_msg(!purge_log__covers(log, 2, &key, NULL, 0), "nothing is after the last");
	purge_log__free(log);
	purge_log__free(NULL);
}
END_TEST

START_TEST(arguments_are_copied)
{
	struct purge_log *log = purge_log__new();
	char tag[] = "tag", text[] = "GET http://h/p";
	struct str tags[] = {STR("tag")};
	add(log, PURGE_TAG, str_of(tag));
	purge_log__add(log, &(struct tier_purge){.kind = PURGE_URL, .key = {1, 2, str_of(text)}, .arg = str_of(text)});
	memset(tag, 'x', sizeof(tag) - 1);
	memset(text, 'x', sizeof(text) - 1);
	ck_assert(purge_log__covers(log, 0, &(struct cache_key){3, 4, STR("GET http://h/q")}, tags, 1));
	ck_assert(purge_log__covers(log, 1, &key, NULL, 0));
	ck_assert(!purge_log__covers(log, 1, &(struct cache_key){1, 2, STR("GET http://h/q")}, tags, 1));
	purge_log__free(log);
}
END_TEST

START_TEST(the_ring_is_used_to_its_last_place)
{
	struct purge_log *log = purge_log__new();
	add(log, PURGE_URL, STR("")); /* of `key` */
	const struct cache_key other = {5, 6, STR("GET http://h/other")};
	for (unsigned i = 1; i < PURGE_LOG_MAX; i++) {
		must(purge_log__covers(log, 0, &key, NULL, 0), "forgotten after %u", i);
		must(!purge_log__covers(log, 0, &other, NULL, 0), "another after %u", i);
		add(log, PURGE_TAG, STR("t"));
	}
	ck_assert(purge_log__covers(log, 0, &key, NULL, 0));
	ck_assert(!purge_log__covers(log, 0, &other, NULL, 0));
	add(log, PURGE_TAG, STR("t"));
	ck_assert_msg(purge_log__covers(log, 0, &other, NULL, 0), "too long ago to tell, and let through");
	ck_assert(!purge_log__covers(log, 1, &other, NULL, 0));
	ck_assert(!purge_log__covers(log, 1, &key, NULL, 0));
	purge_log__free(log);
}
END_TEST

START_TEST(an_overlong_argument_covers_everything_before_it)
{
	struct purge_log *log = purge_log__new();
	static char arg[PURGE_LOG_ARG_MAX + 1];
	memset(arg, 'a', sizeof(arg));
	add(log, PURGE_PREFIX, str_make(arg, PURGE_LOG_ARG_MAX));
	ck_assert(!purge_log__covers(log, 0, &key, NULL, 0));
	add(log, PURGE_PREFIX, str_make(arg, sizeof(arg)));
	ck_assert(purge_log__covers(log, 0, &key, NULL, 0));
	ck_assert(!purge_log__covers(log, 2, &key, NULL, 0));
	purge_log__free(log);
}
END_TEST

/* Keys of one slot with marks of their own. */
static struct cache_key key_in_slot(uint64_t mark)
{
	return (struct cache_key){.hi = mark << 48, .lo = 7, .text = STR("GET http://h/")};
}

START_TEST(keys_of_one_slot_are_told_apart)
{
	struct purge_log *log = purge_log__new();
	struct cache_key mine = key_in_slot(1), other = key_in_slot(2), third = key_in_slot(3);
	uint64_t began = purge_log__invalidate(log, &other);
	purge_log__invalidate(log, &other);
	must(!purge_log__invalidated(log, began, &mine), "another key's invalidation is none of this one's");
	must(purge_log__invalidated(log, began, &other), "but that one's");
	uint64_t taken = purge_log__invalidate(log, &mine);
	must(purge_log__invalidated(log, taken - 1, &mine) && !purge_log__invalidated(log, taken, &mine), "its own");
	must(purge_log__invalidated(log, began, &other), "what was pushed out of the slot still counts");
	purge_log__invalidate(log, &third);
	must(purge_log__invalidated(log, taken - 1, &mine), "and so does the next that is");
	must(!purge_log__invalidated(log, taken, &mine), "for what began before it alone");
	purge_log__invalidate(log, &other);
	must(purge_log__invalidated(log, taken, &mine), "with two others since nobody can tell");
	purge_log__free(log);
}
END_TEST

START_TEST(invalidations_move_the_epoch_but_not_the_ring)
{
	struct purge_log *log = purge_log__new();
	const struct cache_key other = {5, 7, STR("GET http://h/other")}, same_place = {2, 1, STR("GET http://h/x")};
	add(log, PURGE_TAG, STR("t"));
	for (uint64_t i = 0; i < 3 * PURGE_LOG_MAX; i++) {
		must(purge_log__invalidate(log, &key) == i + 2, "the %uth", (unsigned)i);
	}
	ck_assert_uint_eq(purge_log__epoch(log), 3 * PURGE_LOG_MAX + 1);
	ck_assert(purge_log__invalidated(log, 3 * PURGE_LOG_MAX, &key));
	ck_assert(!purge_log__invalidated(log, 3 * PURGE_LOG_MAX + 1, &key));
	ck_assert(!purge_log__invalidated(log, 0, &other));
	ck_assert_msg(!purge_log__covers(log, 0, &other, NULL, 0), "the ring was pushed on");
	ck_assert(purge_log__covers(log, 0, &other, &STR("t"), 1));
	ck_assert_msg(purge_log__covers(log, 0, &same_place, NULL, 0), "when it cannot tell, it refuses");
	/* The purges of the ring keep their distance, however many invalidations lie between them. */
	ck_assert_uint_eq(add(log, PURGE_URL, STR("")), 3 * PURGE_LOG_MAX + 2);
	ck_assert(purge_log__covers(log, 3 * PURGE_LOG_MAX + 1, &key, NULL, 0));
	ck_assert(!purge_log__covers(log, 3 * PURGE_LOG_MAX + 2, &key, NULL, 0));
	purge_log__free(log);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/purge_log");
	TCase *t = tcase_create("log");
	tcase_add_test(t, epochs_count_from_one);
	tcase_add_test(t, arguments_are_copied);
	tcase_add_test(t, the_ring_is_used_to_its_last_place);
	tcase_add_test(t, an_overlong_argument_covers_everything_before_it);
	tcase_add_test(t, keys_of_one_slot_are_told_apart);
	tcase_add_test(t, invalidations_move_the_epoch_but_not_the_ring);
	suite_add_tcase(s, t);
	return suite_run(s);
}
