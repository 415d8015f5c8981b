#include "redis/asking.h"

#include <pthread.h>
#include <stdatomic.h>

static struct server one;

START_TEST(asks_over_tcp_and_a_socket_and_in_another_db)
{
	char url[256];
	struct redis_sync *tcp = sync_of(one.url, 5000), *local = sync_of(one.socket_url, 5000);
	snprintf(url, sizeof(url), "redis://localhost:%u/3", one.port);
	struct redis_sync *third = sync_of(url, 5000);
	expect(tcp, COMMAND(STR("SET"), STR("a\0b"), STR("v")), "OK");
	expect(local, COMMAND(STR("GET"), STR("a\0b")), "v");
	expect(third, COMMAND(STR("GET"), STR("a\0b")), "nil");
	redis_sync_free(&tcp);
	redis_sync_free(&local);
	redis_sync_free(&third);
}
END_TEST

START_TEST(authenticates_by_user_and_password)
{
	static const struct {
		const char *what, *user;
		int want;
	} rows[] = {
	    {"user and password", "ann:p%40ss@", ERR_OK},
	    {"a password alone is that of the default user", ":secret@", ERR_OK},
	    {"a wrong password", "ann:wrong@", ERR_DENIED},
	    {"no password", "", ERR_DENIED},
	};
	struct server s = {.password = "secret"};
	server_start(
	    &s, (const char *[]){"--requirepass", "secret", "--user", "ann", "on", ">p@ss", "~*", "+@all", NULL});
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char url[256];
		snprintf(url, sizeof(url), "redis://%s127.0.0.1:%u/2", rows[i].user, s.port);
		struct redis_sync *c = sync_of(url, 5000);
		struct redisReply *r;
		int err = redis_sync_call(c, COMMAND(STR("PING")), false, 0, &r);
		ck_assert_msg(err == rows[i].want, "%s: %s, %s", rows[i].what, err_name(err), redis_sync_error(c));
		ck_assert(!strstr(redis_sync_error(c), "wrong"));
		if (r)
			freeReplyObject(r);
		redis_sync_free(&c);
	}
	server_end(&s);
}
END_TEST

START_TEST(sends_a_script_that_is_not_there)
{
	static const struct redis_script script = {.text = "return KEYS[1] .. ARGV[1]"};
	struct redis_command c = {
	    .script = &script, .n_keys = 1, .argc = 2, .argv = (struct str[]){STR("k"), STR("v")}};
	struct redis_sync *s = sync_of(one.url, 5000);
	server_must(&one, "SCRIPT FLUSH");
	expect(s, &c, "kv");
	expect(s, &c, "kv");
	server_must(&one, "SCRIPT FLUSH");
	expect(s, &c, "kv");
	redis_sync_free(&s);
}
END_TEST

START_TEST(gives_the_replies_in_their_order)
{
	static const struct redis_script script = {.text = "return 'scripted'"};
	struct redis_command c[] = {*COMMAND(STR("SET"), STR("n"), STR("1")), {.script = &script},
	    *COMMAND(STR("INCR"), STR("n")), *COMMAND(STR("NONSENSE"))};
	static const char *const want[] = {
	    "OK", "scripted", "2", "ERR unknown command 'NONSENSE', with args beginning with: "};
	struct redisReply *out[4];
	struct redis_sync *s = sync_of(one.url, 5000);
	server_must(&one, "SCRIPT FLUSH");
	ck_assert_int_eq(redis_sync_calls(s, c, 4, false, out), ERR_OK);
	for (int i = 0; i < 4; i++) {
		char text[256];
		ck_assert_str_eq(text_of(out[i], text), want[i]);
	}
	redis_sync_free(&s);
}
END_TEST

START_TEST(carries_large_values)
{
	size_t n = 20 * 1000 * 1000;
	char *p = mem_alloc(n);
	memset(p, 'x', n);
	struct redis_sync *s = sync_of(one.url, 20000);
	struct redisReply *r;
	expect(s, COMMAND(STR("SET"), STR("big"), str_make(p, n)), "OK");
	ck_assert_int_eq(redis_sync_call(s, COMMAND(STR("GET"), STR("big")), false, 0, &r), ERR_OK);
	ck_assert(r->len == n && memcmp(r->str, p, n) == 0);
	freeReplyObject(r);
	free(p);
	expect(s, COMMAND(STR("DEL"), STR("big")), "1");
	redis_sync_free(&s);
}
END_TEST

START_TEST(says_why_it_cannot_connect)
{
	char url[64];
	snprintf(url, sizeof(url), "redis://127.0.0.1:%u", server_free_port());
	static const struct {
		const char *what, *url, *text;
		int want;
	} rows[] = {
	    {"nobody listens", NULL, "Connection refused", ERR_CONNECT},
	    {"no such socket", "unix:///nowhere/at/all", "No such file", ERR_CONNECT},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct redis_sync *s = sync_of(rows[i].url ? rows[i].url : url, 5000);
		int64_t begin = clock_mono_us();
		expect_error(s, COMMAND(STR("PING")), true, rows[i].want, rows[i].text);
		ck_assert_msg(clock_mono_us() - begin < 1000000, "%s: at once", rows[i].what);
		redis_sync_free(&s);
	}
}
END_TEST

START_TEST(connects_again_after_a_restart)
{
	struct server s = {0};
	server_start(&s, NULL);
	struct redis_sync *c = sync_of(s.url, 5000);
	expect(c, COMMAND(STR("PING")), "PONG");
	server_stop(&s);
	expect_error(c, COMMAND(STR("PING")), false, ERR_CONNECT, "refused");
	server_start(&s, NULL);
	expect(c, COMMAND(STR("INCR"), STR("n")), "1");
	/* Restarted between two calls: nothing is sent on the dead connection. */
	server_stop(&s);
	server_start(&s, NULL);
	expect(c, COMMAND(STR("INCR"), STR("n")), "1");
	redis_sync_free(&c);
	server_end(&s);
}
END_TEST

START_TEST(ends_in_time_when_the_server_hangs)
{
	struct server s = {0};
	server_start(&s, NULL);
	struct redis_sync *c = sync_of(s.url, 150);
	expect(c, COMMAND(STR("SET"), STR("a"), STR("old")), "OK");
	server_freeze(&s);
	for (int i = 0; i < 3; i++) { /* on a connection that is there, then on one that does not greet */
		int64_t begin = clock_mono_us();
		expect_error(c, COMMAND(STR("GET"), STR("a")), true, ERR_TIMEOUT, "");
		int64_t took = clock_mono_us() - begin;
		ck_assert_msg(took >= 149000 && took < 300000, "%lld us", (long long)took);
	}
	server_thaw(&s);
	/* The answers to the calls that ended are not taken for those of this one. */
	expect(c, COMMAND(STR("ECHO"), STR("new")), "new");
	redis_sync_free(&c);
	server_end(&s);
}
END_TEST

START_TEST(lets_a_blocking_command_take_its_time)
{
	char text[256];
	struct redis_sync *s = sync_of(one.url, 100);
	struct redisReply *r;
	ck_assert_int_eq(redis_sync_call(s, COMMAND(STR("BLPOP"), STR("none"), STR("0.3")), false, 1000, &r), ERR_OK);
	ck_assert_str_eq(text_of(r, text), "nil");
	redis_sync_free(&s);
}
END_TEST

/* A server that answers by a script: of each connection it greets, reads one command, and gives the next of its answers; "" closes the
 * connection without one. */
struct fake {
	int listener;
	pthread_t thread;
	char url[64];
	const char *const *answers;
	atomic_int commands;
};

static bool read_some(int fd, char text[4096])
{
	ssize_t n = recv(fd, text, 4095, 0);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void serve(struct fake *f, int fd)
{
	char text[4096];
	while (read_some(fd, text)) {
		const char *answer = strstr(text, "PING") ? "+PONG\r\n" : *f->answers;
		if (!strstr(text, "PING")) {
			atomic_fetch_add(&f->commands, 1);
			f->answers++;
		}
		if (!answer || !answer[0] || send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			return;
	}
}

static void *run_fake(void *arg)
{
	struct fake *f = arg;
	for (int fd; (fd = accept(f->listener, NULL, NULL)) >= 0;) {
		serve(f, fd);
		close(fd);
	}
	return NULL;
}

static void fake_start(struct fake *f, const char *const *answers)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	f->answers = answers;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(f->listener, (struct sockaddr *)&in, size) == 0 && listen(f->listener, 8) == 0);
	ck_assert(getsockname(f->listener, (struct sockaddr *)&in, &size) == 0);
	snprintf(f->url, sizeof(f->url), "redis://127.0.0.1:%u", ntohs(in.sin_port));
	ck_assert_int_eq(pthread_create(&f->thread, NULL, run_fake, f), 0);
}

static void fake_end(struct fake *f)
{
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
}

static const struct {
	const char *what;
	const char *answers[4];
	bool repeatable;
	int err, commands;
	const char *text;
} fakes[] = {
    {"a command is not sent twice", {"", "+twice\r\n"}, false, ERR_RESET, 1, "closed the connection"},
    {"unless it may be", {"", "+twice\r\n"}, true, ERR_OK, 2, NULL},
    {"even then not for ever", {"", "", "", "+late\r\n"}, true, ERR_RESET, 3, "closed the connection"},
    {"a part of an answer is none", {"$10\r\nabc", NULL}, false, ERR_TIMEOUT, 1, "in time"},
    {"another protocol", {"HTTP/1.1 400 Bad Request\r\n"}, false, ERR_RESET, 1, "not Redis' protocol"},
    {"an answer too many", {"+1\r\n+2\r\n"}, false, ERR_OK, 1, NULL},
    {"an array that cannot be", {"*2000000000\r\n"}, false, ERR_FULL, 1, "not Redis' protocol"},
    {"a length that is none", {"$-7\r\n"}, false, ERR_RESET, 1, "not Redis' protocol"},
};

START_TEST(stands_what_servers_do)
{
	for (size_t i = 0; i < COUNT_OF(fakes); i++) {
		struct fake f = {.commands = 0};
		struct redisReply *r;
		fake_start(&f, fakes[i].answers);
		struct redis_sync *s = sync_of(f.url, fakes[i].err == ERR_TIMEOUT ? 100 : 5000);
		int err = redis_sync_call(s, COMMAND(STR("GET"), STR("k")), fakes[i].repeatable, 0, &r);
		ck_assert_msg(err == fakes[i].err, "%s: %s, %s", fakes[i].what, err_name(err), redis_sync_error(s));
		ck_assert_msg(!fakes[i].text || strstr(redis_sync_error(s), fakes[i].text), "%s: %s", fakes[i].what,
		    redis_sync_error(s));
		if (r)
			freeReplyObject(r);
		redis_sync_free(&s);
		fake_end(&f);
		ck_assert_msg(atomic_load(&f.commands) == fakes[i].commands, "%s: %d commands", fakes[i].what,
		    atomic_load(&f.commands));
	}
}
END_TEST

static void *cancel_soon(void *arg)
{
	struct redis_sync *s = arg;
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (!server_says(&one, "blocked_clients:1", "INFO clients"))
		server_pause(deadline, "a client that is blocked");
	redis_sync_cancel(s);
	return NULL;
}

START_TEST(can_be_cancelled_from_another_thread)
{
	pthread_t thread;
	struct redis_sync *s = sync_of(one.url, 5000);
	struct redisReply *r;
	expect(s, COMMAND(STR("PING")), "PONG");
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, s), 0);
	int64_t begin = clock_mono_us();
	ck_assert_int_eq(
	    redis_sync_call(s, COMMAND(STR("BLPOP"), STR("none"), STR("20")), true, 20000, &r), ERR_CANCELLED);
	ck_assert(clock_mono_us() - begin < 10000000);
	ck_assert_int_eq(redis_sync_call(s, COMMAND(STR("PING")), true, 0, &r), ERR_CANCELLED);
	pthread_join(thread, NULL);
	redis_sync_free(&s);
}
END_TEST

static void start_one(void)
{
	server_start(&one, NULL);
}

static void end_one(void)
{
	server_end(&one);
}

int main(void)
{
	Suite *s = suite_create("redis/sync");
	TCase *c = tcase_create("sync");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start_one, end_one);
	tcase_add_test(c, asks_over_tcp_and_a_socket_and_in_another_db);
	tcase_add_test(c, authenticates_by_user_and_password);
	tcase_add_test(c, sends_a_script_that_is_not_there);
	tcase_add_test(c, gives_the_replies_in_their_order);
	tcase_add_test(c, carries_large_values);
	tcase_add_test(c, says_why_it_cannot_connect);
	tcase_add_test(c, connects_again_after_a_restart);
	tcase_add_test(c, ends_in_time_when_the_server_hangs);
	tcase_add_test(c, lets_a_blocking_command_take_its_time);
	tcase_add_test(c, stands_what_servers_do);
	tcase_add_test(c, can_be_cancelled_from_another_thread);
	return suite_run(s);
}
