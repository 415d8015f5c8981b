/* GET /why: what would happen to a request for a URL now, why, and what to change. What is found lies in a struct of plain
 * values (policy/why.h); its two forms are why_json.c and why_text.c, and what both say is here.
 *
 * No value of a cookie or a credential is told: the answer is pasted into tickets. */
#include "admin/page.h"

#include "base/mem.h"
#include "policy/rule.h"

enum { FIELDS_MAX = ADMIN_PARAMS_MAX, SHOWN_MAX = 200 };

/* ---- what both forms say ---- */

const char *admin__why_kind(const struct why *w)
{
	switch (w->kind) {
	case WHY_STORED:
		return w->reason == REASON_HIT || w->reason == REASON_HIT_MAX_STALE ? "hit" : "stale";
	case WHY_STORED_OLD:
		return "stale";
	case WHY_VALIDATE:
		return "revalidate";
	case WHY_FETCH:
		return "miss";
	case WHY_PASS:
		return "pass";
	case WHY_REFUSE:
		break;
	}
	return "error";
}

const char *admin__hole_kind(enum hole_kind kind)
{
	switch (kind) {
	case HOLE_TOKEN:
		return "token";
	case HOLE_SESSION:
		return "session token";
	case HOLE_NONCE:
		break;
	}
	return "nonce";
}

struct conf_setting admin__why_rule(const struct why *w, enum reason reason, int status)
{
	struct rule_in in = {.conf = w->conf, .route = w->route, .reason = reason, .status = status};
	for (unsigned i = 0; i < w->n_variants; i++) {
		if (w->variants[i].chosen)
			in.stored = &w->variants[i].stored;
	}
	return conf_setting_of(w->conf, w->route, rule_of(&in));
}

enum reason admin__why_lifted(enum stored_by bit)
{
	switch (bit) {
	case STORED_BY_PRIVATE:
		return REASON_NOT_PRIVATE;
	case STORED_BY_NO_STORE:
		return REASON_NOT_NO_STORE;
	case STORED_BY_AUTHORIZATION:
		return REASON_NOT_AUTHORIZATION;
	case STORED_BY_VARY:
		return REASON_NOT_VARY_STAR;
	default:
		return REASON_NOT_SET_COOKIE;
	}
}

struct conf_setting admin__why_key_rule(const struct why *w)
{
	size_t at = str_index(w->key, '?');
	struct str counts = at < w->key.n ? str_skip(w->key, at + 1) : STR(""), asked = w->query.p ? w->query : STR("");
	if (w->key.n == 0 || str_eq(counts, asked))
		return (struct conf_setting){0};
	/* The same bytes in another order, or fewer of them. */
	return conf_route_setting(w->route, counts.n == asked.n ? "query_sort" : "query");
}

/* A name that an ini takes as it is. */
static bool is_plain_path(struct str path)
{
	static const struct str plain = STR("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._");
	for (size_t i = 0; i < path.n; i++) {
		if (str_index(plain, path.p[i]) == plain.n)
			return false;
	}
	return path.n > 0 && path.n <= SHOWN_MAX && path.p[0] == '/';
}

/* The section to write into, with its place. Where only the built-in route matches, it is a new one: what is right for this page
 * would else be done to all. */
static void write_route(const struct why *w, struct buf *out)
{
	bool is_built_in = w->route->line == 0 && !conf_route_setting_at(w->route, 0).name;
	if (is_built_in && is_plain_path(w->path))
		buf_addf(out, "a new [route %.*s]", STR_ARG(w->path));
	else
		conf_route_write_name(w->route, out);
}

static struct str replace(struct str text, struct str mark, struct str by, struct arena *a)
{
	struct str out = STR("");
	for (;;) {
		size_t at = str_find(text, mark);
		out = arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(str_take(text, at)));
		if (at == text.n)
			return out;
		out = arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(by));
		text = str_skip(text, at + mark.n);
	}
}

/* What to write for the cookie that the last answer set: "token = django", or its name. The cause is "Set-Cookie: csrftoken". */
static struct str token_setting(const struct why *w, struct arena *a)
{
	struct str cookie = str_trim(str_skip(w->last.cause, str_index(w->last.cause, ':') + 1));
	struct str word = conf_token_by_cookie(cookie);
	if (word.p)
		return arena_printf(a, "token = %.*s", STR_ARG(word));
	return arena_printf(a, "token_cookie = %.*s", STR_ARG(is_token(cookie) ? cookie : STR("NAME")));
}

/* The cookie or field whose value was found: the last word of the cause. A name that an ini would not take is none. */
static struct str found_name(const struct why *w)
{
	size_t at = w->last.cause.n;
	while (at > 0 && w->last.cause.p[at - 1] != ' ')
		at--;
	struct str name = str_skip(w->last.cause, at);
	return is_token(name) ? name : STR("NAME");
}

/* The advice with its marks filled in. */
static struct str filled(const struct why *w, enum reason reason, struct arena *a)
{
	struct buf route;
	int status = w->last.status > 0 ? w->last.status : 302;
	if (reason == REASON_NOT_STATUS && status >= 500)
		return arena_printf(
		    a, "The app failed with status %d: look at its log. The next request asks it again.", status);
	buf_init(&route, 4096);
	write_route(w, &route);
	struct str text = replace(str_of(reason_advice(reason)), STR("{route}"), buf_str(&route), a);
	buf_free(&route);
	/* Where a field for caches like this one decided, another value of Cache-Control would change nothing. */
	struct str field = str_take(w->last.cause, str_index(w->last.cause, ':'));
	if (reason == w->last.reason && str_list_has(&w->conf->cache.targeted_control, field))
		text = replace(text, STR("`Cache-Control:"), arena_printf(a, "`%.*s:", STR_ARG(field)), a);
	text = replace(text, STR("{token}"), token_setting(w, a), a);
	text = replace(text, STR("{name}"), found_name(w), a);
	return replace(text, STR("{status}"), arena_printf(a, "%d", status), a);
}

/* What the last answer tells is closer to the cause than that nothing is stored now. */
static enum reason cause_of_absence(const struct why *w)
{
	if (w->last.gone == WHY_GONE_EXPIRED)
		return REASON_MISS_STALE;
	if (w->last.gone == WHY_GONE_DROPPED)
		return REASON_NOT_FULL;
	return w->last.reason;
}

unsigned admin__why_advice(const struct why *w, struct arena *a, struct str out[WHY_ADVICE_MAX])
{
	unsigned n = 0;
	bool goes_forward = w->kind == WHY_FETCH || w->kind == WHY_PASS || w->kind == WHY_VALIDATE;
	bool by_rule = w->kind == WHY_PASS && w->reason != REASON_PASS_REMEMBERED;
	enum reason before = goes_forward && !by_rule ? cause_of_absence(w) : REASON_NONE;
	if (before != REASON_NONE && reason_advice(before))
		out[n++] = filled(w, before, a);
	/* "Ask for it once" is good only where nothing is known. */
	bool known = w->reason == REASON_MISS && w->last.reason != REASON_NONE;
	if (!known && w->reason != before && reason_advice(w->reason))
		out[n++] = filled(w, w->reason, a);
	return n;
}

/* ---- the question ---- */

static int refuse(struct admin_answer *answer, const char *name, struct str value, const char *why)
{
	admin__error(answer, 400, "%s=%.*s: %s", name, STR_ARG(str_take(value, SHOWN_MAX)), why);
	return ERR_INVALID;
}

/* "Name: value" */
static int read_field(
    struct str text, struct str *host, struct arena *a, struct headers *out, struct admin_answer *answer)
{
	size_t colon = str_index(text, ':');
	struct str name = str_take(text, colon), value = str_trim(str_skip(text, colon + 1));
	/* The value may be a secret that was cut off its name: only the name is told. */
	if (colon == text.n || !is_token(name))
		return refuse(answer, "header", name, "is no field (Name: value)");
	if (!is_field_value(value))
		return refuse(answer, "header", name, "its value has a byte that a field cannot have");
	if (!str_eq_nocase(name, STR("Host"))) {
		headers_add(out, a, name, value);
		return ERR_OK;
	}
	if (host->p)
		return refuse(answer, "header", name, "the URL has a host already, or it is given twice");
	if (!host_is_valid(value))
		return refuse(answer, "header", text, "the host is not valid (host or host:port)");
	*host = value;
	return ERR_OK;
}

static int read_method(const struct admin_request *request, struct str *method, struct admin_answer *answer)
{
	*method = admin__param(request, STR("method"));
	if (!method->p)
		*method = STR("GET");
	if (!is_token(*method) || method->n > 32)
		return refuse(answer, "method", *method, "is no method");
	if (str_eq(*method, STR("PURGE")))
		return refuse(answer, "method", *method, "is no request for a page");
	return ERR_OK;
}

static int read_ask(
    const struct admin_request *request, struct arena *a, struct why_ask *ask, struct admin_answer *answer)
{
	struct admin_url url;
	int err = admin__url_read(request, &url, answer);
	if (!err)
		err = read_method(request, &ask->method, answer);
	for (unsigned i = 0; i < request->n_params && !err; i++)
		if (str_eq(request->params[i].name, STR("header")))
			err = read_field(request->params[i].value, &url.host, a, &ask->headers, answer);
	if (err)
		return err;
	if (!url.host.p) /* pages of different hosts are different pages */
		return refuse(answer, "url", admin__param(request, STR("url")),
		    "is a path: give the host too, as http://HOST/path, or the field Host: HOST");
	ask->scheme = url.scheme;
	ask->host = url.host;
	ask->target = url.target.n == 0 ? STR("/") : url.target;
	if (ask->target.p[0] != '/')
		ask->target = arena_printf(a, "/%.*s", STR_ARG(ask->target));
	ask->now_ms = request->now_ms;
	return ERR_OK;
}

/* Text when asked for by format=, or by an Accept that names text/plain first of the two. */
static int wants_text(const struct admin_request *request, bool *text, struct admin_answer *answer)
{
	struct str format = admin__param(request, STR("format"));
	size_t plain = str_find_nocase(request->accept, STR("text/plain"));
	*text =
	    format.p ? str_eq(format, STR("text")) : plain < str_find_nocase(request->accept, STR("application/json"));
	if (format.p && !*text && !str_eq(format, STR("json")))
		return refuse(answer, "format", format, "is text or json");
	return ERR_OK;
}

void admin__why(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct arena a;
	struct why_ask ask = {0};
	bool text;
	if (wants_text(request, &text, answer) != ERR_OK)
		return;
	arena_init(&a, 0);
	ask.conf = env->conf(env->ctx);
	if (read_ask(request, &a, &ask, answer) == ERR_OK) {
		struct why w;
		env->why(env->ctx, &ask, &a, &w);
		struct buf *out = admin__json(answer);
		if (text) {
			answer->content_type = "text/plain; charset=utf-8";
			admin__why_text(&w, out);
		} else {
			admin__why_json(&w, out);
		}
	}
	conf_release(&ask.conf);
	arena_free(&a);
}
