/*
 * See bench.h. Errors end the program: scripts/bench reads stderr and says which server or scenario it was.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

void bench_die(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}

void *bench_zalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);
	if (!p)
		bench_die("no memory for %zu x %zu bytes", count, size);
	return p;
}

void bench_begin(void)
{
	struct rlimit limit;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < BENCH_MAX_FD ? limit.rlim_max : BENCH_MAX_FD;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

int bench_listen(void)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		bench_die("cannot listen: %s", strerror(errno));
	printf("%u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int bench_connect(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (fd >= BENCH_MAX_FD ||
	    (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS))
		bench_die("cannot connect to port %u: %s", (unsigned)port, strerror(errno));
	return fd;
}

void bench_watch(int epoll, int op, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data = {.fd = fd}};
	if (epoll_ctl(epoll, op, fd, &event) < 0)
		bench_die("epoll_ctl: %s", strerror(errno));
}

uint64_t bench_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bench_number(const char *text, const char *what, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || n > max)
		bench_die("%s: '%s' is not a whole number up to %llu", what, text, (unsigned long long)max);
	return n;
}
