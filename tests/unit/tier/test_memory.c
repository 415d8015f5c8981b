/* What is particular to the memory tier: its budget to the byte, eviction, bounds that change, and many threads at once.
 * LARDER_TEST_ENTRIES sets the size of the large one (1000000 takes half a gigabyte); it prints what it measured. */
#include "suite.h"

#include <sched.h>

#include "tier/make.h"
#include "tier/memory.h"

static struct tier *open_tier(size_t bytes, unsigned max_entries)
{
	return memory_tier_new(
	    &(struct memory_options){.memory_size = bytes, .max_entries = max_entries, .max_variants = 16});
}

static size_t used(struct tier *t)
{
	return atomic_load(&t->budget->used);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static char some_bytes[1 << 20];

static int store_page(struct tier *t, unsigned i, size_t size)
{
	char key[64], tag[32];
	snprintf(key, sizeof(key), "GET http://h/%u", i);
	snprintf(tag, sizeof(tag), "all,t%u", i % 10);
	struct recipe r = {.key = key, .tags = tag, .body = {some_bytes, size}, .lifetime_ms = 1000};
	return store(t, &r);
}

static struct entry *find_page(struct tier *t, unsigned i)
{
	char key[64];
	snprintf(key, sizeof(key), "GET http://h/%u", i);
	return find(t, key);
}

static bool has_page(struct tier *t, unsigned i)
{
	struct entry *e = find_page(t, i);
	bool found = e != NULL;
	entry_release(&e);
	return found;
}

START_TEST(everything_returns_to_the_budget)
{
	struct tier *t = open_tier(64 << 20, 0);
	size_t fixed = used(t);
	for (unsigned i = 0; i < 20000; i++)
		must(store_page(t, i, i % 500) == ERR_OK, "%u", i);
	ck_assert_uint_gt(used(t), fixed + 20000 * 400);
	for (unsigned i = 0; i < 20000; i += 2) {
		struct entry *e = find_page(t, i);
		tier_remove(t, e);
		entry_release(&e);
	}
	struct entry *held = find_page(t, 1);
	ck_assert_uint_eq(purge(t, PURGE_TAG, "all", false).count, 10000);
	ck_assert_msg(used(t) > fixed, "memory under a reader is still memory");
	size_t with_reader = used(t);
	ck_assert_uint_lt(with_reader, fixed + 2000);
	entry_release(&held);
	ck_assert_uint_eq(used(t), fixed);
	tier_close(&t);
}
END_TEST

START_TEST(overhead_of_an_entry_is_bounded)
{
	struct tier *t = open_tier(64 << 20, 0);
	size_t before = used(t);
	for (unsigned i = 0; i < 10000; i++) {
		char key[64];
		snprintf(key, sizeof(key), "GET http://h/%05u", i);
		struct recipe r = {.key = key, .body = {some_bytes, 512}};
		must(store(t, &r) == ERR_OK, "%s", key);
	}
	size_t each = (used(t) - before) / 10000 - 512 - 18;
	ck_assert_msg(each < 576, "%zu bytes around a body of 512 and a key of 18", each);
	tier_close(&t);
}
END_TEST

/* Random sizes, random readers that hold on for a while; after every step the budget is kept. */
START_TEST(the_limit_is_never_passed)
{
	enum { LIMIT = 8 << 20, HELD = 20 };
	struct tier *t = open_tier(LIMIT, 0);
	size_t fixed = used(t);
	struct entry *held[HELD] = {0};
	uint32_t random = 12345;
	unsigned stored = 0;
	for (unsigned i = 0; i < 30000; i++) {
		size_t size = (size_t)1 << next_random(&random) % 17;
		size += next_random(&random) % size;
		stored += store_page(t, next_random(&random) % 20000, size) == ERR_OK;
		must(used(t) <= LIMIT, "%zu used of %d", used(t), LIMIT);
		unsigned place = next_random(&random) % HELD;
		entry_release(&held[place]);
		held[place] = find_page(t, next_random(&random) % 20000);
		must(used(t) <= LIMIT, "%zu used of %d", used(t), LIMIT);
	}
	ck_assert_msg(stored > 29900, "only %u of 30000 stored", stored);
	struct tier_stats stats;
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.bytes, used(t));
	ck_assert_uint_eq(stats.limit, LIMIT);
	ck_assert_uint_gt(stats.evicted, 10000);
	ck_assert_uint_eq(stats.stores, stored);
	ck_assert_uint_eq(stats.entries, stats.stores - stats.replaced - stats.evicted);
	for (unsigned i = 0; i < HELD; i++)
		entry_release(&held[i]);
	purge(t, PURGE_ALL, "", false);
	ck_assert_uint_eq(used(t), fixed);
	tier_close(&t);
}
END_TEST

START_TEST(no_more_is_evicted_than_needed)
{
	enum { LIMIT = 4 << 20, SIZE = 10000, ENTRY = SIZE + 1000 };
	struct tier *t = open_tier(LIMIT, 0);
	for (unsigned i = 0; i < 2000; i++) {
		must(store_page(t, i, SIZE) == ERR_OK, "%u", i);
		if (i > 500)
			must(used(t) > LIMIT - ENTRY, "%zu free after a store of %d", LIMIT - used(t), ENTRY);
	}
	size_t before = used(t);
	ck_assert_int_eq(store_page(t, 5000, 500000), ERR_OK);
	ck_assert_msg(used(t) > before - ENTRY, "a large one made too much room: %zu of %zu", used(t), before);
	tier_close(&t);
}
END_TEST

START_TEST(what_is_hit_survives_a_scan)
{
	struct tier *t = open_tier(4 << 20, 1000);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(store_page(t, i, 10), ERR_OK);
	for (unsigned scan = 1000; scan < 21000; scan++) {
		must(store_page(t, scan, 10) == ERR_OK, "%u", scan);
		if (scan % 100 == 0) {
			for (unsigned i = 0; i < 200; i++)
				must(has_page(t, i), "%u was lost at %u", i, scan);
		}
	}
	tier_close(&t);
}
END_TEST

START_TEST(what_is_renewed_keeps_its_favour)
{
	struct tier *t = open_tier(4 << 20, 64);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(store_page(t, i, 10), ERR_OK);
		ck_assert(has_page(t, i));
		ck_assert_int_eq(store_page(t, i, 20), ERR_OK);
	}
	for (unsigned i = 0; i < 64; i++)
		ck_assert_int_eq(store_page(t, 100 + i, 10), ERR_OK);
	for (unsigned i = 0; i < 20; i++)
		ck_assert_msg(has_page(t, i), "%u was lost", i);
	tier_close(&t);
}
END_TEST

START_TEST(what_readers_hold_is_not_evicted)
{
	enum { N = 60 };
	struct tier *t = open_tier(1 << 20, 0);
	struct entry *held[N] = {0};
	unsigned n = 0;
	while (n < N && store_page(t, n, 30000) == ERR_OK) {
		held[n] = find_page(t, n);
		n++;
	}
	ck_assert_msg(n > 20 && n < N, "%u held", n);
	struct tier_stats stats;
	tier_stats(t, &stats);
	ck_assert_msg(stats.evicted == 0, "evicted under a reader, for nothing");
	ck_assert_uint_eq(stats.entries, n);
	for (unsigned i = 0; i < n; i++) {
		ck_assert(body_is(held[i], str_make(some_bytes, 30000)));
		entry_release(&held[i]);
	}
	ck_assert_int_eq(store_page(t, 999, 30000), ERR_OK);
	for (unsigned i = 0, left = 0; i < n; i++) {
		left += has_page(t, i);
		ck_assert_msg(i < n - 1 || left >= n - 2, "%u left of %u", left, n);
	}
	tier_close(&t);
}
END_TEST

START_TEST(a_renewed_entry_shares_its_body_with_a_reader)
{
	struct tier *t = open_tier(1 << 20, 0);
	size_t fixed = used(t);
	ck_assert_int_eq(store_page(t, 1, 300000), ERR_OK);
	struct entry *old = find_page(t, 1), *renewed;
	static const struct headers none;
	struct entry_spec spec = {.stored = ENTRY_STORED(old), .headers = &none, .epoch = tier_epoch(t)};
	ck_assert_int_eq(entry_renew(old, &spec, &renewed), ERR_OK);
	struct tier_put op = {.entry = renewed};
	ck_assert_int_eq(make_put(t, &op), ERR_OK);
	entry_release(&renewed);
	ck_assert_msg(used(t) < fixed + 310000, "the body was counted twice");
	/* The old entry is out of the table, but its reader holds the body: to evict the new one would bring nothing. */
	struct entry *held[50];
	unsigned n = 0;
	while (n < COUNT_OF(held) && store_page(t, 100 + n, 20000) == ERR_OK) {
		held[n] = find_page(t, 100 + n);
		n++;
	}
	ck_assert_msg(n > 20 && n < COUNT_OF(held), "%u held", n);
	ck_assert(has_page(t, 1));
	while (n > 0)
		entry_release(&held[--n]);
	entry_release(&old);
	purge(t, PURGE_ALL, "", false);
	ck_assert_uint_eq(used(t), fixed);
	tier_close(&t);
}
END_TEST

START_TEST(max_entries_is_kept)
{
	struct tier *t = open_tier(16 << 20, 100);
	struct tier_stats stats;
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_int_eq(store_page(t, i, 10), ERR_OK);
		tier_stats(t, &stats);
		ck_assert_msg(stats.entries == (i < 99 ? i + 1 : 100), "%u stored: %d", i + 1, (int)stats.entries);
	}
	uint64_t evicted = stats.evicted;
	for (unsigned i = 0; i < 1000; i++) {
		if (has_page(t, i))
			ck_assert_int_eq(store_page(t, i, 20), ERR_OK);
	}
	tier_stats(t, &stats);
	ck_assert_msg(stats.evicted == evicted, "a replacement cost another its place");
	ck_assert_uint_eq(stats.replaced, 100);
	ck_assert_uint_eq(stats.max_entries, 100);

	/* The bound is a number, not memory: what readers hold counts and leaves too. */
	struct entry *held[100];
	unsigned n = 0;
	for (unsigned i = 0; i < 1000; i++) {
		struct entry *e = find_page(t, i);
		if (e)
			held[n++] = e;
	}
	ck_assert_uint_eq(n, 100);
	ck_assert_int_eq(store_page(t, 5000, 10), ERR_OK);
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.entries, 100);
	while (n > 0)
		entry_release(&held[--n]);
	tier_close(&t);
}
END_TEST

START_TEST(lowered_bounds_are_reached_in_steps)
{
	struct tier *t = open_tier(64 << 20, 0);
	size_t fixed = used(t);
	struct tier_stats stats;
	for (unsigned i = 0; i < 20000; i++)
		must(store_page(t, i, 1000) == ERR_OK, "%u", i);
	memory_tier_resize(t, &(struct memory_options){.memory_size = 4 << 20, .max_entries = 500, .max_variants = 1});
	unsigned calls = 0;
	do {
		ck_assert_uint_le(tier_sweep(t, 0, 1000), 1000);
		tier_stats(t, &stats);
	} while (++calls < 100 && (stats.bytes > 4 << 20 || stats.entries > 500));
	ck_assert_msg(calls >= 19 && calls <= 25, "%u sweeps", calls);
	ck_assert_msg(
	    stats.bytes < fixed + 500 * 2000, "%llu for 500: large tables stayed", (unsigned long long)stats.bytes);

	memory_tier_resize(t, &(struct memory_options){.memory_size = 64 << 20, .max_variants = 1});
	for (unsigned i = 0; i < 20000; i++)
		must(store_page(t, i, 1000) == ERR_OK, "%u", i);
	memory_tier_resize(t, &(struct memory_options){.memory_size = 4 << 20, .max_entries = 500, .max_variants = 1});
	for (unsigned i = 0; i < 100; i++) /* stores do it as well, and work again at the end */
		(void)!store_page(t, i, 1000);
	ck_assert_int_eq(store_page(t, 1, 1000), ERR_OK);
	tier_stats(t, &stats);
	ck_assert_uint_le(stats.bytes, 4 << 20);
	for (unsigned i = 0; stats.entries > 500 && i < 1000; i++) {
		ck_assert_int_eq(store_page(t, i, 10), ERR_OK);
		tier_stats(t, &stats);
	}
	ck_assert_uint_le(stats.entries, 500);
	tier_close(&t);
}
END_TEST

START_TEST(a_body_larger_than_the_budget_never_evicts_all)
{
	struct tier *t = open_tier(1 << 20, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(store_page(t, i, 1000), ERR_OK);
	ck_assert_ptr_null(body_of(str_make(some_bytes, sizeof(some_bytes)), t->budget));
	for (unsigned i = 0; i < 10; i++)
		ck_assert(has_page(t, i));
	struct tier_stats stats;
	ck_assert_int_eq(store_page(t, 11, 700000), ERR_FULL); /* more than half */
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.refused_full, 1);
	tier_close(&t);
}
END_TEST

/* A purge that comes while a store is under way: here in the moment when its tags are charged, after the first look at
 * the log, before the shard's lock. */
static struct tier *purged_tier;

static void purge_meanwhile(void *ctx, size_t need)
{
	purged_tier->budget->reclaim = NULL;
	atomic_fetch_add(&purged_tier->budget->limit, 1 << 20);
	ck_assert_uint_eq(purge(purged_tier, PURGE_PREFIX, "/", false).count, 0);
}

static void invalidate_meanwhile(void *ctx, size_t need)
{
	purged_tier->budget->reclaim = NULL;
	atomic_fetch_add(&purged_tier->budget->limit, 1 << 20);
	ck_assert_uint_eq(invalidate(purged_tier, "GET http://h/p").count, 0);
}

static void refuse_what_comes_in_the_middle(void (*meanwhile)(void *ctx, size_t need))
{
	struct tier *t = purged_tier = open_tier(4 << 20, 0);
	struct recipe r = {.key = "GET http://h/p", .tags = "news", .body = STR("old"), .epoch = tier_epoch(t)};
	struct tier_put op = {0};
	ck_assert_int_eq(make_entry(t, &r, &op.entry), ERR_OK);
	t->budget->reclaim = meanwhile;
	t->budget->limit = used(t);
	ck_assert_int_eq(make_put(t, &op), ERR_STALE);
	ck_assert_msg(t->budget->reclaim == NULL, "the test did not reach its moment");
	ck_assert(!has(t, r.key));
	entry_release(&op.entry);
	struct tier_stats stats;
	tier_stats(t, &stats);
	ck_assert_uint_eq(stats.refused_stale, 1);
	ck_assert_uint_eq(stats.entries, 0);
	tier_close(&t);
}

/* The place lies in the entry: it has one, whoever puts it how often, and may have another when it has left. */
START_TEST(an_entry_that_is_put_again_has_one_place)
{
	struct tier *t = open_tier(4 << 20, 0);
	size_t fixed = used(t);
	struct recipe r = {.key = "GET http://h/p", .tags = "news,all,news", .body = STR("page")};
	struct tier_put op = {0};
	ck_assert_int_eq(make_entry(t, &r, &op.entry), ERR_OK);
	size_t unplaced = used(t);
	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(make_put(t, &op), ERR_OK);
		ck_assert_int_eq(make_put(t, &op), ERR_OK);
		struct tier_stats stats;
		tier_stats(t, &stats);
		ck_assert_uint_eq(stats.entries, 1);
		ck_assert_uint_eq(stats.stores, round + 1);
		struct entry *found = find(t, r.key);
		ck_assert_ptr_eq(found, op.entry);
		entry_release(&found);
		if (round == 1)
			ck_assert_uint_eq(purge(t, PURGE_TAG, "all", false).count, 1);
		else
			tier_remove(t, op.entry);
		ck_assert(!has(t, r.key));
		ck_assert_uint_eq(used(t), unplaced);
		op.entry->epoch = tier_epoch(t); /* as if it had been fetched since */
	}
	entry_release(&op.entry);
	ck_assert_uint_eq(used(t), fixed);
	tier_close(&t);
}
END_TEST

START_TEST(a_purge_in_the_middle_of_a_store_is_seen)
{
	refuse_what_comes_in_the_middle(purge_meanwhile);
}
END_TEST

START_TEST(an_invalidation_in_the_middle_of_a_store_is_seen)
{
	refuse_what_comes_in_the_middle(invalidate_meanwhile);
}
END_TEST

/* One shard whose buckets fold together while purges walk it in pieces: no page may be passed by. */

enum { FOLD_PAGES = 8100, FOLD_EVERY = 14, FOLD_GROUPS = 96, FOLD_ROUNDS = 10 };

static struct cache_key fold_key(char text[64], unsigned i)
{
	int n = i % FOLD_EVERY ? snprintf(text, 64, "GET http://h/leaves/%u", i)
			       : snprintf(text, 64, "GET http://h/%u/%u", i / FOLD_EVERY % FOLD_GROUPS, i);
	uint64_t mixed = i * 0x9e3779b97f4a7c15u;
	return (struct cache_key){.hi = 5, .lo = mixed >> 20, .text = {text, (size_t)n}};
}

static void *fold_run(void *arg)
{
	struct tier *t = arg;
	char text[64];
	for (unsigned i = 0; i < FOLD_PAGES; i++) {
		struct tier_get op = {.key = fold_key(text, i)};
		if (i % FOLD_EVERY == 0 || tier_get(t, &op))
			continue;
		tier_remove(t, op.entry);
		entry_release(&op.entry);
	}
	return NULL;
}

static void fold_store(struct tier *t)
{
	struct stored stored = {.status = 200};
	struct headers none = {0};
	char text[64];
	for (unsigned i = 0; i < FOLD_PAGES; i++) {
		struct entry_spec spec = {.key = fold_key(text, i), .stored = &stored, .headers = &none};
		struct body *body = body_of(STR(""), t->budget);
		struct tier_put op = {0};
		must(entry_new(&spec, &body, t->budget, &op.entry) == ERR_OK, "no room");
		must(tier_put(t, &op) == ERR_OK, "%s", text);
		entry_release(&op.entry);
	}
}

START_TEST(a_purge_passes_nobody_when_buckets_move)
{
	for (unsigned round = 0; round < FOLD_ROUNDS; round++) {
		struct tier *t = open_tier(64 << 20, 0);
		uint64_t sum = 0;
		fold_store(t);
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, fold_run, t), 0);
		for (unsigned group = 0; group < FOLD_GROUPS; group++) {
			char prefix[16];
			snprintf(prefix, sizeof(prefix), "/%u/", group);
			sum += purge(t, PURGE_PREFIX, prefix, true).count;
		}
		pthread_join(thread, NULL);
		must(sum == (FOLD_PAGES + FOLD_EVERY - 1) / FOLD_EVERY, "%llu purged", (unsigned long long)sum);
		tier_close(&t);
	}
}
END_TEST

/* CPU time of this thread: other programs on the machine do not count. */
static int64_t cpu_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A tag of one in a hundred among very many: a purge looks at these, not at all. */
START_TEST(a_tag_purge_is_no_scan)
{
	const char *wish = getenv("LARDER_TEST_ENTRIES");
	unsigned n = wish ? (unsigned)strtoul(wish, NULL, 10) : 100000;
	struct tier *t = open_tier((size_t)2 << 30, 0);
	struct body *body = body_of(STR("shared"), t->budget);
	int64_t longest = 0, start = cpu_us();
	for (unsigned i = 0; i < n; i++) {
		char key[64], tags[64];
		snprintf(key, sizeof(key), "GET http://h/page/%u", i);
		snprintf(tags, sizeof(tags), "%s,p%u", i % 100 ? "most" : "some", i);
		struct recipe r = {.key = key, .tags = tags, .shared_body = body};
		int64_t before = cpu_us();
		must(store(t, &r) == ERR_OK, "%s", key);
		int64_t took = cpu_us() - before;
		longest = took > longest ? took : longest;
	}
	printf("%u stores of two tags: %.2f us each, the longest %lld us, %zu bytes each\n", n,
	    (double)(cpu_us() - start) / n, (long long)longest, used(t) / n);
	static const struct {
		const char *what;
		enum purge_kind kind;
		const char *arg;
		bool soft;
		unsigned per_cent;
	} rows[] = {
	    {"tag, soft", PURGE_TAG, "some", true, 1},
	    {"tag", PURGE_TAG, "some", false, 1},
	    {"prefix, soft, all looked at", PURGE_PREFIX, "/page/", true, 99},
	    {"all", PURGE_ALL, "", false, 99},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		start = cpu_us();
		struct tier_purge op = purge(t, rows[i].kind, rows[i].arg, rows[i].soft);
		int64_t took = cpu_us() - start;
		printf("%s: %llu purged in %lld us\n", rows[i].what, (unsigned long long)op.count, (long long)took);
		ck_assert_uint_eq(op.count, (uint64_t)n / 100 * rows[i].per_cent);
		if (rows[i].kind == PURGE_TAG) /* a generous bound: machines are busy and sanitizers slow */
			ck_assert_msg(took < 1000000, "%lld us", (long long)took);
	}
	body_release(&body);
	tier_close(&t);
}
END_TEST

/* Threads. Pages have versions: a purger moves a page's version and then purges it; a writer reads the epoch and then the
 * version, waits a little, and stores it. After a purge nobody may find a version from before it. */

enum { PAGES = 200, STRESS_LIMIT = 2 << 20 };

struct stress {
	struct tier *t;
	atomic_uint version[PAGES], purged_to[PAGES];
	atomic_bool stop;
	atomic_uint stored, stale, full, hits, misses, purges;
};

struct stress_thread {
	struct stress *s;
	uint32_t random;
	unsigned steps;
	pthread_t thread;
};

static void stress_key(char key[64], unsigned page)
{
	snprintf(key, 64, "GET http://h/%u/p", page);
}

static void stress_store(struct stress_thread *me, unsigned page)
{
	struct stress *s = me->s;
	char key[64], tag[32], text[64], lang[8];
	uint64_t epoch = tier_epoch(s->t);
	unsigned version = atomic_load(&s->version[page]);
	stress_key(key, page);
	snprintf(tag, sizeof(tag), "page%u,all", page);
	snprintf(lang, sizeof(lang), "%u", next_random(&me->random) % 3);
	size_t n = (size_t)snprintf(text, sizeof(text), "%u:%u:", page, version);
	size_t size = n + next_random(&me->random) % 20000;
	char *bytes = mem_alloc(size);
	memset(bytes, (int)('a' + page % 26), size);
	memcpy(bytes, text, n);
	struct recipe r = {.key = key,
	    .vary = {{STR("l"), str_of(lang)}},
	    .tags = tag,
	    .body = {bytes, size},
	    .lifetime_ms = 1000 + page,
	    .epoch = epoch};
	if (next_random(&me->random) % 4 == 0)
		sched_yield();
	int err = store(s->t, &r);
	atomic_fetch_add(err == ERR_OK ? &s->stored : err == ERR_STALE ? &s->stale : &s->full, 1);
	must(err == ERR_OK || err == ERR_STALE || err == ERR_FULL, "%s", err_name(err));
	free(bytes);
}

static void stress_find(struct stress_thread *me, unsigned page)
{
	struct stress *s = me->s;
	char key[64], expect[64];
	stress_key(key, page);
	unsigned least = atomic_load(&s->purged_to[page]);
	struct entry *e = find(s->t, key);
	atomic_fetch_add(e ? &s->hits : &s->misses, 1);
	if (!e)
		return;
	if (next_random(&me->random) % 8 == 0)
		sched_yield();
	struct str seg = {0};
	unsigned n = body_segments(e->body, &seg, 1);
	must(n == 1 && seg.n == body_size(e->body), "%u segments", n);
	unsigned at_page, version;
	snprintf(expect, sizeof(expect), "%.*s", (int)(seg.n < 30 ? seg.n : 30), seg.p);
	must(sscanf(expect, "%u:%u:", &at_page, &version) == 2 && at_page == page, "page %u is %s", page, expect);
	must(seg.p[seg.n - 1] == 'a' + (int)(page % 26) || seg.p[seg.n - 1] == ':', "page %u ends wrong", page);
	must(version >= least || atomic_load(&e->purged), "page %u: version %u after a purge of %u", page, version,
	    least);
	entry_release(&e);
}

static void stress_purge(struct stress_thread *me, unsigned page)
{
	struct stress *s = me->s;
	char arg[64];
	unsigned version = atomic_fetch_add(&s->version[page], 1) + 1;
	unsigned how = next_random(&me->random) % 50;
	bool soft = how % 5 == 4;
	if (how % 4 == 0 && !soft) {
		stress_key(arg, page);
		invalidate(s->t, arg);
	} else if (how == 49) {
		purge(s->t, PURGE_ALL, "", soft);
	} else if (how % 4 == 0) {
		stress_key(arg, page);
		purge(s->t, PURGE_URL, arg, soft);
	} else if (how % 4 == 1) {
		snprintf(arg, sizeof(arg), "/%u/", page);
		purge(s->t, PURGE_PREFIX, arg, soft);
	} else if (how % 4 == 2) {
		snprintf(arg, sizeof(arg), "http://*/%u/*", page);
		purge(s->t, PURGE_GLOB, arg, soft);
	} else {
		snprintf(arg, sizeof(arg), "page%u", page);
		purge(s->t, PURGE_TAG, arg, soft);
	}
	atomic_fetch_add(&s->purges, 1);
	unsigned before = atomic_load(&s->purged_to[page]);
	while (before < version && !atomic_compare_exchange_weak(&s->purged_to[page], &before, version))
		continue;
}

static void count_variant(void *ctx, struct entry *e)
{
	++*(unsigned *)ctx;
}

static void stress_other(struct stress_thread *me, unsigned page)
{
	struct stress *s = me->s;
	struct tier_stats stats;
	char key[64];
	stress_key(key, page);
	struct cache_key k = key_of(key);
	unsigned n = 0;
	switch (next_random(&me->random) % 4) {
	case 0:
		tier_sweep(s->t, 850 + next_random(&me->random) % 170, 50);
		break;
	case 1:
		tier_stats(s->t, &stats);
		must(stats.bytes <= STRESS_LIMIT, "%llu bytes", (unsigned long long)stats.bytes);
		break;
	case 2:
		for (struct entry *e = find(s->t, key); e; entry_release(&e))
			tier_remove(s->t, e);
		break;
	default:
		tier_variants(s->t, &k, count_variant, &n);
	}
}

static void *stress_run(void *arg)
{
	struct stress_thread *me = arg;
	for (unsigned i = 0; i < me->steps; i++) {
		unsigned what = next_random(&me->random) % 100, page = next_random(&me->random) % PAGES;
		if (what < 35)
			stress_store(me, page);
		else if (what < 85)
			stress_find(me, page);
		else if (what < 93)
			stress_purge(me, page);
		else
			stress_other(me, page);
		must(used(me->s->t) <= STRESS_LIMIT, "%zu bytes", used(me->s->t));
	}
	return NULL;
}

START_TEST(threads_never_find_what_was_purged)
{
	enum { THREADS = 6 };
	struct stress *s = mem_zalloc(sizeof(*s));
	s->t = open_tier(STRESS_LIMIT, 150);
	size_t fixed = used(s->t);
	struct stress_thread threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		threads[i] = (struct stress_thread){.s = s, .random = 77 + i, .steps = 5000};
		ck_assert_int_eq(pthread_create(&threads[i].thread, NULL, stress_run, &threads[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i].thread, NULL);
	struct tier_stats stats;
	tier_stats(s->t, &stats);
	printf("stress: %u stored, %u stale, %u full, %u hits, %u misses, %u purges; evicted %llu, expired %llu\n",
	    s->stored, s->stale, s->full, s->hits, s->misses, s->purges, (unsigned long long)stats.evicted,
	    (unsigned long long)stats.expired);
	ck_assert_uint_eq(stats.stores, s->stored);
	ck_assert_uint_eq(stats.refused_stale, s->stale);
	ck_assert_msg(s->hits > 100 && s->misses > 100 && stats.evicted > 100, "the mix tests too little");
	ck_assert_uint_le(stats.entries, 150);
	purge(s->t, PURGE_ALL, "", false);
	ck_assert_uint_eq(used(s->t), fixed);
	tier_close(&s->t);
	free(s);
}
END_TEST

int main(void)
{
	memset(some_bytes, 'x', sizeof(some_bytes));
	Suite *s = suite_create("tier/memory");
	TCase *alone = tcase_create("one thread");
	tcase_set_timeout(alone, 50);
	tcase_add_test(alone, everything_returns_to_the_budget);
	tcase_add_test(alone, overhead_of_an_entry_is_bounded);
	tcase_add_test(alone, the_limit_is_never_passed);
	tcase_add_test(alone, no_more_is_evicted_than_needed);
	tcase_add_test(alone, what_is_hit_survives_a_scan);
	tcase_add_test(alone, what_is_renewed_keeps_its_favour);
	tcase_add_test(alone, what_readers_hold_is_not_evicted);
	tcase_add_test(alone, a_renewed_entry_shares_its_body_with_a_reader);
	tcase_add_test(alone, max_entries_is_kept);
	tcase_add_test(alone, lowered_bounds_are_reached_in_steps);
	tcase_add_test(alone, a_body_larger_than_the_budget_never_evicts_all);
	tcase_add_test(alone, an_entry_that_is_put_again_has_one_place);
	tcase_add_test(alone, a_purge_in_the_middle_of_a_store_is_seen);
	tcase_add_test(alone, an_invalidation_in_the_middle_of_a_store_is_seen);
	tcase_add_test(alone, a_tag_purge_is_no_scan);
	suite_add_tcase(s, alone);
	TCase *threads = tcase_create("threads");
	tcase_set_timeout(threads, 50);
	tcase_add_test(threads, a_purge_passes_nobody_when_buckets_move);
	tcase_add_test(threads, threads_never_find_what_was_purged);
	suite_add_tcase(s, threads);
	return suite_run(s);
}
