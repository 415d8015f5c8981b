/* Loading: from three sources to one immutable snapshot.
 *
 *   gather     sections and values as text, each with its place (gather.c)
 *   place      how many upstreams and routes there are is known: their structs are made
 *   read       defaults, then what was given, the stronger source last; upstreams before the routes that name them
 *   complete   what one option takes from another: the token from its file, max_object of a route from [cache], names of
 *              tokens from their preset
 *   check      what no single value can tell (check.c)
 *   index      patterns are read and put into the table of route.c
 *
 * No step stops at the first problem: all of them are told in one run. A snapshot with one error is thrown away whole. */
#include "conf/load.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/preset.h"
#include "conf/route_table.h"
#include "conf/value.h"
#include "http/url.h"

enum { FILE_MAX = 4 * 1024 * 1024, TOKEN_FILE_MAX = 4096 };

static unsigned count_sections(const struct loader *l, enum section_id id)
{
	unsigned n = 0;
	for (const struct conf_origin *s = l->first; s; s = s->next)
		n += s->section == &sections[id];
	return n;
}

/* The struct that a section is stored in. The default upstream comes first, the default route last. */
static void *place_of(struct conf *c, const struct conf_origin *s, unsigned *upstream, unsigned *route)
{
	bool is_default = str_eq(s->label, STR("default"));
	switch ((enum section_id)(s->section - sections)) {
	case SECTION_SERVER:
		return &c->server;
	case SECTION_CACHE:
		return &c->cache;
	case SECTION_ADMIN:
		return &c->admin;
	case SECTION_LOG:
		return &c->log;
	case SECTION_UPSTREAM:
		return &c->upstreams[is_default ? 0 : (*upstream)++];
	case SECTION_ROUTE:
		return &c->routes[is_default ? c->n_routes - 1 : (*route)++];
	case SECTION_COUNT:
		break;
	}
	return NULL;
}

static void place(struct loader *l)
{
	struct conf *c = l->conf;
	unsigned upstream = 1, route = 0;
	c->n_upstreams = count_sections(l, SECTION_UPSTREAM);
	c->upstreams = arena_zalloc(l->arena, c->n_upstreams * sizeof(*c->upstreams));
	c->n_routes = count_sections(l, SECTION_ROUTE);
	c->routes = arena_zalloc(l->arena, c->n_routes * sizeof(*c->routes));
	for (struct conf_origin *s = l->first; s; s = s->next) {
		s->base = place_of(c, s, &upstream, &route);
		if (s->section == &sections[SECTION_UPSTREAM])
			((struct conf_upstream *)s->base)->name = s->label;
	}
}

static int read_value(struct loader *l, const struct option *o, struct str text, void *base, struct value *v)
{
	*v = (struct value){
	    .arena = l->arena, .conf = l->conf, .option = o, .text = text, .slot = (char *)base + o->offset};
	return value_read(v);
}

static void read_defaults(struct loader *l, const struct conf_origin *s)
{
	for (unsigned i = 0; i < n_options; i++) {
		struct value v;
		if (&sections[options[i].section] != s->section || !options[i].preset)
			continue;
		int err = read_value(l, &options[i], str_of(options[i].preset), s->base, &v);
		assert(err == ERR_OK);
		(void)err;
	}
}

static void read_given(struct loader *l, const struct conf_origin *s)
{
	/* What a stronger source beats is judged all the same, and stored where nobody looks. */
	void *unused = NULL;
	for (const struct given *g = s->given; g; g = g->next) {
		struct value v;
		if (g->beaten && !unused)
			unused = arena_zalloc(l->arena, s->section->size);
		if (read_value(l, g->option, g->text, g->beaten ? unused : s->base, &v) == ERR_OK)
			continue;
		struct buf text;
		buf_init(&text, 2048);
		value_explain(&v, &text);
		problem_value(&l->problems, s, g, false, buf_str(&text));
		buf_free(&text);
	}
}

static void read_sections(struct loader *l, bool routes)
{
	for (const struct conf_origin *s = l->first; s; s = s->next)
		if ((s->section == &sections[SECTION_ROUTE]) == routes) {
			read_defaults(l, s);
			read_given(l, s);
		}
}

/* At most max bytes of a file, in the arena; ERR_TOO_LARGE beyond, ERR_IO with errno. */
static int read_file(const char *path, size_t max, struct arena *a, struct str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	struct buf text;
	buf_init(&text, max + 1);
	int err = ERR_OK;
	ssize_t n = 1;
	while (err == ERR_OK && n != 0) {
		size_t room = max + 1 - text.n < 65536 ? max + 1 - text.n : 65536;
		err = room == 0 ? ERR_TOO_LARGE : buf_reserve(&text, room);
		if (err != ERR_OK)
			break;
		n = read(fd, text.p + text.n, room);
		if (n < 0 && errno != EINTR)
			err = ERR_IO;
		if (n > 0)
			text.n += (size_t)n;
	}
	int saved = errno;
	if (err == ERR_OK)
		*out = arena_str(a, buf_str(&text));
	buf_free(&text);
	(void)close(fd);
	errno = saved;
	return err;
}

static void read_token_file(struct loader *l, const struct conf_origin *s)
{
	struct conf_admin *admin = &l->conf->admin;
	const struct given *file = origin_given_name(s, "token_file"), *token = origin_given_name(s, "token");
	if (!file)
		return;
	if (token) {
		problem_value(&l->problems, s, file, false, STR("the token is given too: one of both must go"));
		return;
	}
	struct str text;
	struct value v;
	char *path = mem_dup(admin->token_file.p, admin->token_file.n);
	int err = read_file(path, TOKEN_FILE_MAX, l->arena, &text);
	free(path);
	if (err != ERR_OK) {
		struct str why = arena_printf(
		    l->arena, "cannot be read: %s", err == ERR_IO ? strerrordesc_np(errno) : err_text(err));
		problem_value(&l->problems, s, file, false, why);
		return;
	}
	while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	if (read_value(l, option_find(SECTION_ADMIN, STR("token")), text, admin, &v) != ERR_OK)
		problem_value(
		    &l->problems, s, file, false, arena_printf(l->arena, "its content: %.*s", STR_ARG(v.wrong)));
}

size_t loader_object_bound(const struct conf_cache *c, const char **name)
{
	bool by_redis = c->backend == BACKEND_REDIS && c->redis_max_object < c->memory_size;
	*name = by_redis ? "redis_max_object" : "memory_size";
	return by_redis ? c->redis_max_object : c->memory_size;
}

/* A small bound by itself is no contradiction: the default of max_object gives way. */
static void bound_max_object(struct loader *l, struct conf_origin *s)
{
	struct conf_cache *cache = &l->conf->cache;
	const char *name;
	size_t bound = loader_object_bound(cache, &name);
	if (origin_given_name(s, "max_object") || cache->max_object <= bound)
		return;
	struct given *g = arena_zalloc(l->arena, sizeof(*g));
	struct buf text;
	cache->max_object = bound;
	buf_init(&text, 64);
	write_size(cache->max_object, &text);
	g->option = option_find(SECTION_CACHE, STR("max_object"));
	g->text = arena_str(l->arena, buf_str(&text));
	g->from = FROM_NOWHERE;
	g->source = arena_printf(l->arena, "default, bounded by %s", name);
	buf_free(&text);
	*s->last = g;
	s->last = &g->next;
}

static void complete(struct loader *l)
{
	struct conf *c = l->conf;
	c->cache.surrogate = c->server.via;
	for (struct conf_origin *s = l->first; s; s = s->next) {
		if (s->section == &sections[SECTION_ADMIN])
			read_token_file(l, s);
		if (s->section == &sections[SECTION_CACHE])
			bound_max_object(l, s);
	}
	for (const struct conf_origin *s = l->first; s; s = s->next) {
		if (s->section != &sections[SECTION_ROUTE])
			continue;
		struct route *r = s->base;
		r->name = s->label;
		r->index = (unsigned)(r - c->routes);
		r->origin = s;
		r->file = s->line > 0 ? c->file : STR("");
		r->line = s->line;
		if (r->max_object == 0)
			r->max_object = c->cache.max_object;
		preset_complete(r, l->arena);
		if (s->label.p[0] == '/') {
			r->match.v = arena_alloc(l->arena, sizeof(struct str));
			r->match.v[0] = s->label;
			r->match.n = 1;
		}
	}
}

/* A problem of the patterns of a route: its match, or its name, which then is its pattern. */
static void pattern_problem(struct loader *l, const struct conf_origin *s, bool warning, struct str text)
{
	const struct given *match = origin_given_name(s, "match");
	struct buf name;
	buf_init(&name, 2048);
	origin_write_name(s, &name);
	if (match)
		problem_value(&l->problems, s, match, warning, text);
	else
		problem_at(&l->problems, s->line, warning, "%.*s: %.*s", STR_ARG(buf_str(&name)), STR_ARG(text));
	buf_free(&name);
}

static void read_pattern(
    struct loader *l, const struct conf_origin *s, struct str text, struct route_pattern *patterns, unsigned *n)
{
	struct str wrong, near = STR_NONE;
	struct route_pattern *p = &patterns[*n];
	if (pattern_read(text, l->arena, p, &wrong, &near) != ERR_OK) {
		pattern_problem(l, s, false,
		    near.p ? arena_printf(l->arena, "%.*s (did you mean \"%.*s\"?)", STR_ARG(wrong), STR_ARG(near))
			   : wrong);
		return;
	}
	++*n;
	p->route = s->base;
	if (p->host.n > 0 && str_index(p->host, '.') == p->host.n && str_index(p->host, ':') == p->host.n &&
	    !str_eq(p->host, STR("localhost")))
		pattern_problem(l, s, true,
		    arena_printf(l->arena, "\"%.*s\" is taken for a host (did you mean \"/%.*s\"?)", STR_ARG(p->host),
			STR_ARG(str_take(text, 200))));
	if (p->kind == PATTERN_REGEX) {
		struct route *twin = arena_alloc(l->arena, sizeof(*twin));
		*twin = *p->route;
		twin->cache = false;
		p->undecided = twin;
	}
}

static void gather_token_paths(struct loader *l)
{
	struct conf *c = l->conf;
	c->token_paths.v = arena_alloc(l->arena, c->n_routes * sizeof(struct str));
	for (unsigned i = 0; i < c->n_routes; i++) {
		struct str path, query, at = c->routes[i].token_path;
		if (at.n == 0)
			continue;
		target_split(at, &path, &query);
		c->token_paths.v[c->token_paths.n++] = path_normalise(path, l->arena);
	}
}

static void index_routes(struct loader *l)
{
	unsigned n = 0, max = 0;
	for (unsigned i = 0; i < l->conf->n_routes; i++)
		max += l->conf->routes[i].match.n;
	struct route_pattern *patterns = arena_zalloc(l->arena, (max + 1) * sizeof(*patterns));
	for (const struct conf_origin *s = l->first; s; s = s->next) {
		if (s->section != &sections[SECTION_ROUTE])
			continue;
		const struct route *r = s->base;
		for (unsigned i = 0; i < r->match.n; i++)
			read_pattern(l, s, r->match.v[i], patterns, &n);
	}
	l->conf->table = route_table_new(patterns, n, l->arena);
}

static struct conf *new_conf(void)
{
	struct conf *c = mem_zalloc(sizeof(*c));
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, 16 * 1024);
	return c;
}

static void start(struct loader *l, const char *file)
{
	*l = (struct loader){.conf = new_conf()};
	l->arena = &l->conf->arena;
	l->last = &l->first;
	l->conf->file = file ? arena_str(l->arena, str_of(file)) : STR("");
	l->problems.arena = l->arena;
	l->problems.file = l->conf->file;
}

static int finish(struct loader *l, struct conf **out, struct buf *errors)
{
	problems_write(&l->problems, errors);
	l->conf->origins = l->first;
	if (l->problems.errors > 0) {
		conf_release(&l->conf);
		return ERR_INVALID;
	}
	*out = l->conf;
	return ERR_OK;
}

static void load_text(struct loader *l, const struct conf_source *source, struct str text)
{
	loader_gather_file(l, arena_str(l->arena, text));
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		(void)loader_section(
		    l, (enum section_id)i, sections[i].shape == SECTION_ONE ? STR("") : STR("default"));
	loader_gather_environment(l, source->environ);
	loader_gather_flags(l, source->flags, source->n_flags);
	loader_gather_aliases(l, source->environ);
	place(l);
	read_sections(l, false);
	read_sections(l, true);
	complete(l);
	loader_check(l);
	index_routes(l);
	gather_token_paths(l);
	loader_check_order(l);
}

int conf__load_text(
    const struct conf_source *source, const char *file, struct str text, struct conf **out, struct buf *errors)
{
	struct loader *l = mem_alloc(sizeof(*l));
	start(l, file);
	load_text(l, source, text);
	int err = finish(l, out, errors);
	free(l);
	return err;
}

int conf_load(const struct conf_source *source, struct conf **out, struct buf *errors)
{
	struct arena a;
	struct str text = STR("");
	arena_init(&a, 0);
	int err = source->path ? read_file(source->path, FILE_MAX, &a, &text) : ERR_OK;
	if (err == ERR_OK) {
		err = conf__load_text(source, source->path, text, out, errors);
	} else {
		const char *why = err == ERR_IO ? strerrordesc_np(errno) : "it is larger than 4M";
		(void)buf_addf(errors, "%s: the file cannot be read: %s\n", source->path, why);
		err = ERR_INVALID;
	}
	arena_free(&a);
	return err;
}

void conf_number_routes(struct conf *c, unsigned (*slot)(void *ctx, struct str name), void *ctx)
{
	for (unsigned i = 0; i < c->n_routes; i++)
		c->routes[i].metrics_id = slot(ctx, c->routes[i].name);
	route_table_number(c->table);
}

struct conf *conf_ref(struct conf *c)
{
	(void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conf_release(struct conf **conf)
{
	struct conf *c = *conf;
	*conf = NULL;
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (c->table)
		route_table_free(&c->table);
	struct arena arena = c->arena;
	arena_free(&arena);
	free(c);
}
