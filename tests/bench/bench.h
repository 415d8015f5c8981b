/*
 * What the three programs of scripts/bench (floor, origin, load) share. None of it is used by Larder itself: a bench that
 * measured with the code it measures would hide what both have in common.
 */
#ifndef LARDER_TESTS_BENCH_H
#define LARDER_TESTS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_MAX_FD = 65536 };

/* Says what is wrong on stderr and ends the program with status 1. Never returns. */
void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Memory of zeroes, for ever; ends the program when there is none. */
void *bench_zalloc(size_t count, size_t size);

/* To be called first: the program ends with its parent, ignores SIGPIPE and may open BENCH_MAX_FD descriptors if the
   system allows. */
void bench_begin(void);

/* A listening non-blocking socket on 127.0.0.1, on a port of the system's choice, which is printed as a line on stdout. */
int bench_listen(void);

/* A non-blocking connection to that port of 127.0.0.1, perhaps not complete yet; -1 with errno when it fails at once. */
int bench_connect(uint16_t port);

/* The epoll instance watches fd for these events (level-triggered); data is the descriptor itself. op: EPOLL_CTL_*. */
void bench_watch(int epoll, int op, int fd, uint32_t events);

/* Monotonic nanoseconds. */
uint64_t bench_now(void);

/* A whole number from text, at most `max`; ends the program, naming `what`, when it is none. */
uint64_t bench_number(const char *text, const char *what, uint64_t max);

#endif
