/* What the pages share. Inside of admin/ only. */
#ifndef LARDER_ADMIN_PAGE_H
#define LARDER_ADMIN_PAGE_H

#include "admin/admin.h"
#include "http/stored.h"

/* The function of each page. */
#define PAGE(name, path, methods, params, lane, help)                                                                  \
	void admin__##name(                                                                                            \
	    const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer);
#include "admin/admin.def"
#undef PAGE

/* The value of a parameter, p NULL when it is not there. */
struct str admin__param(const struct admin_request *request, struct str name);

enum admin_flag { FLAG_OFF, FLAG_ON, FLAG_BAD };
/* A parameter that is there or not: no value, 1, true, yes, on; or 0, false, no, off. When BAD the answer is made. */
enum admin_flag admin__flag(const struct admin_request *request, struct str name, struct admin_answer *answer);

/* Resolves %XX, and '+' where plus says so (a blank); in `a`. 0, or ERR_INVALID (a % without two hex digits, or one that hides a NUL). */
int admin__decode(struct str s, bool plus, struct arena *a, struct str *out) MUST_CHECK;

/* Purges, and waits where the tier carries it out behind. As tier_purge, never ERR_AGAIN. */
int admin__purge_run(struct tier *tier, struct tier_purge *op) MUST_CHECK;

/* {"error": "..."}; the text may hold any bytes. */
void admin__error(struct admin_answer *answer, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Starts a JSON answer: 200, nothing in the body yet. */
struct buf *admin__json(struct admin_answer *answer);
/* "name":"value" with the comma before it, unless something opens right before. value.p NULL gives null. */
void admin__add_text(struct buf *out, const char *name, struct str value);
void admin__add_number(struct buf *out, const char *name, int64_t value);
void admin__add_bool(struct buf *out, const char *name, bool value);
/* "name": for an array or object to follow. */
void admin__add_name(struct buf *out, const char *name);
/* An element of an array. */
void admin__add_element(struct buf *out, struct str value);

/* The parameters url, host and scheme in their parts, checked; host.p NULL when only a path is given. */
struct admin_url {
	struct str scheme, host, target;
};
/* 0, or ERR_INVALID with the answer made. */
int admin__url_read(const struct admin_request *request, struct admin_url *out, struct admin_answer *answer) MUST_CHECK;

/* The key of the page that the parameters url, host and scheme mean, made as for a request. */
struct admin_target {
	struct cache_key key;
	const struct route *route; /* of conf */
	struct str path; /* path and query as in a key when no host is given, else p NULL; the key is none then */
};
/* 0, or ERR_INVALID with the answer made. */
int admin__target_read(const struct admin_env *env, const struct conf *conf, const struct admin_request *request,
    struct arena *a, struct admin_target *out, struct admin_answer *answer) MUST_CHECK;
/* The normal form of a prefix or glob: that of the URLs that it is compared with. 0, or ERR_INVALID with the answer made. */
int admin__pattern_read(const struct admin_request *request, struct str name, struct str value, struct arena *a,
    struct str *out, struct admin_answer *answer) MUST_CHECK;

/* Cookies and credentials are visitors' secrets: their values are not shown, wherever they stand. */
bool admin__is_secret(struct str name);

/* The two forms of GET /why. */
void admin__why_json(const struct why *w, struct buf *out);
void admin__why_text(const struct why *w, struct buf *out);
/* What to change, the most helpful first: at most WHY_ADVICE_MAX texts, in the arena. Returns how many. */
enum { WHY_ADVICE_MAX = 2 };
unsigned admin__why_advice(const struct why *w, struct arena *a, struct str out[WHY_ADVICE_MAX]);
/* A word for what would happen: "hit", "miss" ... */
const char *admin__why_kind(const struct why *w);
/* The refusal that the route lifted, for a bit of stored.by_route up to STORED_BY_COOKIE. */
enum reason admin__why_lifted(enum stored_by bit);
/* "token", "session token", "nonce" */
const char *admin__hole_kind(enum hole_kind kind);
/* What a field of the request does to the verdict, in the arena or static; p NULL when nothing is to be said. */
struct str admin__why_effect(const struct why *w, struct str field, struct arena *a);
/* The setting by which not all of the query is in the key, name NULL when all is, or a default leaves some out. */
struct conf_setting admin__why_key_rule(const struct why *w);
/* The setting that made the verdict on a response of that status (0: on none), name NULL when none did. */
struct conf_setting admin__why_rule(const struct why *w, enum reason reason, int status);

#endif
