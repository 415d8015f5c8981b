/* What no single value can tell: values that contradict each other are errors, values without any effect and those that
 * are dangerous together are warnings. One function a rule, each called for one section. */
#include "conf/load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/route_table.h"
#include "redis/tls.h"

enum { SLOW_HEADER = 32 * 1024, SHORT_TOKEN = 16 };

static bool is(const struct conf_origin *s, enum section_id id)
{
	return s->section == &sections[id];
}

static const struct conf_origin *section_of(const struct loader *l, enum section_id id)
{
	const struct conf_origin *s = l->first;
	while (!is(s, id))
		s = s->next;
	return s;
}

void loader_complain(struct loader *l, const struct conf_origin *s, const char *option, bool warning, struct str text)
{
	const struct given *g = option ? origin_given_name(s, option) : NULL;
	if (g) {
		problem_value(&l->problems, s, g, warning, text);
		return;
	}
	struct buf name;
	buf_init(&name, 2048);
	origin_write_name(s, &name);
	if (option)
		(void)buf_addf(&name, " %s", option);
	if (s->line > 0)
		problem_at(&l->problems, s->line, warning, "%.*s: %.*s", STR_ARG(buf_str(&name)), STR_ARG(text));
	else
		problem_plain(
		    &l->problems, FROM_NOWHERE, warning, "%.*s: %.*s", STR_ARG(buf_str(&name)), STR_ARG(text));
	buf_free(&name);
}

static void check_server(struct loader *l, const struct conf_origin *s)
{
	const struct conf_server *server = s->base;
	if (server->max_header > SLOW_HEADER)
		loader_complain(l, s, "max_header", true, STR("above 32K every hit becomes slower"));
}

static void check_upstream(struct loader *l, const struct conf_origin *s)
{
	const struct conf_upstream *u = s->base;
	bool is_default = str_eq(u->name, STR("default"));
	/* An url that was given and refused has been told already. */
	if (u->url_text.n == 0 && !origin_given_name(s, "url"))
		loader_complain(l, s, "url", false,
		    is_default
			? STR("it is missing: requests that no route sends elsewhere go there; say larder --upstream "
			      "http://127.0.0.1:8000, LARDER_UPSTREAM_URL or url = ... in [upstream]")
			: STR("it is missing; allowed: http://host:port, https://host:port or unix:/path"));
	bool tls = str_eq(u->url.scheme, STR("https"));
	if (u->url_text.n > 0 && !tls && (!u->tls_verify || u->tls_ca.n > 0))
		loader_complain(l, s, u->tls_ca.n > 0 ? "tls_ca" : "tls_verify", true,
		    STR("it has no effect: the URL is not https"));
	if (u->tls_ca.n > 0) {
		char *path = mem_dup(u->tls_ca.p, u->tls_ca.n);
		if (access(path, R_OK) != 0)
			loader_complain(l, s, "tls_ca", false,
			    arena_printf(l->arena, "cannot be read: %s", strerrordesc_np(errno)));
		free(path);
	}
	if (tls && !u->tls_verify)
		loader_complain(l, s, "tls_verify", true, STR("anybody on the way can pose as the upstream"));
}

static void check_object_size(struct loader *l, const struct conf_origin *s, size_t max_object)
{
	const char *name;
	size_t bound = loader_object_bound(&l->conf->cache, &name);
	if (max_object <= bound)
		return;
	struct buf text;
	buf_init(&text, 256);
	(void)buf_addf(&text, "larger than %s, which is ", name);
	write_size(bound, &text);
	loader_complain(l, s, "max_object", false, buf_str(&text));
	buf_free(&text);
}

static bool same_address(const struct conf_addr *a, const struct conf_addr *b)
{
	return str_eq(a->text, b->text) && !str_ends(a->text, STR(":0"));
}

static void check_admin(struct loader *l, const struct conf_origin *s)
{
	const struct conf_admin *admin = s->base;
	const struct conf_server *server = &l->conf->server;
	if (admin->token.n > 0 && admin->token.n < SHORT_TOKEN)
		loader_complain(l, s, admin->token_file.n > 0 ? "token_file" : "token", true,
		    STR("a token of less than 16 bytes can be guessed"));
	if (!admin->enabled)
		return;
	bool near = admin->listen.is_loopback || admin->listen.is_unix;
	if (!near && admin->token.n == 0 && !origin_given_name(s, "token_file") && !origin_given_name(s, "token"))
		loader_complain(l, s, "listen", false,
		    STR("a token is missing: whoever reaches this address could purge; set token or token_file, or "
			"listen on loopback "
			"or a unix socket"));
	for (unsigned i = 0; i < server->n_listen; i++)
		if (same_address(&server->listen[i], &admin->listen))
			loader_complain(l, s, "listen", false, STR("[server] listens on the same address"));
}

/* What has been written down for a tier that is not there. A variable may be meant for others. */
static void check_tier(struct loader *l, const struct conf_origin *s, unsigned tier, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && !(l->conf->cache.backend & tier); i++) {
		const struct given *g = origin_given_name(s, names[i]);
		bool is_default = g && g->option->preset && str_eq(g->text, str_of(g->option->preset));
		if (g && !is_default && g->from != FROM_ENVIRONMENT)
			loader_complain(l, s, names[i], true, STR("it has no effect: its tier is not in backend"));
	}
}

/* What a file is, it is to every user. The rest is a warning, though the start refuses it: it may be another user who starts. */
static void check_directory(struct loader *l, const struct conf_origin *s, struct str path)
{
	char *name = mem_dup(path.p, path.n);
	struct stat st;
	const char *what = "this user may not write there";
	if (access(name, F_OK) != 0) {
		what = "it is not there, and this user cannot make it";
		char *slash = strrchr(name, '/');
		slash[slash == name] = '\0'; /* the directory that it is to be made in */
	}
	if (stat(name, &st) == 0 && !S_ISDIR(st.st_mode))
		loader_complain(l, s, "path", false,
		    arena_printf(l->arena, "%s is no directory", strlen(name) == path.n ? "it" : name));
	else if (access(name, W_OK | X_OK) != 0)
		loader_complain(l, s, "path", true, arena_printf(l->arena, "%s: %s", what, strerrordesc_np(errno)));
	free(name);
}

/* The files are read once, so that what is wrong with them is told before the start. */
static void check_redis_tls(struct loader *l, const struct conf_origin *s)
{
	static const char *const of_tls[] = {
	    "redis_tls_ca", "redis_tls_cert", "redis_tls_key", "redis_tls_accept_any_server"};
	struct conf_cache *c = &l->conf->cache;
	char why[TLS_WHY];
	c->redis->files = c->redis_tls;
	for (size_t i = 0; i < COUNT_OF(of_tls) && !c->redis->tls; i++) {
		if (origin_given_name(s, of_tls[i]))
			loader_complain(
			    l, s, of_tls[i], true, STR("without effect: redis_url is not of TLS (rediss://)"));
	}
	if (!c->redis->tls)
		return;
	if (c->redis_tls.key.n > 0 && c->redis_tls.cert.n == 0)
		loader_complain(l, s, "redis_tls_key", false, STR("a key without redis_tls_cert"));
	if (c->redis_tls.any_server)
		loader_complain(l, s, "redis_tls_accept_any_server", true,
		    STR("whoever can get in between reads and writes all that is stored, and the password"));
	struct tls_context *tls = tls_context_new(&c->redis_tls, why);
	if (!tls)
		loader_complain(l, s, "redis_url", false, arena_printf(l->arena, "%s", why));
	tls_context_free(&tls);
}

static void check_tiers(struct loader *l, const struct conf_origin *s)
{
	static const char *const of_files[] = {"path", "file_size", "file_open"};
	static const char *const of_redis[] = {
	    "redis_url", "redis_prefix", "redis_budget", "redis_timeout", "redis_max_object"};
	const struct conf_cache *c = &l->conf->cache;
	check_tier(l, s, BACKEND_FILE, of_files, COUNT_OF(of_files));
	check_tier(l, s, BACKEND_REDIS, of_redis, COUNT_OF(of_redis));
	if ((c->backend & BACKEND_REDIS) && !c->redis && !origin_given_name(s, "redis_url"))
		loader_complain(l, s, "redis_url", false,
		    STR("it is missing: where is the Redis that backend names? redis_url = redis://127.0.0.1:6379/0"));
	if ((c->backend & BACKEND_FILE) && c->path.p[0] != '/')
		loader_complain(l, s, "path", false,
		    STR("not an absolute path: processes that share it must mean the same directory"));
	else if (c->backend & BACKEND_FILE)
		check_directory(l, s, c->path);
	if ((c->backend & BACKEND_REDIS) && c->redis)
		check_redis_tls(l, s);
	if ((c->backend & BACKEND_REDIS) && c->redis_budget_ms > c->redis_timeout_ms)
		loader_complain(
		    l, s, "redis_budget", true, STR("longer than redis_timeout, which ends the wait before"));
}

static void check_cache(struct loader *l, const struct conf_origin *s)
{
	check_tiers(l, s);
	const struct str_list *targeted = &l->conf->cache.targeted_control;
	check_object_size(l, s, l->conf->cache.max_object);
	if (str_list_has(targeted, STR("Cache-Control")) || str_list_has(targeted, STR("Expires")))
		loader_complain(l, s, "targeted_control", false,
		    STR("Cache-Control and Expires count where none of these fields is there; name others, or none"));
}

static void check_shared(struct loader *l, const struct conf_origin *s, const struct route *r)
{
	if ((r->override & OVERRIDE_AUTHORIZATION) && !str_list_has(&r->vary, STR("Authorization")))
		loader_complain(l, s, "override", true,
		    STR("authorization: a page made for one user is served to all, even to those without credentials; "
			"vary = Authorization keeps them apart"));
	if (r->set_cookie == SET_COOKIE_KEEP && r->token_cookie.n == 0 && r->token_field.n == 0)
		loader_complain(l, s, "set_cookie", true, STR("keep: a stored cookie is given to every visitor"));
	if (str_list_has(&r->vary, STR("Cookie")))
		loader_complain(l, s, "vary", true,
		    STR("Cookie: nearly every visitor gets a page of his own (did you mean vary_cookie = NAME?)"));
}

static void check_useless(struct loader *l, const struct conf_origin *s)
{
	static const char *const of_cache[] = {"ttl", "ttl_status", "override", "set_cookie", "query", "query_sort",
	    "vary", "vary_cookie", "token", "token_cookie", "token_field", "token_path", "csp_nonce", "leak_guard",
	    "leak_allow", "leak_patterns", "leak_sample", "client_cache_control", "range_miss",
	    "stale_while_revalidate", "stale_if_error", "stale_if_unreachable", "max_object"};
	for (unsigned i = 0; i < COUNT_OF(of_cache); i++)
		if (origin_given_name(s, of_cache[i]))
			loader_complain(l, s, of_cache[i], true, STR("it has no effect with cache = off"));
}

static void check_route(struct loader *l, const struct conf_origin *s)
{
	const struct route *r = s->base;
	const struct given *match = origin_given_name(s, "match");
	bool is_default = str_eq(s->label, STR("default"));
	if (match && is_default)
		loader_complain(
		    l, s, "match", false, STR("[route default] takes what no other route matched; it has no patterns"));
	else if (match && s->label.p[0] == '/')
		loader_complain(l, s, "match", false, STR("the name of this route is its pattern already"));
	else if (!match && r->match.n == 0 && !is_default)
		loader_complain(l, s, "match", false, STR("it is missing: match = /path, /glob/*, ~ regex"));
	if (origin_given_name(s, "max_object"))
		check_object_size(l, s, r->max_object);
	if (!r->cache) {
		check_useless(l, s);
		return;
	}
	check_shared(l, s, r);
	loader_check_tokens(l, s);
	loader_check_guard(l, s);
}

void loader_check(struct loader *l)
{
	check_server(l, section_of(l, SECTION_SERVER));
	check_cache(l, section_of(l, SECTION_CACHE));
	check_admin(l, section_of(l, SECTION_ADMIN));
	for (const struct conf_origin *s = l->first; s; s = s->next) {
		if (is(s, SECTION_UPSTREAM))
			check_upstream(l, s);
		if (is(s, SECTION_ROUTE))
			check_route(l, s);
	}
}

/* A route is never reached when each of its patterns is covered by a route before it. */
void loader_check_order(struct loader *l)
{
	const struct route_table *t = l->conf->table;
	unsigned *open = arena_zalloc(l->arena, l->conf->n_routes * sizeof(*open));
	const struct route **before = arena_zalloc(l->arena, l->conf->n_routes * sizeof(struct route *));
	for (unsigned i = 0; i < route_table_size(t); i++) {
		const struct route_pattern *p = route_table_pattern(t, i);
		const struct route *cover = route_table_covers(t, p);
		if (cover)
			before[p->route->index] = cover;
		else
			open[p->route->index]++;
	}
	for (const struct conf_origin *s = l->first; s; s = s->next) {
		const struct route *r = s->base;
		if (!is(s, SECTION_ROUTE) || !before[r->index] || open[r->index] > 0)
			continue;
		const struct route *cover = before[r->index];
		loader_complain(l, s, r->name.p[0] == '/' ? NULL : "match", true,
		    arena_printf(l->arena,
			"this route is never reached: [route %.*s] on line %u comes first and takes all of it",
			STR_ARG(cover->name), cover->line));
	}
}
