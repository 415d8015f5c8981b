/* What the settings are and where each came from: as ini text that loads again to the same (secrets apart), and as JSON.
 * Values are shown as they were written: that is what a person looks for. Places stand in comments. */
#include "conf/load.h"

#include "conf/ini.h"

static bool is_default_label(const struct conf_origin *s)
{
	return str_eq(s->label, STR("default"));
}

static bool is(const struct conf_origin *s, enum section_id id)
{
	return s->section == &sections[id];
}

static bool has_option(const struct conf_origin *s, const struct option *o)
{
	return &sections[o->section] == s->section;
}

static struct str shown(const struct option *o, struct str text)
{
	return o->flags & OPTION_SECRET ? STR("(not shown)") : text;
}

/* What the text of a value does not tell by itself. */
static void write_note(const struct conf *c, const struct option *o, struct str text, struct buf *out)
{
	if (o->type == VALUE_WORKERS && str_eq(text, STR("auto")))
		(void)buf_addf(out, ", %u here", c->server.workers);
}

static void write_assignment(const struct option *o, struct str text, struct str source, struct buf *out)
{
	size_t start = out->n;
	text = shown(o, text);
	const char *quote = ini_needs_quotes(text) ? "\"" : "";
	/* A secret that is not shown must not load as one. */
	(void)buf_addf(
	    out, "%s%s = %s%.*s%s", o->flags & OPTION_SECRET ? "; " : "", o->name, quote, STR_ARG(text), quote);
	do
		(void)buf_addc(out, ' ');
	while (!out->overflow && out->n - start < 40);
	(void)buf_addf(out, "; %.*s", STR_ARG(source));
}

static void print_option(
    const struct conf *c, const struct conf_origin *s, const struct option *o, bool defaults, struct buf *out)
{
	const struct given *g = origin_given(s, o);
	if (!g) {
		if (!defaults || !o->preset)
			return;
		write_assignment(o, str_of(o->preset), STR("default"), out);
		write_note(c, o, str_of(o->preset), out);
		(void)buf_addc(out, '\n');
		return;
	}
	for (; g; g = g->next) {
		if (g->option != o || g->beaten)
			continue;
		write_assignment(o, g->text, g->source, out);
		write_note(c, o, g->text, out);
		(void)buf_addc(out, '\n');
	}
}

/* Operations on headers in the order in which they are done, which their kinds do not tell. */
static void print_repeated(const struct conf_origin *s, struct buf *out)
{
	for (const struct given *g = s->given; g; g = g->next)
		if ((g->option->flags & OPTION_REPEAT) && !g->beaten) {
			write_assignment(g->option, g->text, g->source, out);
			(void)buf_addc(out, '\n');
		}
}

static void print_section(const struct conf *c, const struct conf_origin *s, struct buf *out)
{
	bool route = is(s, SECTION_ROUTE);
	if (route && s->line == 0 && !s->given)
		return;
	(void)buf_addc(out, '\n');
	(void)buf_addf(out, "[%s%s%.*s]\n", s->section->keyword,
	    s->label.n > 0 && (route || !is_default_label(s)) ? " " : "",
	    route || !is_default_label(s) ? (int)s->label.n : 0, s->label.p);
	for (unsigned i = 0; i < n_options; i++)
		if (has_option(s, &options[i]) && !(options[i].flags & OPTION_REPEAT))
			print_option(c, s, &options[i], !route, out);
	print_repeated(s, out);
}

static void write_ttl(const struct route *r, struct buf *out)
{
	if (r->ttl_ms < 0)
		(void)buf_add(out, STR(", the origin's headers decide"));
	else
		(void)buf_add(out, STR(", ttl "));
	if (r->ttl_ms >= 0)
		write_time(r->ttl_ms, out);
	for (unsigned i = 0; i < r->n_ttl_status; i++) {
		(void)buf_addf(out, ", %d ", r->ttl_status[i].status);
		write_time(r->ttl_status[i].ttl_ms, out);
	}
}

static void write_list(const char *before, const struct str_list *list, struct buf *out)
{
	for (unsigned i = 0; i < list->n; i++)
		(void)buf_addf(out, "%s%.*s", i ? " " : before, STR_ARG(list->v[i]));
}

/* What the preset and the lists of the route come to. */
static void write_tokens(const struct route *r, struct buf *out)
{
	write_list(", token cookies ", &r->token_cookie, out);
	write_list(", token fields ", &r->token_field, out);
	if (r->token_of_session && r->token_path.n > 0)
		(void)buf_addf(out, " from %.*s", STR_ARG(r->token_path));
	else if (r->token_of_session)
		(void)buf_add(out, STR(" (a page with one is not stored: no token_path)"));
}

/* What the route does, in a few words. */
static void write_effect(const struct route *r, struct buf *out)
{
	static const char *const cookies[] = {"", ", Set-Cookie stripped", ", Set-Cookie kept"};
	if (r->cache)
		(void)buf_add(out, STR("cached"));
	else
		(void)buf_add(out, STR("passed through"));
	if (r->cache) {
		write_ttl(r, out);
		(void)buf_add(out, str_of(cookies[r->set_cookie]));
		write_tokens(r, out);
		(void)buf_add(out, r->leak_guard ? STR("") : STR(", leak guard off"));
	}
	(void)buf_addf(out, ", upstream %.*s", STR_ARG(r->upstream->name));
}

static void write_patterns(const struct route *r, struct buf *out)
{
	if (r->match.n == 0)
		(void)buf_add(out, STR("everything else"));
	for (unsigned i = 0; i < r->match.n; i++)
		(void)buf_addf(out, "%s%.*s", i ? ", " : "", STR_ARG(r->match.v[i]));
}

static void write_place(const struct route *r, struct buf *out)
{
	if (r->line > 0)
		(void)buf_addf(out, "%.*s:%u", STR_ARG(r->file), r->line);
	else
		(void)buf_add(out, STR("built in"));
}

static void print_routes(const struct conf *c, struct buf *out)
{
	(void)buf_add(out, STR("\n; Routes, in the order they are tried: the first match wins.\n"));
	for (unsigned i = 0; i < c->n_routes; i++) {
		const struct route *r = &c->routes[i];
		(void)buf_addf(out, "; %3u  %.*s", i + 1, STR_ARG(r->name));
		if (!(r->match.n == 1 && str_eq(r->match.v[0], r->name))) {
			(void)buf_add(out, STR("  ("));
			write_patterns(r, out);
			(void)buf_addc(out, ')');
		}
		(void)buf_add(out, STR(": "));
		write_effect(r, out);
		(void)buf_add(out, STR("  ["));
		write_place(r, out);
		(void)buf_add(out, STR("]\n"));
	}
}

void conf_print(const struct conf *c, struct buf *out)
{
	if (c->file.n > 0)
		(void)buf_addf(out, "; Effective settings of %.*s\n", STR_ARG(c->file));
	else
		(void)buf_add(out, STR("; Effective settings, without a file\n"));
	for (unsigned i = 0; i < SECTION_COUNT; i++)
		for (const struct conf_origin *s = c->origins; s; s = s->next)
			if (is(s, (enum section_id)i))
				print_section(c, s, out);
	print_routes(c, out);
}

static void json_string(struct str s, struct buf *out)
{
	(void)buf_addc(out, '"');
	(void)buf_add_json(out, s);
	(void)buf_addc(out, '"');
}

static void json_value(struct str text, struct str source, struct buf *out)
{
	(void)buf_add(out, STR("{\"value\": "));
	json_string(text, out);
	(void)buf_add(out, STR(", \"source\": "));
	json_string(source, out);
	(void)buf_addc(out, '}');
}

static void json_option(const struct conf_origin *s, const struct option *o, bool *first, struct buf *out)
{
	const struct given *g = origin_given(s, o);
	bool repeat = o->flags & OPTION_REPEAT;
	if (!g && !o->preset)
		return;
	(void)buf_addf(out, "%s\n      \"%s\": %s", *first ? "" : ",", o->name, repeat ? "[" : "");
	*first = false;
	if (!g)
		json_value(str_of(o->preset), STR("default"), out);
	bool more = false;
	for (; g; g = g->next) {
		if (g->option != o || g->beaten)
			continue;
		if (more)
			(void)buf_add(out, STR(", "));
		json_value(shown(o, g->text), g->source, out);
		more = true;
	}
	if (repeat)
		(void)buf_addc(out, ']');
}

static void json_options(const struct conf_origin *s, struct buf *out)
{
	bool first = true;
	(void)buf_addc(out, '{');
	for (unsigned i = 0; i < n_options; i++)
		if (has_option(s, &options[i]))
			json_option(s, &options[i], &first, out);
	(void)buf_addc(out, '}');
}

static const struct conf_origin *origin_of(const struct conf *c, const void *base)
{
	const struct conf_origin *s = c->origins;
	while (s && s->base != base)
		s = s->next;
	return s;
}

static void json_list(const struct str_list *list, struct buf *out)
{
	(void)buf_addc(out, '[');
	for (unsigned i = 0; i < list->n; i++) {
		(void)buf_add(out, i ? STR(", ") : STR(""));
		json_string(list->v[i], out);
	}
	(void)buf_addc(out, ']');
}

static void json_route(const struct conf *c, const struct route *r, struct buf *out)
{
	(void)buf_add(out, STR("\n    {\"name\": "));
	json_string(r->name, out);
	(void)buf_add(out, STR(", \"source\": \""));
	struct buf place;
	buf_init(&place, 8192);
	write_place(r, &place);
	(void)buf_add_json(out, buf_str(&place));
	buf_free(&place);
	(void)buf_add(out, STR("\", \"match\": "));
	json_list(&r->match, out);
	/* With what the preset adds, which no option tells. */
	(void)buf_add(out, STR(", \"token_cookies\": "));
	json_list(&r->token_cookie, out);
	(void)buf_add(out, STR(", \"token_fields\": "));
	json_list(&r->token_field, out);
	(void)buf_add(out, STR(", \"options\": "));
	json_options(origin_of(c, r), out);
	(void)buf_addc(out, '}');
}

void conf_print_json(const struct conf *c, struct buf *out)
{
	const void *const ones[] = {&c->server, &c->cache, &c->admin, &c->log};
	(void)buf_add(out, STR("{\n  \"file\": "));
	json_string(c->file, out);
	for (unsigned i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		const struct conf_origin *s = origin_of(c, ones[i]);
		(void)buf_addf(out, ",\n  \"%s\": ", s->section->keyword);
		json_options(s, out);
	}
	(void)buf_add(out, STR(",\n  \"upstreams\": {"));
	for (unsigned i = 0; i < c->n_upstreams; i++) {
		(void)buf_add(out, i ? STR(",\n    ") : STR("\n    "));
		json_string(c->upstreams[i].name, out);
		(void)buf_add(out, STR(": "));
		json_options(origin_of(c, &c->upstreams[i]), out);
	}
	(void)buf_add(out, STR("\n  },\n  \"routes\": ["));
	for (unsigned i = 0; i < c->n_routes; i++) {
		if (i > 0)
			(void)buf_addc(out, ',');
		json_route(c, &c->routes[i], out);
	}
	(void)buf_add(out, STR("\n  ]\n}\n"));
}

static struct str effective(const struct conf_origin *s, const struct option *o)
{
	const struct given *g = origin_given(s, o);
	return g ? g->text : str_of(o->preset);
}

void conf_restart_needed(const struct conf *old, const struct conf *new, struct buf *out)
{
	for (const struct conf_origin *a = old->origins; a; a = a->next) {
		if (a->section->shape != SECTION_ONE)
			continue;
		const struct conf_origin *b = new->origins;
		while (b->section != a->section)
			b = b->next;
		for (unsigned i = 0; i < n_options; i++) {
			const struct option *o = &options[i];
			if (!has_option(a, o) || !(o->flags & OPTION_RESTART) ||
			    str_eq(effective(a, o), effective(b, o)))
				continue;
			(void)buf_addf(out, "[%s] %s = %.*s takes effect after a restart; until then it is %.*s\n",
			    a->section->keyword, o->name, STR_ARG(shown(o, effective(b, o))),
			    STR_ARG(shown(o, effective(a, o))));
		}
	}
}
