/* The admin interface: a table of routes over tier, metrics and configuration. Values in, an answer out; worker/admin.c
 * carries it over HTTP on a thread of its own, so it may block for milliseconds. */
#ifndef LARDER_ADMIN_ADMIN_H
#define LARDER_ADMIN_ADMIN_H

#include "conf/conf.h"
#include "metrics/metrics.h"
#include "tier/tier.h"

struct admin_env {
	struct tier *tier;
	struct metrics *metrics;
	uint64_t key_seed;
	int64_t started_ms;
	/* One reference to the current settings; released by the caller. */
	struct conf *(*conf)(void *ctx);
	/* Loads the settings anew: 0, or ERR_INVALID with the errors in `text`. Blocks until the outcome is known. */
	int (*reload)(void *ctx, struct buf *text);
	/* False while starting or draining. */
	bool (*ready)(void *ctx);
	/* Further figures (upstream gates): adds at most max, returns how many. May be NULL. */
	unsigned (*figures)(void *ctx, struct metrics_extra *out, unsigned max);
	void *ctx;
};

struct admin_param {
	struct str name, value; /* decoded */
};

struct admin_request {
	struct str method, path;	  /* path without query */
	const struct admin_param *params; /* of the query and, for POST, of the form body */
	unsigned n_params;
	struct str authorization; /* the field's value, p NULL when absent */
	int64_t now_ms;
};

struct admin_answer {
	int status;
	const char *content_type;
	const char *allow; /* for 405 */
	struct buf body;   /* born by the caller */
};

/* Answers; never fails. Any thread, one at a time per answer. */
void admin_handle(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer);

#endif
