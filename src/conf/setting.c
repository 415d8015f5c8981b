/* Where the options of a route were set, for explanations at run time: the values that were given (given.h) are few a route, so
 * they are walked. */
#include "conf/given.h"

static bool is_told(const struct given *g)
{
	return !g->beaten && !(g->option->flags & (OPTION_REPEAT | OPTION_SECRET));
}

static struct conf_setting setting_of(const struct given *g)
{
	return g ? (struct conf_setting){g->option->name, g->text, g->source} : (struct conf_setting){0};
}

struct conf_setting conf_route_setting(const struct route *r, const char *name)
{
	const struct given *g = r->origin ? r->origin->given : NULL;
	while (g && !(is_told(g) && strcmp(g->option->name, name) == 0))
		g = g->next;
	return setting_of(g);
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
