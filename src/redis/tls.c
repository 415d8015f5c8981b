/* OpenSSL on a BIO of our own: its own one writes with write, which raises SIGPIPE in a host program. TLS 1.2 and later. The certificate is
 * verified against redis_tls_ca or else the system's list, and must be for the host that was meant: a name, which is sent along (SNI), or an
 * address.
 *
 * What is written is copied into a record's worth of room first. A record that did not go out as a whole must be continued with the same bytes,
 * and the caller may take back what has not left: so what was copied counts as gone.
 *
 * Errors of OpenSSL lie in a queue of the thread, which may be the host program's: it is cleared before each call. */
#include "redis/tls.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef LARDER_NO_REDIS_TLS

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "base/alloc.h"

enum { RECORD = 16 * 1024 };

struct tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *socket;
};

struct tls {
	SSL *ssl;
	int fd;
	int error;	  /* errno of the socket's last failure */
	bool ended;	  /* the other side has closed it */
	bool wants_write; /* during the handshake */
	size_t n, sent;	  /* of `room`, and how much of it has gone */
	char why[TLS_WHY];
	char room[RECORD];
};

bool tls_is_there(void)
{
	return true;
}

/* --- the socket --- */

static int socket_done(BIO *bio, ssize_t n)
{
	struct tls *t = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n >= 0)
		return (int)n;
	t->error = errno;
	return -1;
}

static int socket_write(BIO *bio, const char *p, int n)
{
	struct tls *t = BIO_get_data(bio);
	int done = socket_done(bio, send(t->fd, p, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT));
	if (done < 0 && (t->error == EAGAIN || t->error == EINTR))
		BIO_set_retry_write(bio);
	return done;
}

static int socket_read(BIO *bio, char *p, int n)
{
	struct tls *t = BIO_get_data(bio);
	int done = socket_done(bio, recv(t->fd, p, (size_t)n, MSG_DONTWAIT));
	if (done == 0)
		t->ended = true;
	if (done < 0 && (t->error == EAGAIN || t->error == EINTR))
		BIO_set_retry_read(bio);
	return done;
}

static long socket_control(BIO *bio, int command, long number, void *p)
{
	struct tls *t = BIO_get_data(bio);
	return command == BIO_CTRL_FLUSH || (command == BIO_CTRL_EOF && t->ended);
}

/* --- contexts --- */

/* The oldest of OpenSSL's reasons when it is the system's, else the newest. */
static const char *reason(void)
{
	unsigned long first = ERR_peek_error();
	if (ERR_SYSTEM_ERROR(first))
		return strerrordesc_np(ERR_GET_REASON(first));
	const char *text = ERR_reason_error_string(ERR_peek_last_error());
	return text ? text : "no memory";
}

/* With a NUL behind it; a name that is too long is none. */
static const char *name_of(struct str s, char room[PATH_MAX])
{
	*str_put(room, s.n < PATH_MAX ? s : STR("too long")) = '\0';
	return s.n > 0 ? room : NULL;
}

static bool use_files(SSL_CTX *ssl, const struct redis_tls *files, char why[TLS_WHY])
{
	char rooms[3][PATH_MAX];
	const char *ca = name_of(files->ca, rooms[0]), *cert = name_of(files->cert, rooms[1]),
		   *key = files->key.n > 0 ? name_of(files->key, rooms[2]) : cert;
	if (ca ? SSL_CTX_load_verify_locations(ssl, ca, NULL) != 1 : SSL_CTX_set_default_verify_paths(ssl) != 1)
		snprintf(why, TLS_WHY, "the CA certificates%s%.100s cannot be used: %s", ca ? " of " : "", ca ? ca : "",
		    reason());
	else if (cert && SSL_CTX_use_certificate_chain_file(ssl, cert) != 1)
		snprintf(why, TLS_WHY, "the certificate in %.100s cannot be used: %s", cert, reason());
	else if (cert && SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1)
		snprintf(why, TLS_WHY, "the key in %.100s cannot be used: %s", key, reason());
	else
		return true;
	return false;
}

/* A key with a passphrase has nobody to ask. */
static int no_passphrase(char *p, int n, int writing, void *ctx)
{
	return 0;
}

struct tls_context *tls_context_new(const struct redis_tls *files, char why[TLS_WHY])
{
	struct tls_context *c = alloc_try_zero(sizeof(*c));
	ERR_clear_error();
	snprintf(why, TLS_WHY, "no memory for TLS");
	if (!c)
		return NULL;
	c->ssl = SSL_CTX_new(TLS_client_method());
	c->socket = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "larder");
	if (!c->ssl || !c->socket || SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION) != 1)
		goto failed;
	BIO_meth_set_write(c->socket, socket_write);
	BIO_meth_set_read(c->socket, socket_read);
	BIO_meth_set_ctrl(c->socket, socket_control);
	SSL_CTX_set_verify(c->ssl, files->any_server ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	/* A process that is killed ends without a word. What is missing of an answer is noticed anyway. */
	SSL_CTX_set_options(c->ssl, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(c->ssl, no_passphrase);
	if (use_files(c->ssl, files, why))
		return c;
failed:
	ERR_clear_error();
	tls_context_free(&c);
	return NULL;
}

void tls_context_free(struct tls_context **c)
{
	if (!*c)
		return;
	SSL_CTX_free((*c)->ssl);
	BIO_meth_free((*c)->socket);
	free(*c);
	*c = NULL;
}

/* --- connections --- */

static bool expect_host(SSL *ssl, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls *tls_new(struct tls_context *c, int fd, const char *host)
{
	struct tls *t = alloc_try_zero(sizeof(*t));
	if (!t)
		return NULL;
	ERR_clear_error();
	t->fd = fd;
	t->ssl = SSL_new(c->ssl);
	BIO *bio = t->ssl ? BIO_new(c->socket) : NULL;
	if (bio) {
		BIO_set_data(bio, t);
		BIO_set_init(bio, 1);
		SSL_set_bio(t->ssl, bio, bio);
		SSL_set_connect_state(t->ssl);
	}
	if (!bio || !expect_host(t->ssl, host)) {
		ERR_clear_error();
		tls_free(&t);
	}
	return t;
}

void tls_free(struct tls **t)
{
	if (!*t)
		return;
	SSL_free((*t)->ssl);
	free(*t);
	*t = NULL;
}

/* Tells why it went wrong, as errno. */
static int failed(struct tls *t, int result)
{
	int what = SSL_get_error(t->ssl, result);
	long verified = SSL_get_verify_result(t->ssl);
	t->wants_write = what == SSL_ERROR_WANT_WRITE;
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return EAGAIN;
	if (what == SSL_ERROR_SYSCALL && t->error != 0) {
		snprintf(t->why, sizeof(t->why), "%s", strerrordesc_np(t->error));
		return t->error;
	}
	if (verified != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE)
		snprintf(
		    t->why, sizeof(t->why), "its certificate is refused: %s", X509_verify_cert_error_string(verified));
	else
		snprintf(t->why, sizeof(t->why), "%s",
		    ERR_peek_last_error() ? reason() : "it closed the connection: is it a port for TLS?");
	ERR_clear_error();
	return EPROTO;
}

int tls_handshake(struct tls *t)
{
	ERR_clear_error();
	t->error = 0;
	int result = SSL_do_handshake(t->ssl);
	t->wants_write = false;
	if (result == 1)
		return ERR_OK;
	int error = failed(t, result);
	if (error == EAGAIN)
		return ERR_AGAIN;
	return error == EPROTO ? ERR_TLS : ERR_CONNECT;
}

/* What could not be written was perhaps answered before: with TLS 1.3 a server refuses us when the handshake is over on our side. */
static int refused(struct tls *t, int error)
{
	char byte;
	if (error != ECONNRESET && error != EPIPE)
		return error;
	ERR_clear_error();
	t->error = 0;
	int result = SSL_peek(t->ssl, &byte, 1);
	return result <= 0 && SSL_get_error(t->ssl, result) == SSL_ERROR_SSL ? failed(t, result) : error;
}

int tls_flush(struct tls *t)
{
	while (t->sent < t->n) {
		ERR_clear_error();
		t->error = 0;
		int result = SSL_write(t->ssl, t->room + t->sent, (int)(t->n - t->sent));
		if (result <= 0) {
			errno = refused(t, failed(t, result));
			return -1;
		}
		t->sent += (size_t)result;
	}
	t->n = t->sent = 0;
	return 0;
}

ssize_t tls_write(struct tls *t, const struct iovec *v, int n)
{
	if (tls_flush(t) < 0)
		return -1;
	for (int i = 0; i < n && t->n < sizeof(t->room); i++) {
		size_t some = sizeof(t->room) - t->n < v[i].iov_len ? sizeof(t->room) - t->n : v[i].iov_len;
		memcpy(t->room + t->n, v[i].iov_base, some);
		t->n += some;
	}
	size_t taken = t->n;
	return tls_flush(t) == 0 || errno == EAGAIN ? (ssize_t)taken : -1;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	ERR_clear_error();
	t->error = 0;
	int result = SSL_read(t->ssl, p, n < RECORD ? (int)n : RECORD);
	if (result > 0)
		return result;
	if (SSL_get_error(t->ssl, result) == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = failed(t, result);
	return -1;
}

short tls_events(const struct tls *t)
{
	if (!SSL_is_init_finished(t->ssl))
		return t->wants_write ? POLLOUT : POLLIN;
	return t->sent < t->n ? POLLOUT : 0;
}

const char *tls_why(const struct tls *t)
{
	return t->why;
}

#else

bool tls_is_there(void)
{
	return false;
}

struct tls_context *tls_context_new(const struct redis_tls *files, char why[TLS_WHY])
{
	snprintf(
	    why, TLS_WHY, "TLS is not built in: put stunnel in front of Redis, and name stunnel's port with redis://");
	return NULL;
}

void tls_context_free(struct tls_context **c)
{
}

/* Without a context there is no connection. */
struct tls *tls_new(struct tls_context *c, int fd, const char *host)
{
	return NULL;
}

void tls_free(struct tls **t)
{
}

int tls_handshake(struct tls *t)
{
	return ERR_TLS;
}

ssize_t tls_write(struct tls *t, const struct iovec *v, int n)
{
	errno = EPROTO;
	return -1;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	errno = EPROTO;
	return -1;
}

int tls_flush(struct tls *t)
{
	return 0;
}

short tls_events(const struct tls *t)
{
	return 0;
}

const char *tls_why(const struct tls *t)
{
	return "";
}

#endif
