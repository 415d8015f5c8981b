/* A kilobyte of the kernel's bits a thread, used up from the front. What is left when more is asked for than there is, is thrown
 * away with it: a refill is one system call either way.
 *
 *	|0 0 0 0 0 0 0 0|x x x x x x x x x x x x|
 *	 given out       ^ used                 RANDOM_POOL
 */
#include "base/random.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local struct {
	unsigned char bytes[RANDOM_POOL];
	size_t left; /* the last ones of bytes[] */
} pool;

/* In a forked child, whose only thread is the one that forked: its pool is a copy of its parent's. */
static void forget(void)
{
	explicit_bzero(&pool, sizeof(pool));
}

static void watch_forks(void)
{
	if (pthread_atfork(NULL, NULL, forget) != 0) /* ENOMEM is all that it knows */
		mem_exhausted();
}

/* Up to 256 bytes come whole and are not interrupted; more may come in part (getrandom(2)). */
static int ask_kernel(unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERR_IO;
		p += got;
		n -= (size_t)got;
	}
	return ERR_OK;
}

static int refill(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, watch_forks);

	pool.left = 0;
	int err = ask_kernel(pool.bytes, sizeof(pool.bytes));
	if (err == ERR_OK)
		pool.left = sizeof(pool.bytes);
	return err;
}

int random_bytes(void *p, size_t n)
{
	if (n > RANDOM_POOL)
		return ask_kernel(p, n);
	if (n > pool.left) {
		int err = refill();
		if (err != ERR_OK)
			return err;
	}
	unsigned char *from = pool.bytes + sizeof(pool.bytes) - pool.left;
	memcpy(p, from, n);
	explicit_bzero(from, n);
	pool.left -= n;
	return ERR_OK;
}

int random_u64(uint64_t *out)
{
	return random_bytes(out, sizeof(*out));
}
