/* The protocol is one datagram of NAME=value lines to a unix socket, whose name begins with @ when it is an abstract one. */
#include "worker/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *find_path(char *const *environment)
{
	static const char name[] = "NOTIFY_SOCKET=";
	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, sizeof(name) - 1) == 0)
			return *environment + sizeof(name) - 1;
	return NULL;
}

void notify_send(char *const *environment, const char *state)
{
	const char *path = find_path(environment);
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	socklen_t to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to, to_n);
	close(fd);
}
