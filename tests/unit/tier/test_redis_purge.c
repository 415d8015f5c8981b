/* Purges that do not reach Redis: the operator is told, nothing is lost, and nothing that they cover is found before they are sent. */
#include "tier/redis_rig.h"

#define PAGE "GET http://one.example/blog/a"

static int store_page(struct tier *t, const char *key)
{
	struct recipe r = {.key = key, .tags = "blog", .body = STR("x"), .lifetime_ms = 60000, .epoch = tier_epoch(t)};
	return store(t, &r);
}

static int try_to_purge(struct tier *t, enum purge_kind kind, const char *arg)
{
	struct tier_purge op = {.kind = kind, .arg = str_of(arg)};
	if (kind == PURGE_URL)
		op.key = key_of(arg);
	return make_purge(t, &op);
}

static const struct {
	const char *what;
	enum purge_kind kind;
	const char *arg;
} purges[] = {
    {"a url", PURGE_URL, PAGE},
    {"a prefix", PURGE_PREFIX, "/blog"},
    {"a tag", PURGE_TAG, "blog"},
    {"all", PURGE_ALL, ""},
};

/* The server stands still: its data is there when it goes on, and so are the pages that were purged meanwhile. */
START_TEST(what_was_purged_in_an_outage_is_purged_after_it)
{
	struct tier *other = rig_open(&(struct rig){.timeout_ms = 500});
	struct tier *t = rig_open(&(struct rig){.timeout_ms = 500, .prefix = rig_prefixes});
	for (size_t i = 0; i < COUNT_OF(purges); i++) {
		ck_assert_int_eq(store_page(t, PAGE), ERR_OK);
		server_freeze(&rig_server);
		int64_t began = clock_mono_us();
		int err = try_to_purge(t, purges[i].kind, purges[i].arg);
		ck_assert_msg(err != ERR_OK, "%s: reached a server that stands still", purges[i].what);
		ck_assert_msg(clock_mono_us() - began < 5000000, "%s: the operator waits", purges[i].what);
		server_thaw(&rig_server);
		/* It may be found by nobody from the moment on that Redis answers this instance. */
		int64_t deadline = server_deadline(SERVER_WAIT_MS);
		while (!rig_is_up(t) || !has(other, "GET http://h/witness")) {
			ck_assert_msg(!has(t, PAGE), "%s: found after it was purged", purges[i].what);
			(void)!store_page(other, "GET http://h/witness");
			server_pause(deadline, "Redis again");
		}
		rig_until(!has(other, PAGE), "the other one has heard");
		rig_until(store_page(t, PAGE) == ERR_OK && has(t, PAGE), "pages again");
	}
	tier_close(&t);
	tier_close(&other);
}
END_TEST

START_TEST(invalidations_do_not_wait_and_are_not_lost)
{
	struct tier *t = rig_open(&(struct rig){.timeout_ms = 500, .budget_ms = 50});
	ck_assert_int_eq(store_page(t, PAGE), ERR_OK);
	server_freeze(&rig_server);
	int64_t began = clock_mono_us();
	for (int i = 0; i < 50; i++) {
		struct tier_invalidate op = {.key = key_of(PAGE)};
		ck_assert_int_ne(make_invalidate(t, &op), ERR_OK);
	}
	int64_t ms = (clock_mono_us() - began) / 1000;
	ck_assert_msg(ms < 2000, "50 POSTs waited %d ms for Redis", (int)ms); /* the breaker opens after a few */
	server_thaw(&rig_server);
	rig_until(rig_is_up(t) && store_page(t, "GET http://h/other") == ERR_OK, "Redis again");
	ck_assert(!has(t, PAGE));
	tier_close(&t);
}
END_TEST

START_TEST(beyond_the_bound_everything_is_purged)
{
	struct tier *t = rig_open(&(struct rig){.timeout_ms = 300, .budget_ms = 50});
	ck_assert_int_eq(store_page(t, PAGE), ERR_OK);
	server_freeze(&rig_server);
	for (int i = 0; i < 1002; i++) {
		char key[64];
		snprintf(key, sizeof key, "GET http://h/%d", i);
		struct tier_invalidate op = {.key = key_of(key)};
		ck_assert_int_ne(make_invalidate(t, &op), ERR_OK);
	}
	server_thaw(&rig_server);
	rig_until(rig_is_up(t) && store_page(t, "GET http://h/other") == ERR_OK, "Redis again");
	ck_assert_msg(!has(t, PAGE), "nothing stands for those that had no room");
	tier_close(&t);
}
END_TEST

/* Redis has no memory for another record: the purge fails, waits, and its page is not found meanwhile. */
START_TEST(a_full_server_takes_purges_later)
{
	struct tier *t = rig_open(&(struct rig){0});
	ck_assert_int_eq(store_page(t, PAGE), ERR_OK);
	server_must(&rig_server, "CONFIG SET maxmemory 1");
	ck_assert_int_eq(try_to_purge(t, PURGE_TAG, "blog"), ERR_FULL);
	ck_assert(!has(t, PAGE));
	ck_assert_msg(rig_is_up(t), "it follows still");
	server_must(&rig_server, "CONFIG SET maxmemory 0");
	rig_until(store_page(t, "GET http://h/other") == ERR_OK, "room again");
	ck_assert(!has(t, PAGE));
	ck_assert(has(t, "GET http://h/other"));
	tier_close(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_purge");
	TCase *t = tcase_create("purge");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, what_was_purged_in_an_outage_is_purged_after_it);
	tcase_add_test(t, invalidations_do_not_wait_and_are_not_lost);
	tcase_add_test(t, beyond_the_bound_everything_is_purged);
	tcase_add_test(t, a_full_server_takes_purges_later);
	suite_add_tcase(s, t);
	return suite_run(s);
}
