/* Connections: refused, unresolvable, slow to resolve, and over TLS against a server with certificates made here. */
#include "worker/connect.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netdb.h>
#include <stdatomic.h>

#include "worker/exchange.h"

#include "world.h"

#define OK_HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

/* --- names: this program's getaddrinfo is the one that libcurl calls --- */

static sem_t resolving, resolved; /* "slow.test" is being asked for; let it be answered */
static atomic_int finished;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct addrinfo *a;
	(void)hints;
	*out = NULL;
	if (strcmp(node, "slow.test") == 0) {
		sem_post(&resolving);
		sem_wait_bounded(&resolved);
		atomic_fetch_add(&finished, 1);
	} else if (strcmp(node, "good.test") != 0) {
		return EAI_NONAME;
	}
	struct {
		struct addrinfo a;
		struct sockaddr_in in;
	} *all = calloc(1, sizeof(*all)); /* freed by our freeaddrinfo */
	a = &all->a;
	uint64_t port = 0;
	if (str_to_u64(str_of(service), 65535, &port) != 0)
		port = 0;
	all->in = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons((uint16_t)port)};
	a->ai_family = AF_INET;
	a->ai_socktype = SOCK_STREAM;
	a->ai_addrlen = sizeof(all->in);
	a->ai_addr = (struct sockaddr *)&all->in;
	*out = a;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	free(a);
}

static struct probe *fetch_from(struct world *w, const char *scheme, const char *host, uint16_t port)
{
	w->conf.url.scheme = str_of(scheme);
	w->conf.url.host = str_of(host);
	w->conf.url.port = port;
	struct probe *p = probe_new(w, "GET", "/");
	probe_run(p);
	return p;
}

/* A port of loopback where nobody listens: one that was ours a moment ago. */
static uint16_t closed_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	close(fd);
	return ntohs(in.sin_port);
}

START_TEST(what_cannot_be_reached)
{
	static char long_path[300];
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	struct {
		const char *says, *scheme, *host;
		int err;
	} rows[] = {
	    {"nobody listens", "http", "127.0.0.1", ERR_CONNECT},
	    {"nobody listens for TLS", "https", "127.0.0.1", ERR_CONNECT},
	    {"nobody listens, IPv6", "http", "::1", ERR_CONNECT},
	    {"a name that is none", "http", "name.invalid", ERR_RESOLVE},
	    {"a name that is none, over TLS", "https", "name.invalid", ERR_RESOLVE},
	    {"no such socket", "unix", "/nonexistent/socket", ERR_CONNECT},
	    {"a socket's path that is too long", "unix", long_path, ERR_RESOLVE},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		world_start(&w);
		struct probe *p = fetch_from(&w, rows[i].scheme, rows[i].host, closed_port());
		ck_assert_msg(p->err == rows[i].err, "%s: %s, %s", rows[i].says, err_name(p->err), p->why);
		ck_assert_int_eq(world_metric(&w, METRIC_FETCH_FAILURES), 1);
		ck_assert_int_eq(world_metric(&w, METRIC_UPSTREAM_OPEN), 0);
		free(p);
		world_stop(&w);
	}
}
END_TEST

START_TEST(names_are_resolved)
{
	static const struct act plays[][ORIGIN_ACTS] = {{UNTIL("\r\n\r\n"), SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct world w;
	struct raw_origin *o = mem_zalloc(sizeof(*o));
	world_start(&w);
	origin_start(o, plays, 1, NULL);
	struct probe *p = fetch_from(&w, "http", "good.test", o->port);
	ck_assert_msg(p->err == 0, "%s", p->why);
	free(p);
	world_stop(&w);
	origin_stop(o);
	free(o);
}
END_TEST

/* Neither the loop nor the fetch waits for the resolver's thread. */
START_TEST(a_slow_name_holds_nothing_up)
{
	for (int cancel = 0; cancel < 2; cancel++) {
		struct world w;
		world_start(&w);
		w.conf.connect_timeout_ms = cancel ? 10000 : 40;
		w.conf.url.host = STR("slow.test");
		w.conf.url.port = closed_port();
		int before = atomic_load(&finished);
		struct probe *p = probe_new(&w, "GET", "/");
		probe_start(p);
		uv_run(&w.loop, UV_RUN_NOWAIT);
		ck_assert(sem_wait_bounded(&resolving));
		if (cancel) {
			upstream_cancel(w.upstreams, &p->f);
		} else {
			probe_wait(p);
			ck_assert_int_eq(p->err, ERR_TIMEOUT);
			ck_assert_ptr_nonnull(strstr(p->why, "connect_timeout"));
		}
		ck_assert_int_eq(atomic_load(&finished), before); /* it is still at it */
		world_stop(&w);
		free(p);
		sem_post(&resolved);
		while (atomic_load(&finished) == before)
			sched_yield();
	}
}
END_TEST

START_TEST(cancelled_while_connecting_over_tls)
{
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_TELL, NULL, 0}, {ACT_GONE, NULL, 0}}};
	struct world w;
	struct raw_origin *o = mem_zalloc(sizeof(*o));
	world_start(&w);
	origin_start(o, plays, 1, NULL);
	w.conf.url.scheme = STR("https");
	w.conf.url.port = o->port;
	struct probe *p = probe_new(&w, "GET", "/");
	probe_start(p);
	uv_run(&w.loop, UV_RUN_NOWAIT);
	ck_assert(sem_wait_bounded(&o->told));
	upstream_cancel(w.upstreams, &p->f);
	world_stop(&w);
	free(p);
	/* and the same left to its timeout */
	origin_stop(o);
	memset(o, 0, sizeof(*o));
	world_start(&w);
	origin_start(o, plays, 1, NULL);
	w.conf.connect_timeout_ms = 40;
	p = fetch_from(&w, "https", "127.0.0.1", o->port);
	ck_assert_int_eq(p->err, ERR_TIMEOUT);
	free(p);
	world_stop(&w);
	origin_stop(o);
	free(o);
}
END_TEST

/* --- TLS --- */

/* A CA and a certificate of it for `name`, and an origin that speaks TLS with it. */
struct tls_world {
	struct world w;
	struct raw_origin *o;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t ca, cert;
	gnutls_certificate_credentials_t credentials;
	char ca_file[32];
	char sni[64]; /* that the client sent last */
};

static gnutls_x509_crt_t make_certificate(const char *name, gnutls_x509_privkey_t key, gnutls_x509_crt_t issuer)
{
	static unsigned char serial;
	gnutls_x509_crt_t c;
	gnutls_x509_crt_init(&c);
	gnutls_x509_crt_set_version(c, 3);
	serial++;
	gnutls_x509_crt_set_serial(c, &serial, 1);
	gnutls_x509_crt_set_activation_time(c, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(c, time(NULL) + 3600);
	gnutls_x509_crt_set_key(c, key);
	gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	if (issuer) {
		gnutls_x509_crt_set_subject_alt_name(
		    c, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_SET);
		gnutls_x509_crt_set_ca_status(c, 0);
	} else {
		gnutls_x509_crt_set_ca_status(c, 1);
		gnutls_x509_crt_set_key_usage(c, GNUTLS_KEY_KEY_CERT_SIGN);
	}
	ck_assert_int_eq(gnutls_x509_crt_sign2(c, issuer ? issuer : c, key, GNUTLS_DIG_SHA256, 0), 0);
	return c;
}

static void write_ca(struct tls_world *t)
{
	gnutls_datum_t pem;
	ck_assert_int_eq(gnutls_x509_crt_export2(t->ca, GNUTLS_X509_FMT_PEM, &pem), 0);
	snprintf(t->ca_file, sizeof(t->ca_file), "/tmp/larder-ca-XXXXXX");
	int fd = mkstemp(t->ca_file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, pem.data, pem.size), pem.size);
	close(fd);
	gnutls_free(pem.data);
}

static void *tls_open(void *ctx, int fd)
{
	struct tls_world *t = ctx;
	gnutls_session_t s;
	gnutls_init(&s, GNUTLS_SERVER);
	gnutls_set_default_priority(s);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, t->credentials);
	gnutls_transport_set_int(s, fd);
	int r;
	while ((r = gnutls_handshake(s)) < 0 && !gnutls_error_is_fatal(r))
		continue;
	size_t n = sizeof(t->sni) - 1;
	unsigned type;
	if (gnutls_server_name_get(s, t->sni, &n, &type, 0) != 0)
		t->sni[0] = '\0';
	if (r == 0)
		return s;
	gnutls_deinit(s);
	return NULL;
}

static ssize_t tls_read(void *io, char *p, size_t n)
{
	ssize_t r;
	while ((r = gnutls_record_recv(io, p, n)) == GNUTLS_E_INTERRUPTED || r == GNUTLS_E_AGAIN)
		continue;
	return r == GNUTLS_E_PREMATURE_TERMINATION || r == GNUTLS_E_PULL_ERROR ? 0 : r;
}

static ssize_t tls_write(void *io, const char *p, size_t n)
{
	return gnutls_record_send(io, p, n);
}

static void tls_close(void *io, int fd)
{
	(void)fd;
	gnutls_bye(io, GNUTLS_SHUT_WR);
	gnutls_deinit(io);
}

/* Without a word of farewell: what a cut connection looks like. */
static void tls_cut(void *io, int fd)
{
	(void)fd;
	gnutls_deinit(io);
}

static const struct origin_io tls_io = {tls_open, tls_read, tls_write, tls_close};
static const struct origin_io tls_io_cut = {tls_open, tls_read, tls_write, tls_cut};

static struct tls_world *tls_start(
    const struct act (*plays)[ORIGIN_ACTS], unsigned n, const char *name, const struct origin_io *io)
{
	struct tls_world *t = mem_zalloc(sizeof(*t));
	gnutls_x509_privkey_init(&t->key);
	gnutls_x509_privkey_generate(t->key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	t->ca = make_certificate("Larder test CA", t->key, NULL);
	t->cert = make_certificate(name, t->key, t->ca);
	gnutls_certificate_allocate_credentials(&t->credentials);
	ck_assert_int_eq(gnutls_certificate_set_x509_key(t->credentials, &t->cert, 1, t->key), 0);
	write_ca(t);
	t->o = mem_zalloc(sizeof(*t->o));
	t->o->io = io;
	t->o->io_ctx = t;
	origin_start(t->o, plays, n, NULL);
	world_start(&t->w);
	t->w.conf.url.scheme = STR("https");
	t->w.conf.url.host = STR("good.test");
	t->w.conf.url.port = t->o->port;
	t->w.conf.tls_ca = str_of(t->ca_file);
	return t;
}

static void tls_stop(struct tls_world *t)
{
	world_stop(&t->w);
	origin_stop(t->o);
	free(t->o);
	unlink(t->ca_file);
	gnutls_certificate_free_credentials(t->credentials);
	gnutls_x509_crt_deinit(t->cert);
	gnutls_x509_crt_deinit(t->ca);
	gnutls_x509_privkey_deinit(t->key);
	free(t);
}

START_TEST(certificates)
{
	/* The refused ones end within the handshake or right after it. */
	static const struct act plays[2][1][ORIGIN_ACTS] = {
	    {{REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}}, {{{ACT_GONE, NULL, 0}}}};
	static const struct {
		const char *says, *name;
		bool with_ca, verify;
		int err;
		const char *ca;
	} rows[] = {
	    {"a trusted certificate for the name", "good.test", true, true, 0, NULL},
	    {"a trusted certificate for another name", "other.test", true, true, ERR_TLS, NULL},
	    {"a certificate that nobody vouches for", "good.test", false, true, ERR_TLS, NULL},
	    {"nobody vouches, and nobody asked: tls_verify = off", "other.test", false, false, 0, NULL},
	    {"a CA file that is not there", "good.test", true, true, ERR_TLS, "/nonexistent/ca.pem"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct tls_world *t = tls_start(plays[rows[i].err != 0], 1, rows[i].name, &tls_io);
		if (!rows[i].with_ca)
			t->w.conf.tls_ca = STR_NONE;
		if (rows[i].ca)
			t->w.conf.tls_ca = str_of(rows[i].ca);
		t->w.conf.tls_verify = rows[i].verify;
		struct probe *p = probe_new(&t->w, "GET", "/");
		probe_run(p);
		ck_assert_msg(p->err == rows[i].err, "%s: %s", rows[i].says, err_name(p->err));
		ck_assert_msg(p->err || memcmp(p->body, "hi", 2) == 0, "%s: body", rows[i].says);
		ck_assert_msg(p->err || strcmp(t->sni, "good.test") == 0, "%s: SNI %s", rows[i].says, t->sni);
		free(p);
		tls_stop(t);
	}
}
END_TEST

static void get(struct tls_world *t)
{
	struct probe *p = probe_new(&t->w, "GET", "/");
	probe_run(p);
	ck_assert_msg(p->err == 0, "%s", p->why);
	free(p);
}

START_TEST(a_tls_connection_is_used_again)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), {ACT_AWAIT, NULL, 0}}};
	struct tls_world *t = tls_start(plays, 1, "good.test", &tls_io);
	for (int i = 0; i < 3; i++)
		get(t);
	ck_assert_int_eq(world_metric(&t->w, METRIC_UPSTREAM_CONNECTS), 1);
	sem_post(&t->o->go);
	WAIT_FOR(&t->w, world_metric(&t->w, METRIC_UPSTREAM_OPEN) == 0);
	tls_stop(t);
}
END_TEST

START_TEST(a_closed_tls_connection_is_not_taken)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), {ACT_AWAIT, NULL, 0}, {ACT_CLOSE, NULL, 0}, {ACT_TELL, NULL, 0}},
	    {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	const struct origin_io *ios[] = {&tls_io, &tls_io_cut};
	for (size_t i = 0; i < COUNT_OF(ios); i++) {
		struct tls_world *t = tls_start(plays, 2, "good.test", ios[i]);
		get(t);
		sem_post(&t->o->go);
		ck_assert(sem_wait_bounded(&t->o->told));
		get(t);
		ck_assert_int_eq(world_metric(&t->w, METRIC_FETCH_RETRIES), 0);
		tls_stop(t);
	}
}
END_TEST

START_TEST(a_reload_closes_idle_tls_connections)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}, {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct tls_world *t = tls_start(plays, 2, "good.test", &tls_io);
	struct conf settings = {.upstreams = &t->w.conf, .n_upstreams = 1};
	get(t);
	upstreams_reload(t->w.upstreams, &settings);
	ck_assert_int_eq(world_metric(&t->w, METRIC_UPSTREAM_OPEN), 0);
	get(t);
	tls_stop(t);
}
END_TEST

START_TEST(bodies_over_tls)
{
	enum { N = 4 << 20 };
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY("HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n"), {ACT_FILL, NULL, N}, UNTIL("\r\n\r\n"),
		{ACT_AWAIT, NULL, 0}, {ACT_DRAIN, NULL, N}, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	static char big[N + 1];
	memset(big, 'x', N);
	struct tls_world *t = tls_start(plays, 1, "good.test", &tls_io);
	/* down, with pauses: bytes that are decrypted already must not be waited for */
	struct probe *p = probe_new(&t->w, "GET", "/");
	p->piece = 1000;
	p->allowed = 7;
	probe_start(p);
	while (!p->done) {
		WAIT_FOR(&t->w, p->done || (p->allowed == 0 && ((struct exchange *)p->f.exchange)->paused));
		p->allowed = 100000;
		if (!p->done)
			upstream_resume(t->w.upstreams, &p->f);
	}
	ck_assert_msg(p->err == 0, "%s", p->why);
	ck_assert_uint_eq(p->n_body, N);
	free(p);
	/* up, against an origin that does not read at first */
	p = probe_post(&t->w, big, N);
	probe_start(p);
	WAIT_FOR(&t->w, p->at_upload > 0);
	sem_post(&t->o->go);
	probe_wait(p);
	ck_assert_msg(p->err == 0, "%s", p->why);
	ck_assert_uint_eq(p->at_upload, N);
	free(p);
	tls_stop(t);
}
END_TEST

START_TEST(a_cut_is_no_end_of_a_body_over_tls)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY("HTTP/1.1 200 OK\r\n\r\nhi")}};
	const struct origin_io *ios[] = {&tls_io, &tls_io_cut};
	for (size_t i = 0; i < COUNT_OF(ios); i++) {
		struct tls_world *t = tls_start(plays, 1, "good.test", ios[i]);
		struct probe *p = probe_new(&t->w, "GET", "/");
		probe_run(p);
		ck_assert_int_eq(p->err, i == 0 ? 0 : ERR_SHORT);
		free(p);
		tls_stop(t);
	}
}
END_TEST

/* More connections than one multi takes. */
START_TEST(many_tls_connections)
{
	enum { N = 80 };
	static struct act plays[N][ORIGIN_ACTS];
	for (int i = 0; i < N; i++) {
		plays[i][0] = (struct act)REQUEST;
		plays[i][1] = (struct act)SAY(OK_HI);
	}
	struct tls_world *t = tls_start((const struct act(*)[ORIGIN_ACTS])plays, N, "good.test", &tls_io);
	struct probe *p[N];
	for (int i = 0; i < N; i++) {
		p[i] = probe_new(&t->w, "GET", "/");
		probe_start(p[i]);
	}
	for (int i = 0; i < N; i++) {
		probe_wait(p[i]);
		ck_assert_msg(p[i]->err == 0, "%d: %s", i, p[i]->why);
		free(p[i]);
	}
	tls_stop(t);
}
END_TEST

int main(void)
{
	sem_init(&resolving, 0, 0);
	sem_init(&resolved, 0, 0);
	Suite *s = suite_create("connect");
	TCase *t = tcase_create("connect");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, what_cannot_be_reached);
	tcase_add_test(t, names_are_resolved);
	tcase_add_test(t, a_slow_name_holds_nothing_up);
	tcase_add_test(t, cancelled_while_connecting_over_tls);
	tcase_add_test(t, certificates);
	tcase_add_test(t, a_tls_connection_is_used_again);
	tcase_add_test(t, a_closed_tls_connection_is_not_taken);
	tcase_add_test(t, a_reload_closes_idle_tls_connections);
	tcase_add_test(t, bodies_over_tls);
	tcase_add_test(t, a_cut_is_no_end_of_a_body_over_tls);
	tcase_add_test(t, many_tls_connections);
	suite_add_tcase(s, t);
	return suite_run(s);
}
