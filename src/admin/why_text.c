/* GET /why for people: the verdict first, then what to change, then what it was found from.
 *
 *   GET http://example.com/blog
 *
 *   now       miss: Nothing is stored for this URL. (uri-miss)
 *             The origin is asked; its answer may be stored.
 *   last      17s ago, status 200, not stored: The response sets a cookie (set_cookie = refuse). (set-cookie)
 *   change    ... */
#include "admin/page.h"

#include "base/mem.h"
#include "policy/rule.h"

enum { INDENT = 10, WIDTH = 110 };

/* Wrapped at blanks, behind a label in the first line. Bytes that steer a terminal are replaced. */
static void add_lines(struct buf *out, const char *label, struct str text)
{
	size_t n = str_of(label).n, column = INDENT;
	struct str rest = text, word;
	buf_addf(out, "%s%*s", label, n < INDENT ? (int)(INDENT - n) : 1, "");
	while (str_cut(&rest, ' ', &word)) {
		if (column > INDENT && column + 1 + word.n > WIDTH) {
			buf_addf(out, "\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			buf_addc(out, ' ');
			column++;
		}
		for (size_t i = 0; i < word.n; i++)
			buf_addc(out, (unsigned char)word.p[i] < 0x20 || word.p[i] == 0x7f ? '?' : word.p[i]);
		column += word.n;
	}
	buf_addc(out, '\n');
}

/* The two largest units: "1m 43s". */
static struct str span(int64_t ms, struct arena *a)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
	if (ms < 0)
		ms = -ms;
	for (size_t i = 0; i + 1 < COUNT_OF(units); i++) {
		if (ms < units[i].ms)
			continue;
		int64_t more = ms % units[i].ms / units[i + 1].ms;
		if (more == 0)
			return arena_printf(a, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
		return arena_printf(a, "%lld%s %lld%s", (long long)(ms / units[i].ms), units[i].name, (long long)more,
		    units[i + 1].name);
	}
	return arena_printf(a, "%llds", (long long)(ms / 1000));
}

/* "The route has cache = off. (route-off, set by proxy.ini:12)" */
static struct str sentence(const struct why *w, enum reason reason, int status, struct arena *a)
{
	struct conf_setting rule = admin__why_rule(w, reason, status);
	return arena_printf(a, "%s (%s%s%.*s)", reason_sentence(reason), reason_code(reason),
	    rule.name ? ", set by " : "", STR_ARG(rule.name ? rule.source : STR("")));
}

static const char *consequence(const struct why *w)
{
	switch (w->kind) {
	case WHY_STORED:
		return w->asks_token ? "The origin is asked for the token of the visitor's session, for nothing else."
				     : "The origin is not asked.";
	case WHY_STORED_OLD:
		return w->asks_token
			   ? "The origin is asked for the token of the visitor's session; and behind, for the "
			     "next visitors, for the page."
			   : "The origin is asked behind, for the next visitors.";
	case WHY_VALIDATE:
		return "The origin is asked whether the stored page is still good.";
	case WHY_FETCH:
		return w->is_fetched  ? "The page is being fetched at this moment; the request waits for that."
		       : w->may_store ? "The origin is asked; its answer may be stored."
				      : "The origin is asked; its answer is not stored.";
	case WHY_PASS:
		return w->may_store ? "The origin is asked, for this request alone; should its answer be storable now, "
				      "it is stored."
				    : "The origin is asked, for this request alone; its answer is not stored.";
	case WHY_REFUSE:
		break;
	}
	return "The origin is not asked; the client gets an error.";
}

static void add_now(struct buf *out, const struct why *w, struct arena *a)
{
	add_lines(
	    out, "now", arena_printf(a, "%s: %.*s", admin__why_kind(w), STR_ARG(sentence(w, w->reason, w->status, a))));
	add_lines(out, "", str_of(consequence(w)));
	if (w->stands_in != REASON_NONE)
		add_lines(out, "",
		    arena_printf(a, "Should it %s, the stored page is served all the same (%s).",
			w->stands_in == REASON_HIT_STALE_ERROR ? "fail" : "not be reached", reason_code(w->stands_in)));
	if (w->undecided)
		add_lines(out, "",
		    STR("The regex of the route gave up on this path, so the page is not cached: simplify the regex."));
	if (w->scheme_ignored)
		add_lines(out, "",
		    STR("Asked for as https, taken as http: no [server] trusted_proxies is set, so nobody may say that "
			"a "
			"client came by TLS."));
}

static void add_last(struct buf *out, const struct why *w, struct arena *a)
{
	static const char *const gone[] = {"", "A purge, or a successful write to its URL, has taken it away since.",
	    "Its freshness ended, and it was swept out.",
	    "It is gone before its time: dropped to make room, or by a purge of one of its tags."};
	const struct why_last *l = &w->last;
	if (l->reason == REASON_NONE) {
		if (w->n_variants == 0 && w->key.n > 0)
			add_lines(out, "last", STR("No answer for this key is remembered."));
		return;
	}
	struct str status = l->status ? arena_printf(a, ", status %d", l->status) : STR("");
	struct str what = l->reason == REASON_STORED
			      ? STR("The response was stored.")
			      : arena_printf(a, "not stored: %.*s", STR_ARG(sentence(w, l->reason, l->status, a)));
	add_lines(out, "last",
	    arena_printf(a, "%.*s ago%.*s: %.*s", STR_ARG(span(l->ago_ms, a)), STR_ARG(status), STR_ARG(what)));
	if (l->cause.n > 0)
		add_lines(out, "", l->cause);
	if (l->gone != WHY_NOT_GONE)
		add_lines(out, "", str_of(gone[l->gone]));
	if (l->passes_ms > 0)
		add_lines(out, "",
		    arena_printf(a, "For %.*s more, requests for it go to the origin without waiting for one another.",
			STR_ARG(span(l->passes_ms, a))));
}

static void add_route(struct buf *out, const struct why *w, struct arena *a)
{
	const struct route *r = w->route;
	struct buf name;
	struct conf_setting s;
	buf_init(&name, 4096);
	conf_route_write_name(r, &name);
	bool own_pattern = r->match.n == 1 && str_eq(r->match.v[0], r->name);
	for (unsigned i = 0; i < r->match.n && !own_pattern; i++)
		buf_addf(&name, "%s%.*s", i ? ", " : " matches ", STR_ARG(r->match.v[i]));
	add_lines(out, "route", buf_str(&name));
	buf_free(&name);
	if (r->line == 0 && !conf_route_setting_at(r, 0).name)
		add_lines(out, "", STR("No route of the file matches; the origin's headers decide."));
	for (unsigned i = 0; (s = conf_route_setting_at(r, i)).name; i++)
		add_lines(out, "", arena_printf(a, "%s = %.*s  (%.*s)", s.name, STR_ARG(s.value), STR_ARG(s.source)));
}

static struct str shown(struct str name, struct str value, struct arena *a)
{
	if (!value.p)
		return STR("absent");
	return admin__is_secret(name) ? STR("(hidden)") : arena_printf(a, "\"%.*s\"", STR_ARG(value));
}

static void add_request(struct buf *out, const struct why *w, struct arena *a)
{
	const char *label = "request";
	for (uint32_t i = 0; i < w->request.n; i++) {
		const struct header *h = &w->request.v[i];
		struct str effect = admin__why_effect(w, h->name, a);
		if (!effect.p)
			continue;
		add_lines(out, label, arena_printf(a, "%.*s %.*s", STR_ARG(h->name), STR_ARG(effect)));
		label = "";
	}
}

static struct str freshness(const struct why *w, const struct why_variant *v, struct arena *a)
{
	const struct stored *s = &v->stored;
	struct conf_setting rule = conf_setting_of(w->conf, w->route, rule_of_lifetime(w->conf, w->route, s));
	struct str from =
	    rule.name ? arena_printf(a, "%s, %.*s", rule.name, STR_ARG(rule.source)) : str_of(s->lifetime_source);
	if (v->purged)
		return STR("softly purged");
	if (s->no_cache)
		return STR("to be validated before each use (no-cache)");
	return arena_printf(a, "%s %.*s (by %.*s)", v->ttl_ms > 0 ? "fresh for" : "stale since",
	    STR_ARG(span(v->ttl_ms, a)), STR_ARG(from));
}

/* Stored against what the messages say. */
static void add_exceptions(struct buf *out, const struct why *w, const struct stored *s, struct arena *a)
{
	struct conf_setting rule = conf_setting_of(w->conf, w->route, rule_of_exception(s));
	struct str codes = STR("");
	for (unsigned bit = 1; bit <= STORED_BY_COOKIE; bit *= 2) {
		if (s->by_route & bit)
			codes = arena_printf(a, "%.*s%s%s", STR_ARG(codes), codes.n ? ", " : "",
			    reason_code(admin__why_lifted((enum stored_by)bit)));
	}
	if (codes.n > 0 && rule.name)
		add_lines(out, "",
		    arena_printf(
			a, "- stored in spite of %.*s (%s, %.*s)", STR_ARG(codes), rule.name, STR_ARG(rule.source)));
}

static void add_runs(struct buf *out, const struct stored *s, struct arena *a)
{
	struct str runs = STR("");
	for (unsigned i = 0; i < s->n_runs; i++)
		runs = arena_printf(a, "%.*s%s%lld-%lld", STR_ARG(runs), i ? ", " : "", (long long)s->runs[i].first,
		    (long long)s->runs[i].last);
	if (s->n_runs == 0)
		return;
	struct str of = s->complete < 0 ? STR("") : arena_printf(a, " of %lld", (long long)s->complete);
	add_lines(out, "", arena_printf(a, "- a part only: bytes %.*s%.*s", STR_ARG(runs), STR_ARG(of)));
}

/* "- filled in for each visitor: token asok_csrf 3, nonce 2" */
static void add_holes(struct buf *out, const struct why_variant *v, struct arena *a)
{
	struct str text = STR("");
	for (unsigned i = 0; i < v->n_holes; i++)
		text = arena_printf(a, "%.*s%s %s%s%.*s %u", STR_ARG(text), i ? "," : "",
		    admin__hole_kind(v->holes[i].kind), v->holes[i].cookie.n ? " " : "", STR_ARG(v->holes[i].cookie),
		    v->holes[i].places);
	if (v->n_holes > 0)
		add_lines(out, "", arena_printf(a, "- filled in for each visitor:%.*s", STR_ARG(text)));
}

static void add_variant(
    struct buf *out, const struct why *w, const struct why_variant *v, const char *label, struct arena *a)
{
	struct str tags = STR("");
	for (unsigned i = 0; i < v->n_tags && i < 20; i++)
		tags = arena_printf(a, "%.*s%s%.*s", STR_ARG(tags), i ? ", " : "; tags ", STR_ARG(v->tags[i]));
	add_lines(out, label,
	    arena_printf(a, "status %d, %zu bytes, age %.*s, %.*s%.*s", v->stored.status, v->size,
		STR_ARG(span(v->age_ms, a)), STR_ARG(freshness(w, v, a)), STR_ARG(tags)));
	add_runs(out, &v->stored, a);
	add_holes(out, v, a);
	add_exceptions(out, w, &v->stored, a);
	for (uint32_t i = 0; i < v->stored.vary.n && v->matches; i++) {
		const struct header *h = &v->stored.vary.v[i];
		add_lines(out, "",
		    arena_printf(a, "- for %.*s %.*s", STR_ARG(h->name), STR_ARG(shown(h->name, h->value, a))));
	}
	if (v->chosen)
		add_lines(out, "", STR("- the one for this request"));
	for (unsigned i = 0; i < v->n_differs; i++) {
		const struct why_field *f = &v->differs[i];
		struct conf_setting rule = conf_setting_of(w->conf, w->route, rule_of_variant(w->route, f->name));
		struct str by = rule.name ? arena_printf(a, " (%s, %.*s)", rule.name, STR_ARG(rule.source)) : STR("");
		add_lines(out, "",
		    arena_printf(a, "- not for this request: %.*s is %.*s there, %.*s here%.*s", STR_ARG(f->name),
			STR_ARG(shown(f->name, f->stored, a)), STR_ARG(shown(f->name, f->asked, a)), STR_ARG(by)));
	}
}

static void add_stored(struct buf *out, const struct why *w, struct arena *a)
{
	if (w->n_variants == 0)
		add_lines(out, "stored", STR("nothing"));
	for (unsigned i = 0; i < w->n_variants; i++)
		add_variant(out, w, &w->variants[i], i ? "" : "stored", a);
}

void admin__why_text(const struct why *w, struct buf *out)
{
	struct arena a;
	struct str advice[WHY_ADVICE_MAX];
	arena_init(&a, 0);
	buf_addf(out, "%.*s %.*s://%.*s%.*s%s%.*s\n\n", STR_ARG(w->method), STR_ARG(w->scheme), STR_ARG(w->host),
	    STR_ARG(w->path), w->query.p ? "?" : "", STR_ARG(w->query.p ? w->query : STR("")));
	add_now(out, w, &a);
	add_last(out, w, &a);
	unsigned n = admin__why_advice(w, &a, advice);
	for (unsigned i = 0; i < n; i++)
		add_lines(out, i ? "" : "change", advice[i]);
	buf_addc(out, '\n');
	add_route(out, w, &a);
	struct conf_setting query = admin__why_key_rule(w);
	if (w->key.n > 0)
		add_lines(out, "key", w->key);
	if (query.name)
		add_lines(out, "",
		    arena_printf(&a, "- the query as it counts here (%s, %.*s)", query.name, STR_ARG(query.source)));
	add_request(out, w, &a);
	add_stored(out, w, &a);
	arena_free(&a);
}
