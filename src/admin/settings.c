/* GET /config and POST /reload: the settings in force, and taking new ones. */
#include "admin/page.h"

enum { RELOAD_TEXT_MAX = 1 << 20 };

void admin__config(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct conf *conf = env->conf(env->ctx);
	struct buf *out = admin__json(answer);
	conf_print_json(conf, out);
	buf_addc(out, '\n');
	conf_release(&conf);
}

/* The lines of what conf_load said, as an array. */
static void add_lines(struct buf *out, const char *name, struct str text)
{
	admin__add_name(out, name);
	buf_addc(out, '[');
	struct str rest = text, line;
	while (str_cut(&rest, '\n', &line))
		if (line.n)
			admin__add_element(out, line);
	buf_addc(out, ']');
}

void admin__reload(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct buf text;
	buf_init(&text, RELOAD_TEXT_MAX);
	int err = env->reload(env->ctx, &text);
	struct buf *out = admin__json(answer);
	buf_addc(out, '{');
	admin__add_bool(out, "reloaded", err == ERR_OK);
	if (err && !text.n)
		admin__add_text(out, "error", str_of(err_text(err)));
	add_lines(out, err ? "errors" : "warnings", buf_str(&text));
	buf_add(out, STR("}\n"));
	if (err)
		answer->status = err == ERR_INVALID ? 422 : 503;
	buf_free(&text);
}
