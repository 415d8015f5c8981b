/* A whole worker on its thread: it serves, changes its settings, drains, and frees everything. The upstream is an address
 * where nobody listens: each request gets 502 at once, which shows the way through. */
#include "worker/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/reason.h"
#include "req/flight.h"
#include "suite.h"
#include "tier/memory.h"
#include "worker/doors.h"

enum { WAIT_MS = 5000 };

static struct shared {
	struct conf *conf;
	struct tier *tier;
	struct flights *flights;
	struct gates *gates;
	struct metrics *metrics;
	struct doors *doors;
	struct worker *workers[2];
	atomic_uint connections, idle;
	uint16_t port;
} shared;

static const char *label(unsigned reason)
{
	return reason_code((enum reason)reason);
}

static void on_idle(void *ctx)
{
	atomic_fetch_add(&shared.idle, 1);
}

/* An address where nobody listens, of an upstream that is named so. */
static struct conf *settings(const char *drain_timeout)
{
	struct conf_flag flags[] = {{"server", "listen", "127.0.0.1:0"}, {"server", "workers", "2"},
	    {"upstream", "url", "unix:/nowhere/at/all"}, {"server", "drain_timeout", drain_timeout}};
	struct conf_source source = {.flags = flags, .n_flags = sizeof(flags) / sizeof(flags[0])};
	struct conf *conf = NULL;
	struct buf errors;
	buf_init(&errors, 10000);
	ck_assert_msg(conf_load(&source, &conf, &errors) == ERR_OK, "%.*s", STR_ARG(buf_str(&errors)));
	buf_free(&errors);
	return conf;
}

static void up(void)
{
	signal(SIGPIPE, SIG_IGN);
	atomic_store(&shared.idle, 0);
	shared.conf = settings("1s");
	shared.tier = memory_tier_new(&(struct memory_options){.memory_size = 1 << 20, .max_variants = 8});
	shared.flights = flights_new(0);
	shared.gates = gates_new(worker_post, worker_unpost);
	shared.metrics = metrics_new(2, REASON_COUNT, label);
	ck_assert_int_eq(doors_open(&shared.conf->server, &shared.doors), ERR_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct worker_options o = {.index = i,
		    .conf = shared.conf,
		    .tier = shared.tier,
		    .flights = shared.flights,
		    .gates = shared.gates,
		    .metrics = metrics_worker(shared.metrics, i),
		    .connections = &shared.connections,
		    .idle = on_idle};
		o.listen = doors_of(shared.doors, i, &o.n_listen);
		struct sockaddr_in in;
		socklen_t n = sizeof(in);
		ck_assert_int_eq(getsockname(o.listen[0].fd, (struct sockaddr *)&in, &n), 0);
		shared.port = ntohs(in.sin_port);
		ck_assert_int_eq(worker_start(&o, &shared.workers[i]), ERR_OK);
	}
}

static void down(void)
{
	for (unsigned i = 0; i < 2; i++)
		worker_stop(shared.workers[i]);
	for (unsigned i = 0; i < 2; i++)
		worker_join(shared.workers[i]);
	for (unsigned i = 0; i < 2; i++)
		worker_free(&shared.workers[i]);
	doors_close(&shared.doors);
	gates_free(&shared.gates);
	flights_free(&shared.flights);
	tier_close(&shared.tier);
	metrics_free(&shared.metrics);
	ck_assert_uint_eq(atomic_load(&shared.conf->refs), 1);
	conf_release(&shared.conf);
	ck_assert_uint_eq(atomic_load(&shared.connections), 0);
}

static int knock(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(shared.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What comes within a while; "" at the end. */
static const char *hear(int fd)
{
	static char text[2000];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	text[0] = '\0';
	if (poll(&p, 1, WAIT_MS) != 1)
		return "nothing";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void ask(int fd)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	ck_assert_int_eq(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
	ck_assert_ptr_nonnull(strstr(hear(fd), "HTTP/1.1 502 "));
}

static bool wait_for(bool (*is)(void))
{
	int64_t until_us = clock_mono_us() + WAIT_MS * 1000;
	while (!is() && clock_mono_us() < until_us)
		poll(NULL, 0, 1);
	return is();
}

static bool all_idle(void)
{
	return atomic_load(&shared.idle) == 2;
}

static bool conf_is_ours_alone(void)
{
	return atomic_load(&shared.conf->refs) == 1;
}

static bool nobody_listens(void)
{
	int fd = knock();
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

START_TEST(requests_go_through)
{
	up();
	int fd = knock();
	ask(fd);
	ask(fd);
	close(fd);
	down();
}
END_TEST

START_TEST(new_settings_replace_the_old)
{
	up();
	int fd = knock();
	ask(fd);
	struct conf *old = shared.conf, *fresh = settings("2s");
	for (unsigned i = 0; i < 2; i++) {
		worker_set_conf(shared.workers[i], fresh);
		worker_set_conf(shared.workers[i], fresh); /* overtakes, or comes after */
	}
	ck_assert(wait_for(conf_is_ours_alone)); /* the old ones */
	ask(fd);
	conf_release(&old);
	shared.conf = fresh;
	close(fd);
	down();
}
END_TEST

START_TEST(a_drain_ends_when_nothing_is_left)
{
	up();
	int idle = knock();
	ask(idle);
	for (unsigned i = 0; i < 2; i++)
		worker_drain(shared.workers[i]);
	ck_assert_str_eq(hear(idle), "");
	ck_assert(wait_for(all_idle));
	ck_assert(nobody_listens());
	close(idle);
	down();
	ck_assert_uint_eq(atomic_load(&shared.idle), 2); /* told once each */
}
END_TEST

START_TEST(a_stop_cuts_what_is_there)
{
	up();
	int fd = knock(), half = knock();
	ask(fd);
	ck_assert_int_eq(send(half, "GET / HT", 8, MSG_NOSIGNAL), 8);
	down();
	ck_assert_str_eq(hear(fd), "");
	close(fd);
	close(half);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, requests_go_through);
	tcase_add_test(t, new_settings_replace_the_old);
	tcase_add_test(t, a_drain_ends_when_nothing_is_left);
	tcase_add_test(t, a_stop_cuts_what_is_there);
	suite_add_tcase(s, t);
	return suite_run(s);
}
