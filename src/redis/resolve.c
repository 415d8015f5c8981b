/* getaddrinfo blocks, for many seconds when name servers are silent, and cannot be stopped. So it runs on a detached thread that owns
 * half of a counted job: who drops the job meanwhile leaves the other half to the thread. */
#include "redis/resolve.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

struct resolving {
	atomic_int owners;
	atomic_bool done;
	int err, event_fd;
	unsigned port;
	struct addresses found;
	char host[];
};

static void let_go(struct resolving *job)
{
	if (atomic_fetch_sub(&job->owners, 1) != 1)
		return;
	close(job->event_fd);
	free(job);
}

static void add_v4(struct addresses *a, struct in_addr address, unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = address};
	memcpy(&a->v[a->n], &in, sizeof(in));
	a->size[a->n++] = sizeof(in);
}

static void add_v6(struct addresses *a, struct in6_addr address, unsigned port)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = address};
	memcpy(&a->v[a->n], &in, sizeof(in));
	a->size[a->n++] = sizeof(in);
}

static bool known(const char *host, unsigned port, struct addresses *out)
{
	struct in_addr v4;
	struct in6_addr v6;
	out->n = 0;
	if (inet_pton(AF_INET, host, &v4) == 1) {
		add_v4(out, v4, port);
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		add_v6(out, v6, port);
	} else if (str_eq_nocase(str_of(host), STR("localhost"))) { /* RFC 6761 6.3: always loopback */
		add_v4(out, (struct in_addr){.s_addr = htonl(INADDR_LOOPBACK)}, port);
		add_v6(out, in6addr_loopback, port);
	}
	return out->n > 0;
}

static void *look_up(void *arg)
{
	struct resolving *job = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
	char port[12];
	snprintf(port, sizeof(port), "%u", job->port);
	if (getaddrinfo(job->host, port, &hints, &list) != 0)
		list = NULL;
	for (struct addrinfo *i = list; i && job->found.n < RESOLVE_MAX; i = i->ai_next) {
		memcpy(&job->found.v[job->found.n], i->ai_addr, i->ai_addrlen);
		job->found.size[job->found.n++] = i->ai_addrlen;
	}
	if (list)
		freeaddrinfo(list);
	job->err = job->found.n > 0 ? ERR_OK : ERR_RESOLVE;
	atomic_store(&job->done, true);
	uint64_t one = 1;
	/* Fails only when the counter is full: then it wakes anyway. */
	ssize_t n = write(job->event_fd, &one, sizeof(one));
	(void)n;
	let_go(job);
	return NULL;
}

static bool start_thread(struct resolving *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool started = thread_start(&thread, &attr, look_up, job) == ERR_OK;
	pthread_attr_destroy(&attr);
	return started;
}

int resolve_start(const char *host, unsigned port, int event_fd, struct addresses *out, struct resolving **job)
{
	*job = NULL;
	if (known(host, port, out))
		return ERR_OK;
	int fd = fcntl(event_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return ERR_RESOLVE;
	struct resolving *made = mem_zalloc(sizeof(*made) + strlen(host) + 1);
	memcpy(made->host, host, strlen(host));
	made->port = port;
	made->event_fd = fd;
	atomic_init(&made->owners, 2);
	if (!start_thread(made)) {
		close(fd);
		free(made);
		return ERR_RESOLVE;
	}
	*job = made;
	return ERR_AGAIN;
}

int resolve_result(struct resolving **job, struct addresses *out)
{
	if (!atomic_load(&(*job)->done))
		return ERR_AGAIN;
	int err = (*job)->err;
	*out = (*job)->found;
	resolve_drop(job);
	return err;
}

void resolve_drop(struct resolving **job)
{
	if (*job)
		let_go(*job);
	*job = NULL;
}
