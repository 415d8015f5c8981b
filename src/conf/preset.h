/* What `token = asok` and its like stand for. Private to conf/. */
#ifndef LARDER_CONF_PRESET_H
#define LARDER_CONF_PRESET_H

#include "conf/conf.h"

struct preset {
	const char *sign;	      /* a cookie that no other framework has, "": none */
	const char *cookies, *fields; /* lists with commas, may be empty */
	bool of_session, sets_cookie;
	/* NULL, or what the framework does, for a warning: "sends Cache-Control: private ...". */
	const char *why_private;
};

extern const struct preset presets[];
/* "django" */
struct str preset_word(enum token_preset preset);
/* TOKEN_NONE: no preset's word. */
enum token_preset preset_of(struct str word);

/* Puts the preset of the route before what its own token_cookie and token_field name, none of them twice, and says whether
 * the fields' tokens are of a session. */
void preset_complete(struct route *r, struct arena *a);

#endif
