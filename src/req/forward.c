/* Builds the field list of a request to the upstream. Fields keep their order and spelling; those that belong to the
 * client's connection, and those that a client could use to lie about where it is, do not go on. */
#include "req/forward.h"

#include "base/mem.h"
#include "policy/targeted.h"

void header_ops_apply(const struct header_ops *ops, struct arena *a, struct headers *h)
{
	for (unsigned i = 0; i < ops->n; i++) {
		const struct header_op *op = &ops->v[i];
		switch (op->kind) {
		case HEADER_ADD:
			headers_add(h, a, op->name, op->value);
			break;
		case HEADER_SET:
			headers_set(h, a, op->name, op->value);
			break;
		case HEADER_REMOVE:
			headers_remove(h, op->name);
			break;
		}
	}
}

struct str forward_target(const struct conf_upstream *u, struct str target, struct arena *a)
{
	struct str base = u->url.path;
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	if (base.n == 0 || str_eq(u->url.scheme, STR("unix")))
		return target;
	return arena_printf(a, "%.*s%.*s", STR_ARG(base), STR_ARG(target));
}

/* What stands behind the protocol in Via: "larder (1f2e3d4c)". */
enum { MARK_N = sizeof(" (12345678)") - 1, LOOP_MAX = 5 };

static struct str mark_of(uint32_t instance, char out[MARK_N])
{
	char *to = str_put_hex(str_put(out, STR(" (")), instance, 8);
	*to = ')';
	return str_make(out, MARK_N);
}

bool forward_is_loop(const struct headers *h, struct str pseudonym, uint32_t instance)
{
	char text[MARK_N];
	struct str rest = STR_NONE, member;
	unsigned n = 0;
	uint32_t field = 0;
	while (headers_list_next(h, STR("Via"), &field, &rest, &member)) {
		/* received-protocol RWS received-by [ RWS comment ] (RFC 9110 7.6.3) */
		struct str by = str_trim(str_skip(member, str_index(member, ' ')));
		size_t end = str_index(by, ' ');
		if (!str_eq_nocase(str_take(by, end), pseudonym))
			continue;
		if (str_eq(str_skip(by, end), mark_of(instance, text)) || ++n >= LOOP_MAX)
			return true;
	}
	return false;
}

/* Told by the first letter in most cases: each field of each request is asked. */
static bool is_of_proxy(struct str name)
{
	char first = name.n > 0 ? char_lower(name.p[0]) : '\0';
	if (first == 'f')
		return str_eq_nocase(name, STR("Forwarded"));
	return first == 'x' &&
	       (str_starts_nocase(name, STR("X-Forwarded-")) || str_eq_nocase(name, STR("X-Real-IP")) ||
		   str_eq_nocase(name, STR("X-Original-URL")) || str_eq_nocase(name, STR("X-Rewrite-URL")));
}

void forward_strip(struct headers *h)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		if (!is_of_proxy(h->v[i].name))
			h->v[kept++] = h->v[i];
	}
	h->n = kept;
}

bool forward_takes_hop(struct headers *h, struct arena *a)
{
	uint64_t hops;
	struct str given = headers_get(h, STR("Max-Forwards"));
	if (str_to_u64(given, INT32_MAX, &hops) != ERR_OK)
		return true;
	if (hops == 0)
		return false;
	headers_set(h, a, STR("Max-Forwards"), arena_printf(a, "%llu", (unsigned long long)hops - 1));
	return true;
}

static bool is_default_port(const struct url *u)
{
	return u->port == (str_eq(u->scheme, STR("https")) ? 443 : 80);
}

static struct str host_for(const struct forward_in *in, struct arena *a)
{
	const struct conf_upstream *u = in->route->upstream;
	if (u->host == HOST_CLIENT && in->request->host.n > 0)
		return in->request->host;
	if (str_eq(u->url.scheme, STR("unix")))
		return STR("localhost");
	bool v6 = str_index(u->url.host, ':') < u->url.host.n;
	struct str host = v6 ? arena_printf(a, "[%.*s]", STR_ARG(u->url.host)) : u->url.host;
	return is_default_port(&u->url) ? host : arena_printf(a, "%.*s:%u", STR_ARG(host), u->url.port);
}

/* `value` behind what is there. */
static void continue_list(
    const struct forward_in *in, struct arena *a, struct headers *out, struct str name, struct str value)
{
	struct str before = headers_joined(out, a, name);
	headers_set(out, a, name, before.n > 0 ? arena_cat(a, before, STR(", "), value) : value);
}

static void keep_or_set(
    const struct forward_in *in, struct arena *a, struct headers *out, struct str name, struct str value)
{
	if (headers_get(out, name).n == 0)
		headers_set(out, a, name, value);
}

/* RFC 7239 6: an IPv6 address is quoted and bracketed, what is no address is "unknown". */
static struct str forwarded_node(struct str client, struct arena *a)
{
	if (str_index(client, ':') < client.n)
		return arena_cat(a, STR("\"["), client, STR("]\""));
	return str_index(client, '.') < client.n ? client : STR("unknown");
}

static void add_forwarding(const struct forward_in *in, struct arena *a, struct headers *out)
{
	const struct http_request *r = in->request;
	struct str node = forwarded_node(in->client, a);
	if (!str_eq(node, STR("unknown")))
		continue_list(in, a, out, STR("X-Forwarded-For"), in->client);
	keep_or_set(in, a, out, STR("X-Forwarded-Proto"), r->scheme);
	if (r->host.n > 0)
		keep_or_set(in, a, out, STR("X-Forwarded-Host"), r->host);
	struct str host_begin = r->host.n > 0 ? STR(";host=\"") : STR(""),
		   host_end = r->host.n > 0 ? STR("\"") : STR("");
	continue_list(in, a, out, STR("Forwarded"),
	    arena_cat(a, STR("for="), node, host_begin, r->host, host_end, STR(";proto="), r->scheme));
	char text[MARK_N];
	struct str mark = mark_of(in->instance, text), minor = r->minor > 0 ? STR("1.1 ") : STR("1.0 ");
	continue_list(in, a, out, STR("Via"), arena_cat(a, minor, in->conf->server.via, mark));
}

static bool is_made_anew(struct str name)
{
	return str_eq_nocase(name, STR("Host")) || str_eq_nocase(name, STR("Content-Length")) ||
	       str_eq_nocase(name, STR("Expect"));
}

enum { ADDED = 16 }; /* fields, those of the route and the conditions among them, before the list has to grow */

void forward_headers(const struct forward_in *in, struct arena *a, struct headers *out)
{
	const struct http_request *r = in->request;
	uint32_t cap = r->headers.n + ADDED;
	*out = (struct headers){.v = arena_alloc(a, cap * sizeof(struct header)), .cap = cap};
	/* Host first (RFC 9110 7.2); the client's own framing and expectations end here: the body is read by us. */
	headers_add(out, a, STR("Host"), host_for(in, a));
	for (uint32_t i = 0; i < r->headers.n; i++) {
		const struct header *h = &r->headers.v[i];
		if (!is_made_anew(h->name))
			headers_add(out, a, h->name, h->value);
	}
	headers_remove_hop_by_hop(out);
	add_forwarding(in, a, out);
	headers_set(out, a, STR("X-Request-Id"), in->id);
	if (targeted_has_surrogate(&in->conf->cache))
		continue_list(in, a, out, STR("Surrogate-Capability"),
		    arena_printf(a, "%.*s=\"Surrogate/1.0\"", STR_ARG(in->conf->server.via)));
	header_ops_apply(&in->route->request_headers, a, out);
}
