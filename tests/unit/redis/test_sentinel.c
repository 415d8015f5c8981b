#include "redis/asking.h"

#include "base/log.h"
#include "redis/client.h"

static struct server master, replica, sentinel;
static char url[128];

START_TEST(finds_the_master)
{
	struct redis_sync *s = sync_of(url, 5000);
	expect(s, COMMAND(STR("SET"), STR("a"), STR("v")), "OK");
	ck_assert(server_says(&master, "v", "GET a"));
	redis_sync_free(&s);
}
END_TEST

START_TEST(says_so_when_nobody_knows_the_group)
{
	char text[128];
	snprintf(text, sizeof(text), "redis+sentinel://127.0.0.1:%u/other", sentinel.port);
	struct redis_sync *s = sync_of(text, 2000);
	expect_error(s, COMMAND(STR("PING")), true, ERR_CONNECT, "knows no group other");
	redis_sync_free(&s);
	snprintf(text, sizeof(text), "redis+sentinel://127.0.0.1:%u/main", server_free_port());
	s = sync_of(text, 2000);
	expect_error(s, COMMAND(STR("PING")), true, ERR_CONNECT, "refused");
	redis_sync_free(&s);
}
END_TEST

static void ignore(struct redis_call *call, int err, const struct redisReply *reply)
{
}

static bool is_down(struct redis_client *c)
{
	struct redis_client_stats s;
	redis_client_stats(c, &s);
	return s.down;
}

static struct redis_client *client_of(void)
{
	struct arena a;
	struct redis_url parsed;
	struct str why;
	arena_init(&a, 0);
	ck_assert(redis_url_parse(str_of(url), &a, &parsed, &why) == ERR_OK);
	struct redis_client *c = redis_client_new(&(struct redis_client_options){
	    .url = &parsed, .timeout_ms = 5000, .max_queued = 1 << 20, .breaker_failures = 3, .breaker_ms = 100});
	arena_free(&a);
	return c;
}

/* The master becomes a replica under an open connection: READONLY leads to the sentinel, which knows the other. */
START_TEST(leaves_a_master_that_became_a_replica)
{
	struct redis_sync *s = sync_of(url, 5000);
	struct redisReply *r;
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	expect(s, COMMAND(STR("SET"), STR("b"), STR("1")), "OK");
	while (!server_says(&sentinel, "OK", "SENTINEL FAILOVER main"))
		server_pause(deadline, "a sentinel that finds the replica fit");
	while (!server_says(&replica, "role:master", "INFO replication"))
		server_pause(deadline, "a replica that becomes the master");
	char port[16];
	snprintf(port, sizeof(port), "%u", replica.port);
	server_must(&master, "REPLICAOF 127.0.0.1 %s", port); /* the sentinel does that only after ten seconds */
	for (bool ok = false; !ok;) {
		int err = redis_sync_call(s, COMMAND(STR("SET"), STR("c"), STR("2")), true, 0, &r);
		ok = err == ERR_OK && server_says(&replica, "2", "GET c");
		if (err == ERR_OK)
			freeReplyObject(r);
		server_pause(deadline, "the new master");
	}
	while (!server_says(&master, "master_link_status:up", "INFO replication"))
		server_pause(deadline, "the old master as a replica");
	expect(s, COMMAND(STR("SET"), STR("d"), STR("3")), "OK");
	ck_assert(server_says(&replica, "3", "GET d"));
	redis_sync_free(&s);
}
END_TEST

/* Now the second is the master; it dies, and the first takes over again. */
START_TEST(survives_a_failover)
{
	struct redis_client *c = client_of();
	struct redis_sync *s = sync_of(url, 5000);
	struct redisReply *r;
	int64_t deadline = server_deadline(SERVER_WAIT_MS * 2);
	while (is_down(c))
		server_pause(deadline, "a client that is connected");
	expect(s, COMMAND(STR("PING")), "PONG");
	int64_t begin = clock_mono_us(), cpu = server_cpu_us();
	server_stop(&replica);
	while (!is_down(c))
		server_pause(deadline, "a client that knows");
	struct str ping[] = {STR("PING")};
	struct redis_call call = {.command = {.argc = 1, .argv = ping}, .timeout_ms = 100, .done = ignore};
	ck_assert(redis_client_call(c, &call) == ERR_AGAIN);
	while (is_down(c))
		server_pause(deadline, "a failover");
	begin = clock_mono_us() - begin, cpu = server_cpu_us() - cpu;
	ck_assert_msg(cpu < begin / 2, "%lld us of %lld: it spins", (long long)cpu, (long long)begin);
	while (!server_says(&master, "role:master", "INFO replication")) /* the sentinel has cut this connection */
		server_pause(deadline, "the first as the master again");
	for (int err = ERR_AGAIN; err != ERR_OK;) {
		err = redis_sync_call(s, COMMAND(STR("SET"), STR("e"), STR("5")), true, 0, &r);
		if (err == ERR_OK)
			freeReplyObject(r);
		server_pause(deadline, "a failover");
	}
	ck_assert(server_says(&master, "5", "GET e"));
	redis_client_free(&c);
	redis_sync_free(&s);
}
END_TEST

static void start_all(void)
{
	server_start(&master, NULL);
	replica_start(&replica, &master);
	sentinel_start(&sentinel, &master, "main");
	char want[64];
	snprintf(want, sizeof(want), "127.0.0.1:%u", replica.port);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (!server_says(&sentinel, "slaves=1", "INFO sentinel"))
		server_pause(deadline, "a sentinel that knows the replica");
	/* The first of the URL is nobody. */
	snprintf(
	    url, sizeof(url), "redis+sentinel://127.0.0.1:%u,localhost:%u/main", server_free_port(), sentinel.port);
}

static void end_all(void)
{
	server_end(&master);
	server_end(&replica);
	server_end(&sentinel);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	Suite *s = suite_create("redis/sentinel");
	TCase *c = tcase_create("sentinel");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start_all, end_all);
	tcase_add_test(c, finds_the_master);
	tcase_add_test(c, says_so_when_nobody_knows_the_group);
	tcase_add_test(c, leaves_a_master_that_became_a_replica);
	tcase_add_test(c, survives_a_failover);
	return suite_run(s);
}
