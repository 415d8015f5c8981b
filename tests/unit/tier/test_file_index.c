/* What the file tier knows of its pages in memory: which are found, doomed, evicted, counted by a purge. */
#include "suite.h"

#include "tier/file_private.h"
#include "tier/make.h"

enum { FOREVER = 1000000 };

static struct file_index ix;

static void put(const char *text, uint64_t variant, uint64_t id, const char *tag, int64_t lifetime_ms)
{
	struct cache_key key = key_of(text);
	struct stored stored = {.lifetime_ms = lifetime_ms, .last_modified_s = -1};
	struct str tags[] = {str_of(tag)};
	file_index__put(&ix, &(struct file_page_spec){.key = &key,
				 .tags = tags,
				 .n_tags = tag ? 1 : 0,
				 .stored = &stored,
				 .variant = variant,
				 .id = id,
				 .seq = 10,
				 .epoch = 5});
}

static void doom(const char *text, uint64_t variant, uint64_t id)
{
	struct cache_key key = key_of(text);
	struct stored stored = {0};
	file_index__doom(&ix, &(struct file_page_spec){.key = &key, .stored = &stored, .variant = variant, .id = id});
}

static struct file_page_state look(const char *text, uint64_t variant, uint64_t id)
{
	struct cache_key key = key_of(text);
	return file_index__look(&ix, &key, variant, id);
}

/* Takes off all that are doomed; returns how many. */
static unsigned bury(void)
{
	unsigned n = 0;
	for (struct file_page *page; (page = file_index__next_doomed(&ix)); n++)
		file_index__buried(&ix, page);
	return n;
}

static uint64_t count(struct tier_purge op, uint64_t seq)
{
	struct file_walk walk = {0};
	while (!file_index__purge(&ix, &op, seq, &walk))
		;
	return op.count;
}

START_TEST(a_later_page_takes_the_place_of_an_earlier_one)
{
	static const struct {
		const char *what;
		uint64_t variant, id;
		bool first, second; /* known afterwards */
	} rows[] = {
	    {"a later one of the variant", 1, 101, false, true},
	    {"an earlier one, found late", 1, 99, true, false},
	    {"the same once more", 1, 100, true, true},
	    {"another variant", 2, 101, true, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		file_index__init(&ix, 1);
		put("GET http://h/a", 1, 100, NULL, FOREVER);
		put("GET http://h/a", rows[i].variant, rows[i].id, NULL, FOREVER);
		ck_assert_msg(look("GET http://h/a", 1, 100).known == rows[i].first, "%s: the first", rows[i].what);
		ck_assert_msg(look("GET http://h/a", rows[i].variant, rows[i].id).known == rows[i].second,
		    "%s: the second", rows[i].what);
		ck_assert_uint_eq(atomic_load(&ix.n), rows[i].variant == 2 ? 2 : 1);
		file_index__free(&ix);
	}
}
END_TEST

START_TEST(doomed_pages_are_known_until_they_are_buried)
{
	file_index__init(&ix, 1);
	put("GET http://h/a", 1, 100, NULL, FOREVER);
	struct cache_key key = key_of("GET http://h/a");
	doom("GET http://h/a", 1, 99); /* not known, and yet */
	ck_assert_uint_eq(bury(), 1);
	ck_assert_msg(!look("GET http://h/a", 1, 100).doomed, "another one was meant");
	doom("GET http://h/a", 1, 100);
	doom("GET http://h/a", 1, 100);
	ck_assert(look("GET http://h/a", 1, 100).doomed);
	ck_assert_uint_eq(atomic_load(&ix.n), 0);
	put("GET http://h/a", 1, 100, NULL, FOREVER);
	ck_assert_msg(look("GET http://h/a", 1, 100).doomed, "it came back");
	put("GET http://h/a", 1, 101, NULL, FOREVER);
	ck_assert(look("GET http://h/a", 1, 101).known && !look("GET http://h/a", 1, 101).doomed);
	file_index__drop(&ix, &key, 1, 100); /* not while it is doomed */
	ck_assert_uint_eq(bury(), 1);
	ck_assert(!look("GET http://h/a", 1, 100).known && look("GET http://h/a", 1, 101).known);
	file_index__drop(&ix, &key, 1, 0);
	ck_assert_uint_eq(atomic_load(&ix.n), 0);
	ck_assert_uint_eq(atomic_load(&ix.bytes), 0);
	file_index__free(&ix);
}
END_TEST

START_TEST(purges_count_each_page_once)
{
	static const struct {
		const char *what;
		enum purge_kind kind;
		const char *arg;
		bool soft;
		uint64_t epoch, count;
	} rows[] = {
	    {"a tag", PURGE_TAG, "t", false, 6, 1},
	    {"a tag, softly", PURGE_TAG, "t", true, 6, 1},
	    {"another tag", PURGE_TAG, "x", false, 6, 0},
	    {"a prefix", PURGE_PREFIX, "http://h/", false, 6, 2},
	    {"a glob", PURGE_GLOB, "/*", false, 6, 2},
	    {"all", PURGE_ALL, "", false, 6, 2},
	    {"what began before the pages did", PURGE_ALL, "", false, 5, 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		file_index__init(&ix, 1);
		put("GET http://h/a", 1, 100, "t", FOREVER);
		put("GET http://h/b", 1, 100, "u", FOREVER);
		struct tier_purge op = {
		    .kind = rows[i].kind, .arg = str_of(rows[i].arg), .soft = rows[i].soft, .epoch = rows[i].epoch};
		ck_assert_msg(count(op, 11) == rows[i].count, "%s", rows[i].what);
		ck_assert_msg(count(op, 12) == 0, "%s: twice", rows[i].what);
		ck_assert_uint_eq(bury(), rows[i].soft ? 0 : rows[i].count);
		file_index__free(&ix);
	}
}
END_TEST

/* A page that began after a purge is untouched by it; but only if nothing else stands between its label and that. */
START_TEST(labels_move_over_one_purge_only)
{
	struct tier_purge op = {.kind = PURGE_ALL, .epoch = 5};
	file_index__init(&ix, 1);
	put("GET http://h/a", 1, 100, NULL, FOREVER); /* label 10, epoch 5 */
	ck_assert_uint_eq(count(op, 12), 0);
	ck_assert_uint_eq(look("GET http://h/a", 1, 100).seq, 10);
	ck_assert_uint_eq(count(op, 11), 0);
	ck_assert_uint_eq(look("GET http://h/a", 1, 100).seq, 11);
	struct cache_key key = key_of("GET http://h/a");
	file_index__mark(&ix, &key, 1, 100, 9, true);
	ck_assert_msg(look("GET http://h/a", 1, 100).seq == 11, "a label moved back");
	ck_assert(look("GET http://h/a", 1, 100).soft);
	file_index__free(&ix);
}
END_TEST

START_TEST(what_was_hit_is_evicted_later)
{
	file_index__init(&ix, 1);
	put("GET http://h/a", 1, 100, NULL, FOREVER);
	put("GET http://h/b", 1, 100, NULL, FOREVER);
	put("GET http://h/c", 1, 100, NULL, FOREVER);
	look("GET http://h/a", 1, 100);
	static const char *const order[] = {"GET http://h/b", "GET http://h/c", "GET http://h/a"};
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		struct file_page *page = file_index__evict(&ix);
		ck_assert_msg(page && str_eq(file_page__key(page), str_of(order[i])), "%zu", i);
		ck_assert(look(order[i], 1, 100).doomed);
		file_index__buried(&ix, page);
	}
	ck_assert_ptr_null(file_index__evict(&ix));
	file_index__free(&ix);
}
END_TEST

START_TEST(sweeps_go_on_where_they_ended)
{
	file_index__init(&ix, 1);
	char key[64];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "GET http://h/%u", i);
		put(key, 1, 100, NULL, i % 2 ? 10 : FOREVER);
	}
	ck_assert_uint_eq(file_index__sweep(&ix, 9, 1000), 0);
	unsigned dropped = 0;
	for (unsigned i = 0; i < 10; i++) {
		unsigned n = file_index__sweep(&ix, 10, 10);
		ck_assert_uint_eq(n, 5);
		dropped += n;
		bury(); /* also the one where the last sweep ended */
	}
	ck_assert_uint_eq(dropped, 50);
	ck_assert_uint_eq(file_index__sweep(&ix, 10, 1000), 0);
	ck_assert_uint_eq(atomic_load(&ix.n), 50);
	file_index__free(&ix);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/file_index");
	TCase *t = tcase_create("file_index");
	tcase_add_test(t, a_later_page_takes_the_place_of_an_earlier_one);
	tcase_add_test(t, doomed_pages_are_known_until_they_are_buried);
	tcase_add_test(t, purges_count_each_page_once);
	tcase_add_test(t, labels_move_over_one_purge_only);
	tcase_add_test(t, what_was_hit_is_evicted_later);
	tcase_add_test(t, sweeps_go_on_where_they_ended);
	suite_add_tcase(s, t);
	return suite_run(s);
}
