/* The admin interface: a table of pages (admin.def) over tier, metrics and configuration. Values in, an answer out;
 * worker/admin.c carries it over HTTP on threads of its own.
 *
 *   head comes -> admin_guard (may it?) -> admin_params_read (query, form) -> admin_handle -> answer goes */
#ifndef LARDER_ADMIN_ADMIN_H
#define LARDER_ADMIN_ADMIN_H

#include "admin/values.h"
#include "conf/conf.h"
#include "metrics/metrics.h"
#include "policy/why.h"
#include "tier/tier.h"

struct admin_env {
	struct tier *tier;
	struct metrics *metrics;
	uint64_t key_seed;
	int64_t started_ms;
	/* One reference to the current settings; released by the caller. */
	struct conf *(*conf)(void *ctx);
	/* Loads the settings anew: 0, or ERR_INVALID with the errors in `text`, one a line; warnings go there too on success.
	 * Blocks until the outcome is known, which must not wait for admin_server_stop: while draining it returns an error. */
	int (*reload)(void *ctx, struct buf *text);
	/* False while starting or draining. */
	bool (*ready)(void *ctx);
	/* Further figures (upstream gates): adds at most max, returns how many. May be NULL. */
	unsigned (*figures)(void *ctx, struct metrics_extra *out, unsigned max);
	/* What would happen to a request now (req/why.h). */
	void (*why)(void *ctx, const struct why_ask *ask, struct arena *a, struct why *out);
	struct values *values; /* for /cache; NULL: there are none */
	void *ctx;
};

struct admin_param {
	struct str name, value; /* decoded */
};

struct admin_request {
	struct str method, path;	  /* path without query */
	const struct admin_param *params; /* of the query and, for POST, of the form body */
	unsigned n_params;
	struct str authorization, host, origin, fetch_site, accept, content_type,
	    lease;		     /* field values, p NULL when absent */
	struct str body;	     /* of PUT */
	struct lease_waiter *waiter; /* NULL: the client does not wait */
	int64_t now_ms;
};

struct admin_answer {
	int status;
	const char *content_type;
	const char *allow;	  /* for 405, else NULL */
	const char *authenticate; /* for 401, else NULL */
	char lease[LEASE_TOKEN];  /* a value is to be computed; else empty */
	bool is_stale;		  /* the ttl of the value that is given is over, for stale_s seconds */
	bool waits;		  /* nothing is answered yet: ask again when request->waiter was woken */
	int64_t stale_s;
	struct buf body; /* born by the caller; ADMIN_BODY_MAX is enough for every page */
};
/* Of an answer, and of what a PUT brings. */
enum { ADMIN_BODY_MAX = 16 << 20, ADMIN_PARAMS_MAX = 64, ADMIN_FORM_MAX = 64 << 10 };

/* On which threads a page is to be handled: on the one that all share, or, since it may wait for tiers, on others; values apart from the
 * rest, so that a slow place for them holds up no purge. Static; an unknown page is answered at once. */
enum admin_lane { ADMIN_HERE, ADMIN_PAGES, ADMIN_VALUES };
enum admin_lane admin_lane_of(struct str method, struct str path);

/* Answers; never fails. Any thread, one at a time per answer. May block as the page's lane says. */
void admin_handle(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer);

/* Decodes "a=1&b=two+words&c" (application/x-www-form-urlencoded) behind the *n that are there. 0, ERR_INVALID (a % without two
 * hex digits, or one that hides a NUL) or ERR_TOO_LARGE (more than max). Strings lie in `a`. */
int admin_params_read(
    struct str encoded, struct arena *a, struct admin_param *params, unsigned max, unsigned *n) MUST_CHECK;

/* What an answer is made from when there is no page to ask. `sentence` becomes {"error": sentence}. */
void admin_refuse(struct admin_answer *answer, int status, struct str sentence);

/* Who may ask at all. Pure. */
struct admin_guard {
	struct str token;  /* of the current settings; empty: none */
	struct str listen; /* address as configured: its name is a legal Host */
	bool is_unix, is_loopback;
};
/* False when the request is refused, with the answer made. */
bool admin_guard(const struct admin_guard *g, const struct admin_request *request, struct admin_answer *answer);

#endif
