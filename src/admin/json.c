/* The pieces that JSON answers are written with, straight into the body. A comma goes before each member or element unless
 * something opens right before it, so that callers need not count. */
#include "admin/page.h"

static void add_comma(struct buf *out)
{
	char last = out->n ? out->p[out->n - 1] : '{';
	if (last != '{' && last != '[' && last != ':')
		buf_addc(out, ',');
}

static void add_string(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	buf_add_json(out, s);
	buf_addc(out, '"');
}

void admin__add_name(struct buf *out, const char *name)
{
	add_comma(out);
	add_string(out, str_of(name));
	buf_addc(out, ':');
}

void admin__add_text(struct buf *out, const char *name, struct str value)
{
	admin__add_name(out, name);
	if (value.p)
		add_string(out, value);
	else
		buf_add(out, STR("null"));
}

void admin__add_number(struct buf *out, const char *name, int64_t value)
{
	admin__add_name(out, name);
	buf_addf(out, "%lld", (long long)value);
}

void admin__add_bool(struct buf *out, const char *name, bool value)
{
	admin__add_name(out, name);
	buf_add(out, value ? STR("true") : STR("false"));
}

void admin__add_element(struct buf *out, struct str value)
{
	add_comma(out);
	add_string(out, value);
}
