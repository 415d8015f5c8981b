/* A shard by itself: variants stay newest first when its tables move, and what leaves says what it gives back. */
#include "suite.h"

#include "base/mem.h"
#include "tier/make.h"
#include "tier/private.h"
#include "tier/shard.h"

static struct tier no_tier; /* entries are made without a budget */
static struct evict_pool pool;

static void start(struct shard *s)
{
	evict__pool_init(&pool);
	shard__init(s, 1, &pool, 0);
}

static struct entry *make(const char *key, const char *lang, const char *tags)
{
	struct recipe r = {.key = key, .vary = {{STR("l"), str_of(lang)}}, .tags = tags};
	struct entry *e;
	must(make_entry(&no_tier, &r, &e) == ERR_OK, "no entry");
	return e;
}

static const struct shard_bounds at_most_1 = {.variants = 1, .bytes = SIZE_MAX},
				 at_most_2 = {.variants = 2, .bytes = SIZE_MAX},
				 at_most_8 = {.variants = 8, .bytes = SIZE_MAX};

/* Frees the dead; returns how many they were. */
static unsigned bury(struct leaving *l)
{
	unsigned n = 0;
	while (l->dead) {
		struct entry *e = l->dead;
		l->dead = shard__entry_of(e->node.next);
		entry_release(&e);
		n++;
	}
	return n;
}

static void grow(struct shard *s)
{
	size_t n = table__wants(&s->entries);
	struct table_spare entries = {0}, tags = {0};
	if (n > 0)
		entries = (struct table_spare){mem_zalloc(n * sizeof(struct table_node *)), n};
	shard__grow(s, &entries, &tags);
	free(entries.buckets);
}

START_TEST(variants_stay_newest_first_through_growth_and_shrinking)
{
	enum { KEYS = 300 };
	static const char *langs[] = {"de", "en", "fr"};
	struct shard s = {0};
	struct leaving l = {0};
	char key[64];
	start(&s);
	for (size_t lang = 0; lang < COUNT_OF(langs); lang++) {
		for (unsigned i = 0; i < KEYS; i++) {
			snprintf(key, sizeof(key), "GET http://h/%u", i);
			grow(&s);
			shard__insert(&s, make(key, langs[lang], NULL), &at_most_8, &l);
		}
	}
	ck_assert_uint_eq(table__n_buckets(&s.entries), 1024);
	ck_assert_uint_gt(s.generation, 0);
	ck_assert_uint_eq(bury(&l), 0);
	for (unsigned i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "GET http://h/%u", i);
		struct cache_key k = key_of(key);
		struct entry *e = shard__find(&s, &k);
		for (size_t lang = COUNT_OF(langs); lang-- > 0; e = shard__find_older(e))
			must(e && str_eq(ENTRY_STORED(e)->vary.v[0].value, str_of(langs[lang])), "%s: %s", key,
			    langs[lang]);
		must(!e, "%s: one too many", key);
		for (e = shard__find(&s, &k); e && i >= 10; e = shard__find(&s, &k))
			shard__remove(&s, e, &l);
	}
	unsigned generation = s.generation;
	shard__shrink(&s, &l);
	ck_assert_uint_eq(l.back, table__cost(1024) - table__cost(128));
	ck_assert_msg(s.generation != generation, "walks were not told that buckets moved");
	ck_assert_uint_eq(bury(&l), 3 * (KEYS - 10));

	struct cache_key k = key_of("GET http://h/5");
	ck_assert(str_eq(ENTRY_STORED(shard__find(&s, &k))->vary.v[0].value, STR("fr")));
	for (unsigned i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "GET http://h/%u", i);
		k = key_of(key);
		for (struct entry *e; (e = shard__find(&s, &k));)
			shard__remove(&s, e, &l);
	}
	ck_assert_uint_eq(bury(&l), 30);
	shard__destroy(&s);
}
END_TEST

START_TEST(what_is_charged_comes_back)
{
	struct shard s = {0};
	struct leaving l = {0};
	start(&s);
	struct entry *one = make("GET http://h/1", "de", "a,b,a"), *two = make("GET http://h/2", "de", "b,c");
	size_t charged = shard__tags_cost(one) + shard__tags_cost(two);
	shard__insert(&s, one, &at_most_8, &l);
	shard__insert(&s, two, &at_most_8, &l);
	ck_assert_msg(l.back == tags__cost(STR("a")) + tags__cost(STR("b")), "tags that were there already");
	shard__remove(&s, one, &l);
	shard__remove(&s, two, &l);
	ck_assert_uint_eq(l.back, charged);
	ck_assert_uint_eq(bury(&l), 2);
	shard__destroy(&s);
}
END_TEST

START_TEST(replacement_and_too_many_variants_leave)
{
	struct shard s = {0};
	struct leaving l = {0};
	start(&s);
	shard__insert(&s, make("GET http://h/1", "de", "t"), &at_most_2, &l);
	shard__insert(&s, make("GET http://h/1", "de", "t"), &at_most_2, &l);
	ck_assert_uint_eq(bury(&l), 1);
	ck_assert_uint_eq(s.replaced, 1);
	shard__insert(&s, make("GET http://h/1", "en", "t"), &at_most_2, &l);
	ck_assert_uint_eq(bury(&l), 0);
	shard__insert(&s, make("GET http://h/1", "fr", "t"), &at_most_2, &l);
	ck_assert_msg(str_eq(ENTRY_STORED(l.dead)->vary.v[0].value, STR("de")), "not the oldest left");
	ck_assert_uint_eq(bury(&l), 1);
	shard__insert(&s, make("GET http://h/1", "it", "t"), &at_most_1, &l);
	ck_assert_msg(bury(&l) == 2, "the bound was lowered");
	ck_assert_uint_eq(s.evicted, 3);
	ck_assert_uint_eq(s.stores, 5);
	ck_assert_ptr_null(tags__find(&s.tags, STR("t"))->next);
	struct cache_key k = key_of("GET http://h/1");
	shard__remove(&s, shard__find(&s, &k), &l);
	ck_assert_uint_eq(bury(&l), 1);
	shard__destroy(&s);
}
END_TEST

START_TEST(variants_are_bounded_in_bytes)
{
	struct shard s = {0};
	struct leaving l = {0};
	start(&s);
	struct entry *first = make("GET http://h/1", "de", NULL);
	struct shard_bounds two = {.variants = 64};
	/* no budget: nothing is charged, so that the test says what one weighs */
	first->charged = 100;
	two.bytes = 250;
	shard__insert(&s, first, &two, &l);
	struct entry *second = make("GET http://h/1", "en", NULL);
	second->charged = 100;
	shard__insert(&s, second, &two, &l);
	ck_assert_uint_eq(bury(&l), 0);
	struct entry *third = make("GET http://h/1", "fr", NULL);
	third->charged = 100;
	shard__insert(&s, third, &two, &l);
	ck_assert_msg(l.dead == first, "not the oldest left");
	l.dead->charged = 0;
	ck_assert_uint_eq(bury(&l), 1);
	struct entry *large = make("GET http://h/1", "it", NULL);
	large->charged = 1000;
	shard__insert(&s, large, &two, &l);
	second->charged = third->charged = 0;
	ck_assert_msg(bury(&l) == 2, "the newest stays, whatever it weighs");
	shard__remove(&s, large, &l);
	large->charged = 0;
	ck_assert_uint_eq(bury(&l), 1);
	shard__destroy(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/shard");
	TCase *t = tcase_create("shard");
	tcase_add_test(t, variants_stay_newest_first_through_growth_and_shrinking);
	tcase_add_test(t, what_is_charged_comes_back);
	tcase_add_test(t, replacement_and_too_many_variants_leave);
	tcase_add_test(t, variants_are_bounded_in_bytes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
