/* Readers of listen addresses and networks. Numeric addresses only: a name would need the resolver, which blocks and may
 * answer otherwise after a reload. localhost and * are spelled out here. */
#include "conf/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/mem.h"

enum { ADDRESSES_MAX = 64 };

/* The bytes of an IPv4 or IPv6 address. */
static bool read_ip(struct str s, int *family, uint8_t bytes[16])
{
	char text[INET6_ADDRSTRLEN];
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*family = str_index(s, ':') < s.n ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, bytes) == 1;
}

static bool is_loopback_ip(int family, const uint8_t *bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t one[16] = {[15] = 1};
	if (family == AF_INET)
		return bytes[0] == 127;
	return memcmp(bytes, one, sizeof(one)) == 0 || (memcmp(bytes, mapped, sizeof(mapped)) == 0 && bytes[12] == 127);
}

static int read_unix(struct value *v, struct str path, struct conf_addr *out)
{
	struct sockaddr_un *sa = (struct sockaddr_un *)&out->sa;
	if (path.n == 0 || path.p[0] != '/')
		return conf__wrong(v, "the path of a socket begins with /");
	if (path.n >= sizeof(sa->sun_path))
		return conf__wrong(v, "the path of a socket has at most %zu bytes", sizeof(sa->sun_path) - 1);
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path.p, path.n);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1);
	out->is_unix = true;
	return ERR_OK;
}

/* "127.0.0.1:8080", "[::1]:8080". False when it is no host with a port. */
static bool split_host_port(struct str s, struct str *host, struct str *port)
{
	size_t colon = s.n;
	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	*host = str_take(s, colon - 1);
	*port = str_skip(s, colon);
	if (host->n >= 2 && host->p[0] == '[' && host->p[host->n - 1] == ']')
		*host = str_make(host->p + 1, host->n - 2);
	else if (str_index(*host, ':') < host->n)
		return false;
	return true;
}

/* What was meant by an address that is none: only a port, or no port. */
static struct str guess_address(struct value *v, struct str s)
{
	uint64_t port;
	int family;
	uint8_t bytes[16];
	struct str digits = s.n > 0 && s.p[0] == ':' ? str_skip(s, 1) : s;
	if (str_to_u64(digits, 65535, &port) == ERR_OK)
		return arena_printf(v->arena, "127.0.0.1:%u", (unsigned)port);
	if (s.n > 0 && s.p[0] == '/')
		return arena_printf(v->arena, "unix:%.*s", STR_ARG(str_take(s, 107)));
	if (read_ip(s, &family, bytes))
		return arena_printf(v->arena, family == AF_INET ? "%.*s:8080" : "[%.*s]:8080", STR_ARG(s));
	return STR_NONE;
}

static int read_address(struct value *v, struct str s, struct conf_addr *out)
{
	*out = (struct conf_addr){.text = s};
	if (str_starts(s, STR("unix:")))
		return read_unix(v, str_skip(s, 5), out);
	struct str host, port_text;
	uint64_t port;
	int family = AF_INET;
	uint8_t bytes[16] = {0};
	if (s.n == 0 || !split_host_port(s, &host, &port_text) || host.n == 0)
		return conf__wrong_near(
		    v, guess_address(v, s), "\"%.*s\" is not an address with a port", STR_ARG(str_take(s, 64)));
	if (str_to_u64(port_text, 65535, &port) != ERR_OK)
		return conf__wrong(v, "\"%.*s\" is not a port from 0 to 65535", STR_ARG(str_take(port_text, 64)));
	if (str_eq(host, STR("localhost")))
		host = STR("127.0.0.1");
	if (!str_eq(host, STR("*")) && !read_ip(host, &family, bytes))
		return conf__wrong(v, "\"%.*s\" is not a numeric address", STR_ARG(str_take(host, 64)));
	if (family == AF_INET) {
		struct sockaddr_in *sa = (struct sockaddr_in *)&out->sa;
		sa->sin_family = AF_INET;
		sa->sin_port = htons((uint16_t)port);
		memcpy(&sa->sin_addr, bytes, sizeof(sa->sin_addr));
		out->len = sizeof(*sa);
	} else {
		struct sockaddr_in6 *sa = (struct sockaddr_in6 *)&out->sa;
		sa->sin6_family = AF_INET6;
		sa->sin6_port = htons((uint16_t)port);
		memcpy(&sa->sin6_addr, bytes, sizeof(sa->sin6_addr));
		out->len = sizeof(*sa);
	}
	out->is_loopback = is_loopback_ip(family, bytes);
	return ERR_OK;
}

static bool same_address(const struct conf_addr *a, const struct conf_addr *b)
{
	/* Port 0 lets the system choose: two of them never collide. */
	bool chosen = !a->is_unix && ((const struct sockaddr_in *)&a->sa)->sin_port == 0;
	return !chosen && a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

int conf__read_addresses(struct value *v)
{
	struct conf_server *server = CONTAINER_OF(v->slot, struct conf_server, listen);
	unsigned n = 1;
	for (size_t i = 0; i < v->text.n; i++)
		n += v->text.p[i] == ',';
	if (n > ADDRESSES_MAX)
		return conf__wrong(v, "more than %d addresses", ADDRESSES_MAX);
	struct conf_addr *list = arena_zalloc(v->arena, n * sizeof(*list));
	struct str rest = v->text, one;
	for (unsigned i = 0; i < n && str_cut(&rest, ',', &one); i++) {
		int err = read_address(v, str_trim(one), &list[i]);
		if (err != ERR_OK)
			return err;
		for (unsigned j = 0; j < i; j++)
			if (same_address(&list[i], &list[j]))
				return conf__wrong(v, "%.*s stands there twice", STR_ARG(list[i].text));
	}
	server->listen = list;
	server->n_listen = n;
	return ERR_OK;
}

int conf__read_address_or_off(struct value *v)
{
	struct conf_admin *admin = CONTAINER_OF(v->slot, struct conf_admin, listen);
	if (str_eq(v->text, STR("off"))) {
		admin->listen = (struct conf_addr){.text = v->text};
		admin->enabled = false;
		return ERR_OK;
	}
	struct conf_addr address;
	int err = read_address(v, v->text, &address);
	if (err != ERR_OK)
		return err;
	admin->listen = address;
	admin->enabled = true;
	return ERR_OK;
}

/* Clears the bits behind the first `bits`; true when one of them was set. */
static bool clear_host_bits(struct conf_net *net, unsigned n_bytes)
{
	bool was_set = false;
	for (unsigned i = 0; i < n_bytes; i++) {
		unsigned kept = net->bits >= (i + 1) * 8 ? 8 : net->bits > i * 8 ? net->bits - i * 8 : 0;
		uint8_t mask = (uint8_t)(0xff00U >> kept);
		was_set |= (net->bytes[i] & (uint8_t)~mask) != 0;
		net->bytes[i] &= mask;
	}
	return was_set;
}

static int read_net(struct value *v, struct str s, struct conf_net *out)
{
	size_t slash = str_index(s, '/');
	if (!read_ip(str_take(s, slash), &out->family, out->bytes))
		return conf__wrong(v, "\"%.*s\" is not an address", STR_ARG(str_take(str_take(s, slash), 64)));
	unsigned n_bytes = out->family == AF_INET ? 4 : 16;
	uint64_t bits = n_bytes * 8;
	if (slash < s.n && str_to_u64(str_skip(s, slash + 1), n_bytes * 8, &bits) != ERR_OK)
		return conf__wrong(v, "the number behind the / is not one from 0 to %u", n_bytes * 8);
	out->bits = (unsigned)bits;
	if (!clear_host_bits(out, n_bytes))
		return ERR_OK;
	/* 10.0.0.7/8: the person meant either one host or the net, and this is about who is trusted. */
	char text[INET6_ADDRSTRLEN];
	(void)inet_ntop(out->family, out->bytes, text, sizeof(text));
	return conf__wrong_near(v, arena_printf(v->arena, "%s/%u", text, out->bits),
	    "%.*s has bits set behind its first %u", STR_ARG(s), out->bits);
}

int conf__read_nets(struct value *v)
{
	struct conf_nets nets = {0};
	unsigned n = 1;
	for (size_t i = 0; i < v->text.n; i++)
		n += v->text.p[i] == ',';
	if (!conf__is_none(v->text)) {
		nets.v = arena_zalloc(v->arena, n * sizeof(*nets.v));
		struct str rest = v->text, one;
		while (rest.p && str_cut(&rest, ',', &one)) {
			int err = read_net(v, str_trim(one), &nets.v[nets.n++]);
			if (err != ERR_OK)
				return err;
		}
	}
	*(struct conf_nets *)v->slot = nets;
	return ERR_OK;
}

static bool net_contains(const struct conf_net *net, int family, const uint8_t *bytes)
{
	if (net->family != family)
		return false;
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	if (memcmp(net->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || ((net->bytes[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool conf_nets_contain(const struct conf_nets *nets, const struct sockaddr *sa)
{
	const uint8_t *bytes;
	int family = sa->sa_family;
	if (family == AF_UNIX)
		return nets->n > 0;
	if (family == AF_INET) {
		bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	} else if (family == AF_INET6) {
		const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		bytes = six->s6_addr;
		if (IN6_IS_ADDR_V4MAPPED(six)) {
			family = AF_INET;
			bytes += 12;
		}
	} else {
		return false;
	}
	for (unsigned i = 0; i < nets->n; i++)
		if (net_contains(&nets->v[i], family, bytes))
			return true;
	return false;
}
