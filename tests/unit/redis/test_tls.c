/* rediss://: who is believed, and that everything goes over TLS as it does without. */
#include "redis/tls_server.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "redis/asking.h"
#include "redis/client.h"

enum { BIG = 3 * 1000 * 1000 };

static struct server one;
static unsigned port; /* of its TLS */

struct files {
	const char *ca, *cert, *key;
	bool any_server;
};

static struct redis_url *url_of(const char *text, const struct files *files, struct arena *a)
{
	struct redis_url *url = arena_zalloc(a, sizeof(*url));
	struct str why = STR("");
	ck_assert_msg(redis_url_parse(str_of(text), a, url, &why) == ERR_OK, "%s: %.*s", text, STR_ARG(why));
	url->files = (struct redis_tls){.ca = str_of(files->ca ? tls_file(files->ca) : NULL),
	    .cert = str_of(files->cert ? tls_file(files->cert) : NULL),
	    .key = str_of(files->key ? tls_file(files->key) : NULL),
	    .any_server = files->any_server};
	return url;
}

static struct redis_sync *tls_sync(const char *text, const struct files *files, int64_t timeout_ms)
{
	struct arena a;
	arena_init(&a, 0);
	struct redis_sync *s = redis_sync_new(url_of(text, files, &a), timeout_ms);
	ck_assert(s != NULL);
	arena_free(&a);
	return s;
}

static const struct files trusted = {.ca = "ca.pem"};

START_TEST(believes_who_is_vouched_for)
{
	struct server elsewhere = {0}, strict = {0}, old = {0};
	unsigned elsewhere_port = tls_start(&elsewhere, "elsewhere", tls_any_client);
	unsigned strict_port = tls_start(&strict, "host", NULL);
	unsigned old_port =
	    tls_start(&old, "host", (const char *[]){"--tls-auth-clients", "no", "--tls-protocols", "TLSv1.2", NULL});
	const struct {
		const char *what, *host;
		unsigned port;
		struct files files;
		int want;
		const char *says;
	} rows[] = {
	    {"the right CA, an address", "127.0.0.1", port, {.ca = "ca.pem"}, ERR_OK, ""},
	    {"the right CA, a name", "localhost", port, {.ca = "ca.pem"}, ERR_OK, ""},
	    {"TLS 1.2", "localhost", old_port, {.ca = "ca.pem"}, ERR_OK, ""},
	    {"another CA", "127.0.0.1", port, {.ca = "other-ca.pem"}, ERR_TLS, "certificate is refused"},
	    {"the system's CAs", "127.0.0.1", port, {.ca = NULL}, ERR_TLS, "certificate is refused"},
	    {"another address", "127.0.0.1", elsewhere_port, {.ca = "ca.pem"}, ERR_TLS, "IP address mismatch"},
	    {"another name", "localhost", elsewhere_port, {.ca = "ca.pem"}, ERR_TLS, "hostname mismatch"},
	    {"whoever it is", "localhost", elsewhere_port, {.any_server = true}, ERR_OK, ""},
	    {"it asks who we are", "localhost", strict_port, {.ca = "ca.pem"}, ERR_RESET, "certificate required"},
	    {"we say who we are", "localhost", strict_port, {.ca = "ca.pem", .cert = "client.pem", .key = "client.key"},
		ERR_OK, ""},
	    {"in one file", "localhost", strict_port, {.ca = "ca.pem", .cert = "both.pem"}, ERR_OK, ""},
	    {"a CA file that is not there", "localhost", port, {.ca = "none.pem"}, ERR_TLS, "none.pem cannot be used"},
	    {"a CA file that is none", "localhost", port, {.ca = "ca.key"}, ERR_TLS, "ca.key cannot be used"},
	    {"a certificate without its key", "localhost", port, {.ca = "ca.pem", .cert = "client.pem"}, ERR_TLS,
		"the key in"},
	    {"another's key", "localhost", port, {.ca = "ca.pem", .cert = "client.pem", .key = "host.key"}, ERR_TLS,
		"key values mismatch"},
	    {"a port without TLS", "127.0.0.1", one.port, {.ca = "ca.pem"}, ERR_TIMEOUT, "port for TLS"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char url[64];
		struct redisReply *r;
		snprintf(url, sizeof(url), "rediss://%s:%u", rows[i].host, rows[i].port);
		struct redis_sync *s = tls_sync(url, &rows[i].files, rows[i].want == ERR_TIMEOUT ? 300 : 10000);
		int err = redis_sync_call(s, COMMAND(STR("PING")), true, 0, &r);
		/* TLS 1.3 tells who wants a certificate when the handshake is over for us. */
		bool as_wanted = err == rows[i].want || (rows[i].want == ERR_RESET && err == ERR_CONNECT);
		ck_assert_msg(as_wanted, "%s: %s: %s", rows[i].what, err_name(err), redis_sync_error(s));
		ck_assert_msg(err == ERR_OK || err == ERR_TIMEOUT || strstr(redis_sync_error(s), rows[i].says),
		    "%s: %s", rows[i].what, redis_sync_error(s));
		if (r)
			freeReplyObject(r);
		redis_sync_free(&s);
	}
	server_end(&elsewhere);
	server_end(&strict);
	server_end(&old);
}
END_TEST

START_TEST(a_client_without_tls_gets_nowhere)
{
	char url[64];
	snprintf(url, sizeof(url), "redis://127.0.0.1:%u", port);
	struct redis_sync *s = sync_of(url, 5000);
	struct redisReply *r;
	int err = redis_sync_call(s, COMMAND(STR("PING")), true, 0, &r);
	ck_assert_msg(err == ERR_CONNECT || err == ERR_RESET, "%s", err_name(err));
	redis_sync_free(&s);
}
END_TEST

START_TEST(large_values_and_a_server_that_is_killed)
{
	char url[64], *p = mem_alloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		p[i] = (char)(i * 31 % 251);
	snprintf(url, sizeof(url), "rediss://localhost:%u/1", port);
	struct redis_sync *s = tls_sync(url, &trusted, 20000);
	struct redisReply *r;
	for (int round = 0; round < 2; round++) {
		expect(s, COMMAND(STR("SET"), STR("big"), str_make(p, BIG)), "OK");
		ck_assert_int_eq(redis_sync_call(s, COMMAND(STR("GET"), STR("big")), false, 0, &r), ERR_OK);
		ck_assert(r->len == BIG && memcmp(r->str, p, BIG) == 0);
		freeReplyObject(r);
		server_stop(&one);
		ck_assert_int_ne(redis_sync_call(s, COMMAND(STR("GET"), STR("big")), false, 0, &r), ERR_OK);
		server_start(&one, tls_arguments(port, "host", tls_any_client));
	}
	free(p);
	redis_sync_free(&s);
}
END_TEST

/* --- the client that does not wait --- */

enum { CALLS = 400, VALUE = 20000 };

struct asked {
	struct redis_call call;
	struct str argv[3];
	char key[16];
	int err;
	bool right;
};

static atomic_int left;
static char value[VALUE];

static void done(struct redis_call *call, int err, const struct redisReply *r)
{
	struct asked *a = CONTAINER_OF(call, struct asked, call);
	a->err = err;
	a->right = r && r->str && (call->command.argc == 3 || (r->len == VALUE && memcmp(r->str, value, VALUE) == 0));
	atomic_fetch_sub(&left, 1);
}

static void call_all(struct redis_client *c, struct asked *all, const char *verb, bool with_value)
{
	atomic_store(&left, CALLS);
	for (int i = 0; i < CALLS; i++) {
		struct asked *a = &all[i];
		snprintf(a->key, sizeof(a->key), "k%d", i);
		*a = (struct asked){.argv = {str_of(verb), STR_NONE, str_make(value, VALUE)}, .err = ERR_AGAIN};
		snprintf(a->key, sizeof(a->key), "k%d", i);
		a->argv[1] = str_of(a->key);
		a->call =
		    (struct redis_call){.command = {.argc = with_value ? 3 : 2, .argv = a->argv, .key = a->argv[1]},
			.timeout_ms = 10000,
			.done = done};
		if (redis_client_call(c, &a->call) != ERR_AGAIN)
			atomic_fetch_sub(&left, 1);
	}
}

static void await_all(void)
{
	int64_t deadline = server_deadline(30000);
	while (atomic_load(&left) > 0)
		server_pause(deadline, "calls that end");
}

static struct redis_client *tls_client(const char *text, const struct files *files)
{
	struct arena a;
	arena_init(&a, 0);
	struct redis_client *c = redis_client_new(&(struct redis_client_options){.url = url_of(text, files, &a),
	    .timeout_ms = 5000,
	    .max_queued = 64 << 20,
	    .breaker_failures = 5,
	    .breaker_ms = 100});
	ck_assert(c != NULL);
	arena_free(&a);
	return c;
}

static void expect_good(struct redis_client *c)
{
	struct asked *all = mem_zalloc(CALLS * sizeof(*all));
	static const char *const verbs[] = {"SET", "GET"};
	memset(value, 'v', VALUE);
	for (int i = 0; i < 2; i++) {
		call_all(c, all, verbs[i], i == 0);
		await_all();
		for (int k = 0; k < CALLS; k++)
			ck_assert_msg(all[k].err == ERR_OK && all[k].right, "%s: %s", all[k].key, err_name(all[k].err));
	}
	free(all);
}

START_TEST(many_calls_at_once_and_a_server_that_comes_back)
{
	char url[64];
	struct redis_client_stats stats;
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%u", port);
	struct redis_client *c = tls_client(url, &trusted);
	expect_good(c);
	struct asked *all = mem_zalloc(CALLS * sizeof(*all));
	call_all(c, all, "SET", true);
	server_stop(&one);
	await_all();
	server_start(&one, tls_arguments(port, "host", tls_any_client));
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (stats.down = true; stats.down; redis_client_stats(c, &stats))
		server_pause(deadline, "a client that came back by itself");
	expect_good(c);
	/* A server that hangs while much is on its way to it. */
	server_freeze(&one);
	call_all(c, all, "SET", true);
	server_thaw(&one);
	await_all();
	expect_good(c);
	free(all);
	redis_client_free(&c);
}
END_TEST

START_TEST(a_cluster)
{
	static struct server nodes[3];
	struct files none = {.ca = "ca.pem", .cert = "client.pem", .key = "client.key"};
	char url[64], bus[16];
	unsigned ports[3];
	for (int i = 0; i < 3; i++) {
		server__prepare(&nodes[i]);
		snprintf(bus, sizeof(bus), "%u", nodes[i].bus);
		ports[i] = tls_start(&nodes[i], "host",
		    (const char *[]){"--cluster-enabled", "yes", "--cluster-port", bus, "--tls-cluster", "yes", NULL});
		server_must(&nodes[i], "CLUSTER ADDSLOTSRANGE %d %d", 16384 * i / 3, 16384 * (i + 1) / 3 - 1);
		server_must(&nodes[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
	}
	for (int i = 1; i < 3; i++)
		server_must(&nodes[0], "CLUSTER MEET 127.0.0.1 %d %d", (int)ports[i], (int)nodes[i].bus);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (int i = 0; i < 3; i++) {
		while (!server_says(&nodes[i], "cluster_state:ok", "CLUSTER INFO"))
			server_pause(deadline, "a cluster that is whole");
	}
	snprintf(url, sizeof(url), "rediss+cluster://127.0.0.1:%u", ports[1]);
	struct redis_client *c = tls_client(url, &none);
	expect_good(c);
	redis_client_free(&c);
	for (int i = 0; i < 3; i++)
		server_end(&nodes[i]);
}
END_TEST

START_TEST(sentinels)
{
	static struct server master, sentinel;
	char url[64];
	unsigned master_port = tls_start(&master, "host", tls_any_client);
	server__prepare(&sentinel);
	unsigned sentinel_port = server_free_port();
	server__write(&sentinel, "sentinel.conf",
	    "port %u\nbind 127.0.0.1\ntls-port %u\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\n"
	    "tls-auth-clients no\ntls-replication yes\nsentinel monitor pages 127.0.0.1 %u 1\n",
	    sentinel.port, sentinel_port, tls_file("host.pem"), tls_file("host.key"), tls_file("ca.pem"), master_port);
	server__run(&sentinel, (const char *[]){"redis-server", "sentinel.conf", "--sentinel", NULL});
	ck_assert_msg(server__lives(&sentinel), "the sentinel ended at once: %s", server__log(&sentinel));
	snprintf(url, sizeof(url), "rediss+sentinel://127.0.0.1:%u/pages", sentinel_port);
	struct redis_client *c = tls_client(url, &trusted);
	expect_good(c);
	redis_client_free(&c);
	server_end(&sentinel);
	server_end(&master);
}
END_TEST

static void setup(void)
{
	log_set_level(LOG_ERROR);
	tls_make_files();
	port = tls_start(&one, "host", tls_any_client);
}

static void teardown(void)
{
	server_end(&one);
	tls_remove_files();
}

START_TEST(without_tls_it_says_so)
{
	char why[TLS_WHY];
	ck_assert(tls_context_new(&(struct redis_tls){.any_server = false}, why) == NULL);
	ck_assert_msg(strstr(why, "stunnel"), "%s", why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis/tls");
	TCase *c = tcase_create("tls");
	suite_add_tcase(s, c);
	if (!tls_is_there()) {
		tcase_add_test(c, without_tls_it_says_so);
		return suite_run(s);
	}
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 120);
	tcase_add_test(c, believes_who_is_vouched_for);
	tcase_add_test(c, a_client_without_tls_gets_nowhere);
	tcase_add_test(c, large_values_and_a_server_that_is_killed);
	tcase_add_test(c, many_calls_at_once_and_a_server_that_comes_back);
	tcase_add_test(c, a_cluster);
	tcase_add_test(c, sentinels);
	return suite_run(s);
}
