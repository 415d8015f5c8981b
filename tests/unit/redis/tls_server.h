/* Real Redis servers that speak TLS, and certificates for them, which are made anew by openssl for each program of tests. */
#ifndef LARDER_TESTS_REDIS_TLS_SERVER_H
#define LARDER_TESTS_REDIS_TLS_SERVER_H

#include "redis/server.h"

#include "redis/tls.h"

/* In tls_dir.path: ca.pem, other-ca.pem, and host, named (not by its address), elsewhere, client (.pem, .key), which ca.pem has signed; both.pem is client's in one file. */
static struct server tls_dir;

static inline const char *tls_file(const char *name)
{
	static char rooms[8][SERVER_PATH + 32];
	static unsigned turn;
	char *path = rooms[turn++ % 8];
	snprintf(path, sizeof(rooms[0]), "%s/%s", tls_dir.dir, name);
	return path;
}

static inline void tls_make_files(void)
{
	static const char script[] =
	    "set -e\n"
	    "key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
	    "ca() { openssl req -x509 $key -days 2 -subj /CN=$1 -keyout $1.key -out $1.pem; }\n"
	    "signed() {\n"
	    "  openssl req $key -subj /CN=$1 -keyout $1.key -out $1.csr\n"
	    "  echo subjectAltName=$2 >$1.ext\n"
	    "  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $1.ext -out "
	    "$1.pem\n"
	    "}\n"
	    "ca ca; ca other-ca; signed host IP:127.0.0.1,DNS:localhost; signed named DNS:localhost\n"
	    "signed elsewhere DNS:elsewhere.test,IP:127.0.0.2; signed client DNS:client\n"
	    "cat client.pem client.key >both.pem\n";
	server__prepare(&tls_dir);
	server__run(&tls_dir, (const char *[]){"sh", "-c", script, NULL});
	int status;
	ck_assert_int_eq(waitpid(tls_dir.pid, &status, 0), tls_dir.pid);
	tls_dir.pid = servers_known[tls_dir.known].pid = 0;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "openssl: %s", server__log(&tls_dir));
}

static inline void tls_remove_files(void)
{
	server_end(&tls_dir);
}

/* What a server is told to speak TLS at `port`, as who `name` is. */
static inline const char *const *tls_arguments(unsigned port, const char *name, const char *const *more)
{
	static char texts[3][SERVER_PATH + 32], digits[16];
	static const char *argv[SERVER_ARGS];
	snprintf(digits, sizeof(digits), "%u", port);
	snprintf(texts[0], sizeof(texts[0]), "%s/%s.pem", tls_dir.dir, name);
	snprintf(texts[1], sizeof(texts[1]), "%s/%s.key", tls_dir.dir, name);
	snprintf(texts[2], sizeof(texts[2]), "%s/ca.pem", tls_dir.dir);
	const char *const own[] = {"--tls-port", digits, "--tls-cert-file", texts[0], "--tls-key-file", texts[1],
	    "--tls-ca-cert-file", texts[2]};
	size_t n = 0;
	for (; n < sizeof(own) / sizeof(own[0]); n++)
		argv[n] = own[n];
	for (; more && *more && n < SERVER_ARGS - 1; more++)
		argv[n++] = *more;
	argv[n] = NULL;
	return argv;
}

/* Besides the plain port, by which server_ask asks. Returns the port of TLS; the server may be started again with it. */
static inline unsigned tls_start(struct server *s, const char *name, const char *const *more)
{
	unsigned port = server_free_port();
	server_start(s, tls_arguments(port, name, more));
	return port;
}

static const char *const tls_any_client[] = {"--tls-auth-clients", "no", NULL};

#endif
