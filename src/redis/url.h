/* Where a Redis is, from one line of text. Pure.
 *
 *   redis://[[user]:password@]host[:port][/db]              one server
 *   unix:///path/to/socket[?db=N]                           or unix://[user]:password@/path
 *   redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/group[/db]
 *   redis+cluster://[[user]:password@]host[:port][,host[:port]...]
 *
 * rediss://, rediss+sentinel:// and rediss+cluster:// are the same with TLS, to all servers, nodes and sentinels.
 *
 * Users and passwords may be percent-encoded. Ports are 6379 where none stands, 26379 of sentinels. ?sentinel_user= and
 * ?sentinel_password= are for the sentinels themselves. */
#ifndef LARDER_REDIS_URL_H
#define LARDER_REDIS_URL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum redis_kind { REDIS_SINGLE, REDIS_UNIX, REDIS_SENTINEL, REDIS_CLUSTER };

struct redis_host {
	struct str name; /* of IPv6: without the brackets */
	unsigned port;
};

enum { REDIS_HOSTS = 32 };

/* What stands in no URL: names of PEM files; empty: none. */
struct redis_tls {
	struct str ca;	      /* who is trusted; none: whom the system trusts */
	struct str cert, key; /* who we are; the key may be in the certificate's file */
	bool any_server;      /* whoever answers is believed to be the server */
};

struct redis_url {
	enum redis_kind kind;
	bool tls;
	struct redis_tls files;		      /* of whoever uses the URL to fill in */
	struct redis_host hosts[REDIS_HOSTS]; /* the server; sentinels; nodes to begin with */
	unsigned n_hosts;
	struct str path;	   /* of the socket */
	struct str user, password; /* p == NULL: none */
	struct str group;	   /* what the sentinels call it */
	struct str sentinel_user, sentinel_password;
	unsigned db;
	struct str text; /* all of it as it was given, with the passwords */
};

/* Strings are copied to `a`. ERR_OK, or ERR_INVALID with a sentence in *why (in `a`) that says what is wrong and what is allowed, without
 * showing the password; *out is not to be used then. The limit of a socket's path is the system's, 107 bytes. */
int redis_url_parse(struct str text, struct arena *a, struct redis_url *out, struct str *why) MUST_CHECK;

#endif
