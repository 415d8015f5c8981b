/* The presets of the option `token`, and how they and the lists of the ini become one. */
#include "conf/preset.h"

#include "base/mem.h"
#include "conf/option.h"

const struct preset presets[] = {
#define PRESET(name, sign, cookies, fields, of_session, sets_cookie, why_private)                                      \
	[TOKEN_##name] = {sign, cookies, fields, of_session, sets_cookie, why_private},
#include "conf/presets.def"
#undef PRESET
};

static void add(struct str_list *list, struct str name)
{
	if (!str_list_has_exact(list, name))
		list->v[list->n++] = name;
}

static void prepend(struct str_list *list, const char *names, struct arena *a)
{
	struct str rest = str_of(names), name;
	unsigned n = list->n + 1;
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ',';
	struct str_list all = {.v = arena_alloc(a, n * sizeof(struct str))};
	while (rest.n > 0 && str_cut(&rest, ',', &name))
		add(&all, str_trim(name));
	for (unsigned i = 0; i < list->n; i++)
		add(&all, list->v[i]);
	*list = all;
}

struct str preset_word(enum token_preset preset)
{
	return option_word(option_find(SECTION_ROUTE, STR("token")), (unsigned)preset);
}

enum token_preset preset_of(struct str word)
{
	for (unsigned i = TOKEN_NONE + 1; i < COUNT_OF(presets); i++)
		if (str_eq(preset_word((enum token_preset)i), word))
			return (enum token_preset)i;
	return TOKEN_NONE;
}

/* A preset may stand in token_cookie as well; with two that differ the word stays in the list, and check_tokens.c refuses it. */
static void take_preset(struct route *r)
{
	struct str_list *list = &r->token_cookie;
	unsigned kept = 0;
	for (unsigned i = 0; i < list->n; i++) {
		enum token_preset named = preset_of(list->v[i]);
		if (named == TOKEN_NONE || (r->token != TOKEN_NONE && r->token != named))
			list->v[kept++] = list->v[i];
		else
			r->token = named;
	}
	list->n = kept;
}

void preset_complete(struct route *r, struct arena *a)
{
	take_preset(r);
	const struct preset *p = &presets[r->token];
	prepend(&r->token_cookie, p->cookies, a);
	prepend(&r->token_field, p->fields, a);
	/* Without a preset the path says it: who has no session to ask for does not name one. */
	r->token_of_session =
	    r->token_field.n > 0 && (p->of_session || (r->token == TOKEN_NONE && r->token_path.n > 0));
}

struct str conf_token_by_cookie(struct str cookie)
{
	for (unsigned i = 0; i < COUNT_OF(presets); i++)
		if (cookie.n > 0 && str_eq(cookie, str_of(presets[i].sign)))
			return preset_word((enum token_preset)i);
	return STR_NONE;
}
