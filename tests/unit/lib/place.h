/* Where caches of tests lie: a directory that goes with all that is in it, a Redis of our own, and options for each backend. */
#ifndef LARDER_TESTS_LIB_PLACE_H
#define LARDER_TESTS_LIB_PLACE_H

#include "suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "larder.h"
#include "lib/lib.h"

static char place_dir[64];
static pid_t place_server;
static char place_socket[96], place_url[128];

static int place_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* The clock of the tests: 0 means the real one. */
static int64_t place_now_ms;

static inline int64_t place_clock(void)
{
	return place_now_ms;
}

/* A connection of the test's own, to see what really is in the server. */
static inline int place_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", place_socket);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline void place_start_redis(void)
{
	snprintf(place_socket, sizeof(place_socket), "%s/redis", place_dir);
	snprintf(place_url, sizeof(place_url), "unix://%s", place_socket);
	pid_t parent = getpid();
	place_server = fork();
	ck_assert_int_ge(place_server, 0);
	if (place_server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", place_socket, "--save", "",
		    "--appendonly", "no", "--dir", place_dir, (char *)NULL);
		_exit(127);
	}
	int64_t end = clock_mono_us() + 20 * 1000000;
	int fd;
	while ((fd = place_connect()) < 0) {
		ck_assert_int_eq(waitpid(place_server, NULL, WNOHANG), 0);
		ck_assert_int_lt(clock_mono_us(), end);
		poll(NULL, 0, 5);
	}
	close(fd);
}

static inline void place_stop_redis(void)
{
	if (place_server > 0) {
		kill(place_server, SIGKILL);
		waitpid(place_server, NULL, 0);
	}
	place_server = 0;
}

static inline void place_make(void)
{
	strcpy(place_dir, "/tmp/larder-lib-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place_dir));
	place_start_redis();
}

static inline void place_remove(void)
{
	place_stop_redis();
	nftw(place_dir, place_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Sends a command of plain words and gives what comes back first (up to a second; an answer of few bytes comes at once). */
static inline const char *place_redis(const char *command)
{
	static char answer[65536];
	int fd = place_connect();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(send(fd, command, strlen(command), MSG_NOSIGNAL), (ssize_t)strlen(command));
	ck_assert_int_eq(send(fd, "\r\nQUIT\r\n", 8, MSG_NOSIGNAL), 8);
	size_t n = 0;
	ssize_t got;
	while (n < sizeof(answer) - 1 && (got = recv(fd, answer + n, sizeof(answer) - 1 - n, 0)) > 0)
		n += (size_t)got;
	close(fd);
	answer[n] = '\0';
	/* Without the +OK of QUIT. */
	if (n >= 5 && strcmp(answer + n - 5, "+OK\r\n") == 0)
		answer[n - 5] = '\0';
	return answer;
}

enum { PLACE_MEMORY, PLACE_FILE, PLACE_REDIS, PLACES };
static const char *const place_names[] = {"memory", "file", "redis"};

/* Another namespace a test, so that no test sees what another left. */
static inline larder_options place_options(int backend, const char *name_space)
{
	static char path[96];
	larder_options o;
	larder_options_init(&o);
	snprintf(path, sizeof(path), "%s/files", place_dir);
	o.backend = place_names[backend];
	o.path = path;
	o.url = place_url;
	o.name_space = name_space;
	o.prefix = "p";
	return o;
}

static inline larder_cache *place_open(int backend, const char *name_space)
{
	larder_options o = place_options(backend, name_space);
	larder_cache *c = NULL;
	int status = larder_open(&o, &c);
	ck_assert_msg(status == LARDER_OK, "%s: %s", place_names[backend], larder_last_error());
	return c;
}

#endif
