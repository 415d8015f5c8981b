/* Real Redis servers for tests: each in a temporary directory, on a loopback port given by the system and on a Unix socket. They end by
 * their process ids: by server_stop, or when the test's process ends, however it does (servers_end_all at exit; the kernel's
 * parent-death signal when even that is not reached).
 *
 *	struct server s = {0};
 *	server_start(&s, NULL);            or with more arguments, e.g. (const char *[]){"--requirepass", "x", NULL}
 *	... redis_url_parse(str_of(s.url)) ...
 *	server_stop(&s);                   and server_start again: the same port and directory
 *
 * server_freeze and server_thaw stop and continue it. server_ask talks to it by the way, with a connection of its own. */
#ifndef LARDER_TESTS_REDIS_SERVER_H
#define LARDER_TESTS_REDIS_SERVER_H

#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { SERVERS = 32, SERVER_ARGS = 48, SERVER_PATH = 64, SERVER_WAIT_MS = 10000 };

struct server {
	int known; /* its place in servers_known */
	pid_t pid; /* 0: does not run */
	char dir[SERVER_PATH];
	char socket[SERVER_PATH + 16]; /* of it */
	unsigned port, bus;
	char url[64];	      /* redis://127.0.0.1:port */
	char socket_url[128]; /* unix:///... */
	char password[64];    /* what server_ask says; set it when the server wants one */
	redisContext *context;
};

/* What is to be ended and removed at exit. Not the structs themselves: those of a test that failed are gone by then. */
static struct server__mess {
	pid_t pid;
	char dir[SERVER_PATH];
} servers_known[SERVERS];

/* Waits for a condition: `while (!x) server_pause(deadline)`, fails the test when the deadline has passed. */
static inline int64_t server_deadline(int64_t ms)
{
	return clock_mono_us() + ms * 1000;
}

static inline void server_pause(int64_t deadline_us, const char *what)
{
	ck_assert_msg(clock_mono_us() < deadline_us, "in vain waited for: %s", what);
	poll(NULL, 0, 2);
}

/* CPU time of this process, all threads. */
static inline int64_t server_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int server__remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void server__hang_up(struct server *s)
{
	if (s->context)
		redisFree(s->context);
	s->context = NULL;
}

static inline void server__kill(struct server__mess *m)
{
	if (m->pid > 0) {
		kill(m->pid, SIGKILL);
		while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	m->pid = 0;
}

static inline void server__clear(struct server__mess *m)
{
	server__kill(m);
	if (m->dir[0])
		nftw(m->dir, server__remove, 8, FTW_DEPTH | FTW_PHYS);
	m->dir[0] = '\0';
}

/* At once, as kill -9 or a power cut would. */
static inline void server_stop(struct server *s)
{
	server__hang_up(s);
	if (s->dir[0])
		server__kill(&servers_known[s->known]);
	s->pid = 0;
}

/* And away with its directory: the struct may go. */
static inline void server_end(struct server *s)
{
	server_stop(s);
	if (s->dir[0])
		server__clear(&servers_known[s->known]);
	s->dir[0] = '\0';
}

static inline void servers_end_all(void)
{
	for (int i = 0; i < SERVERS; i++)
		server__clear(&servers_known[i]);
}

static inline unsigned server_free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&in, size) == 0);
	ck_assert(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
	close(fd);
	return ntohs(in.sin_port);
}

static inline void server__choose_port(struct server *s)
{
	s->port = server_free_port();
	snprintf(s->url, sizeof(s->url), "redis://127.0.0.1:%u", s->port);
}

static inline void server__prepare(struct server *s)
{
	static bool at_exit;
	if (!at_exit)
		atexit(servers_end_all);
	at_exit = true;
	if (s->dir[0])
		return;
	const char *top = getenv("TMPDIR");
	ck_assert((size_t)snprintf(s->dir, sizeof(s->dir), "%s/larder-redis-XXXXXX",
		      top && strlen(top) < 32 ? top : "/tmp") < sizeof(s->dir));
	ck_assert_msg(mkdtemp(s->dir) != NULL, "mkdtemp: %s", strerror(errno));
	server__choose_port(s);
	s->bus = server_free_port();
	snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
	snprintf(s->socket_url, sizeof(s->socket_url), "unix://%s", s->socket);
	s->known = 0;
	while (s->known < SERVERS && servers_known[s->known].dir[0])
		s->known++;
	ck_assert_msg(s->known < SERVERS, "more than %d servers at once", SERVERS);
	memcpy(servers_known[s->known].dir, s->dir, sizeof(s->dir));
}

static inline void server__run(struct server *s, const char *const *argv)
{
	pid_t parent = getpid();
	s->pid = fork();
	ck_assert(s->pid >= 0);
	if (s->pid > 0) {
		servers_known[s->known].pid = s->pid;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int log = chdir(s->dir) == 0 ? open("log", O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
	if (getppid() == parent && log >= 0 && dup2(log, 1) >= 0 && dup2(log, 2) >= 0)
		execvp(argv[0], (char *const *)(void *)argv);
	_exit(127);
}

static inline bool server__connect(struct server *s)
{
	if (s->context && s->context->err == 0)
		return true;
	server__hang_up(s);
	s->context = redisConnectWithTimeout("127.0.0.1", (int)s->port, (struct timeval){5, 0});
	if (!s->context || s->context->err) {
		server__hang_up(s);
		return false;
	}
	redisSetTimeout(s->context, (struct timeval){5, 0});
	if (s->password[0]) {
		void *r = redisCommand(s->context, "AUTH %s", s->password);
		if (r)
			freeReplyObject(r);
	}
	return true;
}

/* The reply to a command in hiredis' format, freed by the caller; NULL: no answer. */
static inline redisReply *server_ask(struct server *s, const char *format, ...)
{
	va_list args;
	if (!server__connect(s))
		return NULL;
	va_start(args, format);
	redisReply *r = redisvCommand(s->context, format, args);
	va_end(args);
	if (!r)
		server__hang_up(s);
	return r;
}

/* Does it answer with this text (or begin so)? */
static inline bool server_says(struct server *s, const char *text, const char *format, ...)
{
	va_list args;
	if (!server__connect(s))
		return false;
	va_start(args, format);
	redisReply *r = redisvCommand(s->context, format, args);
	va_end(args);
	bool same = r && r->str && strstr(r->str, text) != NULL;
	if (r)
		freeReplyObject(r);
	else
		server__hang_up(s);
	return same;
}

/* The command must not fail. */
#define server_must(s, ...)                                                                                            \
	do {                                                                                                           \
		redisReply *must_reply = server_ask((s), __VA_ARGS__);                                                 \
		ck_assert_msg(must_reply && must_reply->type != REDIS_REPLY_ERROR, "%s: %s", #__VA_ARGS__,             \
		    must_reply ? must_reply->str : "no answer");                                                       \
		freeReplyObject(must_reply);                                                                           \
	} while (0)

/* The end of what it wrote, for the message of a test that fails: the directory is removed then. */
static inline const char *server__log(const struct server *s)
{
	static char text[800];
	char path[SERVER_PATH + 8];
	snprintf(path, sizeof(path), "%s/log", s->dir);
	FILE *f = fopen(path, "r");
	if (!f)
		return "";
	if (fseek(f, -(long)sizeof(text) + 1, SEEK_END) != 0)
		rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

/* False: it ended at once. */
static inline bool server__lives(struct server *s)
{
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (!server_says(s, "PONG", "PING")) {
		if (waitpid(s->pid, NULL, WNOHANG) != 0) {
			s->pid = servers_known[s->known].pid = 0;
			return false;
		}
		server_pause(deadline, "a server that answers PING");
	}
	return true;
}

/* `more`: further arguments, up to a NULL; may be NULL. Returns when it answers. */
static inline void server_start(struct server *s, const char *const *more)
{
	bool again = s->dir[0]; /* on the port that it had */
	server__prepare(s);
	for (int tries = 0; tries < 3; tries++) {
		char port[16];
		snprintf(port, sizeof(port), "%u", s->port);
		const char *argv[SERVER_ARGS] = {"redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket",
		    s->socket, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
		    "--enable-debug-command", "yes"};
		int n = 0;
		while (argv[n])
			n++;
		for (const char *const *m = more; m && *m && n < SERVER_ARGS - 1; m++)
			argv[n++] = *m;
		server__run(s, argv);
		if (server__lives(s))
			return;
		if (!again) /* somebody else took it in the meantime */
			server__choose_port(s);
	}
	ck_abort_msg("redis-server ends at once: %s", server__log(s));
}

static inline void server_freeze(struct server *s)
{
	kill(s->pid, SIGSTOP);
}

static inline void server_thaw(struct server *s)
{
	kill(s->pid, SIGCONT);
}

/* --- several ------------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static inline void server__write(
    const struct server *s, const char *name, const char *format, ...)
{
	char path[SERVER_PATH + 32];
	va_list args;
	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	FILE *f = fopen(path, "w");
	ck_assert(f != NULL);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

/* One sentinel that watches `master` as `group` and needs no other to agree. */
static inline void sentinel_start(struct server *s, const struct server *master, const char *group)
{
	server__prepare(s);
	server__write(s, "sentinel.conf",
	    "port %u\nbind 127.0.0.1\nsentinel monitor %s 127.0.0.1 %u 1\nsentinel down-after-milliseconds %s 300\n"
	    "sentinel failover-timeout %s 3000\n",
	    s->port, group, master->port, group, group);
	server__run(s, (const char *[]){"redis-server", "sentinel.conf", "--sentinel", NULL});
	ck_assert_msg(server__lives(s), "the sentinel ended at once: %s", server__log(s));
}

static inline void replica_start(struct server *s, const struct server *master)
{
	char port[16];
	snprintf(port, sizeof(port), "%u", master->port);
	server_start(s, (const char *[]){"--replicaof", "127.0.0.1", port, NULL});
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	while (!server_says(s, "master_link_status:up", "INFO replication"))
		server_pause(deadline, "a replica that follows its master");
}

/* A node of a cluster, alone when it is new; with what it knew before when it was stopped. */
static inline void cluster_node_start(struct server *s)
{
	char bus[16];
	server__prepare(s);
	snprintf(bus, sizeof(bus), "%u", s->bus);
	server_start(s, (const char *[]){"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout",
			    "2000", "--cluster-require-full-coverage", "no", NULL});
}

/* n masters, which share the slots in runs of the same length: node[0] has the first. */
static inline void cluster_start(struct server *nodes, int n)
{
	for (int i = 0; i < n; i++) {
		cluster_node_start(&nodes[i]);
		server_must(&nodes[i], "CLUSTER ADDSLOTSRANGE %d %d", 16384 * i / n, 16384 * (i + 1) / n - 1);
		server_must(&nodes[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
	}
	for (int i = 1; i < n; i++)
		server_must(&nodes[0], "CLUSTER MEET 127.0.0.1 %d %d", (int)nodes[i].port, (int)nodes[i].bus);
	int64_t deadline = server_deadline(SERVER_WAIT_MS);
	for (int i = 0; i < n; i++) {
		while (!server_says(&nodes[i], "cluster_state:ok", "CLUSTER INFO"))
			server_pause(deadline, "a cluster that is whole");
	}
}

/* The name that a node of a cluster has for the others. */
static inline void cluster_id(struct server *s, char out[64])
{
	redisReply *r = server_ask(s, "CLUSTER MYID");
	ck_assert(r && r->str);
	snprintf(out, 64, "%s", r->str);
	freeReplyObject(r);
}

#endif
