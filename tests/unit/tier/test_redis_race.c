/* Everything at once on two instances: what was purged is found by nobody who knows of it, whatever is stored, looked up, killed and
 * stopped meanwhile. */
#include "tier/redis_rig.h"

enum { PAGES = 4, STORERS = 2, READERS = 2 };

/* The origin: a page's body is its version, which moves before it is purged. */
static _Atomic uint64_t versions[PAGES];
static atomic_bool over;
static struct tier *tiers[2];

static void page_key(char out[64], unsigned page)
{
	snprintf(out, 64, "GET http://h/page/%u", page);
}

static void *store_pages(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	struct tier *t = tiers[i % 2];
	char key[64], body[32];
	for (unsigned n = i; !atomic_load(&over); n++) {
		unsigned page = n % PAGES;
		page_key(key, page);
		struct recipe r = {.key = key, .tags = "all,pages", .lifetime_ms = 60000, .epoch = tier_epoch(t)};
		snprintf(body, sizeof body, "%llu", (unsigned long long)atomic_load(&versions[page]));
		r.body = str_of(body);
		(void)!store(t, &r);
	}
	return NULL;
}

static void check_page(struct tier *t, unsigned page, uint64_t at_least)
{
	char key[64];
	page_key(key, page);
	struct entry *e = find(t, key);
	uint64_t version = 0;
	struct str body = STR_NONE;
	if (e)
		must(body_segments(e->body, &body, 1) == 1 && str_to_u64(body, UINT64_MAX, &version) == ERR_OK,
		    "a wrong body");
	must(!e || version >= at_least || atomic_load(&e->purged), "page %u: version %d after %d was purged", page,
	    (int)version, (int)at_least);
	entry_release(&e);
}

static void *look_at_pages(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	for (unsigned n = i; !atomic_load(&over); n++)
		check_page(tiers[i % 2], n % PAGES, 0);
	return NULL;
}

static int purge_one(struct tier *t, unsigned n, unsigned page, uint64_t *seq)
{
	static const enum purge_kind kinds[] = {PURGE_URL, PURGE_TAG, PURGE_PREFIX, PURGE_GLOB, PURGE_ALL};
	char key[64];
	page_key(key, page);
	struct tier_purge op = {.kind = kinds[n % COUNT_OF(kinds)], .soft = n % 7 == 6};
	op.key = key_of(key);
	op.arg = op.kind == PURGE_TAG ? STR("pages") : op.kind == PURGE_PREFIX ? STR("/page/") : STR("/page/*");
	if (op.kind == PURGE_URL)
		op.arg = op.key.text;
	if (op.kind == PURGE_URL && n % 3 == 0) {
		struct tier_invalidate inv = {.key = op.key};
		*seq = 0;
		return make_invalidate(t, &inv);
	}
	int err = make_purge(t, &op);
	*seq = op.seq;
	return err;
}

static void nothing(void *ctx, const struct tier_receipt *r)
{
}

static void start(pthread_t *threads)
{
	atomic_store(&over, false);
	for (uintptr_t i = 0; i < STORERS + READERS; i++) {
		void *(*run)(void *) = i < STORERS ? store_pages : look_at_pages;
		must(pthread_create(&threads[i], NULL, run, (void *)i) == 0, "pthread_create");
	}
}

static void stop(pthread_t *threads)
{
	atomic_store(&over, true);
	for (unsigned i = 0; i < STORERS + READERS; i++)
		pthread_join(threads[i], NULL);
}

static void open_both(const struct rig *like)
{
	struct rig rig = *like;
	tiers[0] = rig_open(&rig);
	rig.prefix = rig_prefixes;
	tiers[1] = rig_open(&rig);
}

START_TEST(nothing_stale_is_found_after_a_purge)
{
	pthread_t threads[STORERS + READERS];
	open_both(&(struct rig){0});
	start(threads);
	unsigned awaited = 0;
	for (unsigned n = 0; n < 600; n++) {
		unsigned page = n % PAGES;
		uint64_t version = atomic_fetch_add(&versions[page], 1) + 1, seq;
		must(purge_one(tiers[n % 2], n, page, &seq) == ERR_OK, "a purge failed");
		check_page(tiers[n % 2], page, version);
		if (n % 4 == 0 && seq > 0) {
			must(tier_await(tiers[n % 2], seq, 10000, nothing, NULL) == ERR_OK, "not heard");
			check_page(tiers[1 - n % 2], page, version);
			awaited++;
		}
	}
	stop(threads);
	struct tier_stats s = rig_stats(tiers[0]);
	printf("race: %d stored, %d stale, %d hits, %d misses, %u awaited\n", (int)s.stores, (int)s.refused_stale,
	    (int)s.hits, (int)s.misses, awaited);
	ck_assert_uint_eq(s.corrupt, 0);
	ck_assert_uint_eq(s.timeouts, 0);
	tier_close(&tiers[0]);
	tier_close(&tiers[1]);
}
END_TEST

/* Purges that fail are those that count as much: what they cover is not found by the one who tried. */
START_TEST(nor_while_the_server_dies_and_stops)
{
	pthread_t threads[STORERS + READERS];
	open_both(&(struct rig){.timeout_ms = 300, .budget_ms = 50});
	start(threads);
	unsigned failed = 0;
	for (unsigned n = 0; n < 60; n++) {
		unsigned page = n % PAGES;
		if (n % 20 == 5)
			server_freeze(&rig_server);
		if (n % 20 == 8)
			server_thaw(&rig_server);
		if (n % 20 == 12)
			server_stop(&rig_server);
		if (n % 20 == 15)
			server_start(&rig_server, NULL);
		uint64_t version = atomic_fetch_add(&versions[page], 1) + 1, seq;
		failed += purge_one(tiers[0], n, page, &seq) != ERR_OK;
		check_page(tiers[0], page, version);
		server_pause(server_deadline(1000), "nothing");
		check_page(tiers[0], page, version);
	}
	rig_await(tiers[0], true);
	rig_await(tiers[1], true);
	stop(threads);
	printf("race: %u of 60 purges could not be sent at once\n", failed);
	ck_assert_uint_gt(failed, 0);
	ck_assert_uint_eq(rig_stats(tiers[0]).corrupt, 0);
	tier_close(&tiers[0]);
	tier_close(&tiers[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_race");
	TCase *t = tcase_create("race");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, nothing_stale_is_found_after_a_purge);
	tcase_add_test(t, nor_while_the_server_dies_and_stops);
	suite_add_tcase(s, t);
	return suite_run(s);
}
