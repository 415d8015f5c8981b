/* Accepting when descriptors run out, and the count of places. That clients beyond the limit are closed is in test_client. */
#include "worker/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static uv_loop_t loop;
static struct acceptor *acceptor;
static atomic_uint connections;
static unsigned accepted, refused, limit;
static int taken[8], listen_fd;
static struct sockaddr_un address;
static socklen_t address_n;

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *from, socklen_t n, struct str local_text)
{
	ck_assert(str_eq(local_text, STR("unix:test")));
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	taken[accepted++] = fd;
}

static void on_refused(void *ctx)
{
	refused++;
}

static unsigned on_limit(void *ctx)
{
	return limit;
}

static const struct accept_events events = {on_accepted, on_refused, on_limit};

static void up(void)
{
	accepted = refused = 0;
	limit = 8;
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	/* Autobind: the system chooses an abstract name (unix(7)). */
	ck_assert_int_eq(bind(listen_fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	address_n = sizeof(address);
	ck_assert_int_eq(getsockname(listen_fd, (struct sockaddr *)&address, &address_n), 0);
	ck_assert_int_eq(listen(listen_fd, 16), 0);
	acceptor = acceptor_new(&loop, &connections, &events, NULL);
	ck_assert_int_eq(acceptor_listen(acceptor, listen_fd, STR("unix:test")), ERR_OK);
}

static void down(void)
{
	for (unsigned i = 0; i < accepted; i++) {
		close(taken[i]);
		acceptor_left(acceptor);
	}
	acceptor_free(&acceptor);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(listen_fd);
	ck_assert_uint_eq(atomic_load(&connections), 0);
}

static int knock(int fd)
{
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, address_n), 0);
	return fd;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool was_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

START_TEST(places_are_counted_and_given_back)
{
	up();
	limit = 1;
	int a = knock(new_socket()), b = knock(new_socket());
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(accepted, 1);
	ck_assert_uint_eq(refused, 1);
	ck_assert(!was_closed(a));
	ck_assert(was_closed(b));
	close(taken[--accepted]);
	acceptor_left(acceptor);
	int c = knock(new_socket());
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(accepted, 1);
	ck_assert(!was_closed(c));
	close(a);
	close(b);
	close(c);
	down();
}
END_TEST

START_TEST(without_descriptors_clients_are_refused_and_later_ones_served)
{
	up();
	int a = new_socket(), b = new_socket();
	struct rlimit before, none;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	int lowest = dup(a); /* the next number that is free */
	none.rlim_cur = (rlim_t)lowest;
	close(lowest);
	knock(a);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(accepted, 0);
	ck_assert_uint_eq(refused, 1);
	ck_assert(was_closed(a));
	knock(b);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(accepted, 1);
	close(a);
	close(b);
	down();
}
END_TEST

START_TEST(a_stop_takes_who_waits_and_refuses_the_others)
{
	up();
	int a = knock(new_socket());
	acceptor_stop(acceptor);
	ck_assert_uint_eq(accepted, 1);
	int b = new_socket();
	ck_assert_int_lt(connect(b, (struct sockaddr *)&address, address_n), 0);
	ck_assert_int_eq(errno, ECONNREFUSED);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(accepted, 1);
	close(a);
	close(b);
	down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("accept");
	TCase *t = tcase_create("accept");
	tcase_add_test(t, places_are_counted_and_given_back);
	tcase_add_test(t, without_descriptors_clients_are_refused_and_later_ones_served);
	tcase_add_test(t, a_stop_takes_who_waits_and_refuses_the_others);
	suite_add_tcase(s, t);
	return suite_run(s);
}
