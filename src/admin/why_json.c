/* GET /why for programs. Seconds are rounded down, as in Age and Cache-Status; what is not known is null. */
#include "admin/page.h"

#include "base/clock.h"
#include "policy/rule.h"

static void open_object(struct buf *out)
{
	char last = out->n ? out->p[out->n - 1] : '[';
	buf_add(out, last == '[' || last == ':' ? STR("{") : STR(",{"));
}

static struct str shown(struct str name, struct str value)
{
	return value.p && admin__is_secret(name) ? STR("(hidden)") : value;
}

static void add_setting(struct buf *out, struct conf_setting s)
{
	open_object(out);
	admin__add_text(out, "option", str_of(s.name));
	admin__add_text(out, "value", s.value);
	admin__add_text(out, "source", s.source);
	buf_addc(out, '}');
}

/* Or null. */
static void add_rule(struct buf *out, const char *name, struct conf_setting rule)
{
	admin__add_name(out, name);
	if (rule.name)
		add_setting(out, rule);
	else
		buf_add(out, STR("null"));
}

static void add_reason(struct buf *out, const struct why *w, enum reason reason, int status)
{
	admin__add_text(out, "code", str_of(reason_code(reason)));
	admin__add_text(out, "sentence", str_of(reason_sentence(reason)));
	add_rule(out, "rule", admin__why_rule(w, reason, status));
}

static void add_route(struct buf *out, const struct why *w)
{
	const struct route *r = w->route;
	admin__add_name(out, "route");
	buf_addc(out, '{');
	admin__add_text(out, "name", r->name);
	admin__add_text(out, "file", r->line ? r->file : STR_NONE);
	admin__add_number(out, "line", r->line);
	admin__add_bool(out, "undecided", w->undecided);
	admin__add_text(out, "upstream", r->upstream->name);
	admin__add_name(out, "match");
	buf_addc(out, '[');
	for (unsigned i = 0; i < r->match.n; i++)
		admin__add_element(out, r->match.v[i]);
	buf_addc(out, ']');
	admin__add_name(out, "options");
	buf_addc(out, '[');
	struct conf_setting s;
	for (unsigned i = 0; (s = conf_route_setting_at(r, i)).name; i++)
		add_setting(out, s);
	buf_add(out, STR("]}"));
}

static void add_request(struct buf *out, const struct why *w)
{
	struct arena a;
	arena_init(&a, 0);
	admin__add_name(out, "request");
	buf_addc(out, '[');
	for (uint32_t i = 0; i < w->request.n; i++) {
		const struct header *h = &w->request.v[i];
		open_object(out);
		admin__add_text(out, "name", h->name);
		admin__add_text(out, "value", shown(h->name, h->value));
		admin__add_text(out, "effect", admin__why_effect(w, h->name, &a));
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
	arena_free(&a);
}

static void add_last(struct buf *out, const struct why *w)
{
	static const char *const gone[] = {NULL, "purged", "expired", "dropped"};
	const struct why_last *l = &w->last;
	admin__add_name(out, "last");
	if (l->reason == REASON_NONE) {
		buf_add(out, STR("null"));
		return;
	}
	buf_addc(out, '{');
	add_reason(out, w, l->reason, l->status);
	admin__add_bool(out, "stored", l->reason == REASON_STORED);
	admin__add_number(out, "status", l->status);
	admin__add_number(out, "ago", clock_floor_s(l->ago_ms));
	admin__add_number(out, "passes_for", clock_floor_s(l->passes_ms));
	admin__add_text(out, "cause", l->cause.n ? l->cause : STR_NONE);
	admin__add_text(out, "gone", str_of(gone[l->gone]));
	buf_addc(out, '}');
}

static void add_differences(struct buf *out, const struct why *w, const struct why_variant *v)
{
	admin__add_name(out, "differs");
	buf_addc(out, '[');
	for (unsigned i = 0; i < v->n_differs; i++) {
		const struct why_field *f = &v->differs[i];
		open_object(out);
		admin__add_text(out, "name", f->name);
		admin__add_text(out, "stored", shown(f->name, f->stored));
		admin__add_text(out, "asked", shown(f->name, f->asked));
		add_rule(out, "rule", conf_setting_of(w->conf, w->route, rule_of_variant(w->route, f->name)));
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* The bytes that a partial entry has, the first and the last of each run; empty for a whole one. */
static void add_runs(struct buf *out, const struct stored *s)
{
	admin__add_name(out, "parts");
	buf_addc(out, '[');
	for (unsigned i = 0; i < s->n_runs; i++)
		buf_addf(out, "%s[%lld,%lld]", i ? "," : "", (long long)s->runs[i].first, (long long)s->runs[i].last);
	buf_addc(out, ']');
}

static void add_holes(struct buf *out, const struct why_variant *v)
{
	admin__add_name(out, "holes");
	buf_addc(out, '[');
	for (unsigned i = 0; i < v->n_holes; i++) {
		const struct why_hole *hole = &v->holes[i];
		open_object(out);
		admin__add_text(out, "kind", str_of(admin__hole_kind(hole->kind)));
		admin__add_text(out, "cookie", hole->cookie.n ? hole->cookie : STR_NONE);
		admin__add_number(out, "places", hole->places);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void add_exceptions(struct buf *out, const struct why *w, const struct stored *s)
{
	admin__add_name(out, "although");
	buf_addc(out, '[');
	for (unsigned bit = 1; bit <= STORED_BY_COOKIE; bit *= 2) {
		if (s->by_route & bit)
			admin__add_element(out, str_of(reason_code(admin__why_lifted((enum stored_by)bit))));
	}
	buf_addc(out, ']');
	add_rule(out, "although_rule", conf_setting_of(w->conf, w->route, rule_of_exception(s)));
}

static void add_variant(struct buf *out, const struct why *w, const struct why_variant *v)
{
	const struct stored *s = &v->stored;
	open_object(out);
	admin__add_number(out, "status", s->status);
	admin__add_bool(out, "chosen", v->chosen);
	admin__add_bool(out, "matches", v->matches);
	admin__add_text(out, "code", str_of(reason_code(v->reason)));
	admin__add_number(out, "age", clock_floor_s(v->age_ms));
	admin__add_number(out, "ttl", clock_floor_s(v->ttl_ms));
	admin__add_text(out, "lifetime_source", str_of(s->lifetime_source));
	add_rule(out, "lifetime_rule", conf_setting_of(w->conf, w->route, rule_of_lifetime(w->conf, w->route, s)));
	add_exceptions(out, w, s);
	add_runs(out, s);
	add_holes(out, v);
	admin__add_number(out, "size", (int64_t)v->size);
	admin__add_bool(out, "purged", v->purged);
	admin__add_bool(out, "no_cache", s->no_cache);
	admin__add_text(out, "etag", s->etag.n ? s->etag : STR_NONE);
	admin__add_name(out, "tags");
	buf_addc(out, '[');
	for (unsigned i = 0; i < v->n_tags; i++)
		admin__add_element(out, v->tags[i]);
	buf_addc(out, ']');
	admin__add_name(out, "vary");
	buf_addc(out, '[');
	for (uint32_t i = 0; i < s->vary.n; i++) {
		open_object(out);
		admin__add_text(out, "name", s->vary.v[i].name);
		admin__add_text(out, "value", shown(s->vary.v[i].name, s->vary.v[i].value));
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
	add_differences(out, w, v);
	buf_addc(out, '}');
}

static void add_verdict(struct buf *out, const struct why *w)
{
	admin__add_name(out, "verdict");
	buf_addc(out, '{');
	admin__add_text(out, "kind", str_of(admin__why_kind(w)));
	add_reason(out, w, w->reason, w->status);
	admin__add_number(out, "status", w->status);
	admin__add_bool(out, "renewed", w->kind == WHY_STORED_OLD);
	admin__add_bool(out, "asks_token", w->asks_token);
	admin__add_bool(out, "may_store", w->may_store);
	admin__add_bool(out, "is_fetched", w->is_fetched);
	admin__add_text(out, "stands_in", w->stands_in == REASON_NONE ? STR_NONE : str_of(reason_code(w->stands_in)));
	buf_addc(out, '}');
}

static void add_advice(struct buf *out, const struct why *w)
{
	struct arena a;
	struct str advice[WHY_ADVICE_MAX];
	arena_init(&a, 0);
	unsigned n = admin__why_advice(w, &a, advice);
	admin__add_name(out, "advice");
	buf_addc(out, '[');
	for (unsigned i = 0; i < n; i++)
		admin__add_element(out, advice[i]);
	buf_addc(out, ']');
	arena_free(&a);
}

void admin__why_json(const struct why *w, struct buf *out)
{
	buf_addc(out, '{');
	add_verdict(out, w);
	add_last(out, w);
	add_advice(out, w);
	admin__add_name(out, "url");
	buf_addc(out, '{');
	admin__add_text(out, "method", w->method);
	admin__add_text(out, "scheme", w->scheme);
	admin__add_text(out, "host", w->host);
	admin__add_text(out, "path", w->path);
	admin__add_text(out, "query", w->query);
	admin__add_bool(out, "scheme_ignored", w->scheme_ignored);
	buf_addc(out, '}');
	admin__add_text(out, "key", w->key.n ? w->key : STR_NONE);
	add_rule(out, "key_rule", admin__why_key_rule(w));
	add_route(out, w);
	add_request(out, w);
	admin__add_name(out, "variants");
	buf_addc(out, '[');
	for (unsigned i = 0; i < w->n_variants; i++)
		add_variant(out, w, &w->variants[i]);
	buf_add(out, STR("]}\n"));
}
