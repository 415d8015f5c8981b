/* How threads of ours are started: with all signals blocked, which are for the main thread's loop or for the program that uses liblarder. */
#ifndef LARDER_BASE_THREAD_H
#define LARDER_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

#include "base/err.h"

/* As pthread_create; attr may be NULL. ERR_OK, or ERR_IO: the system gives no thread. Any thread. */
MUST_CHECK static inline int thread_start(
    pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(out, attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed ? ERR_IO : ERR_OK;
}

#endif
