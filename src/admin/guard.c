/* Who may ask: the bearer token where there is one, and nobody's browser. Pure.
 *
 * A listener on loopback needs no token, but every web page that the operator opens can send requests to it. Two forms of
 * that are refused: a name of the attacker's that resolves to 127.0.0.1 (it is in Host), and a form posted from a foreign
 * page (its Origin or Sec-Fetch-Site tells). Neither field can be left out or forged by a page. */
#include "admin/admin.h"

/* Takes the same time wherever the first difference is (and shows no more than the length). */
static bool secrets_equal(struct str a, struct str b)
{
	volatile unsigned char difference = a.n != b.n;
	for (size_t i = 0; i < a.n; i++)
		difference |= (unsigned char)(a.p[i] ^ b.p[b.n ? i % b.n : 0]);
	return difference == 0;
}

static bool has_token(const struct admin_guard *g, struct str authorization)
{
	struct str scheme = STR("Bearer ");
	if (!authorization.p || !str_starts_nocase(authorization, scheme))
		return false;
	return secrets_equal(str_trim(str_skip(authorization, scheme.n)), g->token);
}

/* "localhost:8081" -> "localhost", "[::1]:8081" -> "[::1]" */
static struct str without_port(struct str host)
{
	size_t start = host.n && host.p[0] == '[' ? str_index(host, ']') : 0;
	return str_take(host, start + str_index(str_skip(host, start), ':'));
}

/* 127.0.0.0/8 in the one spelling that is no name: four decimal numbers. "127.evil.example" is a name. */
static bool is_loopback_address(struct str host)
{
	struct str rest = host, part;
	unsigned n = 0;
	while (str_cut(&rest, '.', &part)) {
		uint64_t v;
		if (str_to_u64(part, 255, &v) != ERR_OK || (n == 0 && v != 127))
			return false;
		n++;
	}
	return n == 4;
}

static bool host_is_ours(const struct admin_guard *g, struct str host)
{
	host = without_port(host);
	return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("[::1]")) || is_loopback_address(host) ||
	       str_eq_nocase(host, without_port(g->listen));
}

/* A page's Origin is "scheme://authority"; ours is the authority of the request. */
static bool is_foreign(const struct admin_request *r)
{
	if (r->fetch_site.p && !str_eq(r->fetch_site, STR("same-origin")) && !str_eq(r->fetch_site, STR("none")))
		return true;
	if (!r->origin.p)
		return false;
	size_t scheme = str_find(r->origin, STR("://"));
	return scheme == r->origin.n || !str_eq_nocase(str_skip(r->origin, scheme + 3), r->host);
}

static bool refuse(struct admin_answer *answer, int status, struct str sentence)
{
	admin_refuse(answer, status, sentence);
	return false;
}

bool admin_guard(const struct admin_guard *g, const struct admin_request *r, struct admin_answer *answer)
{
	bool reads = str_eq(r->method, STR("GET")) || str_eq(r->method, STR("HEAD"));
	/* A GET of a value may take a lease. */
	if ((!reads || str_starts(r->path, STR("/cache/"))) && is_foreign(r))
		return refuse(answer, 403, STR("A page of another site must not do this: Origin is not this address."));
	if (reads && str_eq(r->path, STR("/health")))
		return true;
	if (g->token.n) {
		if (has_token(g, r->authorization))
			return true;
		admin_refuse(answer, 401,
		    r->authorization.p ? STR("The token is wrong.")
				       : STR("A token is needed: Authorization: Bearer TOKEN ([admin] token)."));
		answer->authenticate = "Bearer realm=\"larder admin\"";
		return false;
	}
	/* The settings may have lost their token since the listener was opened. */
	if (!g->is_unix && !g->is_loopback)
		return refuse(answer, 403, STR("This address is not loopback and [admin] token is not set."));
	/* What sends no Host is no browser. Nor does one open unix sockets. */
	if (!g->is_unix && r->host.p && !host_is_ours(g, r->host))
		return refuse(answer, 403,
		    STR("Host is neither a loopback address nor the one of [admin] listen; without a token others are "
			"refused."));
	return true;
}
