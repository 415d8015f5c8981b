/* Reads the line in the order in which it is written: scheme, user and password, hosts, path, query. Each piece is cut off, checked, and
 * decoded. The first thing that is wrong ends it with a sentence, which repeats only what cannot be part of a password: an '@' behind
 * the hosts means that a password holds a character that should have been encoded, so nothing of such a line is repeated. */
#include "redis/url.h"

#include "base/nearest.h"

enum { MAX_NAME = 253, MAX_PATH = 107, MAX_DB = 1000000, MAX_SHOWN = 64, PORT = 6379, SENTINEL_PORT = 26379 };

static const struct scheme {
	struct str name;
	enum redis_kind kind;
	bool tls;
} schemes[] = {
    {STR("redis"), REDIS_SINGLE, false},
    {STR("rediss"), REDIS_SINGLE, true},
    {STR("unix"), REDIS_UNIX, false},
    {STR("redis+sentinel"), REDIS_SENTINEL, false},
    {STR("redis+cluster"), REDIS_CLUSTER, false},
    {STR("rediss+sentinel"), REDIS_SENTINEL, true},
    {STR("rediss+cluster"), REDIS_CLUSTER, true},
};

enum { N_SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

struct parse {
	struct arena *a;
	struct redis_url *out;
	struct str *why;
};

/* Sets the sentence: for `return wrong(...)`. */
#define wrong(p, ...) (*(p)->why = arena_printf((p)->a, __VA_ARGS__), ERR_INVALID)

static struct str shown(struct str s)
{
	return str_take(s, MAX_SHOWN);
}

static int parse_scheme(struct parse *p, struct str *rest)
{
	size_t n = str_find(*rest, STR("://"));
	if (n == rest->n)
		return wrong(
		    p, "a Redis URL begins with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://");
	struct str name = str_take(*rest, n);
	*rest = str_skip(*rest, n + 3);
	struct nearest near = nearest_to(name);
	for (unsigned i = 0; i < N_SCHEMES; i++) {
		if (str_eq_nocase(name, schemes[i].name)) {
			p->out->kind = schemes[i].kind;
			p->out->tls = schemes[i].tls;
			return ERR_OK;
		}
		nearest_offer(&near, schemes[i].name);
	}
	if (near.word.p)
		return wrong(p, "%.*s:// is unknown: did you mean %.*s://?", STR_ARG(shown(name)), STR_ARG(near.word));
	return wrong(p, "%.*s:// is unknown: redis, rediss, unix, redis+sentinel or redis+cluster is allowed",
	    STR_ARG(shown(name)));
}

/* `what` names it in the sentence; what stands there may be secret and is not shown. */
static int decode(struct parse *p, const char *what, struct str in, struct str *out)
{
	char *to = arena_alloc(p->a, in.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '%') {
			int high = i + 1 < in.n ? char_hex(in.p[i + 1]) : -1,
			    low = i + 2 < in.n ? char_hex(in.p[i + 2]) : -1;
			if (high < 0 || low < 0)
				return wrong(p,
				    "a %% in the %s is not followed by two hexadecimal digits: a %% itself is written "
				    "%%25",
				    what);
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (c == '\0')
			return wrong(p, "the %s holds a NUL", what);
		to[n++] = c;
	}
	to[n] = '\0';
	*out = str_make(to, n);
	return ERR_OK;
}

/* [user]:password@ */
static int parse_user(struct parse *p, struct str *authority)
{
	size_t at = authority->n;
	while (at > 0 && authority->p[at - 1] != '@')
		at--;
	if (at == 0)
		return ERR_OK;
	struct str both = str_take(*authority, at - 1);
	*authority = str_skip(*authority, at);
	size_t colon = str_index(both, ':');
	if (colon == both.n)
		return wrong(p, "a password is missing before the '@': write user:password@ or :password@");
	int err = decode(p, "password", str_skip(both, colon + 1), &p->out->password);
	if (err == ERR_OK && colon > 0)
		err = decode(p, "user", str_take(both, colon), &p->out->user);
	return err;
}

static int parse_port(struct parse *p, struct str text, unsigned *out)
{
	uint64_t v;
	if (str_to_u64(text, 65535, &v) != ERR_OK || v == 0)
		return wrong(p, "\"%.*s\" is not a port: 1 to 65535 is allowed", STR_ARG(shown(text)));
	*out = (unsigned)v;
	return ERR_OK;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = char_lower(s.p[i]);
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
	}
	return s.n > 0 && s.n <= MAX_NAME;
}

static bool is_v6(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (char_hex(s.p[i]) < 0 && s.p[i] != ':' && s.p[i] != '.')
			return false;
	}
	return s.n >= 2 && s.n <= 45 && str_index(s, ':') < s.n;
}

static int parse_host(struct parse *p, struct str text, struct redis_host *out)
{
	bool v6 = text.n > 0 && text.p[0] == '[';
	struct str name, behind;
	if (v6) {
		size_t close = str_index(text, ']');
		if (close == text.n)
			return wrong(p, "a ']' is missing behind the IPv6 address %.*s", STR_ARG(shown(text)));
		name = str_make(text.p + 1, close - 1);
		behind = str_skip(text, close + 1);
	} else {
		name = str_take(text, str_index(text, ':'));
		behind = str_skip(text, name.n);
	}
	if (name.n == 0)
		return wrong(p, "a host is missing: write host or host:port");
	if (v6 ? !is_v6(name) : !is_name(name))
		return wrong(p, "\"%.*s\" is not the name of a host, nor an IPv4 address, nor an IPv6 address in []",
		    STR_ARG(shown(name)));
	out->name = arena_str(p->a, name);
	out->port = p->out->kind == REDIS_SENTINEL ? SENTINEL_PORT : PORT;
	if (behind.n > 0 && behind.p[0] != ':')
		return wrong(p, "\"%.*s\" stands behind the IPv6 address: only :port may", STR_ARG(shown(behind)));
	return behind.n > 0 ? parse_port(p, str_skip(behind, 1), &out->port) : ERR_OK;
}

static int parse_hosts(struct parse *p, struct str list)
{
	bool many = p->out->kind == REDIS_SENTINEL || p->out->kind == REDIS_CLUSTER;
	if (list.n == 0)
		return wrong(p, "a host is missing behind the ://");
	for (struct str one; str_cut(&list, ',', &one);) {
		if (p->out->n_hosts > 0 && !many)
			return wrong(
			    p, "only one server can stand here: several are redis+sentinel:// or redis+cluster://");
		if (p->out->n_hosts == REDIS_HOSTS)
			return wrong(p, "more than %d hosts: a few are enough, they name the others", REDIS_HOSTS);
		int err = parse_host(p, one, &p->out->hosts[p->out->n_hosts++]);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static int parse_db(struct parse *p, struct str text)
{
	uint64_t v;
	if (str_to_u64(text, MAX_DB, &v) != ERR_OK)
		return wrong(
		    p, "\"%.*s\" is not the number of a database: 0, 1, 2 ... is allowed", STR_ARG(shown(text)));
	if (v != 0 && p->out->kind == REDIS_CLUSTER)
		return wrong(p, "a cluster has no database %u: it has database 0 alone", (unsigned)v);
	p->out->db = (unsigned)v;
	return ERR_OK;
}

/* What stands behind the hosts: /db, or /group/db. */
static int parse_path(struct parse *p, struct str path)
{
	struct str part = STR("");
	if (path.n > 0)
		path = str_skip(path, 1);
	if (p->out->kind == REDIS_SENTINEL) {
		str_cut(&path, '/', &part);
		if (part.n == 0)
			return wrong(p, "the name of the group is missing: redis+sentinel://host:port/group");
		int err = decode(p, "name of the group", part, &p->out->group);
		if (err != ERR_OK)
			return err;
	}
	return path.n > 0 ? parse_db(p, path) : ERR_OK;
}

/* The path of a socket is taken as it is, but for %.. */
static int parse_socket(struct parse *p, struct str path)
{
	if (path.n < 2)
		return wrong(p, "the path of the socket is missing: unix:///path/to/socket");
	int err = decode(p, "path of the socket", path, &p->out->path);
	if (err == ERR_OK && p->out->path.n > MAX_PATH)
		return wrong(p, "the path of a socket can have at most %d bytes", MAX_PATH);
	return err;
}

static int parse_parameter(struct parse *p, struct str name, struct str value)
{
	struct redis_url *u = p->out;
	static const struct str db = STR("db"), user = STR("sentinel_user"), password = STR("sentinel_password");
	struct nearest near = nearest_to(name);
	if (u->kind == REDIS_UNIX) {
		if (str_eq(name, db))
			return parse_db(p, value);
		nearest_offer(&near, db);
	} else if (u->kind == REDIS_SENTINEL) {
		if (str_eq(name, user))
			return decode(p, "sentinel_user", value, &u->sentinel_user);
		if (str_eq(name, password))
			return decode(p, "sentinel_password", value, &u->sentinel_password);
		nearest_offer(&near, user);
		nearest_offer(&near, password);
	}
	if (near.word.p)
		return wrong(p, "?%.*s= is unknown: did you mean ?%.*s=?", STR_ARG(shown(name)), STR_ARG(near.word));
	return wrong(p, "?%.*s= is unknown here", STR_ARG(shown(name)));
}

static int parse_query(struct parse *p, struct str query)
{
	for (struct str one; query.n > 0 && str_cut(&query, '&', &one);) {
		size_t equals = str_index(one, '=');
		if (equals == one.n)
			return wrong(p, "?%.*s stands without =value", STR_ARG(shown(one)));
		int err = parse_parameter(p, str_take(one, equals), str_skip(one, equals + 1));
		if (err != ERR_OK)
			return err;
	}
	if (p->out->sentinel_user.p && !p->out->sentinel_password.p)
		return wrong(p, "?sentinel_user= stands without ?sentinel_password=");
	return ERR_OK;
}

int redis_url_parse(struct str text, struct arena *a, struct redis_url *out, struct str *why)
{
	struct parse p = {.a = a, .out = out, .why = why};
	struct str rest = str_trim(text);
	*out = (struct redis_url){.kind = REDIS_SINGLE, .text = arena_str(a, rest)};
	int err = parse_scheme(&p, &rest);
	if (err != ERR_OK)
		return err;
	size_t query_at = str_index(rest, '?');
	struct str query = str_skip(rest, query_at + 1);
	rest = str_take(rest, query_at);
	struct str authority = str_take(rest, str_index(rest, '/')), path = str_skip(rest, authority.n);
	if (str_index(path, '@') < path.n || str_index(query, '@') < query.n)
		return wrong(&p, "an '@' stands behind the host: in a user, a password or a path / ? @ %% are written "
				 "%%2F %%3F %%40 %%25");
	err = parse_user(&p, &authority);
	if (err != ERR_OK)
		return err;
	if (out->kind == REDIS_UNIX && authority.n > 0)
		return wrong(&p, "a host stands before the path of the socket: unix:///path has three slashes");
	err = out->kind == REDIS_UNIX ? parse_socket(&p, path) : parse_hosts(&p, authority);
	if (err == ERR_OK && out->kind != REDIS_UNIX)
		err = parse_path(&p, path);
	return err == ERR_OK ? parse_query(&p, query) : err;
}
