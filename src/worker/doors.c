/* Two larders with SO_REUSEPORT on one address would silently share its connections. So the first socket of an address
 * is bound and listens without it, which fails while anybody listens there, and only then lets its siblings in. */
#include "worker/doors.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum { UNIX_MODE = 0666 }; /* who may connect is a matter of the directory */

struct door {
	struct conf_addr address; /* of the first socket: with the port that the system gave */
	char text[LISTEN_TEXT_MAX];
	bool has_file; /* of ours */
};

struct doors {
	const struct conf_server *conf;
	struct door *doors;	      /* one for each address */
	struct worker_listen *listen; /* workers times addresses */
	unsigned n_addresses, n_workers;
};

static int fail(const struct conf_addr *address)
{
	log_error(
	    "server", "cannot listen on %.*s: %s; see [server] listen", STR_ARG(address->text), doors_advice(errno));
	return ERR_IO;
}

/* Accepted connections inherit it. */
static void send_at_once(const struct conf_addr *address, int fd)
{
	int on = 1;
	if (!address->is_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int open_address(struct doors *d, unsigned i)
{
	struct door *door = &d->doors[i];
	door->address = d->conf->listen[i];
	for (unsigned w = 0; w < d->n_workers; w++) {
		struct worker_listen *l = &d->listen[w * d->n_addresses + i];
		if (door->address.is_unix && w > 0) {
			*l = d->listen[i];
			continue;
		}
		if (listen_open(&door->address, w > 0, UNIX_MODE, &l->fd) != ERR_OK)
			return fail(&door->address);
		if (w == 0 && listen_share(&door->address, l->fd) != ERR_OK)
			return fail(&door->address);
		door->has_file = door->address.is_unix;
		send_at_once(&door->address, l->fd);
		if (w == 0) {
			door->address.len = sizeof(door->address.sa);
			if (!door->address.is_unix)
				getsockname(l->fd, (struct sockaddr *)&door->address.sa, &door->address.len);
			else
				door->address.len = d->conf->listen[i].len;
			l->text = listen_text(&door->address, l->fd, door->text);
		}
		l->text = d->listen[i].text;
	}
	return ERR_OK;
}

const char *doors_advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "address already in use (another larder?)";
	case EACCES:
	case EPERM:
		return "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)";
	case EADDRNOTAVAIL:
		return "no interface has this address";
	default:
		return strerror(error);
	}
}

int doors_open(const struct conf_server *conf, struct doors **out)
{
	struct doors *d = mem_zalloc(sizeof(*d));
	*d = (struct doors){.conf = conf, .n_addresses = conf->n_listen, .n_workers = conf->workers};
	d->doors = mem_zalloc(d->n_addresses * sizeof(*d->doors) + 1);
	d->listen = mem_zalloc((size_t)d->n_addresses * d->n_workers * sizeof(*d->listen) + 1);
	for (unsigned i = 0; i < d->n_addresses * d->n_workers; i++)
		d->listen[i].fd = -1;
	for (unsigned i = 0; i < d->n_addresses; i++) {
		if (open_address(d, i) != ERR_OK) {
			doors_close(&d);
			return ERR_IO;
		}
	}
	*out = d;
	return ERR_OK;
}

const struct worker_listen *doors_of(const struct doors *d, unsigned worker, unsigned *n)
{
	*n = d->n_addresses;
	return &d->listen[worker * d->n_addresses];
}

void doors_remove_files(struct doors *d)
{
	for (unsigned i = 0; i < d->n_addresses; i++) {
		if (d->doors[i].has_file)
			listen_remove(&d->doors[i].address);
		d->doors[i].has_file = false;
	}
}

void doors_close(struct doors **doors)
{
	struct doors *d = *doors;
	if (!d)
		return;
	doors_remove_files(d);
	for (unsigned i = 0; i < d->n_addresses; i++) {
		for (unsigned w = 0; w < d->n_workers; w++) {
			int fd = d->listen[w * d->n_addresses + i].fd;
			if (fd >= 0 &&
			    (w == 0 || !d->doors[i].address.is_unix)) /* of a unix socket all have the first */
				close(fd);
		}
	}
	free(d->doors);
	free(d->listen);
	free(d);
	*doors = NULL;
}
