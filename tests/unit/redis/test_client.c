#include "redis/server.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "capture.h"
#include "base/mem.h"
#include "redis/client.h"
#include "must.h"

enum { CALLS = 200 };

/* A call and what became of it. */
struct asked {
	struct redis_call call;
	struct str argv[4];
	int err;
	char text[64];
	int64_t begin_us, end_us;
	unsigned times_done;
	bool done;
	struct redis_client *again; /* `done` calls once more */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

static void done(struct redis_call *call, int err, const struct redisReply *r)
{
	struct asked *a = call->ctx;
	pthread_mutex_lock(&lock);
	a->err = err;
	a->end_us = clock_mono_us();
	a->times_done++;
	if (r && r->type == REDIS_REPLY_INTEGER)
		snprintf(a->text, sizeof(a->text), "%lld", r->integer);
	else
		snprintf(a->text, sizeof(a->text), "%s", r && r->str ? r->str : "nil");
	struct redis_client *again = a->again;
	a->again = NULL;
	a->done = !again || redis_client_call(again, call) != ERR_AGAIN;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int ask(
    struct redis_client *c, struct asked *a, int64_t timeout_ms, const char *verb, const char *key, const char *value)
{
	*a = (struct asked){
	    .argv = {str_of(verb), str_of(key), str_of(value)}, .begin_us = clock_mono_us(), .again = a->again};
	unsigned argc = value ? 3 : (key ? 2 : 1);
	a->call = (struct redis_call){.command = {.argc = argc, .argv = a->argv, .key = str_of(key)},
	    .timeout_ms = timeout_ms,
	    .done = done,
	    .ctx = a};
	int err = redis_client_call(c, &a->call);
	if (err != ERR_AGAIN) {
		a->err = err;
		a->end_us = clock_mono_us();
		a->done = true;
	}
	return err;
}

static int await(struct asked *a)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&lock);
	int waited = 0;
	while (!a->done && waited == 0)
		waited = pthread_cond_timedwait(&changed, &lock, &until);
	int err = a->err;
	pthread_mutex_unlock(&lock);
	must(waited == 0, "a call did not end");
	must(a->times_done == 1 || (err == ERR_BUSY && a->times_done == 0), "told %u times", a->times_done);
	return err;
}

static int ask_and_wait(
    struct redis_client *c, struct asked *a, int64_t timeout_ms, const char *verb, const char *key, const char *value)
{
	ask(c, a, timeout_ms, verb, key, value);
	return await(a);
}

static struct redis_client *client_of(const char *text, int64_t timeout_ms, size_t max_queued)
{
	struct arena a;
	struct redis_url url;
	struct str why = STR("");
	arena_init(&a, 0);
	ck_assert_msg(redis_url_parse(str_of(text), &a, &url, &why) == ERR_OK, "%.*s", STR_ARG(why));
	struct redis_client *c = redis_client_new(&(struct redis_client_options){
	    .url = &url, .timeout_ms = timeout_ms, .max_queued = max_queued, .breaker_failures = 3, .breaker_ms = 100});
	ck_assert(c != NULL);
	arena_free(&a);
	return c;
}

static struct redis_client_stats stats_of(struct redis_client *c)
{
	struct redis_client_stats s;
	redis_client_stats(c, &s);
	return s;
}

static void await_answer(struct redis_client *c)
{
	struct asked a = {0};
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (ask_and_wait(c, &a, 1000, "PING", NULL, NULL) != ERR_OK)
		server_pause(deadline, "a client that came back by itself");
}

static struct server one;

START_TEST(answers_many_calls_in_their_order)
{
	static struct asked a[CALLS];
	struct redis_client *c = client_of(one.socket_url, 5000, 1 << 20);
	server_must(&one, "DEL n");
	memset(a, 0, sizeof(a));
	for (int i = 0; i < CALLS; i++)
		ck_assert_int_eq(ask(c, &a[i], 5000, "INCR", "n", NULL), ERR_AGAIN);
	for (int i = 0; i < CALLS; i++) {
		char want[16];
		snprintf(want, sizeof(want), "%d", i + 1);
		ck_assert_int_eq(await(&a[i]), ERR_OK);
		ck_assert_str_eq(a[i].text, want);
	}
	struct redis_client_stats s = stats_of(c);
	ck_assert_uint_eq(s.calls, CALLS);
	ck_assert(s.errors == 0 && s.timeouts == 0 && s.skipped == 0 && s.reconnects == 0 && !s.down);
	redis_client_free(&c);
}
END_TEST

static void *call_often(void *arg)
{
	struct asked a = {0};
	for (int i = 0; i < CALLS; i++)
		must(ask_and_wait(arg, &a, 5000, "INCR", "m", NULL) == ERR_OK, "not answered");
	return NULL;
}

START_TEST(takes_calls_of_several_threads_and_of_done)
{
	pthread_t threads[4];
	struct asked a = {0};
	struct redis_client *c = client_of(one.url, 5000, 1 << 20);
	server_must(&one, "DEL m");
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, call_often, c), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_lock(&lock);
	a.again = c;
	ask(c, &a, 5000, "INCR", "m", NULL);
	pthread_mutex_unlock(&lock);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (bool ended = false; !ended;) {
		pthread_mutex_lock(&lock);
		ended = a.done;
		pthread_mutex_unlock(&lock);
		server_pause(deadline, "a call made by done");
	}
	ck_assert_uint_eq(a.times_done, 2);
	ck_assert_str_eq(a.text, "802");
	redis_client_free(&c);
}
END_TEST

START_TEST(gives_errors_of_the_server_as_replies)
{
	struct asked a = {0};
	struct redis_client *c = client_of(one.url, 5000, 1 << 20);
	ck_assert_int_eq(ask_and_wait(c, &a, 5000, "NONSENSE", NULL, NULL), ERR_OK);
	ck_assert(strncmp(a.text, "ERR unknown command", 19) == 0);
	ck_assert_uint_eq(stats_of(c).errors, 1);
	redis_client_free(&c);
}
END_TEST

START_TEST(refuses_more_than_may_be_under_way)
{
	static struct asked a[CALLS];
	static char text[3000];
	unsigned taken = 0;
	memset(text, 'x', sizeof(text) - 1);
	memset(a, 0, sizeof(a));
	struct redis_client *c = client_of(one.url, 5000, 64 * 1024);
	await_answer(c);
	server_freeze(&one);
	for (int i = 0; i < CALLS; i++)
		taken += ask(c, &a[i], 100, "SET", "k", text) == ERR_AGAIN;
	ck_assert_msg(taken >= 15 && taken <= 21, "%u", taken);
	for (int i = 0; i < CALLS; i++)
		ck_assert_int_eq(await(&a[i]), i < (int)taken ? ERR_TIMEOUT : ERR_BUSY);
	server_thaw(&one);
	await_answer(c);
	ck_assert_uint_eq(stats_of(c).timeouts, taken);
	/* An answer that is too long ends its connection, not the client. */
	server_must(&one, "SETRANGE long 100000 x");
	ck_assert_int_eq(ask_and_wait(c, &a[0], 5000, "GET", "long", NULL), ERR_RESET);
	await_answer(c);
	redis_client_free(&c);
}
END_TEST

/* Late answers of earlier calls are dropped, the breaker opens, and the client comes back on the same connection. */
START_TEST(ends_calls_in_time_while_the_server_is_stopped)
{
	struct asked a = {0};
	int64_t worst = 0;
	struct redis_client *c = client_of(one.url, 5000, 1 << 20);
	await_answer(c);
	server_must(&one, "SET k old");
	server_freeze(&one);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ask_and_wait(c, &a, 20 + i, "GET", "k", NULL), ERR_TIMEOUT);
		int64_t late = a.end_us - a.begin_us - (20 + i) * 1000;
		ck_assert(late >= 0);
		worst = late > worst ? late : worst;
	}
	ck_assert_msg(worst < 20000, "%lld us late", (long long)worst); /* 0.2 ms on an idle machine */
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (ask(c, &a, 1, "GET", "k", NULL) != ERR_BUSY) {
		await(&a);
		server_pause(deadline, "a breaker that opens");
	}
	ck_assert(stats_of(c).down);
	server_thaw(&one);
	while (stats_of(c).down)
		server_pause(deadline, "a breaker that closes");
	ck_assert_int_eq(ask_and_wait(c, &a, 5000, "ECHO", "new", NULL), ERR_OK);
	ck_assert_str_eq(a.text, "new");
	ck_assert_uint_eq(stats_of(c).reconnects, 0);
	redis_client_free(&c);
}
END_TEST

START_TEST(gives_up_a_server_that_stays_silent)
{
	struct asked a = {0};
	struct redis_client *c = client_of(one.url, 200, 1 << 20);
	await_answer(c);
	server_freeze(&one);
	ck_assert_int_eq(ask_and_wait(c, &a, 5000, "GET", "k", NULL), ERR_RESET);
	ck_assert(a.end_us - a.begin_us >= 200000);
	/* It accepts the next connection, but does not greet: a call ends in its time, or at once. */
	for (int i = 0; i < 5; i++) {
		int err = ask_and_wait(c, &a, 20, "GET", "k", NULL);
		ck_assert_msg(err == ERR_TIMEOUT || err == ERR_BUSY || err == ERR_CONNECT, "%s", err_name(err));
	}
	server_thaw(&one);
	await_answer(c);
	redis_client_free(&c);
}
END_TEST

START_TEST(comes_back_after_the_server_was_killed)
{
	struct asked a = {0};
	struct server s = {0};
	server_start(&s, NULL);
	log_set_level(LOG_INFO);
	capture_begin();
	struct redis_client *c = client_of(s.url, 5000, 1 << 20);
	await_answer(c);
	/* An answer that is awaited while the server dies is lost, and said so at once. */
	ck_assert_int_eq(ask(c, &a, 8000, "BLPOP", "none", "0"), ERR_AGAIN);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (!server_says(&s, "blocked_clients:1", "INFO clients"))
		server_pause(deadline, "a client that is blocked");
	server_stop(&s);
	ck_assert_int_eq(await(&a), ERR_RESET);
	while (ask_and_wait(c, &a, 1000, "PING", NULL, NULL) != ERR_CONNECT)
		server_pause(deadline, "a client that knows");
	ck_assert(stats_of(c).down);
	while (capture_so_far("trying again until it answers") == 0)
		server_pause(deadline, "a line about the connection that is lost");
	server_start(&s, NULL);
	while (stats_of(c).down) /* by itself: nobody calls */
		server_pause(deadline, "a connection that is made anew");
	ck_assert_int_eq(ask_and_wait(c, &a, 1000, "PING", NULL, NULL), ERR_OK);
	ck_assert_uint_eq(stats_of(c).reconnects, 1);
	/* A line when it comes, one when it goes, one when it is back; a second apart. */
	while (capture_so_far("connected to") < 2)
		server_pause(deadline, "a line about the connection that is back");
	char *log = capture_end();
	log_set_level(LOG_ERROR);
	ck_assert_msg(
	    capture_count(log, "\n") == 3 && capture_count(log, "trying again until it answers") == 1, "%s", log);
	free(log);
	redis_client_free(&c);
	server_end(&s);
}
END_TEST

/* --- answers and questions while the server stops, goes on, dies and returns ---------------------------------------------- */

enum { SOAK_THREADS = 3 };

struct soak {
	struct redis_client *client;
	unsigned number;
	atomic_bool *stop;
	unsigned answered, failed;
	int64_t latest_us;
};

static void *question(void *arg)
{
	struct soak *s = arg;
	struct asked a = {0};
	char text[64];
	for (unsigned i = 0; !atomic_load(s->stop); i++) {
		snprintf(text, sizeof(text), "%u of %u", i, s->number);
		int err = ask_and_wait(s->client, &a, 10, "ECHO", text, NULL);
		int64_t late = a.end_us - a.begin_us - 10000;
		s->latest_us = late > s->latest_us ? late : s->latest_us;
		must(err != ERR_OK || strcmp(a.text, text) == 0, "asked %s, answered %s", text, a.text);
		s->answered += err == ERR_OK;
		s->failed += err != ERR_OK;
		if (err != ERR_OK)
			poll(NULL, 0, 1);
	}
	return NULL;
}

START_TEST(gives_each_question_its_own_answer)
{
	pthread_t threads[SOAK_THREADS];
	struct soak soaks[SOAK_THREADS];
	atomic_bool stop = false;
	struct server s = {0};
	server_start(&s, NULL);
	struct redis_client *c = client_of(s.url, 5000, 1 << 20);
	await_answer(c);
	for (unsigned i = 0; i < SOAK_THREADS; i++) {
		soaks[i] = (struct soak){.client = c, .number = i, .stop = &stop};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, question, &soaks[i]), 0);
	}
	for (int i = 0; i < 24; i++) {
		if (i % 8 == 7) {
			server_stop(&s);
			server_start(&s, NULL);
		} else {
			server_freeze(&s);
			poll(NULL, 0, 3 * (i % 8)); /* up to twice the calls' time */
			server_thaw(&s);
		}
		await_answer(c);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < SOAK_THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_msg(soaks[i].answered > 20 && soaks[i].failed > 0, "%u answered, %u failed",
		    soaks[i].answered, soaks[i].failed);
		ck_assert_msg(soaks[i].latest_us < 200000, "%lld us late", (long long)soaks[i].latest_us);
	}
	redis_client_free(&c);
	server_end(&s);
}
END_TEST

START_TEST(ends_what_is_under_way_when_freed)
{
	struct asked a = {0}, b = {0};
	char url[64];
	struct redis_client *c = client_of(one.url, 5000, 1 << 20);
	await_answer(c);
	ask(c, &a, 60000, "BLPOP", "none", "0");
	redis_client_free(&c);
	ck_assert(a.done && a.err == ERR_CANCELLED && a.times_done == 1);
	snprintf(url, sizeof(url), "redis://name.invalid:%u", one.port);
	c = client_of(url, 5000, 1 << 20);
	ask(c, &b, 60000, "PING", NULL, NULL);
	redis_client_free(&c);
	ck_assert(b.done && (b.err == ERR_CANCELLED || b.err == ERR_CONNECT));
}
END_TEST

/* The thread sleeps when there is nothing to do, with a connection and without. */
START_TEST(does_not_spin)
{
	char url[64];
	struct asked a = {0};
	snprintf(url, sizeof(url), "redis://127.0.0.1:%u", server_free_port());
	struct redis_client *idle = client_of(one.url, 5000, 1 << 20), *down = client_of(url, 5000, 1 << 20);
	await_answer(idle);
	int64_t before = server_cpu_us();
	ask(idle, &a, 300, "BLPOP", "none", "1");
	ck_assert_int_eq(await(&a), ERR_TIMEOUT);
	int64_t used = server_cpu_us() - before;
	ck_assert_msg(used < 100000, "%lld us of 300000", (long long)used);
	redis_client_free(&idle);
	redis_client_free(&down);
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
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	log_set_level(LOG_ERROR);
	Suite *s = suite_create("redis/client");
	TCase *c = tcase_create("client");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 60);
	tcase_add_unchecked_fixture(c, start_one, end_one);
	tcase_add_test(c, answers_many_calls_in_their_order);
	tcase_add_test(c, takes_calls_of_several_threads_and_of_done);
	tcase_add_test(c, gives_errors_of_the_server_as_replies);
	tcase_add_test(c, refuses_more_than_may_be_under_way);
	tcase_add_test(c, ends_calls_in_time_while_the_server_is_stopped);
	tcase_add_test(c, gives_up_a_server_that_stays_silent);
	tcase_add_test(c, comes_back_after_the_server_was_killed);
	tcase_add_test(c, gives_each_question_its_own_answer);
	tcase_add_test(c, ends_what_is_under_way_when_freed);
	tcase_add_test(c, does_not_spin);
	return suite_run(s);
}
