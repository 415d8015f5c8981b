/* What systemd would hear. */
#include "worker/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static char heard[64];

/* Listens, lets it speak, and keeps what came. `abstract`: a name without a file. */
static void speak(bool abstract)
{
	char name[64], variable[128];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = (size_t)snprintf(name, sizeof(name), "/tmp/larder-notify-%d", getpid());
	memcpy(a.sun_path, name, n);
	if (abstract)
		name[0] = '@', a.sun_path[0] = '\0';
	snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t a_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, a_n), 0);
	char other[] = "PATH=/bin", *environment[] = {other, variable, NULL};
	notify_send(environment, "READY=1");
	ssize_t got = recv(fd, heard, sizeof(heard) - 1, MSG_DONTWAIT);
	heard[got > 0 ? got : 0] = '\0';
	close(fd);
	if (!abstract)
		unlink(name);
}

START_TEST(a_path_is_told)
{
	speak(false);
	ck_assert_str_eq(heard, "READY=1");
}
END_TEST

START_TEST(an_abstract_name_is_told)
{
	speak(true);
	ck_assert_str_eq(heard, "READY=1");
}
END_TEST

START_TEST(without_a_good_address_nothing_happens)
{
	char relative[] = "NOTIFY_SOCKET=x", nobody[] = "NOTIFY_SOCKET=/nowhere/at/all", empty[] = "NOTIFY_SOCKET=";
	char longest[300] = "NOTIFY_SOCKET=/";
	memset(longest + 15, 'x', sizeof(longest) - 16);
	longest[sizeof(longest) - 1] = '\0';
	char *rows[] = {relative, nobody, empty, longest};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		notify_send((char *[]){rows[i], NULL}, "READY=1");
	notify_send((char *[]){NULL}, "READY=1");
	notify_send(NULL, "READY=1");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");
	tcase_add_test(t, a_path_is_told);
	tcase_add_test(t, an_abstract_name_is_told);
	tcase_add_test(t, without_a_good_address_nothing_happens);
	suite_add_tcase(s, t);
	return suite_run(s);
}
