/* The option of the ini behind a verdict, where one decided it. Pure. */
#ifndef LARDER_POLICY_RULE_H
#define LARDER_POLICY_RULE_H

#include "conf/conf.h"
#include "http/stored.h"
#include "policy/reason.h"

struct rule_in {
	const struct conf *conf;
	const struct route *route;
	enum reason reason;
	int status;		     /* of the response that was judged; 0: none was */
	const struct stored *stored; /* what is stored, or was found; NULL: nothing */
};

/* The option of the route, or of [cache], that makes this verdict where it is set (conf_setting_of says where); NULL: none does,
 * the messages themselves decided. Names are static. What was stored under settings that are no more is told by those of now. */
const char *rule_of(const struct rule_in *in);

/* Why something is stored although: the override, or the set_cookie, that let it. NULL: nothing spoke against it. */
const char *rule_of_exception(const struct stored *s);
/* Where its freshness comes from, when not from its own fields. */
const char *rule_of_lifetime(const struct conf *conf, const struct route *route, const struct stored *s);
/* Why a response varies by that nominated field ("cookie:lang"), when not by its own Vary. */
const char *rule_of_variant(const struct route *route, struct str field);

#endif
