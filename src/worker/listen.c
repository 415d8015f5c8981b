/* Opens listening sockets. Permissions of a unix socket are set on the descriptor before it is bound: Linux gives them to
 * the file that bind makes, so there is no moment at which others could connect. What the umask took of them is given
 * back afterwards.
 *
 * A TCP connection is not shown to us before its client has sent something, or has been silent for a second (tcp(7),
 * TCP_DEFER_ACCEPT, in seconds). Until then the kernel keeps it beside those whose handshake is under way: it counts for no
 * limit of ours, and is dropped when we end, which its client learns when it sends. */
#include "worker/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* the system cuts it down to net.core.somaxconn */

/* Does nobody listen on this socket file any more? */
static bool is_left_behind(const struct conf_addr *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sa;
	struct stat st;
	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool refused = connect(fd, (const struct sockaddr *)&address->sa, address->len) < 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int set_option(int fd, int level, int option)
{
	return setsockopt(fd, level, option, &(int){1}, sizeof(int));
}

static int prepare(const struct conf_addr *address, int fd, bool reuse_port, mode_t unix_mode)
{
	if (address->is_unix)
		return fchmod(fd, unix_mode);
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0)
		return -1;
	if (reuse_port && set_option(fd, SOL_SOCKET, SO_REUSEPORT) < 0)
		return -1;
	/* Without it every connection would be waited for twice: accepted, then registered until its request comes. */
	(void)set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT);
	/* [::] and 0.0.0.0 are listed apart in the settings. */
	if (address->sa.ss_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
		return -1;
	return 0;
}

static int bind_to(const struct conf_addr *address, int fd)
{
	const struct sockaddr *sa = (const struct sockaddr *)&address->sa;
	if (bind(fd, sa, address->len) == 0)
		return 0;
	if (errno != EADDRINUSE || !address->is_unix)
		return -1;
	if (!is_left_behind(address)) {
		errno = EADDRINUSE;
		return -1;
	}
	listen_remove(address);
	return bind(fd, sa, address->len);
}

/* Whoever may connect must be able to write to the file, and the umask says otherwise as a rule. */
static int undo_umask(const struct conf_addr *address, mode_t unix_mode)
{
	return address->is_unix ? chmod(((const struct sockaddr_un *)&address->sa)->sun_path, unix_mode) : 0;
}

int listen_open(const struct conf_addr *address, bool reuse_port, mode_t unix_mode, int *out)
{
	int fd = socket(address->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	if (prepare(address, fd, reuse_port, unix_mode) < 0 || bind_to(address, fd) < 0 ||
	    undo_umask(address, unix_mode) < 0 || listen(fd, BACKLOG) < 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return ERR_IO;
	}
	*out = fd;
	return ERR_OK;
}

int listen_share(const struct conf_addr *address, int fd)
{
	return address->is_unix || set_option(fd, SOL_SOCKET, SO_REUSEPORT) == 0 ? ERR_OK : ERR_IO;
}

void listen_remove(const struct conf_addr *address)
{
	if (address->is_unix)
		unlink(((const struct sockaddr_un *)&address->sa)->sun_path);
}

struct str listen_text(const struct conf_addr *address, int fd, char out[LISTEN_TEXT_MAX])
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof(sa);
	char host[INET6_ADDRSTRLEN] = "";
	int n = 0;
	if (address->is_unix || getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)&address->sa;
		n = snprintf(out, LISTEN_TEXT_MAX, "unix:%s", address->is_unix ? un->sun_path : "?");
	} else if (sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&sa;
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		n = snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)&sa;
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		n = snprintf(out, LISTEN_TEXT_MAX, "%s:%u", host, ntohs(four->sin_port));
	}
	return str_take(str_make(out, LISTEN_TEXT_MAX - 1), (size_t)n);
}
