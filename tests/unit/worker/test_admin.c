/* The admin listener over real sockets: HTTP in and out, tokens, forms, bounds. The pages have tests of their own. */
#include "worker/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "suite.h"
#include "tier/memory.h"

enum { PATIENCE_MS = 20000 };

struct bench {
	struct conf *conf;
	struct tier *tier;
	struct metrics *metrics;
	struct admin_server *server;
	struct conf_admin admin;
	char folder[64], path[108];
};

static struct conf *current(void *ctx)
{
	return conf_ref(((struct bench *)ctx)->conf);
}

static int reload(void *ctx, struct buf *text)
{
	return ERR_OK;
}

static bool ready(void *ctx)
{
	return true;
}

static const char *reason(unsigned r)
{
	return "none";
}

/* listen: "unix" or a TCP address */
static int bench_start(struct bench *b, const char *listen, const char *token)
{
	*b = (struct bench){.conf = NULL};
	snprintf(b->folder, sizeof(b->folder), "/tmp/larder-admin-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "unix:%s/s", b->folder);
	struct conf_flag flags[] = {
	    {"upstream", "url", "http://127.0.0.1:8000"},
	    {"admin", "listen", strcmp(listen, "unix") == 0 ? b->path : listen},
	    {"admin", "token", token},
	};
	static char *no_environ[] = {NULL};
	struct conf_source source = {.environ = no_environ, .flags = flags, .n_flags = COUNT_OF(flags)};
	struct buf problems;
	buf_init(&problems, 65536);
	ck_assert_msg(
	    conf_load(&source, &b->conf, &problems) == ERR_OK, "%.*s", (int)problems.n, problems.p ? problems.p : "");
	buf_free(&problems);
	b->tier = memory_tier_new(&(struct memory_options){.memory_size = 16 << 20, .max_variants = 8});
	b->metrics = metrics_new(1, 1, reason);
	b->admin = b->conf->admin;
	struct admin_env env = {
	    .tier = b->tier, .metrics = b->metrics, .conf = current, .reload = reload, .ready = ready, .ctx = b};
	return admin_server_start(&b->admin, &env, &b->server);
}

static void bench_stop(struct bench *b)
{
	admin_server_stop(&b->server);
	ck_assert_ptr_null(b->server);
	if (b->tier)
		tier_close(&b->tier);
	metrics_free(&b->metrics);
	conf_release(&b->conf);
	ck_assert_msg(rmdir(b->folder) == 0, "something was left behind");
}

static int bench_connect(const struct bench *b)
{
	struct sockaddr_storage sa = b->admin.listen.sa;
	if (!b->admin.listen.is_unix) {
		struct str address = admin_server_address(b->server);
		size_t colon = str_index(address, ':');
		uint64_t port;
		ck_assert_int_eq(str_to_u64(str_skip(address, colon + 1), 65535, &port), ERR_OK);
		((struct sockaddr_in *)&sa)->sin_port = htons((uint16_t)port);
	}
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, b->admin.listen.len), 0);
	return fd;
}

static void send_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* it may have had enough of us */
		s = str_skip(s, (size_t)n);
	}
}

/* Everything until the other side closes. */
static void read_all(int fd, struct buf *out)
{
	buf_init(out, 1 << 20);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (;;) {
		ck_assert_msg(
		    poll(&p, 1, PATIENCE_MS) == 1, "no answer; so far: %.*s", (int)out->n, out->p ? out->p : "");
		ck_assert_int_eq(buf_reserve(out, 4096), ERR_OK);
		ssize_t n = recv(fd, out->p + out->n, 4096, 0);
		if (n <= 0)
			break;
		out->n += (size_t)n;
	}
	close(fd);
}

static void ask(const struct bench *b, struct str request, struct buf *out)
{
	int fd = bench_connect(b);
	send_all(fd, request);
	read_all(fd, out);
}

static bool has(const struct buf *b, const char *text)
{
	return str_find(buf_str(b), str_of(text)) < b->n;
}

#define END  "Connection: close\r\n\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

#define SIXTEEN "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&"

START_TEST(requests_over_http)
{
	static const struct {
		const char *sentence, *token, *request, *told;
	} rows[] = {
	    {"health", NULL, "GET /health HTTP/1.1\r\nHost: localhost\r\n" END, "HTTP/1.1 200 OK\r\n"},
	    {"its body", NULL, "GET /health?ready HTTP/1.1\r\nHost: localhost\r\n" END,
		"{\"status\":\"ok\",\"ready\":true}"},
	    {"nothing is kept by browsers", NULL, "GET /stats HTTP/1.1\r\nHost: localhost\r\n" END,
		"Cache-Control: no-store"},
	    {"HEAD", NULL, "HEAD /stats HTTP/1.1\r\nHost: localhost\r\n" END, "HTTP/1.1 200 OK\r\n"},
	    {"HTTP/1.0 without Host", NULL, "GET /stats HTTP/1.0\r\n\r\n", " 200 OK\r\n"},
	    {"a purge by form", NULL,
		"POST /purge HTTP/1.1\r\nHost: localhost\r\n" FORM "Content-Length: 11\r\n" END "prefix=%2fa",
		"\"prefix\":\"/a\""},
	    {"a purge by query", NULL, "POST /purge?tag=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" END,
		"\"tag\":\"x\""},
	    {"both together", NULL,
		"POST /purge?soft HTTP/1.1\r\nHost: localhost\r\n" FORM "Content-Length: 5\r\n" END "tag=x",
		"\"soft\":true"},
	    {"a chunked form", NULL,
		"POST /purge HTTP/1.1\r\nHost: localhost\r\n" FORM "Transfer-Encoding: chunked\r\n" END
		"2\r\nta\r\n3\r\ng=x\r\n0\r\n\r\n",
		"\"tag\":\"x\""},
	    {"a form of no type", NULL, "POST /purge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n" END "tag=x",
		"\"tag\":\"x\""},
	    {"JSON is no form", NULL,
		"POST /purge HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" END
		"{}",
		" 415 "},
	    {"bad escapes", NULL, "POST /purge?tag=%zz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" END,
		" 400 "},
	    {"too many parameters", NULL,
		"GET /stats?" SIXTEEN SIXTEEN SIXTEEN SIXTEEN "a HTTP/1.1\r\nHost: localhost\r\n" END,
		"too many parameters"},
	    {"a method that is not taken", NULL, "DELETE /purge HTTP/1.1\r\nHost: localhost\r\n" END,
		"Allow: POST\r\n"},
	    {"a foreign Host", NULL, "GET /stats HTTP/1.1\r\nHost: evil.example\r\n" END, " 403 "},
	    {"a foreign Origin", NULL,
		"POST /purge?all HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nContent-Length: "
		"0\r\n" END,
		" 403 "},
	    {"no token", "long-enough-token-1", "GET /stats HTTP/1.1\r\nHost: x\r\n" END, " 401 "},
	    {"which is asked for", "long-enough-token-1", "GET /stats HTTP/1.1\r\nHost: x\r\n" END,
		"WWW-Authenticate: Bearer"},
	    {"the token", "long-enough-token-1",
		"GET /stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer long-enough-token-1\r\n" END, " 200 OK"},
	    {"a wrong one", "long-enough-token-1",
		"GET /stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer long-enough-token-2\r\n" END, " 401 "},
	    {"health without it", "long-enough-token-1", "GET /health HTTP/1.1\r\nHost: x\r\n" END, " 200 OK"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		ck_assert_int_eq(bench_start(&b, "127.0.0.1:0", rows[i].token), ERR_OK);
		struct buf answer;
		ask(&b, str_of(rows[i].request), &answer);
		ck_assert_msg(has(&answer, rows[i].told), "%s: %.*s", rows[i].sentence, STR_ARG(buf_str(&answer)));
		buf_free(&answer);
		bench_stop(&b);
	}
}
END_TEST

START_TEST(a_form_that_is_too_large_is_refused)
{
	struct bench b;
	ck_assert_int_eq(bench_start(&b, "127.0.0.1:0", NULL), ERR_OK);
	int fd = bench_connect(&b);
	send_all(fd, STR("POST /purge HTTP/1.1\r\nHost: localhost\r\n" FORM "Content-Length: 200000\r\n" END));
	char block[1000];
	memset(block, 'a', sizeof(block));
	for (unsigned i = 0; i < 200; i++)
		send_all(fd, str_make(block, sizeof(block)));
	struct buf answer;
	read_all(fd, &answer);
	ck_assert_msg(has(&answer, " 413 "), "%.*s", STR_ARG(buf_str(&answer)));
	buf_free(&answer);
	bench_stop(&b);
}
END_TEST

START_TEST(a_connection_serves_many_requests)
{
	struct bench b;
	ck_assert_int_eq(bench_start(&b, "unix", NULL), ERR_OK);
	struct stat st;
	ck_assert_int_eq(stat(b.path + 5, &st), 0);
	ck_assert_msg((st.st_mode & 0777) == 0600, "a unix socket is for its owner: %o", st.st_mode & 0777);
	struct buf answer;
	ask(&b,
	    STR("GET /health HTTP/1.1\r\nHost: x\r\n\r\nPOST /purge HTTP/1.1\r\nHost: x\r\n" FORM
		"Content-Length: 3\r\n\r\nallGET /stats HTTP/1.1\r\nHost: x\r\n" END),
	    &answer);
	ck_assert(has(&answer, "\"ready\"") && has(&answer, "\"purged\":0") && has(&answer, "\"hit_ratio\""));
	buf_free(&answer);
	bench_stop(&b);
}
END_TEST

START_TEST(idle_connections_make_room)
{
	struct bench b;
	ck_assert_int_eq(bench_start(&b, "127.0.0.1:0", NULL), ERR_OK);
	int idle[100];
	for (unsigned i = 0; i < 100; i++) {
		idle[i] = bench_connect(&b);
		send_all(idle[i], STR("GET /hea")); /* and never more */
	}
	struct buf answer;
	ask(&b, STR("GET /health HTTP/1.1\r\nHost: localhost\r\n" END), &answer);
	ck_assert(has(&answer, " 200 OK"));
	buf_free(&answer);
	for (unsigned i = 0; i < 100; i++)
		close(idle[i]);
	bench_stop(&b);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_idle_ones)
{
	struct bench b;
	ck_assert_int_eq(bench_start(&b, "127.0.0.1:0", NULL), ERR_OK);
	int fd = bench_connect(&b);
	send_all(fd, STR("POST /purge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nall"));
	bench_stop(&b);
	close(fd);
}
END_TEST

START_TEST(what_cannot_start_says_why)
{
	struct bench b, second;
	ck_assert_int_eq(bench_start(&b, "unix", NULL), ERR_OK);
	struct admin_env env = {.tier = b.tier, .metrics = b.metrics, .conf = current, .ctx = &b};
	second.server = NULL;
	ck_assert_msg(admin_server_start(&b.admin, &env, &second.server) == ERR_IO, "an address that is taken");
	ck_assert_int_eq(errno, EADDRINUSE);
	ck_assert_ptr_null(second.server);
	struct conf_admin open = b.admin;
	open.listen.is_unix = open.listen.is_loopback = false;
	ck_assert_msg(admin_server_start(&open, &env, &second.server) == ERR_DENIED, "the world without a token");
	struct conf_admin off = {.enabled = false};
	ck_assert_int_eq(admin_server_start(&off, &env, &second.server), ERR_OK);
	ck_assert_ptr_null(second.server);
	admin_server_stop(&second.server);
	bench_stop(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("admin");
	TCase *t = tcase_create("admin");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, requests_over_http);
	tcase_add_test(t, a_form_that_is_too_large_is_refused);
	tcase_add_test(t, a_connection_serves_many_requests);
	tcase_add_test(t, idle_connections_make_room);
	tcase_add_test(t, a_stop_does_not_wait_for_idle_ones);
	tcase_add_test(t, what_cannot_start_says_why);
	suite_add_tcase(s, t);
	return suite_run(s);
}
