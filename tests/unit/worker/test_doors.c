/* Listening sockets of all workers: own ones of TCP, a shared one of a unix path, and addresses that cannot be had. */
#include "worker/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static char directory[] = "/tmp/larder-doors-XXXXXX";
static char path[64];

static struct conf_addr tcp(uint16_t port)
{
	struct conf_addr a = {.text = STR("127.0.0.1:0"), .len = sizeof(struct sockaddr_in), .is_loopback = true};
	struct sockaddr_in *in = (struct sockaddr_in *)&a.sa;
	*in =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return a;
}

static struct conf_addr unix_path(void)
{
	struct conf_addr a = {.text = str_of(path), .len = sizeof(struct sockaddr_un), .is_unix = true};
	struct sockaddr_un *un = (struct sockaddr_un *)&a.sa;
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(un->sun_path, sizeof(un->sun_path), "%s", path);
	return a;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	return ntohs(in.sin_port);
}

static bool can_connect(const struct conf_addr *a)
{
	int fd = socket(a->sa.ss_family, SOCK_STREAM, 0);
	bool connected = connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0;
	close(fd);
	return connected;
}

START_TEST(each_worker_has_its_own_socket_of_one_port)
{
	struct conf_addr addresses[] = {tcp(0), tcp(0)};
	struct conf_server conf = {.listen = addresses, .n_listen = 2, .workers = 3};
	struct doors *d;
	unsigned n;
	ck_assert_int_eq(doors_open(&conf, &d), ERR_OK);
	const struct worker_listen *first = doors_of(d, 0, &n), *last = doors_of(d, 2, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_ne(first[0].fd, last[0].fd);
	ck_assert_uint_eq(port_of(first[0].fd), port_of(last[0].fd));
	ck_assert_uint_ne(port_of(first[0].fd), port_of(first[1].fd));
	char expected[32];
	snprintf(expected, sizeof(expected), "127.0.0.1:%u", port_of(first[0].fd));
	ck_assert(str_eq(last[0].text, str_of(expected)));
	doors_close(&d);
	ck_assert_ptr_null(d);
}
END_TEST

static void *open_doors(void *conf)
{
	struct doors *d;
	return doors_open(conf, &d) == ERR_OK ? d : NULL;
}

START_TEST(of_two_that_start_at_once_one_has_the_address)
{
	unsigned alone = 0;
	for (int round = 0; round < 50; round++) {
		struct conf_addr address = tcp(0);
		struct conf_server conf = {.listen = &address, .n_listen = 1, .workers = 2};
		struct doors *first = open_doors(&conf), *two[2];
		unsigned n;
		ck_assert_ptr_nonnull(first);
		address = tcp(port_of(doors_of(first, 0, &n)->fd));
		doors_close(&first);
		pthread_t thread[2];
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_create(&thread[i], NULL, open_doors, &conf), 0);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_join(thread[i], (void **)&two[i]), 0);
		ck_assert_msg(!two[0] || !two[1], "both listen");
		alone += two[0] || two[1];
		for (int i = 0; i < 2; i++)
			if (two[i])
				doors_close(&two[i]);
	}
	ck_assert_uint_gt(alone, 0);
}
END_TEST

START_TEST(an_address_of_another_larder_is_refused)
{
	struct conf_addr address = tcp(0);
	struct conf_server conf = {.listen = &address, .n_listen = 1, .workers = 2};
	struct doors *d, *other;
	unsigned n;
	ck_assert_int_eq(doors_open(&conf, &d), ERR_OK);
	address = tcp(port_of(doors_of(d, 0, &n)->fd));
	ck_assert_int_eq(doors_open(&conf, &other), ERR_IO);
	doors_close(&d);
	ck_assert_int_eq(doors_open(&conf, &other), ERR_OK);
	doors_close(&other);
}
END_TEST

START_TEST(a_unix_socket_is_shared_and_its_file_goes_once)
{
	struct conf_addr address = unix_path();
	struct conf_server conf = {.listen = &address, .n_listen = 1, .workers = 2};
	struct doors *d, *next;
	unsigned n;
	struct stat st;
	ck_assert_int_eq(doors_open(&conf, &d), ERR_OK);
	ck_assert_int_eq(doors_of(d, 0, &n)->fd, doors_of(d, 1, &n)->fd);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0666);
	ck_assert(can_connect(&address));
	ck_assert_int_eq(doors_open(&conf, &next), ERR_IO); /* somebody listens */
	ck_assert(can_connect(&address));
	doors_remove_files(d);
	ck_assert_int_ne(stat(path, &st), 0);
	ck_assert_int_eq(doors_open(&conf, &next), ERR_OK); /* the next process, while this one drains */
	doors_close(&d);
	ck_assert(can_connect(&address));
	doors_close(&next);
	ck_assert_int_ne(stat(path, &st), 0);
}
END_TEST

START_TEST(a_file_that_is_no_socket_of_ours_stays)
{
	struct conf_addr address = unix_path();
	struct conf_server conf = {.listen = &address, .n_listen = 1, .workers = 1};
	struct doors *d;
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fclose(f);
	ck_assert_int_eq(doors_open(&conf, &d), ERR_IO);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
}
END_TEST

START_TEST(all_or_none_are_opened)
{
	struct conf_addr addresses[] = {unix_path(), tcp(1)};
	((struct sockaddr_in *)&addresses[1].sa)->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 is nobody's */
	struct conf_server conf = {.listen = addresses, .n_listen = 2, .workers = 1};
	struct doors *d;
	ck_assert_int_eq(doors_open(&conf, &d), ERR_IO);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(advice_names_the_cause)
{
	ck_assert_ptr_nonnull(strstr(doors_advice(EADDRINUSE), "already in use"));
	ck_assert_ptr_nonnull(strstr(doors_advice(EACCES), "CAP_NET_BIND_SERVICE"));
	ck_assert_ptr_nonnull(strstr(doors_advice(EADDRNOTAVAIL), "no interface"));
	ck_assert_str_eq(doors_advice(ENOMEM), strerror(ENOMEM));
}
END_TEST

int main(void)
{
	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "%s/s", directory);
	Suite *s = suite_create("doors");
	TCase *t = tcase_create("doors");
	tcase_add_test(t, each_worker_has_its_own_socket_of_one_port);
	tcase_add_test(t, of_two_that_start_at_once_one_has_the_address);
	tcase_add_test(t, an_address_of_another_larder_is_refused);
	tcase_add_test(t, a_unix_socket_is_shared_and_its_file_goes_once);
	tcase_add_test(t, a_file_that_is_no_socket_of_ours_stays);
	tcase_add_test(t, all_or_none_are_opened);
	tcase_add_test(t, advice_names_the_cause);
	suite_add_tcase(s, t);
	int result = suite_run(s);
	rmdir(directory);
	return result;
}
