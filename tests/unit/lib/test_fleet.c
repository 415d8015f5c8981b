/* Servers that are found in all ways, and that fail in some. */
#include "lib/place.h"

static larder_cache *open_url(const char *url, double timeout)
{
	larder_options o;
	larder_cache *c = NULL;
	larder_options_init(&o);
	o.backend = "redis";
	o.url = url;
	o.timeout = timeout;
	ck_assert_msg(larder_open(&o, &c) == LARDER_OK, "%s: %s", url, larder_last_error());
	return c;
}

static void expect(larder_cache *c, const char *key, const char *want)
{
	void *value;
	int status = larder_get(c, key, &value, NULL);
	ck_assert_msg(status == (want ? LARDER_OK : LARDER_MISSING), "%s: %d %s", key, status, larder_last_error());
	if (want)
		ck_assert_str_eq(value, want);
	larder_free(value);
}

static void expect_all_works(larder_cache *c)
{
	static const char *const tags[] = {"t"};
	char key[32];
	int64_t n = 0;
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		ck_assert_msg(
		    larder_set_tagged(c, key, key, strlen(key), i % 2 ? 0 : 60, tags, i % 7 == 0) == LARDER_OK,
		    "%s: %s", key, larder_last_error());
	}
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		expect(c, key, key);
	}
	ck_assert_int_eq(larder_incr(c, "n", 5, 60, &n), LARDER_OK);
	ck_assert_int_eq(n, 5);
	ck_assert_msg(larder_forget_tag(c, "t") == LARDER_OK, "%s", larder_last_error());
	expect(c, "key-0", NULL);
	expect(c, "key-1", "key-1");
	ck_assert_msg(larder_flush(c) == LARDER_OK, "%s", larder_last_error());
	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		ck_assert_int_eq(larder_has(c, key), 0);
	}
}

START_TEST(a_server_with_a_password_and_databases)
{
	static struct server s;
	char url[128];
	strcpy(s.password, "p@ss");
	server_start(&s, (const char *[]){"--requirepass", "p@ss", NULL});
	snprintf(url, sizeof(url), "redis://:p%%40ss@127.0.0.1:%u/3", s.port);
	larder_cache *c = open_url(url, 5);
	expect_all_works(c);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	server_must(&s, "SELECT 3");
	ck_assert(server_says(&s, "\"v\"", "GET larder:cache:k"));
	larder_close(c);
	snprintf(url, sizeof(url), "redis://default:p%%40ss@localhost:%u", s.port);
	c = open_url(url, 5);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	larder_close(c);
	snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%u", s.port);
	c = open_url(url, 5);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_DENIED);
	ck_assert_ptr_null(strstr(larder_last_error(), "secret"));
	larder_close(c);
	c = open_url(s.url, 5);
	ck_assert_int_eq(larder_has(c, "k"), LARDER_DENIED);
	larder_close(c);
	server_end(&s);
}
END_TEST

START_TEST(a_server_that_is_killed_stopped_and_back)
{
	static struct server s;
	void *value;
	server_start(&s, NULL);
	larder_cache *c = open_url(s.url, 0.3);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	server_stop(&s);
	/* The connection is broken: no SIGPIPE ends this program. */
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_CONNECT);
	server_start(&s, NULL);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	server_freeze(&s);
	int64_t begin = clock_mono_us();
	ck_assert_int_eq(larder_get(c, "k", &value, NULL), LARDER_TIMEOUT);
	ck_assert_int_ge(clock_mono_us() - begin, 290000);
	ck_assert_int_lt(clock_mono_us() - begin, 3000000);
	server_thaw(&s);
	int64_t end = server_deadline(5000);
	while (larder_get(c, "k", &value, NULL) != LARDER_OK)
		server_pause(end, "a server that is back");
	larder_free(value);
	server_must(&s, "CONFIG SET maxmemory 1");
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_SERVER);
	ck_assert_ptr_nonnull(strstr(larder_last_error(), "OOM"));
	ck_assert_int_eq(larder_incr(c, "k", 1, 0, NULL), LARDER_SERVER);
	larder_close(c);
	server_end(&s);
}
END_TEST

/* Whatever answers. */
START_TEST(no_redis_at_all)
{
	char url[64], text[512];
	static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "$5\r\nhel", "*2\r\n", "$-5\r\n",
	    "$99999999999999999999\r\n", "", ":1\r\n:2\r\n:3\r\n", "*1000000000\r\n", "\r\n"};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(listener, (struct sockaddr *)&in, size) == 0 && listen(listener, 5) == 0);
	ck_assert(getsockname(listener, (struct sockaddr *)&in, &size) == 0);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%u", ntohs(in.sin_port));
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		pid_t child = fork();
		if (child == 0) {
			for (int k = 0; k < 2; k++) { /* what is repeatable is tried again */
				int fd = accept(listener, NULL, NULL);
				ssize_t n = recv(fd, text, sizeof(text), 0);
				n = send(fd, answers[i], strlen(answers[i]), MSG_NOSIGNAL);
				(void)n;
				close(fd);
			}
			_exit(0);
		}
		larder_cache *c = open_url(url, 1);
		void *value;
		ck_assert_int_eq(larder_get(c, "k", &value, NULL), LARDER_CONNECT);
		ck_assert_ptr_null(value);
		larder_close(c);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	close(listener);
}
END_TEST

START_TEST(the_master_that_sentinels_name)
{
	static struct server master, replica, sentinel;
	char url[160];
	server_start(&master, NULL);
	replica_start(&replica, &master);
	sentinel_start(&sentinel, &master, "pages");
	/* The first sentinel is none. */
	snprintf(
	    url, sizeof(url), "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u/pages", server_free_port(), sentinel.port);
	larder_cache *c = open_url(url, 3);
	expect_all_works(c);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_OK);
	int64_t end = server_deadline(20000);
	while (!server_says(&sentinel, "num-slaves", "SENTINEL master pages") &&
	       !server_says(&replica, "\"v\"", "GET larder:cache:k"))
		server_pause(end, "a replica that has it");
	while (!server_says(&sentinel, "slaves=1", "INFO sentinel"))
		server_pause(end, "a sentinel that knows the replica");
	server_stop(&master);
	while (larder_set(c, "k2", "v", 1, 0) != LARDER_OK)
		server_pause(end, "the replica as master");
	while (!server_says(
	    &replica, "\"v\"", "GET larder:cache:k2")) /* its clients were sent away when it became master */
		server_pause(end, "the value where it should be");
	larder_close(c);
	snprintf(url, sizeof(url), "redis+sentinel://127.0.0.1:%u/others", sentinel.port);
	c = open_url(url, 1);
	ck_assert_int_eq(larder_has(c, "k"), LARDER_CONNECT);
	larder_close(c);
	server_end(&sentinel);
	server_end(&replica);
	server_end(&master);
}
END_TEST

/* The values of a bound lie in all slots, what is known of them in one. */
static void expect_a_bound(const char *url)
{
	larder_options o = {.size = 0};
	larder_cache *c;
	char key[32];
	int there = 0;
	larder_options_init(&o);
	o.backend = "redis";
	o.url = url;
	o.max_entries = 30;
	ck_assert_int_eq(larder_open(&o, &c), LARDER_OK);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "b-%d", i);
		ck_assert_int_eq(larder_set(c, key, "v", 1, 0), LARDER_OK);
	}
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "b-%d", i);
		there += larder_has(c, key);
	}
	ck_assert_int_eq(there, 30);
	ck_assert_int_eq(larder_has(c, "b-199"), 1);
	ck_assert_int_eq(larder_flush(c), LARDER_OK);
	larder_close(c);
}

START_TEST(a_cluster)
{
	static struct server nodes[3];
	char url[160], key[32], id[64];
	cluster_start(nodes, 3);
	snprintf(url, sizeof(url), "redis+cluster://127.0.0.1:%u,127.0.0.1:%u", server_free_port(), nodes[1].port);
	larder_cache *c = open_url(url, 5);
	expect_all_works(c);
	ck_assert_int_eq(larder_set(c, "a}b", "v", 1, 0), LARDER_OK);
	expect(c, "a}b", "v");
	ck_assert_int_eq(larder_forget(c, "a}b"), LARDER_OK);

	expect_a_bound(url);

	/* Slots move: MOVED is followed, and remembered. */
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "m-%d", i);
		ck_assert_int_eq(larder_set(c, key, "v", 1, 0), LARDER_OK);
	}
	ck_assert_int_eq(larder_flush(c), LARDER_OK);
	cluster_id(&nodes[2], id);
	for (int slot = 0; slot < 5461; slot += 1) {
		server_must(&nodes[2], "CLUSTER SETSLOT %d NODE %s", slot, id);
		server_must(&nodes[0], "CLUSTER SETSLOT %d NODE %s", slot, id);
	}
	int64_t end = server_deadline(20000);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "m-%d", i);
		while (larder_set(c, key, "w", 1, 0) != LARDER_OK)
			server_pause(end, "slots that have moved");
		expect(c, key, "w");
	}
	larder_close(c);
	for (int i = 0; i < 3; i++)
		server_end(&nodes[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/fleet");
	TCase *c = tcase_create("servers");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, a_server_with_a_password_and_databases);
	tcase_add_test(c, a_server_that_is_killed_stopped_and_back);
	tcase_add_test(c, no_redis_at_all);
	tcase_add_test(c, the_master_that_sentinels_name);
	tcase_add_test(c, a_cluster);
	suite_add_tcase(s, c);
	return suite_run(s);
}
