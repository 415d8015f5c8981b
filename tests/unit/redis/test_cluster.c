#include "redis/asking.h"

#include <pthread.h>

#include "base/log.h"
#include "capture.h"
#include "redis/client.h"
#include "redis/slots.h"

enum { NODES = 3 };

static struct server nodes[NODES];
static char url[128];

/* Which of the three has the slot after cluster_start. */
static int owner_of(const char *key)
{
	for (int i = 0; i < NODES; i++) {
		if (slot_of(str_of(key)) < (unsigned)(16384 * (i + 1) / NODES))
			return i;
	}
	return NODES;
}

/* Verb, key and perhaps a value, to the node of the key. */
#define KEYED(verb, k, ...)                                                                                            \
	(&(struct redis_command){.argv = (struct str[]){STR(verb), str_of(k), __VA_ARGS__},                            \
	    .argc = COUNT_OF(((struct str[]){STR(verb), str_of(k), __VA_ARGS__})),                                     \
	    .key = str_of(k)})

static void move_slot(const char *key, int to)
{
	char id[64];
	cluster_id(&nodes[to], id);
	unsigned slot = slot_of(str_of(key));
	server_must(&nodes[to], "CLUSTER SETSLOT %d NODE %s", (int)slot, id);
	server_must(&nodes[owner_of(key)], "CLUSTER SETSLOT %d NODE %s", (int)slot, id);
}

START_TEST(asks_the_node_of_the_key)
{
	static const struct redis_script script = {.text = "return redis.call('INCR', KEYS[1])"};
	struct redis_sync *s = sync_of(url, 5000);
	bool met[NODES] = {false};
	for (int i = 0; i < 50; i++) {
		char key[32];
		snprintf(key, sizeof(key), "key:%d", i);
		met[owner_of(key)] = true;
		struct redis_command c = {
		    .script = &script, .n_keys = 1, .argc = 1, .argv = (struct str[]){str_of(key)}, .key = str_of(key)};
		expect(s, &c, "1");
		ck_assert(server_says(&nodes[owner_of(key)], "1", "GET %s", key));
	}
	ck_assert(met[0] && met[1] && met[2]);
	expect(s, COMMAND(STR("PING")), "PONG");
	redis_sync_free(&s);
}
END_TEST

START_TEST(sends_several_to_several_nodes)
{
	struct redisReply *out[3];
	char text[256];
	struct redis_sync *s = sync_of(url, 5000);
	struct redis_command c[] = {*KEYED("SET", "x1", STR("1")), *KEYED("SET", "x2", STR("2")), *KEYED("INCR", "x3")};
	ck_assert_int_eq(redis_sync_calls(s, c, 3, false, out), ERR_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(text_of(out[i], text), i < 2 ? "OK" : "1");
	redis_sync_free(&s);
}
END_TEST

/* The slot of "moved" goes from its node to the next, while its keys go one by one. */
START_TEST(follows_a_slot_that_moves)
{
	static const char *const key = "moved";
	int from = owner_of(key), to = (from + 1) % NODES;
	unsigned slot = slot_of(str_of(key));
	char source[64], target[64];
	struct redis_sync *s = sync_of(url, 5000);
	expect(s, KEYED("SET", key, STR("v")), "OK");
	expect(s, KEYED("SET", "{moved}2", STR("x")), "OK");
	cluster_id(&nodes[from], source);
	cluster_id(&nodes[to], target);
	server_must(&nodes[to], "CLUSTER SETSLOT %d IMPORTING %s", (int)slot, source);
	server_must(&nodes[from], "CLUSTER SETSLOT %d MIGRATING %s", (int)slot, target);
	expect(s, KEYED("GET", key), "v"); /* still there */
	server_must(&nodes[from], "MIGRATE 127.0.0.1 %d %s 0 5000", (int)nodes[to].port, key);
	expect(s, KEYED("GET", key), "v"); /* ASK */
	expect(s, KEYED("SET", key, STR("w")), "OK");
	ck_assert(server_says(&nodes[from], "ASK", "GET %s", key));
	/* Half of them there, half of them here: that is said when it does not become better in time. */
	struct redis_command both = *KEYED("MGET", key, STR("{moved}2"));
	struct redisReply *r;
	struct redis_sync *hasty = sync_of(url, 300);
	int err = redis_sync_call(hasty, &both, true, 0, &r);
	ck_assert(err == ERR_TIMEOUT ||
		  (err == ERR_OK && r->type == REDIS_REPLY_ERROR && strncmp(r->str, "TRYAGAIN", 8) == 0));
	if (r)
		freeReplyObject(r);
	redis_sync_free(&hasty);
	server_must(&nodes[from], "DEL {moved}2");
	move_slot(key, to);
	expect(s, KEYED("GET", key), "w"); /* MOVED */
	expect(s, KEYED("GET", key), "w");
	redis_sync_free(&s);
}
END_TEST

struct asked {
	struct redis_call call;
	struct str argv[3];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	int err;
};

static void done(struct redis_call *call, int err, const struct redisReply *r)
{
	struct asked *a = call->ctx;
	pthread_mutex_lock(&a->lock);
	a->done = true;
	a->err = err;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static int set_by(struct redis_client *c, const char *key)
{
	struct asked a = {.argv = {STR("SET"), str_of(key), STR("1")},
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER};
	a.call = (struct redis_call){
	    .command = {.argc = 3, .argv = a.argv, .key = str_of(key)}, .timeout_ms = 50, .done = done, .ctx = &a};
	int err = redis_client_call(c, &a.call);
	if (err != ERR_AGAIN)
		return err;
	pthread_mutex_lock(&a.lock);
	while (!a.done)
		pthread_cond_wait(&a.changed, &a.lock);
	pthread_mutex_unlock(&a.lock);
	return a.err;
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

/* Keys "a", "b" ... of each node. */
static const char *key_at(int node)
{
	static char key[NODES][2];
	for (char c = 'a'; c <= 'z'; c++) {
		key[node][0] = c;
		if (owner_of(key[node]) == node)
			return key[node];
	}
	return "";
}

START_TEST(one_node_that_hangs_does_not_stop_the_others)
{
	struct redis_client *c = client_of();
	struct redis_client_stats stats;
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (int i = 0; i < NODES; i++) {
		while (set_by(c, key_at(i)) != ERR_OK)
			server_pause(deadline, "each node");
	}
	server_freeze(&nodes[1]);
	int err, calls = 0;
	while ((err = set_by(c, key_at(1))) != ERR_BUSY) {
		ck_assert(err == ERR_TIMEOUT && ++calls <= 3);
		ck_assert_int_eq(set_by(c, key_at(0)), ERR_OK);
		ck_assert_int_eq(set_by(c, key_at(2)), ERR_OK);
	}
	server_thaw(&nodes[1]);
	while (set_by(c, key_at(1)) != ERR_OK)
		server_pause(deadline, "the node that hung");
	do
		redis_client_stats(c, &stats);
	while (stats.down && clock_mono_us() < deadline);
	ck_assert(!stats.down);
	redis_client_free(&c);
}
END_TEST

START_TEST(a_node_that_is_killed_comes_back)
{
	struct redis_client *c = client_of();
	struct redis_sync *s = sync_of(url, 1000);
	struct redisReply *r;
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (set_by(c, key_at(2)) != ERR_OK)
		server_pause(deadline, "the third node");
	expect(s, KEYED("PING", key_at(2)), key_at(2));
	int64_t begin = clock_mono_us(), cpu = server_cpu_us();
	server_stop(&nodes[2]);
	while (set_by(c, key_at(2)) != ERR_CONNECT)
		server_pause(deadline, "a client that knows");
	ck_assert_int_eq(redis_sync_call(s, KEYED("GET", key_at(2)), true, 0, &r), ERR_CONNECT);
	ck_assert_int_eq(redis_sync_call(s, COMMAND(STR("PING")), true, 0, &r), ERR_OK);
	freeReplyObject(r);
	cluster_node_start(&nodes[2]);
	while (set_by(c, key_at(2)) != ERR_OK)
		server_pause(deadline, "the node that was killed");
	while (redis_sync_call(s, KEYED("GET", key_at(2)), true, 0, &r) != ERR_OK)
		server_pause(deadline, "the node that was killed");
	freeReplyObject(r);
	begin = clock_mono_us() - begin, cpu = server_cpu_us() - cpu;
	ck_assert_msg(cpu < begin / 2, "%lld us of %lld: it spins", (long long)cpu, (long long)begin);
	redis_client_free(&c);
	redis_sync_free(&s);
}
END_TEST

/* The second node dies for good, and its replica takes its slots. */
START_TEST(finds_the_replica_that_took_over)
{
	struct server replica = {0};
	char id[64];
	struct redis_client *c = client_of();
	struct redis_sync *s = sync_of(url, 1000);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (set_by(c, key_at(1)) != ERR_OK)
		server_pause(deadline, "the second node");
	expect(s, KEYED("GET", key_at(1)), "1");
	cluster_node_start(&replica);
	server_must(&replica, "CLUSTER MEET 127.0.0.1 %d %d", (int)nodes[1].port, (int)nodes[1].bus);
	cluster_id(&nodes[1], id);
	while (!server_says(&replica, "OK", "CLUSTER REPLICATE %s", id))
		server_pause(deadline, "a replica that knows its master");
	while (!server_says(&replica, "master_link_status:up", "INFO replication"))
		server_pause(deadline, "a replica that follows its master");
	for (int i = 0; i < NODES; i++) {
		while (!server_says(&nodes[i], "cluster_known_nodes:4", "CLUSTER INFO"))
			server_pause(deadline, "nodes that know the replica");
	}
	server_stop(&nodes[1]);
	server_must(&replica, "CLUSTER FAILOVER TAKEOVER");
	while (set_by(c, key_at(1)) != ERR_OK)
		server_pause(deadline, "the node that took over");
	struct redisReply *r;
	while (redis_sync_call(s, KEYED("GET", key_at(1)), true, 0, &r) != ERR_OK)
		server_pause(deadline, "the node that took over");
	ck_assert_str_eq(r->str, "1");
	freeReplyObject(r);
	redis_client_free(&c);
	redis_sync_free(&s);
	server_end(&replica);
}
END_TEST

START_TEST(says_so_when_there_is_no_cluster)
{
	struct server plain = {0};
	char text[64];
	server_start(&plain, NULL);
	snprintf(text, sizeof(text), "redis+cluster://127.0.0.1:%u", plain.port);
	struct redis_sync *s = sync_of(text, 2000);
	expect_error(s, KEYED("GET", "a"), true, ERR_CONNECT, "cluster support disabled");
	redis_sync_free(&s);
	server_end(&plain);
	s = sync_of(text, 2000);
	expect_error(s, KEYED("GET", "a"), true, ERR_CONNECT, "refused");
	redis_sync_free(&s);
}
END_TEST

/* It connects to it several times in the first second. */
START_TEST(says_once_that_there_is_no_cluster)
{
	struct server plain = {0};
	struct redis_client_stats stats = {.calls = 0};
	server_start(&plain, NULL);
	char before[sizeof(url)];
	memcpy(before, url, sizeof(url));
	snprintf(url, sizeof(url), "redis+cluster://127.0.0.1:%u", plain.port);
	log_set_level(LOG_INFO);
	capture_begin();
	struct redis_client *c = client_of();
	memcpy(url, before, sizeof(url));
	int64_t deadline = server_deadline(10000);
	while (stats.reconnects < 4) {
		server_pause(deadline, "connections made anew");
		redis_client_stats(c, &stats);
	}
	redis_client_free(&c);
	char *log = capture_end();
	log_set_level(LOG_ERROR);
	ck_assert_msg(capture_count(log, "it tells no map of a cluster") == 1, "%s", log);
	ck_assert_msg(capture_count(log, "connected to") == 0, "%s", log);
	free(log);
	server_end(&plain);
}
END_TEST

static void start_all(void)
{
	cluster_start(nodes, NODES);
	/* The first of the URL is nobody. */
	snprintf(url, sizeof(url), "redis+cluster://127.0.0.1:%u,localhost:%u", server_free_port(), nodes[1].port);
}

static void end_all(void)
{
	for (int i = 0; i < NODES; i++)
		server_end(&nodes[i]);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	Suite *s = suite_create("redis/cluster");
	TCase *c = tcase_create("cluster");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start_all, end_all);
	tcase_add_test(c, asks_the_node_of_the_key);
	tcase_add_test(c, sends_several_to_several_nodes);
	tcase_add_test(c, follows_a_slot_that_moves);
	tcase_add_test(c, one_node_that_hangs_does_not_stop_the_others);
	tcase_add_test(c, a_node_that_is_killed_comes_back);
	tcase_add_test(c, finds_the_replica_that_took_over);
	tcase_add_test(c, says_so_when_there_is_no_cluster);
	tcase_add_test(c, says_once_that_there_is_no_cluster);
	return suite_run(s);
}
