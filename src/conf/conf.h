/* The settings: an immutable, counted snapshot. Every request keeps the one it began with (conf_ref / conf_release).
 * Made by conf_load from defaults, file, environment and flags, by way of the one table options.def. */
#ifndef LARDER_CONF_CONF_H
#define LARDER_CONF_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "http/headers.h"
#include "http/url.h"
#include "redis/url.h"

struct conf_addr {	 /* a listen address, resolved: numeric addresses only */
	struct str text; /* as written */
	struct sockaddr_storage sa;
	socklen_t len;
	bool is_unix, is_loopback;
};

struct conf_net {   /* "127.0.0.0/8" */
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16];
	unsigned bits;
};

struct conf_nets {
	struct conf_net *v;
	unsigned n;
};

struct str_list {
	struct str *v;
	unsigned n;
};

/* Without case. */
static inline bool str_list_has(const struct str_list *list, struct str name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (str_eq_nocase(list->v[i], name))
			return true;
	return false;
}

/* Names of cookies and of form fields have a case. */
static inline bool str_list_has_exact(const struct str_list *list, struct str name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (str_eq(list->v[i], name))
			return true;
	return false;
}

enum conf_cache_status { CACHE_STATUS_ON, CACHE_STATUS_OFF, CACHE_STATUS_KEY };

struct conf_server {
	struct conf_addr *listen;
	unsigned n_listen;
	unsigned workers;	   /* resolved: 1.. */
	unsigned max_connections;  /* over all workers */
	size_t max_header;	   /* bytes of a request head; the client connection's buffer */
	int64_t header_timeout_ms; /* whole request head */
	int64_t keepalive_timeout_ms;
	int64_t send_timeout_ms; /* a client that takes no byte for so long is cut */
	int64_t drain_timeout_ms;
	struct conf_nets trusted_proxies; /* whose X-Forwarded-* and Forwarded are believed and continued */
	struct str via;			  /* pseudonym in Via and Cache-Status: "larder" */
	enum conf_cache_status cache_status;
};

enum conf_host { HOST_CLIENT, HOST_UPSTREAM };

struct conf_upstream {
	struct str name; /* "default" for [upstream] */
	struct str url_text;
	struct url url;
	enum conf_host host;
	int64_t connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms;
	unsigned max_in_flight; /* over all workers */
	unsigned queue;		/* requests that may wait for a place */
	int64_t queue_timeout_ms;
	unsigned max_idle; /* idle connections kept, a worker */
	int64_t idle_connection_timeout_ms;
	bool tls_verify;
	struct str tls_ca; /* file; empty: the system's */
	size_t max_header;
};

enum { BACKEND_MEMORY = 1, BACKEND_FILE = 2, BACKEND_REDIS = 4 }; /* in the order they are looked at */

struct conf_cache {
	unsigned backend; /* BACKEND_ bits */
	size_t memory_size;
	struct str path;
	size_t file_size;
	unsigned file_open;
	struct redis_url *redis;    /* NULL: none was given */
	struct redis_tls redis_tls; /* as given; what is meant stands in redis->files */
	struct str redis_prefix;
	int64_t redis_budget_ms, redis_timeout_ms;
	size_t redis_max_object;
	struct str values_namespace, values_prefix;
	unsigned values_max_entries;
	size_t max_object;
	unsigned max_entries; /* 0: only bounded by memory_size */
	unsigned max_variants;
	int64_t pass_ttl_ms; /* how long a key is remembered as one that passes */
	unsigned heuristic_percent;
	int64_t heuristic_max_ms;
	struct str_list targeted_control; /* names of fields, the most applicable first (RFC 9213 2.2) */
	struct str surrogate;		  /* what we are called in Surrogate-Control: [server] via */
};

struct conf_admin {
	struct conf_addr listen;
	bool enabled;	  /* false: listen = off */
	struct str token; /* empty: none; also when token_file gave it */
	struct str token_file;
	struct conf_nets purge_from;
};

enum log_access_format { ACCESS_COMBINED, ACCESS_JSON, ACCESS_KEYVALUE };

struct conf_log {
	struct str access; /* "off", "stdout" or a path */
	enum log_access_format format;
	int level; /* enum log_level */
};

enum set_cookie_mode { SET_COOKIE_REFUSE, SET_COOKIE_STRIP, SET_COOKIE_KEEP };
enum range_miss { RANGE_MISS_FORWARD, RANGE_MISS_WHOLE };
enum client_cache_control { CLIENT_HONOUR, CLIENT_IGNORE };
/* What a framework does against forged forms: which cookie, which fields of its forms, and what they must equal. */
enum token_preset { TOKEN_NONE, TOKEN_ASOK, TOKEN_DJANGO, TOKEN_LARAVEL, TOKEN_RAILS };
enum csp_nonce { CSP_NONCE_REFRESH, CSP_NONCE_KEEP };
enum query_mode { QUERY_ALL, QUERY_NONE, QUERY_ONLY, QUERY_WITHOUT };
enum { OVERRIDE_PRIVATE = 1, OVERRIDE_NO_STORE = 2, OVERRIDE_AUTHORIZATION = 4, OVERRIDE_VARY_STAR = 8 };

struct ttl_status {
	int status;
	int64_t ttl_ms;
};

enum header_op_kind { HEADER_ADD, HEADER_SET, HEADER_REMOVE };

struct header_op {
	enum header_op_kind kind;
	struct str name, value;
};

struct header_ops {
	struct header_op *v;
	unsigned n;
};

struct route_pattern; /* compiled, see route.c */

struct route {
	struct str name;     /* as in [route NAME]; "default" for the one at the end that matches everything */
	unsigned index;	     /* place in the order tried */
	unsigned metrics_id; /* slot of its counters, kept over reloads by name; set by the caller of conf_load */
	struct str file;     /* where it stands, for explanations; line 0 for the built-in one */
	unsigned line;
	struct str_list match; /* its patterns as written; empty for the one that matches everything */
	const struct conf_upstream *upstream;
	bool cache;
	int64_t ttl_ms; /* -1: the origin's headers decide */
	struct ttl_status *ttl_status;
	unsigned n_ttl_status;
	unsigned override; /* OVERRIDE_ bits */
	enum set_cookie_mode set_cookie;
	enum client_cache_control client_cache_control;
	enum range_miss range_miss;
	enum query_mode query;
	struct str_list query_names; /* of ONLY and WITHOUT; a trailing * is a prefix: utm_* */
	bool query_sort;
	struct str_list vary;	     /* field names added to the key */
	struct str_list vary_cookie; /* cookie names added to the key */
	/* Personal bytes (policy/personal.h). The preset has filled the next three where the ini has not. */
	enum token_preset token;
	struct str_list token_cookie; /* double-submit tokens: the field of a form equals the cookie */
	struct str_list token_field;  /* inputs and metas whose value is a token in another form */
	struct str token_path;	      /* tells a visitor the token of his session; empty: none */
	bool token_of_session;	      /* token_field is filled from token_path, not from a cookie */
	enum csp_nonce csp_nonce;
	bool leak_guard;
	struct str_list leak_allow;    /* cookies whose values may stand in a page */
	struct str_list leak_patterns; /* request fields whose values may not; a trailing * is a prefix: X-User-* */
	unsigned leak_sample;	       /* of 10,000 new entries so many are fetched once more without cookies */
	/* Defaults where the origin says nothing; 0: none. */
	int64_t swr_ms, sie_ms, unreachable_ms;
	size_t max_object;
	struct header_ops request_headers, response_headers;
	const struct conf_origin *origin; /* where its options came from; see conf_route_setting */
};

struct route_table; /* conf/route.h */

struct conf {
	atomic_uint refs;
	struct arena arena;
	struct conf_server server;
	struct conf_upstream *upstreams;
	unsigned n_upstreams;
	struct conf_cache cache;
	struct conf_admin admin;
	struct conf_log log;
	struct route *routes; /* in the order tried; the last matches everything */
	unsigned n_routes;
	struct str_list token_paths; /* of all routes, in normal form: what stands there is never stored */
	struct route_table *table;
	struct conf_origin *origins; /* where each value came from, for check; private to conf/ */
	struct str file;	     /* its name, empty when there was none */
};

/* One option from the command line. */
struct conf_flag {
	const char *section, *name, *value; /* "server", "listen", "127.0.0.1:8080"; section also "route api" */
};

/* The option of a flag without its dashes: "listen" (server, listen), and each by its long name: "cache-memory-size".
 * The value is left NULL; the names are static. */
bool conf_find_flag(const char *flag, struct conf_flag *out);
/* What may have been meant by a flag that is none, as "--cache-memory-size"; adds nothing when none is near. */
void conf_nearest_flag(const char *flag, struct buf *out);

struct conf_source {
	const char *path; /* ini file or NULL */
	char **environ;
	const struct conf_flag *flags;
	unsigned n_flags;
};

/* Loads everything. 0 with *out (one reference), or ERR_INVALID with all errors as text in `errors`, one a line:
 * "proxy.ini:12: [cache] memory_size = 12Q: not a size ... (did you mean ...?)". Warnings go there too, also on success;
 * they have "warning: " behind the place. Blocks (reads files). Any thread. */
int conf_load(const struct conf_source *source, struct conf **out, struct buf *errors) MUST_CHECK;

/* Gives every route its metrics_id, before other threads see the settings: slot(ctx, name) for each name. */
void conf_number_routes(struct conf *c, unsigned (*slot)(void *ctx, struct str name), void *ctx);

/* An option that was set: its text, and where ("proxy.ini:12", "LARDER_ROUTE_API_TTL", "--set"). What adds, sets or
 * removes header fields is none of them: such values may be secrets. All strings live as long as the route. */
struct conf_setting {
	const char *name;
	struct str value, source;
};
/* The one of that name; name NULL when it was not set, so that the default counts. Any thread. */
struct conf_setting conf_route_setting(const struct route *r, const char *name);
/* The same, else that of [cache]: max_object may stand in both. A name NULL is none. */
struct conf_setting conf_setting_of(const struct conf *c, const struct route *r, const char *name);
/* The i-th of those that were set, in the order of the file; name NULL behind the last. Any thread. */
struct conf_setting conf_route_setting_at(const struct route *r, unsigned i);
/* "[route /blog/x]" and, where it has a place, " (proxy.ini:12)"; an advice's "{route}". */
void conf_route_write_name(const struct route *r, struct buf *out);

struct conf *conf_ref(struct conf *c);
void conf_release(struct conf **c);

/* Effective settings and route table with the source of each value, as `larder check` prints them; secrets are masked. */
void conf_print(const struct conf *c, struct buf *out);
/* The same as JSON for GET /config. */
void conf_print_json(const struct conf *c, struct buf *out);
/* Options that cannot change without a restart and differ between the two, as text, one a line; empty when none. */
void conf_restart_needed(const struct conf *old, const struct conf *new, struct buf *out);

/* The word for `token` of the framework that sets a cookie of that name against forged forms, "django"; STR_NONE: none is known. */
struct str conf_token_by_cookie(struct str cookie);

/* Made from options.def: proxy.example.ini, docs/configuration.md, the options part of --help. */
void conf_write_example(struct buf *out);
void conf_write_docs(struct buf *out);
void conf_write_help(struct buf *out);

/* True when the address lies in one of the nets; IPv4 mapped into IPv6 counts as IPv4. Unix sockets are in every list
 * that is not empty. */
bool conf_nets_contain(const struct conf_nets *nets, const struct sockaddr *sa);

#endif
