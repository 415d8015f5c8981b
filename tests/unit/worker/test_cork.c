/* What is written between cork_put and cork_pull leaves as one packet. */
#include "suite.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/cork.h"

struct pair {
	int from, to;
};

static struct pair connected(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int one = 1, door = socket(AF_INET, SOCK_STREAM, 0);
	struct pair p = {socket(AF_INET, SOCK_STREAM, 0), -1};
	ck_assert_int_eq(bind(door, (struct sockaddr *)&a, n), 0);
	ck_assert_int_eq(listen(door, 1), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&a, &n), 0);
	ck_assert_int_eq(connect(p.from, (struct sockaddr *)&a, n), 0);
	p.to = accept(door, NULL, NULL);
	ck_assert_int_ge(p.to, 0);
	ck_assert_int_eq(setsockopt(p.from, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0); /* as the listener's are */
	close(door);
	return p;
}

static void write_in_parts(struct pair p)
{
	ck_assert_int_eq(send(p.from, "ab", 2, MSG_NOSIGNAL), 2);
	ck_assert_int_eq(send(p.from, "cd", 2, MSG_NOSIGNAL), 2);
}

static void check_arrives(struct pair p)
{
	char got[8];
	ck_assert_int_eq(recv(p.to, got, 4, MSG_WAITALL), 4);
	ck_assert_int_eq(memcmp(got, "abcd", 4), 0);
}

static unsigned packets(struct pair p)
{
	struct tcp_info info = {0};
	socklen_t n = sizeof info;
	ck_assert_int_eq(getsockopt(p.from, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	return info.tcpi_data_segs_out;
}

static void end(struct pair *p)
{
	close(p->from);
	close(p->to);
}

START_TEST(parts_leave_together)
{
	struct pair p = connected();
	unsigned best = 2;
	write_in_parts(p);
	check_arrives(p);
	ck_assert_msg(packets(p) == 2, "the test shows nothing: they leave together anyhow");
	/* The system lets go of a cork after 200 ms, should this test have to stand still for so long. */
	for (unsigned i = 0; i < 10 && best > 1; i++) {
		struct cork c = {0};
		unsigned before = packets(p);
		cork_put(&c, p.from);
		cork_put(&c, p.from);
		write_in_parts(p);
		cork_pull(&c, p.from);
		check_arrives(p);
		best = packets(p) - before;
	}
	ck_assert_uint_eq(best, 1);
	/* It is out now. */
	unsigned before = packets(p);
	write_in_parts(p);
	check_arrives(p);
	ck_assert_uint_eq(packets(p) - before, 2);
	end(&p);
}
END_TEST

START_TEST(other_sockets_are_left_alone)
{
	struct cork c = {0};
	int ends[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	struct pair p = {ends[0], ends[1]};
	cork_pull(&c, p.from);
	cork_put(&c, p.from);
	ck_assert(!c.is_in);
	write_in_parts(p);
	check_arrives(p);
	cork_pull(&c, p.from);
	end(&p);
	cork_put(&c, -1);
	cork_pull(&c, -1);
}
END_TEST

START_TEST(a_corked_connection_that_ends_loses_nothing)
{
	struct pair p = connected();
	struct cork c = {0};
	cork_put(&c, p.from);
	write_in_parts(p);
	close(p.from);
	check_arrives(p);
	close(p.to);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("worker/cork");
	TCase *t = tcase_create("cork");
	tcase_add_test(t, parts_leave_together);
	tcase_add_test(t, other_sockets_are_left_alone);
	tcase_add_test(t, a_corked_connection_that_ends_loses_nothing);
	suite_add_tcase(s, t);
	return suite_run(s);
}
