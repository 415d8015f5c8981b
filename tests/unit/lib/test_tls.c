/* liblarder over TLS. */
#include "lib/place.h"

#include "redis/tls_server.h"

enum { BIG = 5 * 1000 * 1000 };

static struct server one;
static unsigned port = 6379;

static int open_tls(const char *host, const char *ca, bool any_server, larder_cache **c)
{
	char url[64];
	larder_options o;
	larder_options_init(&o);
	snprintf(url, sizeof(url), "rediss://%s:%u", host, port);
	o.backend = "redis";
	o.url = url;
	o.timeout = 10;
	o.tls_ca = ca ? tls_file(ca) : NULL;
	o.tls_accept_any_server = any_server;
	return larder_open(&o, c);
}

START_TEST(believes_who_is_vouched_for)
{
	static const struct {
		const char *what, *host, *ca;
		bool any_server;
		int want;
		const char *says;
	} rows[] = {
	    {"the right CA", "localhost", "ca.pem", false, LARDER_OK, ""},
	    {"another CA", "localhost", "other-ca.pem", false, LARDER_CONNECT, "certificate is refused"},
	    {"the system's CAs", "localhost", NULL, false, LARDER_CONNECT, "certificate is refused"},
	    {"another name", "127.0.0.1", "ca.pem", false, LARDER_CONNECT, "mismatch"},
	    {"whoever it is", "127.0.0.1", NULL, true, LARDER_OK, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		larder_cache *c;
		ck_assert_int_eq(open_tls(rows[i].host, rows[i].ca, rows[i].any_server, &c), LARDER_OK);
		int status = larder_set(c, "k", "v", 1, 0);
		ck_assert_msg(status == rows[i].want, "%s: %s", rows[i].what, larder_last_error());
		ck_assert_msg(status == LARDER_OK || strstr(larder_last_error(), rows[i].says), "%s: %s", rows[i].what,
		    larder_last_error());
		larder_close(c);
	}
	larder_cache *c;
	ck_assert_int_eq(open_tls("localhost", "none.pem", false, &c), LARDER_INVALID);
	ck_assert_msg(strstr(larder_last_error(), "none.pem"), "%s", larder_last_error());
	ck_assert_ptr_null(c);
}
END_TEST

/* Its Redis waits for the end of what it takes for a command. */
START_TEST(a_port_without_tls_is_told)
{
	struct server plain = {0};
	larder_options o;
	larder_cache *c;
	char url[64];
	server_start(&plain, NULL);
	snprintf(url, sizeof(url), "rediss://127.0.0.1:%u", plain.port);
	larder_options_init(&o);
	o.backend = "redis";
	o.url = url;
	o.timeout = 0.3;
	ck_assert_int_eq(larder_open(&o, &c), LARDER_OK);
	ck_assert_int_eq(larder_set(c, "k", "v", 1, 0), LARDER_TIMEOUT);
	ck_assert_msg(strstr(larder_last_error(), "no TLS in time: is it a port for TLS?"), "%s", larder_last_error());
	larder_close(c);
	server_end(&plain);
}
END_TEST

/* Nobody here ignores SIGPIPE. */
START_TEST(values_and_a_server_that_is_killed)
{
	larder_cache *c;
	char *big = malloc(BIG);
	void *value;
	size_t n;
	int64_t sum;
	memset(big, 'b', BIG);
	ck_assert_int_eq(open_tls("localhost", "ca.pem", false, &c), LARDER_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(larder_set(c, "big", big, BIG, 60), LARDER_OK);
		ck_assert_int_eq(larder_get(c, "big", &value, &n), LARDER_OK);
		ck_assert(n == BIG && memcmp(value, big, BIG) == 0);
		larder_free(value);
		ck_assert_int_eq(larder_incr(c, "n", 3, 0, &sum), LARDER_OK);
		ck_assert_int_eq(sum, 3);
		server_stop(&one);
		ck_assert_int_eq(larder_set(c, "big", big, BIG, 60), LARDER_CONNECT);
		server_start(&one, tls_arguments(port, "named", tls_any_client));
	}
	ck_assert_int_eq(larder_flush(c), LARDER_OK);
	larder_close(c);
	free(big);
}
END_TEST

static void setup(void)
{
	tls_make_files();
	port = tls_start(&one, "named", tls_any_client);
}

static void teardown(void)
{
	server_end(&one);
	tls_remove_files();
}

START_TEST(without_tls_it_says_so)
{
	larder_cache *c;
	ck_assert_int_eq(open_tls("localhost", NULL, false, &c), LARDER_UNSUPPORTED);
	ck_assert_msg(strstr(larder_last_error(), "stunnel"), "%s", larder_last_error());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lib/tls");
	TCase *c = tcase_create("tls");
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	if (!tls_is_there()) {
		tcase_add_test(c, without_tls_it_says_so);
		return suite_run(s);
	}
	tcase_add_unchecked_fixture(c, setup, teardown);
	tcase_add_test(c, believes_who_is_vouched_for);
	tcase_add_test(c, a_port_without_tls_is_told);
	tcase_add_test(c, values_and_a_server_that_is_killed);
	return suite_run(s);
}
