/* GET /health: for whatever starts, balances or restarts us. */
#include "admin/page.h"

void admin__health(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	enum admin_flag asked = admin__flag(request, STR("ready"), answer);
	if (asked == FLAG_BAD)
		return;
	bool ready = env->ready(env->ctx);
	struct buf *out = admin__json(answer);
	buf_addc(out, '{');
	admin__add_text(out, "status", STR("ok"));
	admin__add_bool(out, "ready", ready);
	buf_add(out, STR("}\n"));
	if (asked == FLAG_ON && !ready)
		answer->status = 503;
}
