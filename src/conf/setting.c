/* Where options were set, for explanations at run time: the values that were given (given.h) are few a section, so they are
 * walked. */
#include "conf/given.h"

static bool is_told(const struct given *g)
{
	return !g->beaten && !(g->option->flags & (OPTION_REPEAT | OPTION_SECRET));
}

static struct conf_setting setting_of(const struct given *g)
{
	return g ? (struct conf_setting){g->option->name, g->text, g->source} : (struct conf_setting){0};
}

static struct conf_setting find(const struct conf_origin *s, const char *name)
{
	const struct given *g = s ? s->given : NULL;
	while (g && !(is_told(g) && strcmp(g->option->name, name) == 0))
		g = g->next;
	return setting_of(g);
}

struct conf_setting conf_route_setting(const struct route *r, const char *name)
{
	return find(r->origin, name);
}

struct conf_setting conf_setting_of(const struct conf *c, const struct route *r, const char *name)
{
	const struct conf_origin *s = c->origins;
	struct conf_setting own = name ? find(r->origin, name) : setting_of(NULL);
	if (own.name || !name)
		return own;
	while (s && s->section != &sections[SECTION_CACHE])
		s = s->next;
	return find(s, name);
}

struct conf_setting conf_route_setting_at(const struct route *r, unsigned i)
{
	const struct given *g = r->origin ? r->origin->given : NULL;
	while (g && (!is_told(g) || i-- > 0))
		g = g->next;
	return setting_of(g);
}

void conf_route_write_name(const struct route *r, struct buf *out)
{
	buf_add(out, STR("[route "));
	write_clean(r->name, VALUE_SHOWN, out);
	buf_addc(out, ']');
	if (r->line > 0)
		buf_addf(out, " (%.*s:%u)", STR_ARG(r->file), r->line);
}
