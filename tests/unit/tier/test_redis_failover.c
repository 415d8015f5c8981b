/* A server that dies and another that takes its place: lookups are misses meanwhile, and what it had is found again, or void. */
#include "tier/redis_rig.h"

#define PAGE "GET http://h/page"

static int store_page(struct tier *t, const char *body)
{
	struct recipe r = {
	    .key = PAGE, .tags = "tag", .body = str_of(body), .lifetime_ms = 60000, .epoch = tier_epoch(t)};
	return store(t, &r);
}

START_TEST(a_failover_is_survived)
{
	static struct server master, replica, sentinel; /* they end at exit when the test fails */
	char url[64];
	server_start(&master, NULL);
	replica_start(&replica, &master);
	sentinel_start(&sentinel, &master, "pages");
	snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u/pages", sentinel.port);
	rig_until(server_says(&sentinel, "slaves=1", "INFO sentinel"), "a sentinel that knows the replica");
	struct tier *t[2];
	for (unsigned i = 0; i < 2; i++)
		t[i] = rig_open(&(struct rig){.url = url, .timeout_ms = 500, .budget_ms = 200, .prefix = 1});
	ck_assert_int_eq(store_page(t[0], "x"), ERR_OK);
	purge(t[0], PURGE_TAG, "other", false);
	server_must(&master, "SET last 1"); /* WAIT is about the writes of its own connection */
	server_must(&master, "WAIT 1 5000");
	server_stop(&master);
	int64_t began = clock_mono_us();
	ck_assert(!has(t[0], PAGE));
	ck_assert_msg(clock_mono_us() - began < 2000000, "a lookup waits for a failover");
	/* The replica had everything: the pages are there, and so is the order of purges. */
	rig_until(has(t[0], PAGE), "the page, on the new master");
	rig_until(has(t[1], PAGE), "the page, found by the other one");
	rig_until(rig_is_up(t[0]) && rig_is_up(t[1]), "both in touch");
	struct tier_purge op = purge(t[1], PURGE_TAG, "tag", false);
	ck_assert(!has(t[1], PAGE));
	ck_assert_uint_eq(op.seq, 2);
	rig_until(!has(t[0], PAGE), "a purge that is heard after the failover");
	tier_close(&t[0]);
	tier_close(&t[1]);
	server_end(&sentinel);
	server_end(&replica);
	server_end(&master);
}
END_TEST

/* The node of the purges' slot dies, and comes back empty: all pages are void, also those on nodes that live. */
START_TEST(a_node_of_a_cluster_that_lost_its_data)
{
	static struct server nodes[3];
	char url[64];
	cluster_start(nodes, 3);
	snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%u", nodes[0].port);
	struct tier *t = rig_open(&(struct rig){.url = url, .timeout_ms = 500});
	char key[64];
	for (int i = 0; i < 30; i++) {
		snprintf(key, sizeof key, "GET http://h/%d", i);
		struct recipe r = {.key = key, .tags = "tag", .body = STR("x"), .lifetime_ms = 60000};
		ck_assert_int_eq(store(t, &r), ERR_OK);
		ck_assert(has(t, key));
	}
	for (int i = 0; i < 3; i++) {
		redisReply *r = server_ask(&nodes[i], "DBSIZE");
		ck_assert_msg(r && r->integer > 10, "node %d has no pages", i);
		freeReplyObject(r);
	}
	for (int i = 0; i < 3; i++) {
		redisReply *r = server_ask(&nodes[i], "DEL t%u:{purges}:id", rig_prefixes);
		bool here = r && r->type == REDIS_REPLY_INTEGER;
		freeReplyObject(r);
		if (here)
			server_must(&nodes[i], "FLUSHALL");
	}
	rig_until(
	    !has(t, "GET http://h/1") && !has(t, "GET http://h/2") && !has(t, "GET http://h/3"), "pages that are void");
	rig_until(rig_is_up(t) && store_page(t, "y") == ERR_OK && has(t, PAGE), "a new beginning");
	purge(t, PURGE_TAG, "tag", false);
	ck_assert(!has(t, PAGE));
	tier_close(&t);
	for (int i = 0; i < 3; i++)
		server_end(&nodes[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/redis_failover");
	TCase *t = tcase_create("failover");
	tcase_set_timeout(t, 50);
	tcase_add_test(t, a_failover_is_survived);
	tcase_add_test(t, a_node_of_a_cluster_that_lost_its_data);
	suite_add_tcase(s, t);
	return suite_run(s);
}
