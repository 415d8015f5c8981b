/* TCP_CORK (tcp(7)). A socket that is closed while it is corked sends what it holds. */
#include "worker/cork.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static bool set(int fd, int on)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) == 0;
}

void cork_put(struct cork *c, int fd)
{
	if (!c->is_in)
		c->is_in = set(fd, 1);
}

void cork_pull(struct cork *c, int fd)
{
	if (c->is_in)
		(void)set(fd, 0); /* it fails on a connection that is gone */
	c->is_in = false;
}
