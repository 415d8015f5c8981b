#include "suite.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "redis/resolve.h"

static const struct {
	const char *what, *host;
	unsigned n;
	int family;
	const char *first;
} known[] = {
    {"IPv4", "192.0.2.1", 1, AF_INET, "192.0.2.1"},
    {"IPv6", "2001:db8::1", 1, AF_INET6, "2001:db8::1"},
    {"localhost, of which IPv4 comes first", "localhost", 2, AF_INET, "127.0.0.1"},
    {"LOCALHOST", "LOCALHOST", 2, AF_INET, "127.0.0.1"},
};

START_TEST(knows_numbers_and_localhost_at_once)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		struct addresses a;
		struct resolving *job;
		char text[INET6_ADDRSTRLEN];
		ck_assert_msg(resolve_start(known[i].host, 7, -1, &a, &job) == ERR_OK, "%s", known[i].what);
		ck_assert_msg(!job && a.n == known[i].n && a.v[0].ss_family == known[i].family, "%s", known[i].what);
		const struct sockaddr_in *v4 = (const void *)&a.v[0];
		const struct sockaddr_in6 *v6 = (const void *)&a.v[0];
		bool is_v4 = known[i].family == AF_INET;
		inet_ntop(known[i].family, is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr, text, sizeof(text));
		ck_assert_msg(strcmp(text, known[i].first) == 0, "%s: %s", known[i].what, text);
		ck_assert_msg(ntohs(is_v4 ? v4->sin_port : v6->sin6_port) == 7, "%s: port", known[i].what);
	}
}
END_TEST

START_TEST(looks_names_up_meanwhile)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct addresses a;
	struct resolving *job;
	ck_assert_int_eq(resolve_start("name.invalid", 7, fd, &a, &job), ERR_AGAIN);
	int err = ERR_AGAIN;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, 30000) == 1) /* however slow the name servers of the machine are */
		err = resolve_result(&job, &a);
	ck_assert_msg(err == ERR_RESOLVE, "%s", err_name(err));
	ck_assert(!job);
	close(fd);
}
END_TEST

START_TEST(can_be_dropped)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct addresses a;
	struct resolving *job;
	ck_assert_int_eq(resolve_start("name.invalid", 7, fd, &a, &job), ERR_AGAIN);
	close(fd); /* the thread has its own */
	resolve_drop(&job);
	ck_assert(!job);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("redis/resolve");
	TCase *c = tcase_create("resolve");
	suite_add_tcase(s, c);
	tcase_set_timeout(c, 40);
	tcase_add_test(c, knows_numbers_and_localhost_at_once);
	tcase_add_test(c, can_be_dropped);
	tcase_add_test(c, looks_names_up_meanwhile);
	return suite_run(s);
}
